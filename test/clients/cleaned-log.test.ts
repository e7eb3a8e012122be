/**
 * Key compaction against Apache Kafka's own log cleaner: a broker finds logs of ours in its data, cleans them, and what it leaves is what ours leaves.
 *
 * It is done three times, each on what the one before has left, with more behind it: a marker goes in the cleaning behind the one that found nothing of its transaction any more.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { type Admin, ConfigResourceTypes, Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BatchHeader, parseBatchHeader } from '../../lib/record/batch-header.ts';
import { encodeControlRecord } from '../../lib/record/control-record.ts';
import { splitBatches } from '../../lib/record/decode-batch.ts';
import { encodeBatch } from '../../lib/record/encode-batch.ts';
import { stampBatch } from '../../lib/record/stamp-batch.ts';
import { type Broker, startBroker } from '../../tools/kafka/broker.ts';
import { runJava } from '../../tools/kafka/kafka-jars.ts';
import { cleanLog, endOfBatch } from '../maintenance/clean/clean-log.ts';
import { randomLog } from '../maintenance/clean/random-log.ts';
import type { ExpectedBatch } from '../record/golden-fixtures.ts';

const SET_UP_TIMEOUT_MS = 300_000;
const CLEANING_TIMEOUT_MS = 60_000;
const POLL_MS = 200;
const CLEAN_SHUTDOWN = '.kafka_cleanshutdown';
const CHECKPOINT = 'cleaner-offset-checkpoint';
const SETTINGS = { 'log.cleaner.backoff.ms': '100', 'log.cleaner.dedupe.buffer.size': '4194304' };
const DAY_MS = 86_400_000n;
/** Producers are forgotten a day after their last timestamp. */
const FROM_MS = BigInt(Date.now()) - 3_600_000n;

interface Case {
  readonly name: string;
  readonly deleteRetentionMs: bigint;
  /** What is there in the first cleaning, and what comes behind it for each other; the last segment of each is not cleaned yet, since Kafka never cleans its active one. */
  readonly segments: readonly (readonly Uint8Array[][])[];
}

const rounds = [0, 1, 2] as const;
type Round = (typeof rounds)[number];

/** Offsets from 0 on, whatever they were. */
function stamped(batches: readonly Uint8Array[]): Uint8Array[] {
  let offset = 0n;
  return batches.map((bytes) => {
    const copy = bytes.slice();
    stampBatch(copy, offset, 0);
    offset = endOfBatch(parseBatchHeader(copy));
    return copy;
  });
}

function cut(batches: readonly Uint8Array[], pieces: number): Uint8Array[][] {
  const at = (piece: number) => Math.floor((piece * batches.length) / pieces);
  return Array.from({ length: pieces }, (_, piece) => batches.slice(at(piece), at(piece + 1)));
}

function caseOf(name: string, batches: readonly Uint8Array[], deleteRetentionMs: bigint): Case {
  const pieces = cut(stamped(batches), 9);
  return { name, deleteRetentionMs, segments: [pieces.slice(0, 4), pieces.slice(4, 7), pieces.slice(7)] };
}

function randomCase(seed: number): Case {
  const options = { keys: 12, nullKeys: seed % 2 === 0, minBatches: 50, maxBatches: 80, fromMs: FROM_MS };
  const [batches] = fc.sample(randomLog(options), { seed, numRuns: 1 });
  return caseOf(`random-${seed}`, batches!, seed % 4 < 2 ? 1n : DAY_MS);
}

