import { asMillraceError, type MillraceError } from '../errors.ts';
import { type CleanOptions, cleanJob } from './clean/clean-job.ts';
import { collectionJob } from './collection-job.ts';
import type { CollectionOptions } from './collection-state.ts';
import { type CompactionOptions, compactionJob } from './compaction-job.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { retentionJob } from './retention-job.ts';
import { type JobOutcome, type RunOptions, runJob } from './run-job.ts';

/** The jobs there are, in the order in which they are run. */
export const jobNames = ['retention', 'compaction', 'key-compaction', 'collection'] as const;

/** The name of a job. */
export type JobName = (typeof jobNames)[number];

/** How maintenance is run. */
export interface MaintenanceOptions extends RunOptions, CollectionOptions, CompactionOptions, CleanOptions {
  /** Default: all. */
  readonly jobs?: readonly JobName[];
  /** How long a job may go on while others have something left to do. Default a minute. */
  readonly turnMs?: number;
}

/** What became of one job. */
export interface JobRun {
  readonly job: JobName;
  readonly result: JobOutcome | { readonly outcome: 'failed'; readonly error: MillraceError };
}

const TURN_MS = 60_000;
/** Shorter turns are not worth the requests of taking a job. */
const TURN_LEAST_MS = 1_000;

/** Works on a job until it is done, or its time is over. */
type RunTurn = (options: RunOptions) => Promise<JobOutcome>;

/**
 * Runs the jobs of maintenance that are due until they are done, or the deadline; whatever is left is done by the next run. May be run as often as one likes, by several at once, and killed at any time. The failure of
 * one job keeps no other from running, nor does any, however much it has to do: they take turns, each a slice of a minute at a time, or of half of what is left until the deadline. A job that is not due costs one read.
 */
export async function runMaintenance(deps: MaintenanceDeps, options: MaintenanceOptions): Promise<readonly JobRun[]> {
  const made: Record<JobName, RunTurn> = {
    retention: (turn) => runJob(deps, retentionJob(deps), turn),
    compaction: (turn) => runJob(deps, compactionJob(deps, options), turn),
    'key-compaction': (turn) => runJob(deps, cleanJob(deps, options), turn),
    collection: (turn) => runJob(deps, collectionJob(deps, options), turn),
  };
  const jobs = options.jobs ?? jobNames;
  const results = new Map<JobName, JobRun['result']>();
  let open: readonly JobName[] = [...new Set(jobs)];
  while (open.length > 0) {
    const left: JobName[] = [];
    for (const [index, job] of open.entries()) {
      const isAlone = left.length === 0 && index === open.length - 1;
      const deadlineMs = isAlone ? options.deadlineMs : turnEndMs(deps, options);
      const result = await runTurn(made[job], { ...options, deadlineMs });
      results.set(job, result);
      if (result.outcome === 'unfinished') left.push(job);
    }
    const isOver = options.stop?.aborted === true || deps.clock.monotonicMs() >= options.deadlineMs;
    open = isOver ? [] : left;
  }
  return jobs.map((job) => ({ job, result: results.get(job)! }));
}

/** Compaction may have work for days, and what comes behind it, which alone gives storage back, shall get on meanwhile. */
function turnEndMs({ clock }: MaintenanceDeps, { deadlineMs, turnMs = TURN_MS }: MaintenanceOptions): number {
  const nowMs = clock.monotonicMs();
  const atMostMs = Math.min(turnMs, (deadlineMs - nowMs) / 2);
  return Math.min(deadlineMs, nowMs + Math.max(atMostMs, TURN_LEAST_MS));
}

async function runTurn(turn: RunTurn, options: RunOptions): Promise<JobRun['result']> {
  try {
    return await turn(options);
  } catch (error) {
    return { outcome: 'failed', error: asMillraceError(error) };
  }
}
