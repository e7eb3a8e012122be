import { asMillraceError, type MillraceError } from '../errors.ts';
import { type CleanOptions, cleanJob } from './clean/clean-job.ts';
import { type CollectionOptions, collectionJob } from './collection-job.ts';
import { type CompactionOptions, compactionJob } from './compaction-job.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { retentionJob } from './retention-job.ts';
import { type JobOutcome, type MaintenanceJob, type RunOptions, runJob } from './run-job.ts';

/** The jobs there are, in the order in which they are run. */
export const jobNames = ['retention', 'compaction', 'key-compaction', 'collection'] as const;

/** The name of a job. */
export type JobName = (typeof jobNames)[number];

/** How maintenance is run. */
export interface MaintenanceOptions extends RunOptions, CollectionOptions, CompactionOptions, CleanOptions {
  /** Default: all. */
  readonly jobs?: readonly JobName[];
}

/** What became of one job. */
export interface JobRun {
  readonly job: JobName;
  readonly result: JobOutcome | { readonly outcome: 'failed'; readonly error: MillraceError };
}

/**
 * Runs the jobs of maintenance that are due, one after another, until the deadline; whatever is left is done by the next run. May be run as often as one likes, by several at once, and killed at any time. The
 * failure of one job keeps no other from running, nor does compaction of either kind, however much it has to do: each gets half of the time that is left. A job that is not due costs one read.
 */
export async function runMaintenance(deps: MaintenanceDeps, options: MaintenanceOptions): Promise<readonly JobRun[]> {
  const runs: JobRun[] = [];
  const jobs = options.jobs ?? jobNames;
  const share = (job: JobName) => (jobs.at(-1) === job ? options : halfOf(deps, options));
  const made: Record<JobName, () => Promise<JobOutcome>> = {
    retention: () => run(deps, retentionJob(deps), options),
    compaction: () => run(deps, compactionJob(deps, options), share('compaction')),
    'key-compaction': () => run(deps, cleanJob(deps, options), share('key-compaction')),
    collection: () => run(deps, collectionJob(deps, options), options),
  };
  for (const job of jobs) {
    try {
      runs.push({ job, result: await made[job]() });
    } catch (error) {
      runs.push({ job, result: { outcome: 'failed', error: asMillraceError(error) } });
    }
  }
  return runs;
}

/** Half of the time that is left: compaction may have work for days, and what comes behind it, which alone gives storage back, shall get on meanwhile. */
function halfOf({ clock }: MaintenanceDeps, options: RunOptions): RunOptions {
  const nowMs = clock.monotonicMs();
  return { ...options, deadlineMs: nowMs + (options.deadlineMs - nowMs) / 2 };
}

function run<S>(deps: MaintenanceDeps, job: MaintenanceJob<S>, options: RunOptions): Promise<JobOutcome> {
  return runJob(deps, job, options);
}
