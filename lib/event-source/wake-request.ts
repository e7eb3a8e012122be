import type { Head } from '../log/head.ts';
import type { FunctionSubscription } from './function-subscription.ts';

/** What wakes a worker. */
export interface WakeRequest {
  readonly subscription: FunctionSubscription;
  /** When it was read, by the clock of whoever read it, milliseconds since 1970. A worker that begins much later reads it again first. */
  readonly readAtMs: number;
  readonly partition: number;
  /** The epoch of the lease that was seen, 0 for none. */
  readonly seen: number;
  /** The head that was seen: its data is used, but nothing is ever concluded from what it does not have. */
  readonly head: Head | null;
  /** It is at least this late, whatever the clock says here: the time of the wake-up that led here; 0 or absent: none. */
  readonly atMs?: number;
}
