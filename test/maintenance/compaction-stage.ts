import { Appender } from '../../lib/log/appender.ts';
import { Fetcher } from '../../lib/log/fetcher.ts';
import type { PartitionKey } from '../../lib/log/partition-key.ts';
import { rollTail } from '../../lib/log/roll.ts';
import type { CompactionReport } from '../../lib/maintenance/compaction-state.ts';
import { describeJobs } from '../../lib/maintenance/describe-jobs.ts';
import type { MaintenanceOptions } from '../../lib/maintenance/run-maintenance.ts';
import { decodeSegment } from '../../lib/segment/decode-segment.ts';
import { parseSegmentKey } from '../../lib/segment/segment-key.ts';
import { batchOf, large, valuesIn } from '../log/log-stage.ts';
import { segments } from './collection-stage.ts';
import { type MaintenanceStage, MINUTE_MS } from './maintenance-stage.ts';

/** At once, whatever there is. */
export const ALL = { jobs: ['compaction'] as const, evenIfNotDue: true, waitMs: 0 };
/** Until the clock counts, and everything is old enough. */
export const AGE_MS = 20 * MINUTE_MS;

export async function compact(stage: MaintenanceStage, options: Partial<MaintenanceOptions> = {}) {
  // Each pass goes by the time of the one before.
  for (const passMs of [AGE_MS, 6 * MINUTE_MS]) {
    await stage.run({ jobs: ['compaction'], evenIfNotDue: true });
    stage.clock.pass(passMs);
  }
  return stage.run({ ...ALL, ...options });
}

export async function reportOf(stage: MaintenanceStage): Promise<CompactionReport> {
  const found = (await describeJobs(stage.deps)).find(({ job }) => job === 'compaction');
  return found!.report as CompactionReport;
}

export const valuesOf = async (stage: MaintenanceStage, partition: PartitionKey, domain = 'shared') => {
  const fetcher = new Fetcher({ store: stage.base, clock: stage.clock, random: stage.random });
  const { start } = await stage.head(partition);
  const [read] = await fetcher.fetch([{ partition, domain, offset: start, maxBytes: 1e9 }], {
    maxBytes: 1e9,
    consistent: true,
  });
  if (read!.outcome === 'failed') throw read!.error;
  return valuesIn(read!.batches).map((value) => value.replace(/\.+$/, ''));
};

/** A record of a megabyte at a time, in chunks of so many each. */
export async function appendLarge(stage: MaintenanceStage, partition: PartitionKey, chunks: readonly number[]) {
  const appender = new Appender({ store: stage.base, clock: stage.clock, random: stage.random });
  for (const count of chunks) {
    for (let n = 0; n < count; n++) {
      const batches = batchOf([large('x', 1024 * 1024)], [stage.clock.nowMs()]);
      await appender.append({ target: { partition, domain: 'shared', inlineMaxBytes: 0 }, batches });
    }
    await rollTail(stage.base, partition, await stage.head(partition));
  }
  await appender.close();
}

export const level1 = async (stage: MaintenanceStage) =>
  (await segments(stage)).filter((key) => parseSegmentKey(key).level === 1);

export async function regionsOf(stage: MaintenanceStage, key: string) {
  return decodeSegment((await stage.base.objects.get(key, 0, 1e9))!, { verifyRegions: true }).regions;
}