/** Transactions of three producers, between them batches without one: committed, aborted, and such of which a later batch leaves nothing. */
function transactionsCase(seed: number): Case {
  const [batches] = fc.sample(randomLog({ keys: 6, minBatches: 70, maxBatches: 90, fromMs: FROM_MS }), {
    seed,
    numRuns: 1,
  });
  const sequences = new Map<number, number>();
  const woven = batches!.flatMap((bytes, index) => {
    const producer = Math.floor(index / 3) % 4;
    if (producer === 3) return [bytes];
    const header = parseBatchHeader(bytes);
    const records = [...splitBatches(bytes)].flatMap(() => [
      {
        key: Buffer.from(`key-${index % 5}`),
        value: index % 4 === 0 ? null : Buffer.from(`v${index}`),
        headers: [],
        timestampMs: header.maxTimestampMs,
      },
    ]);
    const producerFields = { producerId: 500n + BigInt(producer), producerEpoch: 1, transactional: true };
    const baseSequence = sequences.get(producer) ?? 0;
    sequences.set(producer, baseSequence + records.length);
    const data = encodeBatch(records, { ...producerFields, baseSequence, compression: header.compression });
    if (index % 3 !== 2) return [data];
    const type = index % 5 < 3 ? 'COMMIT' : 'ABORT';
    const marker = encodeControlRecord({ type, coordinatorEpoch: 0 }, header.maxTimestampMs);
    return [data, encodeBatch([marker], { ...producerFields, control: true })];
  });
  return caseOf(`transactions-${seed}`, woven, seed % 2 === 0 ? 1n : DAY_MS);
}

const cases: readonly Case[] = [...[1, 2, 3, 4, 5, 6].map(randomCase), ...[11, 12].map(transactionsCase)];

const segmentFile = (base: bigint) => `${String(base).padStart(20, '0')}.log`;
const baseOf = (segment: readonly Uint8Array[]) => parseBatchHeader(segment[0]!).baseOffset;

const ADMIN_TIMEOUT_MS = 30_000;
/** A share that no partition exceeds, so that nothing is cleaned before its high watermark is where it belongs; and one that all exceed. */
const NEVER = '1';
const AT_ONCE = '0';

function configOf({ deleteRetentionMs }: Case, dirtyRatio: string) {
  const entries = {
    'cleanup.policy': 'compact',
    'min.cleanable.dirty.ratio': dirtyRatio,
    'delete.retention.ms': String(deleteRetentionMs),
    'segment.ms': String(2n ** 62n),
  };
  return Object.entries(entries).map(([name, value]) => ({ name, value }));
}

async function withAdmin<T>(port: number, run: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await run(admin);
  } finally {
    await admin.disconnect();
  }
}

async function createTopics(admin: Admin): Promise<void> {
  const topics = cases.map((one) => ({ topic: one.name, numPartitions: 1, configEntries: configOf(one, NEVER) }));
  await admin.createTopics({ topics, waitForLeaders: true });
}

async function setDirtyRatio(admin: Admin, dirtyRatio: string): Promise<void> {
  const resources = cases.map((one) => ({
    type: ConfigResourceTypes.TOPIC,
    name: one.name,
    configEntries: configOf(one, dirtyRatio),
  }));
  await admin.alterConfigs({ validateOnly: false, resources });
}

async function until(isSo: () => boolean | Promise<boolean>, timeoutMs: number, what: string): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) throw new Error(`${what} in time`);
    await sleep(POLL_MS);
  }
}

/** Whether everything that is to be cleaned lies below the last stable offset. */
async function isReadable(admin: Admin, { name, segments }: Case, round: Round): Promise<boolean> {
  const [offsets] = await admin.fetchTopicOffsets(name).catch(() => []);
  return offsets !== undefined && BigInt(offsets.high) >= baseOf(segments[round]!.at(-1)!);
}

/** Puts segments into the folder of a partition, of a broker that is stopped. */
function putSegments(dataDir: string, name: string, segments: readonly Uint8Array[][], isFirst: boolean): void {
  const folder = join(dataDir, `${name}-0`);
  if (isFirst) for (const file of readdirSync(folder)) if (/index$|snapshot$/.test(file)) rmSync(join(folder, file));
  for (const segment of segments) writeFileSync(join(folder, segmentFile(baseOf(segment))), Buffer.concat(segment));
}

/** Starts the broker on its data and stops it when everything but the last segment of each partition is cleaned, all of a partition at once. */
async function clean(folder: string, round: Round): Promise<void> {
  const broker = await startBroker({ folder, settings: SETTINGS });
  const ends = new Map(cases.map(({ name, segments }) => [name, baseOf(segments[round]!.at(-1)!)]));
  try {
    await withAdmin(broker.port, async (admin) => {
      const areReadable = async () =>
        (await Promise.all(cases.map((one) => isReadable(admin, one, round)))).every(Boolean);
      await until(areReadable, ADMIN_TIMEOUT_MS, 'not readable');
      await setDirtyRatio(admin, AT_ONCE);
      await until(() => isCleaned(join(broker.dataDir, CHECKPOINT), ends), CLEANING_TIMEOUT_MS, 'not cleaned');
      await setDirtyRatio(admin, NEVER);
    });
  } catch (cause) {
    throw new Error(readFileSync(join(folder, 'broker.log'), 'utf8').slice(-4_000), { cause });
  } finally {
    await broker.stop({ keep: true });
  }
}

