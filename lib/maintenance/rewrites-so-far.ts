import { repeatRequest } from '../log/repeat-request.ts';
import type { CompactionState } from './compaction-state.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { parseJobState } from './run-job.ts';

/** How often chunks have begun to be rewritten: another number when collection may find what it has not found before, although nothing was written. One read. */
export async function rewritesSoFar(deps: MaintenanceDeps): Promise<number> {
  const { answer: stored } = await repeatRequest(deps, () => deps.store.jobs.read('compaction'));
  return (stored && parseJobState<CompactionState>('compaction', stored))?.own.rewrites ?? 0;
}
