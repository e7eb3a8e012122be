/** Partitions that are compacted by key, in a store in memory. */
import { Appender } from '../../../lib/log/appender.ts';
import { Fetcher } from '../../../lib/log/fetcher.ts';
import type { PartitionKey } from '../../../lib/log/partition-key.ts';
import { rollTail } from '../../../lib/log/roll.ts';
import type { CleanReport } from '../../../lib/maintenance/clean/clean-state.ts';
import { describeJobs } from '../../../lib/maintenance/describe-jobs.ts';
import type { MaintenanceOptions } from '../../../lib/maintenance/run-maintenance.ts';
import { decodeBatch } from '../../../lib/record/decode-batch.ts';
import { type EncodeBatchOptions, encodeBatch } from '../../../lib/record/encode-batch.ts';
import type { LogRecord } from '../../../lib/record/record.ts';
import type { FaultyStoreOptions } from '../../log/faulty-store.ts';
import { MINUTE_MS, maintenanceStage } from '../maintenance-stage.ts';

/** A record as a test writes it: `k=v`, or `k` for a tombstone. */
export type Written = string;

/** As it was read: its offset, and what was written. */
export type Read = string;

const utf8 = (text: string) => new TextEncoder().encode(text);

/** A batch of such records. */
export function keyedBatch(written: readonly Written[], nowMs: number, options: EncodeBatchOptions = {}): Uint8Array {
  const records = written.map((text) => {
    const [key, value] = text.split('=');
    return {
      key: utf8(key!),
      value: value === undefined ? null : utf8(value),
      headers: [],
      timestampMs: BigInt(Math.floor(nowMs)),
    };
  });
  return encodeBatch(records, options);
}

/** A record as it is compared. */
export function readAs({ offset, key, value }: LogRecord): Read {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
  return `${offset} ${key === null ? '?' : text(key)}${value === null ? '' : `=${text(value)}`}`;
}

/** What somebody knows who reads it all. */
export function tableOf(read: readonly Read[]): Record<string, string> {
  const table: Record<string, string> = {};
  for (const one of read) {
    const [key, value] = one.slice(one.indexOf(' ') + 1).split('=');
    if (value === undefined) delete table[key!];
    else table[key!] = value;
  }
  return table;
}

/** Settings by which everything is compacted as soon as it can be. */
export const AT_ONCE = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0' };

/** Makes one. */
export function cleanStage(faults: Omit<FaultyStoreOptions, 'clock'> = {}) {
  const stage = maintenanceStage(faults);
  const { base, clock, random, deps } = stage;
  const run = async (job: 'compaction' | 'key-compaction', options: Partial<MaintenanceOptions> = {}) => {
    const [result] = await stage.run({ jobs: [job], evenIfNotDue: true, worthBytes: 1, ...options });
    return result!.result;
  };
  return {
    ...stage,
    /** Appends batches, one entry each, and rolls them into one chunk. */
    async write(
      partition: PartitionKey,
      batches: readonly (readonly Written[])[],
      {
        roll = true,
        nowMs = clock.nowMs(),
        ...options
      }: EncodeBatchOptions & { readonly roll?: boolean; readonly nowMs?: number } = {},
    ): Promise<void> {
      const appender = new Appender({ store: base, clock, random });
      for (const written of batches) {
        const target = { partition, domain: 'shared', inlineMaxBytes: 0 };
        await appender.append({ target, batches: keyedBatch(written, nowMs, options) });
      }
      await appender.close();
      if (roll) await rollTail(base, partition, await stage.head(partition));
    },
    /** Everything a reader gets from an offset on. */
    async read(partition: PartitionKey, from = 0n): Promise<Read[]> {
      const fetcher = new Fetcher({ store: base, clock, random });
      const read: Read[] = [];
      let offset = from;
      for (;;) {
        const target = { partition, domain: 'shared', offset, maxBytes: 300 };
        const [fetched] = await fetcher.fetch([target], { maxBytes: 300, consistent: true });
        if (fetched!.outcome === 'failed') throw fetched!.error;
        for (const bytes of fetched!.batches) {
          const records = [...decodeBatch(bytes)].filter((record) => record.offset >= offset);
          read.push(...records.map(readAs));
        }
        if (fetched!.nextOffset === fetched!.highWatermark) return read;
        if (fetched!.nextOffset <= offset) throw new Error(`no progress at ${offset}`);
        offset = fetched!.nextOffset;
      }
    },
    /** Lets what was rolled become old enough, and rewrites it into level 1. */
    async compact(): Promise<void> {
      clock.pass(20 * MINUTE_MS);
      await run('compaction');
      clock.pass(6 * MINUTE_MS);
      await run('compaction');
    },
    /** Key compaction, once its clock can be trusted. */
    async clean(options: Partial<MaintenanceOptions> = {}) {
      await run('key-compaction', options);
      clock.pass(6 * MINUTE_MS);
      return run('key-compaction', options);
    },
    runClean: (options: Partial<MaintenanceOptions> = {}) => run('key-compaction', options),
    async report(): Promise<CleanReport> {
      const jobs = await describeJobs(deps);
      return jobs.find(({ job }) => job === 'key-compaction')!.report as CleanReport;
    },
  };
}

export type CleanStage = ReturnType<typeof cleanStage>;

/** A compacted topic of one partition with so many chunks of level 1. */
export async function compacted(stage: CleanStage, chunks: readonly (readonly (readonly string[])[])[], config = {}) {
  const [partition] = await stage.topic('table', { config: { ...AT_ONCE, ...config } });
  for (const batches of chunks) await stage.write(partition!, batches);
  await stage.compact();
  return partition!;
}

/** Level and version of each chunk. */
export const levels = async (stage: CleanStage, partition: { topicId: string; partition: number }) =>
  (await stage.chunks(partition)).map(({ level, version }) => `${level} v${version}`);
