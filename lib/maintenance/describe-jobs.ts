import { repeatRequest } from '../log/repeat-request.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import type { RetentionReport, RetentionState } from './retention-job.ts';
import { parseJobState } from './run-job.ts';
import type { JobName } from './run-maintenance.ts';

/** How a job stands. Times are in ms since 1970. */
export interface JobDescription {
  readonly job: JobName;
  /** When a pass was ended last; null: never. */
  readonly succeededAtMs: number | null;
  /** When the pass was begun that is under way; null: none is. */
  readonly underWaySinceMs: number | null;
  /** Until when somebody has it; null: nobody. */
  readonly takenUntilMs: number | null;
  /** When the schedule runs it next. */
  readonly dueAtMs: number;
  /** What the last pass did, or the one under way has done so far; null: nothing ever. */
  readonly report: RetentionReport | null;
}

/** How all jobs stand. One read for each. Throws what the store throws, CORRUPT_OBJECT, UNSUPPORTED_FORMAT. */
export async function describeJobs(deps: MaintenanceDeps): Promise<readonly JobDescription[]> {
  return [await describeJob(deps, 'retention')];
}

async function describeJob(deps: MaintenanceDeps, job: JobName): Promise<JobDescription> {
  const { answer: stored } = await repeatRequest(deps, () => deps.store.jobs.read(job));
  const record = stored && parseJobState<RetentionState>(job, stored);
  const isTaken = stored !== null && stored.expiresAtMs > deps.store.serverClock.nowMs();
  return {
    job,
    succeededAtMs: record?.succeededAtMs || null,
    underWaySinceMs: record?.isUnderWay ? record.startedAtMs : null,
    takenUntilMs: isTaken ? stored.expiresAtMs : null,
    dueAtMs: stored?.dueAtMs ?? 0,
    report: record?.own.report ?? null,
  };
}
