import { describeJobs, type JobDescription } from '../maintenance/describe-jobs.ts';
import type { MaintainDeps } from './maintain.ts';

const NAMESPACE = 'Millrace';
const METRIC = 'SecondsSinceSuccess';

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
