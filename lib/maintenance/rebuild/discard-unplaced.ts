import { MillraceError } from '../../errors.ts';
import type { MaintenanceDeps } from '../maintenance-deps.ts';
import { type JobSlice, runJob } from '../run-job.ts';
import { REBUILD, type RebuildState, readHold, rebuildBusy } from './rebuild-hold.ts';

/** Gives up the objects of level 0 that a rebuilding had no place for: collection deletes them, as it does all that nothing names. Throws INVALID_REQUEST where there is nothing to give up, TOPIC_BUSY while somebody rebuilds. */
export async function discardUnplaced(deps: MaintenanceDeps): Promise<void> {
  const { isUnderWay, heldUpTo } = await readHold(deps);
  if (isUnderWay || heldUpTo === null) {
    throw new MillraceError('INVALID_REQUEST', 'there is nothing to discard', {
      hint: isUnderWay ? 'A rebuilding is under way: run it to its end first.' : 'No rebuilding has left anything.',
    });
  }
  const discard = async ({ state }: JobSlice<RebuildState>) =>
    ({ isDone: true, state: { ...state!, isHeld: false }, dueAtMs: 0 }) as const;
  const options = { deadlineMs: Number.POSITIVE_INFINITY, evenIfNotDue: true };
  const end = await runJob<RebuildState>(deps, { name: REBUILD, run: discard }, options);
  if (end.outcome !== 'done') throw rebuildBusy(end.outcome);
}
