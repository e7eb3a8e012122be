import { dynamoMaintenance } from '../aws/dynamo-jobs.ts';
import { type Environment, machine, openDeployedStore } from './deployment.ts';
import { type Handler, remainingMs } from './handler.ts';
import { maintain } from './maintain.ts';

/** Runs what is due of maintenance. */
export function maintenanceHandler(environment: Environment): Handler {
  const deps = { ...machine, store: openDeployedStore(environment, dynamoMaintenance).store };
  const tellsJobs = environment.MILLRACE_JOB_METRICS === 'true';
  const tellJobs = async () => {
    if (!tellsJobs) return;
    const { jobMetricLines } = await import('./job-metric-lines.ts');
    // As it is: what `console.log` puts before it would hide it from CloudWatch.
    for (const line of await jobMetricLines(deps)) process.stdout.write(`${line}\n`);
  };
  return async (_, context) => {
    const runs = await maintain(deps, remainingMs(context)).finally(tellJobs);
    return runs.map(({ job, result }) => ({ job, outcome: result.outcome }));
  };
}
