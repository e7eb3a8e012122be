/**
 * Records inside a batch. Source: KIP-98, Kafka's `DefaultRecord`.
 *
 * | field           | type                   | meaning                                               |
 * |-----------------|------------------------|-------------------------------------------------------|
 * | length          | varint                 | bytes after this field                                |
 * | attributes      | i8                     | unused, 0                                             |
 * | timestamp delta | varlong                | milliseconds after the batch's base timestamp         |
 * | offset delta    | varint                 | after the batch's base offset                         |
 * | key             | varint, bytes          | length −1 for null                                    |
 * | value           | varint, bytes          | length −1 for null                                    |
 * | header count    | varint                 |                                                       |
 * | each header     | varint, UTF-8; varint, bytes | key, never null; value, length −1 for null      |
 *
 * Varints are zig-zag, see varint.ts.
 */
import { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import { BATCH_HEADER_BYTES } from './batch-header.ts';
import type { RecordData, RecordHeader } from './record.ts';
import {
  bigVarlongBytes,
  VARLONG_SAFE,
  varintBytes,
  varlongBytes,
  writeBigVarlong,
  writeVarint,
  writeVarlong,
} from './varint.ts';

const BYTES_MAX = Math.min(limits.batchBytes, limits.decompressedBatchBytes);

/** In place of a delta that a number cannot hold; unlike any delta, itself included. */
const FAR = Number.NaN;

function invalidRecord(index: number, problem: string, value: unknown, hint: string): MillraceError {
  return new MillraceError('INVALID_RECORD', `Record ${index} ${problem}`, { value, hint });
}

/** Length of bytes with their own length before them. */
function sizedBytes(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : varintBytes(bytes.length) + bytes.length;
}

/** Below this a loop is faster than the call of `set`. */
const SMALL_BYTES = 24;

function writeSized(target: Uint8Array, position: number, bytes: Uint8Array | null): number {
  if (bytes === null) {
    target[position] = 1;
    return position + 1;
  }
  const at = writeVarint(target, position, bytes.length);
  if (bytes.length < SMALL_BYTES) for (let index = 0; index < bytes.length; index++) target[at + index] = bytes[index]!;
  else target.set(bytes, at);
  return at + bytes.length;
}

/**
 * Appends records to a growing buffer, leaving room before the first for the header of the batch.
 *
 * `append` checks all of a record before it writes a byte of it, so a refused record leaves the writer as it was.
 */
export class RecordWriter {
  /** The first 61 bytes are for the header; records stand from there to `position`. */
  bytes: Uint8Array<ArrayBuffer>;
  position: number = BATCH_HEADER_BYTES;
  recordCount = 0;
  baseTimestampMs = 0n;
  maxTimestampMs = 0n;
  #lastTimestampMs = 0n;
  #lastDeltaMs = 0;
  /** Set when a delta is beyond what a number holds exactly. */
  #farDeltaMs: bigint | undefined;

  constructor(initialBytes: number) {
    this.bytes = new Uint8Array(Math.max(initialBytes, BATCH_HEADER_BYTES));
  }

  /** Empties the writer; the buffer stays. */
  reset(): void {
    this.position = BATCH_HEADER_BYTES;
    this.recordCount = 0;
  }

  /** Appends a record and returns its index. Throws INVALID_RECORD, and MESSAGE_TOO_LARGE when the batch would exceed `limits.batchBytes`. */
  append(record: RecordData): number {
    const index = this.recordCount;
    if (typeof record !== 'object' || record === null) {
      throw invalidRecord(index, 'is no object', record, 'Give key, value, headers and timestampMs.');
    }
    const { key, value, headers, timestampMs } = record;
    if (key !== null && !(key instanceof Uint8Array)) throw this.#invalidBytes('key', key);
    if (value !== null && !(value instanceof Uint8Array)) throw this.#invalidBytes('value', value);
    if (!Array.isArray(headers))
      throw invalidRecord(index, 'has headers that are no array', headers, 'Give an array, [] for none.');
    const deltaMs = this.#deltaMs(timestampMs);
    const far = this.#farDeltaMs;
    const deltaBytes = far === undefined ? varlongBytes(deltaMs) : bigVarlongBytes(far);
    const headerBytes = headers.length === 0 ? 1 : this.#headersBytes(headers);
    const bodyBytes = 1 + deltaBytes + varintBytes(index) + sizedBytes(key) + sizedBytes(value) + headerBytes;
    const start = this.position;
    const end = start + varintBytes(bodyBytes) + bodyBytes;
    if (end > this.bytes.length) this.#grow(end);

    const { bytes } = this;
    let at = writeVarint(bytes, start, bodyBytes);
    bytes[at++] = 0;
    at = far === undefined ? writeVarlong(bytes, at, deltaMs) : writeBigVarlong(bytes, at, far);
    at = writeVarint(bytes, at, index);
    at = writeSized(bytes, at, key);
    at = writeSized(bytes, at, value);
    if (headers.length === 0) bytes[at++] = 0;
    else at = this.#writeHeaders(at, headers);
    if (at !== end)
      throw invalidRecord(index, 'changed while it was written', record, 'Do not change records that are being sent.');
    this.#commit(timestampMs, deltaMs, end);
    return index;
  }

  #commit(timestampMs: bigint, deltaMs: number, end: number): void {
    if (this.recordCount === 0) {
      this.baseTimestampMs = timestampMs;
      this.maxTimestampMs = timestampMs;
    } else if (deltaMs !== this.#lastDeltaMs && timestampMs > this.maxTimestampMs) {
      this.maxTimestampMs = timestampMs;
    }
    this.#lastTimestampMs = timestampMs;
    this.#lastDeltaMs = deltaMs;
    this.position = end;
    this.recordCount++;
  }

  /** The delta as a number, or `FAR` with `#farDeltaMs` set. */
  #deltaMs(timestampMs: bigint): number {
    this.#farDeltaMs = undefined;
    if (typeof timestampMs !== 'bigint' || BigInt.asIntN(64, timestampMs) !== timestampMs) {
      throw invalidRecord(
        this.recordCount,
        'has a timestamp that is no i64',
        timestampMs,
        'Give milliseconds since 1970 as a bigint.',
      );
    }
    if (this.recordCount === 0) return 0;
    if (timestampMs === this.#lastTimestampMs && !Number.isNaN(this.#lastDeltaMs)) return this.#lastDeltaMs;
    const delta = timestampMs - this.baseTimestampMs;
    const near = Number(delta);
    if (near > -VARLONG_SAFE && near < VARLONG_SAFE) return near;
    if (BigInt.asIntN(64, delta) !== delta) {
      throw invalidRecord(
        this.recordCount,
        'is too far in time from the first',
        timestampMs,
        'Send it in another batch.',
      );
    }
    this.#farDeltaMs = delta;
    return FAR;
  }

  #headersBytes(headers: readonly RecordHeader[]): number {
    if (headers.length > limits.headersPerRecord) {
      throw invalidRecord(
        this.recordCount,
        `has ${headers.length} headers`,
        headers.length,
        `Give at most ${limits.headersPerRecord}.`,
      );
    }
    let count = varintBytes(headers.length);
    for (const header of headers) {
      const key = header?.key;
      if (typeof key !== 'string' || !key.isWellFormed()) {
        throw invalidRecord(
          this.recordCount,
          'has a header whose key is no well-formed string',
          key,
          'Header keys are strings, never null.',
        );
      }
      const { value } = header;
      if (value !== null && !(value instanceof Uint8Array)) throw this.#invalidBytes(`header ${key}`, value);
      const keyBytes = Buffer.byteLength(key);
      count += varintBytes(keyBytes) + keyBytes + sizedBytes(value);
    }
    return count;
  }

  #writeHeaders(position: number, headers: readonly RecordHeader[]): number {
    const { bytes } = this;
    let at = writeVarint(bytes, position, headers.length);
    for (const { key, value } of headers) {
      at = writeSized(bytes, at, Buffer.from(key));
      at = writeSized(bytes, at, value);
    }
    return at;
  }

  #invalidBytes(name: string, value: unknown): MillraceError {
    return invalidRecord(
      this.recordCount,
      `has a ${name} that is neither bytes nor null`,
      value,
      'Give a Uint8Array or null.',
    );
  }

  #grow(end: number): void {
    if (end > BYTES_MAX) {
      throw new MillraceError(
        'MESSAGE_TOO_LARGE',
        `Record ${this.recordCount} would make the batch ${end} bytes large`,
        {
          value: end,
          hint: `A batch has at most ${BYTES_MAX} bytes before compression.`,
        },
      );
    }
    const grown = new Uint8Array(Math.min(Math.max(end, this.bytes.length * 2), BYTES_MAX));
    grown.set(this.bytes.subarray(0, this.position));
    this.bytes = grown;
  }
}