/** The file has a line `topic partition offset` for each partition. */
function isCleaned(file: string, ends: ReadonlyMap<string, bigint>): boolean {
  if (!existsSync(file)) return false;
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
  return [...ends].every(([name, end]) => lines.some(([topic, , offset]) => topic === name && BigInt(offset!) >= end));
}

function readLog(dataDir: string, name: string): Uint8Array[] {
  const folder = join(dataDir, `${name}-0`);
  const files = readdirSync(folder).filter((file) => file.endsWith('.log'));
  return files.sort().flatMap((file) => [...splitBatches(readFileSync(join(folder, file)))].map(({ bytes }) => bytes));
}

/** Kafka's rule for batches of which no record stays: the last one of a producer stays, since it says its last sequence, and the last one of the cleaning. */
function kafkaKeepsEmpty(batches: readonly Uint8Array[], end: bigint): (header: BatchHeader) => boolean {
  const producers = new Map<bigint, { epoch: number; lastOffset: bigint | null }>();
  for (const header of batches.map((bytes) => parseBatchHeader(bytes))) {
    const { producerId, producerEpoch: epoch, control } = header;
    if (producerId < 0n) continue;
    const before = producers.get(producerId);
    const lastOffset = before?.epoch === epoch ? before.lastOffset : null;
    producers.set(producerId, { epoch, lastOffset: control ? lastOffset : endOfBatch(header) - 1n });
  }
  return (header) => {
    const last = producers.get(header.producerId);
    if (endOfBatch(header) === end) return true;
    if (last === undefined) return false;
    return last.lastOffset === null
      ? header.control && header.producerEpoch === last.epoch
      : endOfBatch(header) - 1n === last.lastOffset;
  };
}

/** The broker's time when it cleaned: it stands in the horizons that it has set. */
function cleanedAtMs(before: readonly Uint8Array[], after: readonly Uint8Array[], deleteRetentionMs: bigint): number {
  const known = new Set(
    before
      .map((bytes) => parseBatchHeader(bytes))
      .filter((header) => header.hasDeleteHorizon)
      .map(({ baseOffset }) => baseOffset),
  );
  const fresh = after
    .map((bytes) => parseBatchHeader(bytes))
    .find((header) => header.hasDeleteHorizon && !known.has(header.baseOffset));
  return fresh === undefined ? Date.now() : Number(fresh.baseTimestampMs - deleteRetentionMs);
}

interface Outcome {
  readonly before: readonly Uint8Array[];
  readonly kafka: readonly Uint8Array[];
  readonly ours: readonly Uint8Array[];
}

function outcomeOf(
  { deleteRetentionMs, segments }: Case,
  round: Round,
  before: readonly Uint8Array[],
  kafka: readonly Uint8Array[],
): Outcome {
  const end = baseOf(segments[round]!.at(-1)!);
  const cleanedEnd = round === 0 ? 0n : baseOf(segments[round - 1]!.at(-1)!);
  const nowMs = cleanedAtMs(before, kafka, deleteRetentionMs);
  const keepsEmpty = kafkaKeepsEmpty(before, end);
  return { before, kafka, ours: cleanLog({ batches: before, cleanedEnd, end, nowMs, deleteRetentionMs, keepsEmpty }) };
}

/** By case, then by cleaning. */
const outcomes = new Map<string, Outcome[]>();
/** What Kafka's classes read in what Kafka leaves and in what we leave, in the same order. */
const dumps = new Map<string, { readonly kafka: ExpectedBatch[]; readonly ours: ExpectedBatch[] }[]>();
let folder: string;

