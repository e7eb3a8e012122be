/** A record on its way from a caller into a batch: what callers give, checked and turned into bytes. */
import { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import { nearestName } from '../nearest-name.ts';
import type { RecordHeader } from '../record/record.ts';

/** What callers may give as a key or a value: text is written as UTF-8; `null` is a value of its own (a tombstone in a compacted topic). */
export type Bytes = string | Uint8Array | null;

/** Headers by name, or as pairs when a name repeats; their order is kept. */
export type OutgoingHeaders = Readonly<Record<string, Bytes>> | readonly (readonly [string, Bytes])[];

/** A record to send. Without serializers keys and values are text or bytes. */
export interface OutgoingRecord<K = Bytes, V = Bytes> {
  readonly topic: string;
  /** Records of one key go to one partition. Default: none. */
  readonly key?: K | undefined;
  readonly value: V;
  readonly headers?: OutgoingHeaders | undefined;
  /** From 0. Default: by the key, as Kafka's Java client does; without a key one that changes with every batch's worth. */
  readonly partition?: number | undefined;
  /** Milliseconds since 1970. Default: now. A topic with `message.timestamp.type=LogAppendTime` replaces it. */
  readonly timestampMs?: bigint | number | undefined;
  /** Append only if the record gets exactly this offset; otherwise OFFSET_MISMATCH, and nothing is written. Needs `partition` or `key`. */
  readonly expectedOffset?: bigint | undefined;
  /** Of a delayed record: see `DelayedOutgoingRecord`. */
  readonly delay?: undefined;
  readonly deliverAt?: undefined;
}

/** A record whose form is right: bytes, and a bound of what it takes in a batch. */
export interface PreparedRecord {
  readonly topic: string;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  readonly partition: number | undefined;
  readonly timestampMs: bigint | undefined;
  readonly expectedOffset: bigint | undefined;
  /** At most this many bytes in a batch, before compression. */
  readonly encodedBytes: number;
}

/** Every field of a record to send. */
const FIELDS: ReadonlySet<string> = new Set([
  'topic',
  'key',
  'value',
  'headers',
  'partition',
  'timestampMs',
  'expectedOffset',
]);

const NO_HEADERS: readonly RecordHeader[] = Object.freeze([]);

/** Length, attributes, deltas and counts of one record at their longest: 5 + 1 + 10 + 5 + 5 + 5 + 5. */
const RECORD_OVERHEAD_BYTES = 36;
/** The two lengths of a header at their longest. */
const HEADER_OVERHEAD_BYTES = 10;

function invalidRecord(message: string, value: unknown, hint: string): MillraceError {
  return new MillraceError('INVALID_RECORD', message, { value, hint });
}

/** Fields of a record that `send` alone takes. */
const DELAY_FIELDS: readonly string[] = ['delay', 'deliverAt'];

/** A misspelt `key` would silently give the record another partition and lose its order. */
function checkFields(record: OutgoingRecord): void {
  for (const name in record) {
    if (FIELDS.has(name)) continue;
    if (DELAY_FIELDS.includes(name) && record[name as 'delay'] === undefined) continue;
    if (DELAY_FIELDS.includes(name)) {
      throw new MillraceError('INVALID_REQUEST', `a record with ${name} in a list`, {
        value: name,
        hint: 'Give records that are to enter their topic later to `send`, one by one: each has an id of its own.',
      });
    }
    const nearest = nearestName(name, [...FIELDS, ...DELAY_FIELDS]);
    const hint =
      nearest === undefined ? `The fields are ${[...FIELDS, ...DELAY_FIELDS].join(', ')}.` : `Did you mean ${nearest}?`;
    throw invalidRecord(`a record has no field ${name}`, name, hint);
  }
}

function toBytes(field: string, value: Bytes | undefined): Uint8Array | null {
  if (typeof value === 'string') return Buffer.from(value);
  if (value === null || value instanceof Uint8Array) return value;
  throw invalidRecord(`the ${field} of a record is a ${typeof value}`, value, 'Give a string, a Uint8Array or null.');
}

function toHeaders(headers: OutgoingHeaders): readonly RecordHeader[] {
  if (typeof headers !== 'object' || headers === null) {
    throw invalidRecord('the headers of a record are no object', headers, 'Give an object, or an array of pairs.');
  }
  const pairs: readonly (readonly [string, Bytes])[] = Array.isArray(headers) ? headers : Object.entries(headers);
  if (pairs.length > limits.headersPerRecord) {
    const hint = `A record has at most ${limits.headersPerRecord} headers.`;
    throw invalidRecord(`the record has ${pairs.length} headers`, pairs.length, hint);
  }
  return pairs.map((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string' || !pair[0].isWellFormed()) {
      throw invalidRecord('a header is no pair of a name and a value', pair, 'Give [name, value]; the name is text.');
    }
    return { key: pair[0], value: toBytes(`header ${pair[0]}`, pair[1]) };
  });
}

