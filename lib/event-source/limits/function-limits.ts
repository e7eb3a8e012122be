/** The port to what limits the calls of a function. */
import type { Change } from '../../log/head-transitions.ts';
import type { ReplaceSlotsArgs, ReserveArgs } from './limit-transitions.ts';
import type { RecordRate } from './record-rate.ts';
import type { Slots } from './slots.ts';

/** Each change is atomic and carries out the transition of the same name in `limit-transitions.ts`. All reads are consistent. Errors are as for `Heads`. */
export interface FunctionLimits {
  readSlots(group: string, shard: number): Promise<Slots | null>;
  replaceSlots(group: string, shard: number, args: ReplaceSlotsArgs): Promise<Change<Slots>>;
  /** What is stored then. One write unit, two where `seenUs` was wrong. */
  reserve(group: string, recordsPerSecond: number, args: ReserveArgs): Promise<RecordRate>;
  /** Removes all of them of a group; those that are not there are removed already. */
  remove(group: string): Promise<void>;
}
