import type { PreparedRecord } from './outgoing-record.ts';
import type { SendWaiter } from './send-waiter.ts';

/** When a record was sent: also the timestamp of one that has none. One for all that are sent together. */
export interface SendTime {
  readonly monotonicMs: number;
  readonly timestampMs: bigint;
}

/** A record on its way into a batch, and who waits for it. */
export interface PendingSend {
  readonly record: PreparedRecord;
  readonly waiter: SendWaiter;
  /** The waiter's number of it. */
  readonly index: number;
  readonly when: SendTime;
}
