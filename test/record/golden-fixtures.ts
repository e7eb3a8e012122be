/**
 * The fixtures of `test/fixtures/kafka`: log segments of a real broker, and beside each what Kafka's own Java classes read in it.
 *
 * `tools/kafka/make-fixtures.ts` makes them.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ControlRecord } from '../../lib/record/control-record.ts';
import type { LogRecord } from '../../lib/record/record.ts';

const FOLDER = fileURLToPath(new URL('../fixtures/kafka', import.meta.url));
const INLINE_BYTES = 512;

/** Base64; above 512 bytes the length and the hash. */
export type ExpectedBytes = string | { readonly bytes: number; readonly sha256: string } | null;

/** Offset, timestamp, key, value, headers. */
export type ExpectedRecord = readonly [
  offset: string,
  timestampMs: string,
  key: ExpectedBytes,
  value: ExpectedBytes,
  headers: readonly (readonly [key: string, value: ExpectedBytes])[],
];

/** A batch as Kafka reads it; 64-bit fields are decimal text. */
export interface ExpectedBatch {
  readonly position: number;
  readonly sizeBytes: number;
  readonly baseOffset: string;
  readonly lastOffset: string;
  readonly partitionLeaderEpoch: number;
  readonly magic: number;
  readonly crc: number;
  readonly compression: string;
  readonly timestampType: string;
  readonly transactional: boolean;
  readonly control: boolean;
  /** From when tombstones and markers of a compacted batch may go; its base timestamp then holds this. */
  readonly deleteHorizonMs: string | null;
  readonly baseTimestampMs: string;
  readonly maxTimestampMs: string;
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
  /** Of a control batch. */
  readonly marker?: ControlRecord;
  readonly records: readonly ExpectedRecord[];
}

/** One log segment. */
export interface Fixture {
  /** `<client>-<case>`. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly batches: readonly ExpectedBatch[];
}

/** All fixtures, in the order of their names. */
export function readFixtures(): Fixture[] {
  const names = readdirSync(FOLDER).filter((file) => file.endsWith('.log'));
  return names.sort().map((file) => ({
    name: file.slice(0, -'.log'.length),
    bytes: readFileSync(join(FOLDER, file)),
    batches: JSON.parse(readFileSync(join(FOLDER, file.replace(/log$/, 'json')), 'utf8')) as ExpectedBatch[],
  }));
}

function describeBytes(bytes: Uint8Array | null): ExpectedBytes {
  if (bytes === null) return null;
  if (bytes.length <= INLINE_BYTES) return Buffer.from(bytes).toString('base64');
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** One of our records in the form of the expectations. */
export function describeRecord(record: LogRecord): ExpectedRecord {
  return [
    String(record.offset),
    String(record.timestampMs),
    describeBytes(record.key),
    describeBytes(record.value),
    record.headers.map(({ key, value }) => [key, describeBytes(value)] as const),
  ];
}
