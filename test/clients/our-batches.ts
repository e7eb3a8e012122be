/** The batches of ours that real clients read. */
import { createHash } from 'node:crypto';
import { type CompressionType, compressionTypes } from '../../lib/record/compression.ts';
import { encodeControlRecord } from '../../lib/record/control-record.ts';
import { type EncodeBatchOptions, encodeBatch } from '../../lib/record/encode-batch.ts';
import type { LogRecord, RecordData } from '../../lib/record/record.ts';
import { stampBatch } from '../../lib/record/stamp-batch.ts';

/** What one call of `encodeBatch` gets. */
export interface OurBatch {
  readonly records: readonly RecordData[];
  readonly options: EncodeBatchOptions;
  /** Whether its transaction was aborted, so that nobody is to read it. */
  readonly aborted?: boolean;
}

/** Batches that stand in one partition. */
export interface OurTopic {
  readonly name: string;
  readonly batches: readonly OurBatch[];
}

const START_MS = BigInt(Date.UTC(2026, 0, 15, 8, 30));

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Bytes that no codec makes smaller. */
function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(length / 32) * 32);
  for (let position = 0; position < length; position += 32)
    bytes.set(createHash('sha256').update(`${position}`).digest(), position);
  return bytes.subarray(0, length);
}

type Part = Partial<Omit<RecordData, 'timestampMs'>> & { readonly deltaMs?: number };

function record({ key = null, value = null, headers = [], deltaMs = 0 }: Part): RecordData {
  return { key, value, headers, timestampMs: START_MS + BigInt(deltaMs) };
}

/** Every odd shape a record can have: nulls, empty bytes, headers, timestamps that go back. */
const oddRecords: readonly RecordData[] = [
  record({ key: utf8('order-1'), value: utf8('created') }),
  record({ value: utf8('no key'), deltaMs: 5 }),
  record({ key: utf8('order-1'), deltaMs: 7 }),
  record({ key: new Uint8Array(0), value: new Uint8Array(0), deltaMs: -3_000 }),
  record({ deltaMs: 86_400_000 }),
  record({
    key: utf8('order-2'),
    value: utf8('headers'),
    headers: [
      { key: 'trace', value: utf8('a-1') },
      { key: 'trace', value: utf8('a-2') },
      { key: 'größe-流', value: utf8('ü') },
      { key: 'null', value: null },
      { key: 'empty', value: new Uint8Array(0) },
      { key: 'bytes', value: noise(70) },
    ],
    deltaMs: 100,
  }),
  record({ key: noise(130), value: noise(300), deltaMs: 101 }),
];

/** Counts and deltas of two bytes, and more than a snappy chunk and an lz4 block hold. */
const manyRecords: readonly RecordData[] = Array.from({ length: 1_000 }, (_, index) =>
  record({
    key: utf8(`key-${index % 10}`),
    value: utf8(`{"event":"push","id":${index},"repository":"millrace/${index % 7}","sender":"octocat"}`),
    deltaMs: index,
  }),
);

const largeRecords: readonly RecordData[] = [
  record({ key: utf8('text'), value: utf8('all work and no play makes a dull log. '.repeat(5_000)), deltaMs: 1 }),
  record({ key: utf8('noise'), value: noise(150_000), deltaMs: 2 }),
  record({ key: utf8('zeros'), value: new Uint8Array(100_000), deltaMs: 3 }),
];

function codecTopic(compression: CompressionType): OurTopic {
  const options = { compression };
  return {
    name: `ours-${compression}`,
    batches: [oddRecords, manyRecords, largeRecords, oddRecords.slice(0, 1)].map((records) => ({ records, options })),
  };
}

const levelsTopic: OurTopic = {
  name: 'ours-levels',
  batches: [
    { records: manyRecords, options: { compression: 'gzip', compressionLevel: 1 } },
    { records: manyRecords, options: { compression: 'gzip', compressionLevel: 9 } },
    { records: manyRecords, options: { compression: 'zstd', compressionLevel: 1 } },
    { records: largeRecords, options: { compression: 'zstd', compressionLevel: 19 } },
  ],
};

