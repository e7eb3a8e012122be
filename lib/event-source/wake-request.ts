import type { Head } from '../log/head.ts';
import type { FunctionSubscription } from './function-subscription.ts';

/** What wakes a worker. */
export interface WakeRequest {
  readonly subscription: FunctionSubscription;
  readonly partition: number;
  /** The epoch of the lease that was seen, 0 for none. */
  readonly seen: number;
  /** The head that was seen: its data is used, but nothing is ever concluded from what it does not have. */
  readonly head: Head | null;
  /** It is at least this late, whatever the clock says here: the time of the wake-up that led here; 0 or absent: none. */
  readonly atMs?: number;
}
