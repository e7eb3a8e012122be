import type { Clock, Random } from '../clock.ts';
import type { EventSourceStore } from '../event-source/event-source-store.ts';
import { describeJobs, type JobDescription } from '../maintenance/describe-jobs.ts';
import { type JobRun, runMaintenance } from '../maintenance/run-maintenance.ts';

/** What it needs. */
export interface MaintainDeps {
  readonly store: EventSourceStore;
  readonly clock: Clock;
  readonly random: Random;
}

/** What is left of a function's time when a slice of maintenance has to store how far it is. */
const RESERVE_MS = 30_000;
const NAMESPACE = 'Millrace';
const METRIC = 'SecondsSinceSuccess';

/** Runs the jobs of maintenance that are due, as far as the time goes: the next call goes on. Throws the first failure, after all jobs had their turn. */
export async function maintain(deps: MaintainDeps, remainingMs: number): Promise<readonly JobRun[]> {
  const deadlineMs = deps.clock.monotonicMs() + Math.max(remainingMs / 2, remainingMs - RESERVE_MS);
  const runs = await runMaintenance(deps, { deadlineMs });
  for (const { result } of runs) if (result.outcome === 'failed') throw result.error;
  return runs;
}

/** A line for each job, from which CloudWatch takes how long ago it succeeded. One that never has says nothing. Source: "Specification: Embedded metric format" in the CloudWatch user guide. */
export async function jobMetricLines(deps: MaintainDeps): Promise<readonly string[]> {
  const nowMs = deps.store.serverClock.nowMs();
  return (await describeJobs(deps)).flatMap((job) => jobMetricLine(job, nowMs));
}

function jobMetricLine({ job, succeededAtMs }: JobDescription, nowMs: number): readonly string[] {
  if (succeededAtMs === null) return [];
  const metrics = [{ Name: METRIC, Unit: 'Seconds' }];
  const directive = { Namespace: NAMESPACE, Dimensions: [['Job']], Metrics: metrics };
  const seconds = Math.max(0, (nowMs - succeededAtMs) / 1_000);
  const _aws = { Timestamp: Math.floor(nowMs), CloudWatchMetrics: [directive] };
  return [JSON.stringify({ _aws, Job: job, [METRIC]: seconds })];
}
