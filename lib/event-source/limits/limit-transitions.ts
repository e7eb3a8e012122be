/** Every change of what limits the calls of a function, as pure functions; see `head-transitions.ts` for how they are used. */
import type { Change } from '../../log/head-transitions.ts';
import type { RecordRate } from './record-rate.ts';
import type { Slots } from './slots.ts';

/** Arguments of a change of slots. */
export interface ReplaceSlotsArgs {
  /** `by` of what was read; '' where there was nothing. */
  readonly seen: string;
  /** Its `by` is fresh, so that a change whose answer was lost is known again. */
  readonly next: Slots;
}

/** Replaces the slots IF they are still those that were read. */
export function replaceSlotsTransition(current: Slots | undefined, { seen, next }: ReplaceSlotsArgs): Change<Slots> {
  if ((current?.by ?? '') !== seen) return { outcome: 'refused', item: current };
  return { outcome: 'done', item: next };
}

/** Arguments of a reservation. */
export interface ReserveArgs {
  readonly nowUs: number;
  /** What the records take at the rate. */
  readonly costUs: number;
  /** `nextUs` as it was seen last, 0 for never. A guess that is wrong costs one more request. */
  readonly seenUs: number;
}

/** Reserves time behind all that was reserved before, not before now. Done in any case; one that is repeated reserves twice, so that less is given, never more. */
export function reserveTransition(current: RecordRate | undefined, { nowUs, costUs }: ReserveArgs): RecordRate {
  return { nextUs: Math.max(current?.nextUs ?? 0, nowUs) + costUs };
}
