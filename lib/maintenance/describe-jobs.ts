import type { ErrorCode } from '../errors.ts';
import type { CleanReport, CleanState } from './clean/clean-state.ts';
import type { CollectionReport, CollectionState } from './collection-state.ts';
import type { CompactionReport, CompactionState } from './compaction-state.ts';
import type { CondemnedList } from './condemned-list.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { readOrDamage } from './read-or-damage.ts';
import type { RetentionReport, RetentionState } from './retention-job.ts';
import { parseJobState } from './run-job.ts';
import type { JobName } from './run-maintenance.ts';

/** How a job stands. Times are in ms since 1970. */
export type JobDescription = JobTimes &
  (
    | { readonly job: 'retention'; readonly report: RetentionReport | null }
    | { readonly job: 'compaction'; readonly report: CompactionReport | null }
    | { readonly job: 'key-compaction'; readonly report: CleanReport | null }
    | {
        readonly job: 'collection';
        readonly report: CollectionReport | null;
        /** Objects that are condemned, list by list, oldest first, and when each list was made. */
        readonly waiting: readonly Pick<CondemnedList, 'atMs' | 'objects' | 'bytes'>[];
      }
  );

/** What is known of every job; its `report` tells what the last pass did, or the one under way has done so far; null: nothing ever. */
export interface JobTimes {
  /** When a pass was ended last; null: never. */
  readonly succeededAtMs: number | null;
  /** When the pass was begun that is under way; null: none is. */
  readonly underWaySinceMs: number | null;
  /** Until when somebody has it; null: nobody. */
  readonly takenUntilMs: number | null;
  /** When the schedule runs it next. */
  readonly dueAtMs: number;
  /** Why its item cannot be read: then nothing is known of it, and it does not run. Absent: it can. */
  readonly damage?: { readonly code: ErrorCode; readonly message: string };
}

/** How all jobs stand, in the order in which they are run. One read for each. One whose item is damaged does not hide the others. Throws what the store throws otherwise. */
export async function describeJobs(deps: MaintenanceDeps): Promise<readonly JobDescription[]> {
  const [retention, retentionTimes] = await readJob<RetentionState>(deps, 'retention');
  const [compaction, compactionTimes] = await readJob<CompactionState>(deps, 'compaction');
  const [cleaning, cleaningTimes] = await readJob<CleanState>(deps, 'key-compaction');
  const [collection, collectionTimes] = await readJob<CollectionState>(deps, 'collection');
  const waiting = (collection?.lists ?? []).map(({ atMs, objects, bytes }) => ({ atMs, objects, bytes }));
  return [
    { job: 'retention', ...retentionTimes, report: retention?.report ?? null },
    { job: 'compaction', ...compactionTimes, report: compaction?.report ?? null },
    { job: 'key-compaction', ...cleaningTimes, report: cleaning?.report ?? null },
    { job: 'collection', ...collectionTimes, report: collection?.report ?? null, waiting },
  ];
}

async function readJob<S>(deps: MaintenanceDeps, job: JobName): Promise<readonly [S | null, JobTimes]> {
  const read = await readOrDamage(deps, async () => {
    const stored = await deps.store.jobs.read(job);
    return { stored, record: stored && parseJobState<S>(job, stored) };
  });
  if ('damage' in read) {
    const { code, message } = read.damage;
    const unknown = { succeededAtMs: null, underWaySinceMs: null, takenUntilMs: null, dueAtMs: 0 };
    return [null, { ...unknown, damage: { code, message } }];
  }
  const { stored, record } = read.answer;
  const isTaken = stored !== null && stored.expiresAtMs > deps.store.serverClock.nowMs();
  const times = {
    succeededAtMs: record?.succeededAtMs || null,
    underWaySinceMs: record?.isUnderWay ? record.startedAtMs : null,
    takenUntilMs: isTaken ? stored.expiresAtMs : null,
    dueAtMs: stored?.dueAtMs ?? 0,
  };
  return [record?.own ?? null, times];
}
