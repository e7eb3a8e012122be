/** A log in memory, with faults where a test asks for them, and what tests of it need again and again. */
import { limits } from '../../lib/limits.ts';
import type { AppendTarget } from '../../lib/log/append-part.ts';
import { Appender, type AppenderOptions } from '../../lib/log/appender.ts';
import type { Chunk } from '../../lib/log/chunk.ts';
import { decodeEntry, encodeEntry, encodeRewritten } from '../../lib/log/entry.ts';
import { Fetcher, type FetcherOptions } from '../../lib/log/fetcher.ts';
import type { Head } from '../../lib/log/head.ts';
import type { CommitArgs } from '../../lib/log/head-transitions.ts';
import { UsageMeter } from '../../lib/log/meter.ts';
import type { PartitionKey } from '../../lib/log/partition-key.ts';
import { rollTail } from '../../lib/log/roll.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { decodeBatch, splitBatches } from '../../lib/record/decode-batch.ts';
import { type EncodeBatchOptions, encodeBatch } from '../../lib/record/encode-batch.ts';
import { stampBatch } from '../../lib/record/stamp-batch.ts';
import { encodeSegment } from '../../lib/segment/encode-segment.ts';
import { firstIdAt, type SegmentId, ZERO_ID } from '../../lib/segment/segment-id.ts';
import { segmentKey } from '../../lib/segment/segment-key.ts';
import { FakeClock } from '../segment/fake-clock.ts';
import { type FaultPlan, type FaultyStoreOptions, faultyStore } from './faulty-store.ts';
import { seededRandom } from './topic-stage.ts';

export const TOPIC_ID = '00000000-0000-4000-8000-00000000000a';
export const START_MS = Date.UTC(2026, 0, 1);

/** An id in the order of its number, around the time at which a stage begins. */
export const idAt = (number: number): SegmentId => firstIdAt(START_MS + number);

/** A batch of one record for each value; timestamps are those of the records, `START_MS` by default. */
export function batchOf(
  values: readonly string[],
  timestamps: readonly number[] = [],
  options: EncodeBatchOptions = {},
) {
  const records = values.map((value, index) => ({
    key: null,
    value: Buffer.from(value),
    headers: [],
    timestampMs: BigInt(timestamps[index] ?? START_MS),
  }));
  return encodeBatch(records, options);
}

/** The values of record batches with their offsets, as `offset:value`. */
export function valuesIn(batches: readonly Uint8Array[]): readonly string[] {
  return batches.flatMap((bytes) =>
    [...decodeBatch(bytes)].map(({ offset, value }) => `${offset}:${Buffer.from(value!)}`),
  );
}

/** A value of so many bytes. */
export const large = (name: string, bytes = 2_000): string => name.padEnd(bytes, '.');

export interface LogStageOptions {
  readonly partitions?: number;
  readonly plan?: FaultPlan;
  readonly onCall?: NonNullable<FaultyStoreOptions['onCall']>;
}

export type LogStage = Awaited<ReturnType<typeof logStage>>;