beforeAll(async () => {
  const first: Broker = await startBroker({ settings: SETTINGS });
  folder = first.folder;
  try {
    await withAdmin(first.port, createTopics);
  } finally {
    await first.stop({ keep: true });
  }
  for (const round of rounds) {
    rmSync(join(first.dataDir, CLEAN_SHUTDOWN), { force: true });
    for (const { name, segments } of cases) putSegments(first.dataDir, name, segments[round]!, round === 0);
    const before = new Map(cases.map(({ name }) => [name, readLog(first.dataDir, name)]));
    await clean(folder, round);
    for (const one of cases) {
      const outcome = outcomeOf(one, round, before.get(one.name)!, readLog(first.dataDir, one.name));
      outcomes.set(one.name, [...(outcomes.get(one.name) ?? []), outcome]);
    }
  }
  const logs = cases.flatMap(({ name }) => outcomes.get(name)!.flatMap(({ kafka, ours }) => [kafka, ours]));
  const read = await dump(logs);
  for (const { name } of cases) {
    const pairs = outcomes.get(name)!.map(() => ({ kafka: read.shift()!, ours: read.shift()! }));
    dumps.set(name, pairs);
  }
}, SET_UP_TIMEOUT_MS);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** What Kafka's classes read in logs. */
async function dump(logs: readonly (readonly Uint8Array[])[]): Promise<ExpectedBatch[][]> {
  const files = mkdtempSync(join(tmpdir(), 'millrace-cleaned-'));
  try {
    const names = logs.map((log, index) => {
      const file = join(files, `${index}.log`);
      writeFileSync(file, Buffer.concat(log));
      return file;
    });
    const output = await runJava('DumpLog', names);
    return output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ExpectedBatch[]);
  } finally {
    rmSync(files, { recursive: true, force: true });
  }
}

describe.each(cases)('the log $name', ({ name }) => {
  it.each(rounds)(
    'is left by cleaning %i with the batches and records that Kafka leaves, as Kafka reads them',
    (round) => {
      const { kafka, ours: own } = dumps.get(name)![round]!;
      const plain = (batches: readonly ExpectedBatch[]) => batches.map(({ position, sizeBytes, crc, ...rest }) => rest);
      expect(plain(own)).toEqual(plain(kafka));
      const { before, ours } = outcomes.get(name)![round]!;
      expect(ours.length).toBeLessThan(before.length);
    },
  );

  it.each(rounds)('is left by cleaning %i to the byte where nothing is compressed', (round) => {
    const { kafka, ours } = outcomes.get(name)![round]!;
    const isPlain = (bytes: Uint8Array) => parseBatchHeader(bytes).compression === 'none';
    const hex = (batches: readonly Uint8Array[]) =>
      batches.filter(isPlain).map((bytes) => Buffer.from(bytes).toString('hex'));
    expect(hex(ours)).toEqual(hex(kafka));
  });
});

describe('the logs together', () => {
  const headers = (batches: readonly Uint8Array[]) => batches.map((bytes) => parseBatchHeader(bytes));

  it.each<[string, (before: BatchHeader[], after: BatchHeader[]) => boolean]>([
    [
      'an emptied batch of a producer',
      (_, after) => after.some((one) => one.recordCount === 0 && one.producerId >= 0n),
    ],
    [
      'rewritten batches that are not compressed',
      (before, after) =>
        before.some((one) => {
          const left = after.find(({ baseOffset }) => baseOffset === one.baseOffset);
          return one.compression === 'none' && left !== undefined && left.recordCount < one.recordCount;
        }),
    ],
    ['a batch with a delete horizon', (_, after) => after.some(({ hasDeleteHorizon }) => hasDeleteHorizon)],
    [
      'a marker with a delete horizon',
      (_, after) => after.some(({ hasDeleteHorizon, control }) => hasDeleteHorizon && control),
    ],
    [
      'a marker that was dropped',
      (before, after) =>
        before.some((one) => one.control && !after.some(({ baseOffset }) => baseOffset === one.baseOffset)),
    ],
    [
      'tombstones that were dropped',
      (before, after) =>
        before.some((one) => {
          const left = after.find(({ baseOffset }) => baseOffset === one.baseOffset);
          return one.hasDeleteHorizon && !one.control && (left?.recordCount ?? 0) < one.recordCount;
        }),
    ],
  ])('hold %s', (_what, isHeld) => {
    const all = [...outcomes.values()].flat();
    expect(all.some(({ before, kafka }) => isHeld(headers(before), headers(kafka)))).toBe(true);
  });
});