/** Batches of an idempotent producer, whose sequence goes on from batch to batch. */
const producerTopic: OurTopic = {
  name: 'ours-producer',
  batches: [
    { records: oddRecords, options: { producerId: 4_242n, producerEpoch: 3, baseSequence: 0 } },
    {
      records: manyRecords,
      options: { producerId: 4_242n, producerEpoch: 3, baseSequence: oddRecords.length, compression: 'lz4' },
    },
    {
      records: oddRecords,
      options: { producerId: 4_242n, producerEpoch: 3, baseSequence: oddRecords.length + manyRecords.length },
    },
  ],
};

/** What a broker takes from any producer. */
export const producedTopics: readonly OurTopic[] = [...compressionTypes.map(codecTopic), levelsTopic, producerTopic];

const logAppendTimeTopics = compressionTypes.map(
  (compression): OurTopic => ({
    name: `ours-log-append-time-${compression}`,
    batches: [oddRecords, manyRecords].map((records) => ({
      records,
      options: { compression, timestampType: 'LogAppendTime' },
    })),
  }),
);

function transaction(
  type: 'COMMIT' | 'ABORT',
  baseSequence: number,
  compression: CompressionType,
): readonly OurBatch[] {
  const options = { producerId: 77n, producerEpoch: 1, transactional: true };
  const aborted = type === 'ABORT';
  return [
    { records: oddRecords, options: { ...options, baseSequence, compression }, aborted },
    {
      records: [encodeControlRecord({ type, coordinatorEpoch: 5 }, START_MS + 200n)],
      options: { ...options, control: true },
    },
  ];
}

const transactionsTopic: OurTopic = {
  name: 'ours-transactions',
  batches: [
    ...transaction('COMMIT', 0, 'none'),
    ...transaction('ABORT', oddRecords.length, 'zstd'),
    ...transaction('COMMIT', 2 * oddRecords.length, 'snappy'),
  ],
};

/** What a broker makes itself and takes from nobody: the log's own time, and the markers of transactions. */
export const keptTopics: readonly OurTopic[] = [...logAppendTimeTopics, transactionsTopic];

/** The batches as a producer sends them: each with the base offset 0, without which a broker refuses it. */
export function encodeForProduce({ batches }: OurTopic): Uint8Array[] {
  return batches.map(({ records, options }) => encodeBatch(records, options));
}

/** The batches as a log keeps them: back to back, with offsets from 0 on. */
export function encodeLog(topic: OurTopic): Uint8Array {
  const encoded = encodeForProduce(topic);
  let nextOffset = 0n;
  for (const [index, bytes] of encoded.entries()) {
    stampBatch(bytes, nextOffset, 0);
    nextOffset += BigInt(topic.batches[index]!.records.length);
  }
  return Buffer.concat(encoded);
}

/** The records of a batch at their offsets, with the times that they were given. */
function placeRecords({ records }: OurBatch, baseOffset: bigint): LogRecord[] {
  return records.map((record, index) => ({ ...record, offset: baseOffset + BigInt(index) }));
}

/** The records of a batch at their offsets, with the time that holds: with LogAppendTime the latest of the batch. */
export function readBatch(batch: OurBatch, baseOffset: bigint): LogRecord[] {
  const placed = placeRecords(batch, baseOffset);
  if (batch.options.timestampType !== 'LogAppendTime') return placed;
  const latestMs = placed.reduce((latest, { timestampMs }) => (timestampMs > latest ? timestampMs : latest), 0n);
  return placed.map((record) => ({ ...record, timestampMs: latestMs }));
}

/** The records that a reader of committed records gets; one that does not know LogAppendTime gets the producer's times. */
export function readableRecords({ batches }: OurTopic, { knowsLogAppendTime = true } = {}): LogRecord[] {
  let nextOffset = 0n;
  return batches.flatMap((batch) => {
    const baseOffset = nextOffset;
    nextOffset += BigInt(batch.records.length);
    if (batch.options.control === true || batch.aborted === true) return [];
    return knowsLogAppendTime ? readBatch(batch, baseOffset) : placeRecords(batch, baseOffset);
  });
}