/** Makes a topic with its partitions, and everything above it. Sleeping takes no time, but the clock passes. */
export async function logStage(options: LogStageOptions = {}) {
  const clock = new FakeClock(START_MS);
  const random = seededRandom(7);
  const meter = new UsageMeter();
  const base = memoryStore({ clock, meter });
  const { plan, onCall } = options;
  const faulty = faultyStore(base, { clock, ...(plan && { plan }), ...(onCall && { onCall }) });
  const { store } = faulty;
  const partitionCount = options.partitions ?? 1;
  const counts = { partitionCount, readyPartitionCount: partitionCount, createdAtMs: 0, version: 0 };
  await base.topics.create({ name: 't', topicId: TOPIC_ID, state: 'active', domain: 'shared', config: {}, ...counts });
  const numbers = Array.from({ length: partitionCount }, (_, partition) => partition);
  await base.topics.createHeads({ topicName: 't', topicId: TOPIC_ID, partitions: numbers, floor: ZERO_ID });
  const partition = (number = 0): PartitionKey => ({ topicId: TOPIC_ID, partition: number });
  const target = (number = 0, changes: Partial<AppendTarget> = {}): AppendTarget => {
    return { partition: partition(number), domain: 'shared', inlineMaxBytes: limits.inlineBytes, ...changes };
  };
  const head = async (number = 0): Promise<Head> => (await base.heads.read(partition(number), { consistent: true }))!;
  const chunks = (number = 0): Promise<readonly Chunk[]> =>
    base.chunks.query(partition(number), { order: 'ascending', limit: 1_000, consistent: true });
  const fetcher = (changes: Partial<FetcherOptions> = {}) => new Fetcher({ store, clock, random, ...changes });
  return {
    clock,
    random,
    meter,
    base,
    faulty,
    store,
    partition,
    target,
    head,
    chunks,
    fetcher,
    appender: (changes: Partial<AppenderOptions> = {}) => new Appender({ store, clock, random, ...changes }),
    /** Everything in a partition, read with a fetcher of its own. */
    async values(number = 0): Promise<readonly string[]> {
      const { start } = await head(number);
      const over = new Fetcher({ store: base, clock, random });
      const read = { partition: partition(number), domain: 'shared', offset: start, maxBytes: 1e8 };
      const [result] = await over.fetch([read], { maxBytes: 1e8, consistent: true });
      if (result!.outcome === 'failed') throw result!.error;
      return valuesIn(result!.batches).map((value) => value.trimEnd());
    },
    /** Appends batches one after another, each as an entry of its own. */
    async fill(batches: readonly Uint8Array[], number = 0, inlineMaxBytes: number = limits.inlineBytes): Promise<void> {
      const appender = new Appender({ store: base, clock, random });
      for (const each of batches) await appender.append({ target: target(number, { inlineMaxBytes }), batches: each });
      await appender.close();
    },
    /** Rolls the whole tail into one chunk. */
    async roll(number = 0): Promise<void> {
      await rollTail(base, partition(number), await head(number));
    },
    /** Compacts a chunk as maintenance does: floor, object, replacement; returns the id of the object. Of its batches those stay that `keeps` says, as if keys had been compacted. */
    async compact(chunk: Chunk, number = 0, keeps: (batch: number) => boolean = () => true): Promise<SegmentId> {
      const id = idAt(900_000 + Number(chunk.base));
      await base.heads.raiseFloor(partition(number), chunk.maxId);
      const batches = (await stampedBatches(base, chunk)).filter((_, batch) => keeps(batch));
      const { base: baseOffset, end, version: chunkVersion } = chunk;
      const region = { ...partition(number), batches, baseOffset, lastOffset: end - 1n, chunkVersion };
      const segment = encodeSegment({ level: 1, writerId: id, regions: [region] });
      await base.objects.put(segmentKey({ prefix: '', domain: 'shared', level: 1, id }), segment.bytes);
      const reference = encodeRewritten(id, segment.regions[0]!);
      await base.chunks.replace(partition(number), baseOffset, { version: chunkVersion, end, reference });
      return id;
    },
  };
}

async function stampedBatches(base: LogStage['base'], chunk: Chunk): Promise<readonly Uint8Array[]> {
  const stamped: Uint8Array[] = [];
  let offset = chunk.base;
  for (const bytes of chunk.entries) {
    const entry = decodeEntry(bytes);
    const data =
      entry.kind === 'inline'
        ? entry.batches
        : (await base.objects.get(
            segmentKey({ prefix: '', domain: 'shared', level: 0, id: entry.id }),
            entry.position,
            entry.lengthBytes,
          ))!;
    for (const { bytes: batch, header } of splitBatches(data)) {
      const copy = batch.slice();
      stampBatch(copy, offset);
      offset += BigInt(header.recordCount);
      stamped.push(copy);
    }
  }
  return stamped;
}

/** An encoded inline entry of so many records. */
export function entryAt(number: number, recordCount = 1): Uint8Array {
  return encodeEntry({
    kind: 'inline',
    id: idAt(number),
    recordCount,
    maxTimestampMs: BigInt(number),
    producer: null,
    batches: new Uint8Array(8),
  });
}

/** The commit of entries by their numbers, one record each. */
export function commitOf(numbers: readonly number[], changes: Partial<CommitArgs> = {}): CommitArgs {
  return {
    form: 'plain',
    known: 0n,
    entries: numbers.map((number) => entryAt(number)),
    recordCount: numbers.length,
    minId: idAt(Math.min(...numbers)),
    checksum: BigInt(numbers.length),
    batchBytes: 8 * numbers.length,
    tailEntriesCap: 90,
    tailBytesCap: 128 * 1024,
    ...changes,
  };
}
