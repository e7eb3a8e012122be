import type { PreparedRecord } from './outgoing-record.ts';
import type { SendTime } from './send-clock.ts';
import type { SendWaiter } from './send-waiter.ts';

/** A record on its way into a batch, and who waits for it. */
export interface PendingSend {
  readonly record: PreparedRecord;
  readonly waiter: SendWaiter;
  /** The waiter's number of it. */
  readonly index: number;
  readonly when: SendTime;
}