function headersBytes(headers: readonly RecordHeader[]): number {
  let sum = 0;
  for (const { key, value } of headers) {
    sum += Buffer.byteLength(key) + (value?.length ?? 0) + HEADER_OVERHEAD_BYTES;
  }
  return sum;
}

function toTimestamp(timestampMs: bigint | number | undefined): bigint | undefined {
  if (timestampMs === undefined) return undefined;
  if (typeof timestampMs === 'bigint' && timestampMs >= 0n && BigInt.asIntN(64, timestampMs) === timestampMs) {
    return timestampMs;
  }
  if (typeof timestampMs === 'number' && Number.isSafeInteger(timestampMs) && timestampMs >= 0)
    return BigInt(timestampMs);
  throw new MillraceError('INVALID_TIMESTAMP', `${String(timestampMs)} is no timestamp`, {
    value: timestampMs,
    hint: 'Give whole milliseconds since 1970, as Date.now() does, or leave it out for now.',
  });
}

function toExpectedOffset({ expectedOffset, partition, key }: OutgoingRecord): bigint | undefined {
  if (expectedOffset === undefined) return undefined;
  if (
    typeof expectedOffset !== 'bigint' ||
    expectedOffset < 0n ||
    BigInt.asIntN(64, expectedOffset) !== expectedOffset
  ) {
    throw new MillraceError('INVALID_REQUEST', `${String(expectedOffset)} is no offset`, {
      value: expectedOffset,
      hint: 'Give a bigint from 0, such as 42n.',
    });
  }
  if (partition === undefined && (key === undefined || key === null)) {
    throw new MillraceError('INVALID_REQUEST', 'expectedOffset without a partition', {
      value: expectedOffset,
      hint: 'Offsets count within a partition: give `partition`, or a key that decides it.',
    });
  }
  return expectedOffset;
}

/** Checks a record's form and turns it into bytes. Throws INVALID_RECORD, INVALID_TIMESTAMP, INVALID_REQUEST; the topic is not asked yet. */
export function prepareRecord(record: OutgoingRecord): PreparedRecord {
  if (typeof record !== 'object' || record === null) {
    throw invalidRecord('there is no record', record, 'Give { topic, key, value }.');
  }
  checkFields(record);
  if (typeof record.topic !== 'string' || record.topic === '') {
    throw new MillraceError('INVALID_TOPIC_EXCEPTION', 'the record names no topic', {
      value: record.topic,
      hint: 'Give the name of a topic.',
    });
  }
  const { partition } = record;
  if (partition !== undefined && (!Number.isInteger(partition) || partition < 0)) {
    throw new MillraceError('INVALID_PARTITIONS', `${String(partition)} is no partition`, {
      value: partition,
      hint: 'Give an integer from 0, or leave it out.',
    });
  }
  const key = record.key === undefined ? null : toBytes('key', record.key);
  const value = toBytes('value', record.value);
  const headers = record.headers === undefined ? NO_HEADERS : toHeaders(record.headers);
  return {
    topic: record.topic,
    key,
    value,
    headers,
    partition,
    timestampMs: toTimestamp(record.timestampMs),
    expectedOffset: toExpectedOffset(record),
    encodedBytes:
      RECORD_OVERHEAD_BYTES +
      (key?.length ?? 0) +
      (value?.length ?? 0) +
      (headers === NO_HEADERS ? 0 : headersBytes(headers)),
  };
}
