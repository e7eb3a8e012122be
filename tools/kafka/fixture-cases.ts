/** Which batches the fixtures hold: each case is one topic, written by one client. */
import { createHash } from 'node:crypto';
import type { JsonBatch, JsonRecord, WritingJob } from './writing-job.ts';

/** The clients that write fixtures. */
export type FixtureClient = 'java' | 'librdkafka' | 'kafkajs' | 'platformatic' | 'sarama' | 'franz';

/** A topic, what is written to it, and by whom. */
export interface FixtureCase {
  readonly client: FixtureClient;
  /** `<client>-<case>`: the topic and the name of the fixture. */
  readonly name: string;
  readonly topicConfig: Readonly<Record<string, string>>;
  readonly jobs: readonly WritingJob[];
  /** Whether the log is to be compacted before it is taken. */
  readonly compacted?: boolean;
}

/** A date that does not change from one making of the fixtures to the next. */
const START_MS = Date.UTC(2026, 0, 15, 8, 30);

const base64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64');

/** Bytes that no codec makes smaller, the same at every run. */
function noise(seed: string, length: number): Buffer {
  const pieces: Buffer[] = [];
  for (let index = 0; index * 32 < length; index++)
    pieces.push(createHash('sha256').update(`${seed} ${index}`).digest());
  return Buffer.concat(pieces).subarray(0, length);
}

const SENDER =
  '"sender":{"login":"octocat","url":"https://api.example.com/users/octocat","repos":"https://api.example.com/users/octocat/repos","events":"https://api.example.com/users/octocat/events{/privacy}","type":"User","admin":false}';

/** Text with much to find for a codec, but more than one repeated piece. */
function text(length: number): string {
  const lines: string[] = [];
  for (let index = 0, size = 0; size < length; index++) {
    const line = `{"event":"push","id":${index % 5},"repository":"millrace/${index % 7}",${SENDER}}\n`;
    lines.push(line);
    size += line.length;
  }
  return lines.join('').slice(0, length);
}

type Part = Partial<Omit<JsonRecord, 'timestampMs'>> & { readonly deltaMs?: number };

function record(part: Part): JsonRecord {
  const { key = null, value = null, headers = [], deltaMs = 0 } = part;
  return { key, value, headers, timestampMs: START_MS + deltaMs };
}

const batch = (...records: JsonRecord[]): JsonBatch => ({ records, abort: false });

/** Every odd shape a record can have: nulls, empty bytes, headers, timestamps that go back. */
const oddRecords = batch(
  record({ key: base64('order-1'), value: base64('created') }),
  record({ value: base64('no key'), deltaMs: 5 }),
  record({ key: base64('order-1'), deltaMs: 7 }),
  record({ key: '', value: '', deltaMs: -3_000 }),
  record({ deltaMs: 86_400_000 }),
  record({
    key: base64('order-2'),
    value: base64('headers'),
    headers: [
      ['trace', base64('a-1')],
      ['trace', base64('a-2')],
      ['größe-流', base64('ü')],
      ['null', null],
      ['empty', ''],
      ['bytes', base64(noise('header', 70))],
    ],
    deltaMs: 100,
  }),
  record({ key: base64(noise('key', 130)), value: base64(noise('value', 300)), deltaMs: 101 }),
);

const single = batch(record({ key: base64('order-3'), value: base64('alone in its batch'), deltaMs: 200 }));

/** Enough records that counts and deltas take two bytes. */
const manyRecords = (count: number) =>
  batch(
    ...Array.from({ length: count }, (_, index) =>
      record({ key: base64(`k${index % 10}`), value: base64(`value ${index}`), deltaMs: 1_000 + index }),
    ),
  );

/** Over the 32 KiB of a snappy chunk and the 64 KiB of an lz4 block, with bytes in it that stay as they are. */
const largeRecords = batch(
  record({ key: base64('large'), value: base64(text(70_000)), deltaMs: 3_000 }),
  record({ key: base64('noise'), value: base64(noise('large', 600)), deltaMs: 3_001 }),
  record({ key: base64('large'), value: base64(text(1_000)), deltaMs: 3_002 }),
);

const largeRaw = batch(record({ key: base64('large'), value: base64(noise('raw', 1_500)), deltaMs: 3_000 }));

function job(topic: string, compression: string, batches: readonly JsonBatch[], more: Partial<WritingJob> = {}) {
  return { topic, compression, idempotent: false, batches, ...more };
}

function codecCase(client: FixtureClient, codec: string, many: number): FixtureCase {
  const name = `${client}-${codec}`;
  const batches =
    codec === 'none'
      ? [oddRecords, manyRecords(many), largeRaw]
      : [oddRecords, single, manyRecords(many), largeRecords];
  return { client, name, topicConfig: {}, jobs: [job(name, codec, batches)] };
}

