/**
 * What a rebuilding keeps collection from. Stored as the state of the job `rebuild`: it takes the job, so that only one works at a time, and leaves behind which objects are still to be judged by a person.
 */
import { MillraceError } from '../../errors.ts';
import { repeatRequest } from '../../log/repeat-request.ts';
import type { SegmentId } from '../../segment/segment-id.ts';
import type { MaintenanceDeps } from '../maintenance-deps.ts';
import { parseJobState } from '../run-job.ts';

/** Name of the job. */
export const REBUILD = 'rebuild';

/** What the job stores. */
export interface RebuildState {
  /** When it was begun; what is done once more goes by it too. ms since 1970. */
  readonly beganAtMs: number;
  /** Every id that there was is at or below it. */
  readonly fence: SegmentId;
  /** looking: nothing was written yet. making: what is in the tables was made by it, and not all is. done: all heads are there, or nothing was written. */
  readonly phase: 'looking' | 'making' | 'done';
  /** Objects of level 0 at or below the fence stay although nothing names them: their records have no place in the log any more. False once a person has given them up. */
  readonly isHeld: boolean;
}

/** What collection has to keep its hands off. */
export interface RebuildHold {
  /** Not all heads are there: anything may come to be named. */
  readonly isUnderWay: boolean;
  /** Objects of level 0 at or below it stay; null: none. */
  readonly heldUpTo: SegmentId | null;
  /** Rises with each rebuilding: what was planned under another one is not to be carried out. 0: there was none. */
  readonly epoch: number;
}

/** One read. Throws what the store throws after ten attempts. */
export async function readHold(deps: MaintenanceDeps): Promise<RebuildHold> {
  const { answer: stored } = await repeatRequest(deps, () => deps.store.jobs.read(REBUILD));
  const record = stored && parseJobState<RebuildState>(REBUILD, stored);
  if (stored === null || record === null) return { isUnderWay: false, heldUpTo: null, epoch: 0 };
  const { phase, isHeld, fence } = record.own;
  return { isUnderWay: phase !== 'done', heldUpTo: isHeld ? fence : null, epoch: stored.epoch };
}

/** The error while another one works on it. */
export function rebuildBusy(outcome: string): MillraceError {
  return new MillraceError('TOPIC_BUSY', 'somebody else is rebuilding this log', {
    value: outcome,
    hint: 'If that was killed, try again in a minute: then it goes on.',
  });
}
