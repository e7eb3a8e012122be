import { repeatRequest } from '../log/repeat-request.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import type { RetentionState } from './retention-job.ts';
import { parseJobState } from './run-job.ts';

/** What a pass over all heads has seen. */
export interface SeenHeads {
  /** Of all heads, see `headSum`; null: never. */
  readonly lastSum: number | null;
  /** When it was ended, ms since 1970. */
  readonly lastPassAtMs: number;
}

/** Whether nothing was written since a pass over all heads, as retention has seen, which looks more often: one read. */
export async function isUnchangedSince(deps: MaintenanceDeps, { lastSum, lastPassAtMs }: SeenHeads): Promise<boolean> {
  const { answer: stored } = await repeatRequest(deps, () => deps.store.jobs.read('retention'));
  const retention = stored && parseJobState<RetentionState>('retention', stored);
  if (!retention || retention.isUnderWay || retention.startedAtMs < lastPassAtMs) return false;
  return retention.own.lastSum === lastSum;
}
