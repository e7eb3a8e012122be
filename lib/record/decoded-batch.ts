import { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { BatchHeader } from './batch-header.ts';
import { corruptMessage } from './corrupt-message.ts';
import type { LogRecord, RecordHeader } from './record.ts';
import { VarintReader } from './varint.ts';

const RECORDS = 'the records';
const NO_HEADERS: readonly RecordHeader[] = Object.freeze([]);
const I64_MAX = 2n ** 63n - 1n;
const I64_MIN = -(2n ** 63n);

/**
 * A batch whose records are views made on demand.
 *
 * Every accessor takes the index of a record (0 to `recordCount` − 1), throws INVALID_REQUEST for any other and CORRUPT_MESSAGE when the
 * record is damaged. Asking for several fields of one record in turn reads it once.
 */
export class DecodedBatch implements Iterable<LogRecord> {
  readonly header: BatchHeader;
  readonly recordCount: number;
  readonly #payload: Uint8Array;
  readonly #positions: Int32Array;
  readonly #reader: VarintReader;
  /** The record whose fields stand below, −1 for none. */
  #current = -1;
  #timestampPosition = 0;
  #offsetDelta = 0;
  #keyPosition = 0;
  #keyBytes = 0;
  #valuePosition = 0;
  #valueBytes = 0;

  /** Made by `decodeBatch`: `positions` of the records in `payload`, and of its end. */
  constructor(header: BatchHeader, payload: Uint8Array, positions: Int32Array) {
    this.header = header;
    this.recordCount = header.recordCount;
    this.#payload = payload;
    this.#positions = positions;
    this.#reader = new VarintReader(payload);
  }

  /** Place in the partition. */
  offset(index: number): bigint {
    this.#open(index);
    return this.header.baseOffset + BigInt(this.#offsetDelta);
  }

  /** Milliseconds; the batch's largest for all records when the log set it (LogAppendTime). */
  timestampMs(index: number): bigint {
    this.#open(index);
    if (this.header.timestampType === 'LogAppendTime') return this.header.maxTimestampMs;
    this.#reader.position = this.#timestampPosition;
    const timestampMs = this.header.baseTimestampMs + this.#reader.readVarlong();
    if (timestampMs > I64_MAX || timestampMs < I64_MIN) {
      throw corruptMessage(`Record ${index} has a timestamp beyond 64 bits`, this.#timestampPosition, RECORDS);
    }
    return timestampMs;
  }

  /** Where a record ends in the records as they are decompressed, or in the batch when they are not compressed. */
  endOf(index: number): number {
    this.#open(index);
    return this.#positions[index + 1]!;
  }

  /** A view of the key. */
  key(index: number): Uint8Array | null {
    this.#open(index);
    return this.#view(this.#keyPosition, this.#keyBytes);
  }

  /** A view of the value. */
  value(index: number): Uint8Array | null {
    this.#open(index);
    return this.#view(this.#valuePosition, this.#valueBytes);
  }

  /** The headers, in their order. */
  headers(index: number): readonly RecordHeader[] {
    this.#open(index);
    const reader = this.#reader;
    reader.position = this.#valuePosition + Math.max(this.#valueBytes, 0);
    const count = reader.readVarint();
    const headers = count === 0 ? NO_HEADERS : this.#readHeaders(index, count);
    if (reader.position !== reader.end) {
      throw corruptMessage(
        `Record ${index} has ${reader.end - reader.position} bytes too many`,
        reader.position,
        RECORDS,
      );
    }
    return headers;
  }

  /** A view of the encoded record behind its timestamp: offset delta, key, value and headers, as a batch of the same base offset holds them whatever its timestamps count from. */
  untimed(index: number): Uint8Array {
    this.#open(index);
    this.#reader.position = this.#timestampPosition;
    this.#reader.skipVarlong();
    return this.#payload.subarray(this.#reader.position, this.#positions[index + 1]!);
  }

  /** All of a record. */
  record(index: number): LogRecord {
    return {
      offset: this.offset(index),
      timestampMs: this.timestampMs(index),
      key: this.key(index),
      value: this.value(index),
      headers: this.headers(index),
    };
  }

  *[Symbol.iterator](): Generator<LogRecord, void, undefined> {
    for (let index = 0; index < this.recordCount; index++) yield this.record(index);
  }

  /** Reads the fixed fields of a record, unless they are at hand. */
  #open(index: number): void {
    if (index >>> 0 !== index || index >= this.recordCount) {
      throw new MillraceError('INVALID_REQUEST', `There is no record ${index} in a batch of ${this.recordCount}`, {
        value: index,
      });
    }
    if (index === this.#current) return;
    const reader = this.#reader;
    this.#current = -1;
    reader.position = this.#positions[index]!;
    reader.end = this.#positions[index + 1]!;
    reader.readVarint();
    // The attributes of a record are unused.
    this.#timestampPosition = ++reader.position;
    reader.skipVarlong();
    this.#offsetDelta = reader.readVarint();
    if (this.#offsetDelta < 0 || this.#offsetDelta > this.header.lastOffsetDelta) {
      throw corruptMessage(
        `Record ${index} has the impossible offset delta ${this.#offsetDelta}`,
        reader.position,
        RECORDS,
      );
    }
    this.#keyBytes = this.#readLength(index);
    this.#keyPosition = reader.position;
    reader.position += Math.max(this.#keyBytes, 0);
    this.#valueBytes = this.#readLength(index);
    this.#valuePosition = reader.position;
    this.#current = index;
  }

  /** A length of bytes that are all there, −1 for null. */
  #readLength(index: number): number {
    const reader = this.#reader;
    const start = reader.position;
    const length = reader.readVarint();
    if (length < -1 || length > reader.end - reader.position) {
      throw corruptMessage(`Record ${index} claims ${length} of ${reader.end - reader.position} bytes`, start, RECORDS);
    }
    return length;
  }

  #readHeaders(index: number, count: number): readonly RecordHeader[] {
    const reader = this.#reader;
    // A header takes two bytes at least.
    if (count < 0 || count > limits.headersPerRecord || count * 2 > reader.end - reader.position) {
      throw corruptMessage(`Record ${index} claims ${count} headers`, reader.position, RECORDS);
    }
    const headers: RecordHeader[] = [];
    for (let number = 0; number < count; number++) {
      const keyBytes = this.#readLength(index);
      if (keyBytes < 0) throw corruptMessage(`Record ${index} has a header without a key`, reader.position, RECORDS);
      const { buffer, byteOffset } = this.#payload;
      const key = Buffer.from(buffer, byteOffset + reader.position, keyBytes).toString();
      reader.position += keyBytes;
      const valueBytes = this.#readLength(index);
      headers.push({ key, value: this.#view(reader.position, valueBytes) });
      reader.position += Math.max(valueBytes, 0);
    }
    return headers;
  }

  #view(position: number, length: number): Uint8Array | null {
    if (length < 0) return null;
    const { buffer, byteOffset } = this.#payload;
    return new Uint8Array(buffer, byteOffset + position, length);
  }
}
