/** The port to what is not a topic of the log: queues, topics of SNS, buckets. */
import type { FailureDestination } from './failure-destination.ts';

/** A destination outside of the log. */
export type OutsideDestination = Exclude<FailureDestination, { readonly kind: 'topic' }>;

/** What is told of one record that was given up. */
export interface FailureNotice {
  /** JSON, of the characters that XML allows: SQS takes no others. */
  readonly body: string;
  /** The subscription that gave it up. */
  readonly group: string;
  /** Where the record comes from first: the same however often it is told. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** When it was given up, milliseconds since 1970. */
  readonly atMs: number;
}

/** too-large: the destination will never take it. */
export type NoticeOutcome = 'sent' | 'too-large';

/** Hands notices over. */
export interface NoticeSender {
  /**
   * Resolves when each is durable there, or will never be, to what became of them in their order. May be told of the same ones again. Throws when one could not be sent, some others may be there then: STORE_MISSING, ACCESS_DENIED, THROTTLED,
   * STORE_UNAVAILABLE, …
   */
  send(destination: OutsideDestination, notices: readonly FailureNotice[]): Promise<readonly NoticeOutcome[]>;
  /** Throws when the destination cannot be reached from here, with the way out; sends nothing. */
  check(destination: OutsideDestination): Promise<void>;
  /** Ends its connections. */
  close(): Promise<void>;
}