/** A codec of a client whose compressor is another program than those before. */
function compressorCase(client: FixtureClient, codec: string): FixtureCase {
  const name = `${client}-${codec}`;
  return { client, name, topicConfig: {}, jobs: [job(name, codec, [oddRecords, largeRecords])] };
}

function idempotentCase(client: FixtureClient): FixtureCase {
  const name = `${client}-idempotent`;
  const jobs = [job(name, 'none', [single, oddRecords, single], { idempotent: true })];
  return { client, name, topicConfig: {}, jobs };
}

function logAppendTimeCase(client: FixtureClient, codecs: readonly string[]): FixtureCase {
  const name = `${client}-log-append-time`;
  const topicConfig = { 'message.timestamp.type': 'LogAppendTime' };
  return { client, name, topicConfig, jobs: codecs.map((codec) => job(name, codec, [oddRecords, single])) };
}

/** Committed and aborted transactions of a producer, then of its successor with the next epoch. */
function transactionsCase(client: FixtureClient, codec: string): FixtureCase {
  const name = `${client}-transactions`;
  const first = [oddRecords, { ...single, abort: true }, single];
  const second = [{ ...oddRecords, abort: true }, single];
  const more = { idempotent: true, transactionalId: name };
  return { client, name, topicConfig: {}, jobs: [job(name, 'none', first, more), job(name, codec, second, more)] };
}

/** Keys written again and again, tombstones, and a producer of whose records none stays. */
function compactedCase(): FixtureCase {
  const name = 'java-compacted';
  const topicConfig = {
    'cleanup.policy': 'compact',
    'segment.ms': '1000',
    'min.cleanable.dirty.ratio': '0.001',
    'min.compaction.lag.ms': '0',
    'delete.retention.ms': '86400000',
  };
  const keyed = (keys: readonly string[], value: string | null) =>
    batch(
      ...keys.map((key, index) =>
        record({
          key: base64(key),
          value: value === null ? null : base64(`${value} of ${key}`),
          headers: [['round', base64(String(value))]],
          deltaMs: index,
        }),
      ),
    );
  const jobs = [
    job(name, 'none', [keyed(['d'], 'first')], { idempotent: true }),
    job(name, 'none', [keyed(['a', 'b', 'c', 'd', 'e'], 'first'), keyed(['b', 'd'], 'second')]),
    job(name, 'lz4', [keyed(['a', 'f', 'b', 'g'], 'third'), keyed(['g', 'h'], null), keyed(['a', 'i'], 'fourth')]),
  ];
  return { client: 'java', name, topicConfig, jobs, compacted: true };
}

/** All cases. */
export const fixtureCases: readonly FixtureCase[] = [
  codecCase('java', 'none', 150),
  codecCase('java', 'gzip', 66),
  codecCase('java', 'snappy', 66),
  codecCase('java', 'lz4', 150),
  codecCase('java', 'zstd', 66),
  idempotentCase('java'),
  logAppendTimeCase('java', ['none', 'gzip', 'snappy', 'lz4', 'zstd']),
  transactionsCase('java', 'lz4'),
  compactedCase(),
  // The broker itself compresses again when the topic asks for another codec than the producer used.
  {
    client: 'java',
    name: 'java-recompressed',
    topicConfig: { 'compression.type': 'lz4' },
    jobs: [job('java-recompressed', 'snappy', [oddRecords, largeRecords])],
  },
  codecCase('librdkafka', 'none', 66),
  codecCase('librdkafka', 'gzip', 66),
  codecCase('librdkafka', 'snappy', 66),
  codecCase('librdkafka', 'lz4', 66),
  codecCase('librdkafka', 'zstd', 150),
  idempotentCase('librdkafka'),
  logAppendTimeCase('librdkafka', ['none', 'snappy']),
  transactionsCase('librdkafka', 'zstd'),
  codecCase('kafkajs', 'none', 66),
  codecCase('kafkajs', 'gzip', 66),
  idempotentCase('kafkajs'),
  logAppendTimeCase('kafkajs', ['none', 'gzip']),
  transactionsCase('kafkajs', 'gzip'),
  codecCase('platformatic', 'none', 66),
  compressorCase('platformatic', 'snappy'),
  compressorCase('platformatic', 'lz4'),
  compressorCase('sarama', 'gzip'),
  compressorCase('sarama', 'snappy'),
  compressorCase('sarama', 'lz4'),
  compressorCase('sarama', 'zstd'),
  compressorCase('franz', 'gzip'),
  compressorCase('franz', 'snappy'),
  compressorCase('franz', 'lz4'),
  compressorCase('franz', 'zstd'),
];

/** A record that makes a compacted topic begin a new segment: the last one is never compacted. */
export function rollingJob(topic: string): WritingJob {
  return job(topic, 'none', [batch(record({ key: base64('roll'), value: base64('roll'), deltaMs: 9_000 }))]);
}
