import type { Clock, Random } from '../clock.ts';
import type { LogStore } from '../log/log-store.ts';
import type { MaintenancePorts } from '../maintenance/jobs.ts';
import { type JobRun, runMaintenance } from '../maintenance/run-maintenance.ts';

/** What it needs. */
export interface MaintainDeps {
  readonly store: LogStore & MaintenancePorts;
  readonly clock: Clock;
  readonly random: Random;
}

/** What is left of a function's time when a slice of maintenance has to store how far it is. */
const RESERVE_MS = 30_000;

/** Runs the jobs of maintenance that are due, as far as the time goes: the next call goes on. Throws the first failure, after all jobs had their turn. */
export async function maintain(deps: MaintainDeps, remainingMs: number): Promise<readonly JobRun[]> {
  const deadlineMs = deps.clock.monotonicMs() + Math.max(remainingMs / 2, remainingMs - RESERVE_MS);
  const runs = await runMaintenance(deps, { deadlineMs });
  for (const { result } of runs) if (result.outcome === 'failed') throw result.error;
  return runs;
}
