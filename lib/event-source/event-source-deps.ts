import type { Clock, Random } from '../clock.ts';
import type { Fetcher } from '../log/fetcher.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import type { WorkerStore } from './event-source-store.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import type { Refusal } from './plan-batch.ts';
import type { ReceivedEvent } from './received-event.ts';

/** Tells, some time at or after a moment, that a partition is to be looked at for a group. Durable: it does so whatever ends meanwhile. */
export interface WakeUps {
  book(wakeUp: { readonly group: string; readonly partition: PartitionKey; readonly atMs: number }): Promise<void>;
}

/** A record that is not given to its function any more. */
export interface DeadRecord {
  readonly record: ReceivedEvent;
  readonly reason: 'RetryAttemptsExhausted' | Refusal;
  readonly failures: number;
  readonly error: string;
  /** Where it was thrown; '' when nobody knows. */
  readonly stack: string;
}

/** Takes records that were given up. */
export interface DeadRecordSink {
  /** Resolves when all of them are durable where they go. May be called again for the same ones after a crash. */
  send(subscription: FunctionSubscription, records: readonly DeadRecord[]): Promise<void>;
}

/** Where records go that were given up: on to be retried, to the destination of the subscription, or nowhere because it has none. */
export type GivenUpTo = 'retry-topic' | 'destination' | 'nowhere';

/** What happened, for logs and metrics. */
export type EventSourceNews = {
  readonly group: string;
  readonly partition: PartitionKey;
} & (
  | {
      readonly kind: 'invoked';
      readonly records: number;
      readonly failed: number;
      readonly durationMs: number;
      /** Of the newest record, when the function was called. */
      readonly ageMs: number;
      readonly error: string;
    }
  /** The function could not be called: so many records were not given, 0 where nobody knows. */
  | { readonly kind: 'throttled'; readonly records: number; readonly error: string; readonly untilMs: number }
  | { readonly kind: 'read'; readonly records: number }
  | { readonly kind: 'filtered'; readonly records: number }
  | {
      readonly kind: 'given-up';
      readonly records: number;
      readonly to: GivenUpTo;
      readonly reason: DeadRecord['reason'];
      readonly error: string;
    }
  | { readonly kind: 'destination-failed'; readonly records: number; readonly error: string }
  /** Dead letters were sent back on their schedule; `exhausted`: had been sent back often enough, and stay. */
  | { readonly kind: 'redriven'; readonly records: number; readonly exhausted: number }
  /** The topic of the subscription was deleted, or made again; nothing is given any more. The partition says nothing. */
  | { readonly kind: 'topic-missing'; readonly topic: string }
  /** The stored options make no sense here; nothing is given any more. The partition says nothing. */
  | { readonly kind: 'subscription-unreadable'; readonly error: string }
  | { readonly kind: 'skipped'; readonly from: bigint; readonly to: bigint }
  /** `lag`: records behind it, as far as the worker has seen. */
  | { readonly kind: 'committed'; readonly from: bigint; readonly to: bigint; readonly lag: bigint }
  /** Records of a function that pulls which its deserializers refused: each of them has failed. */
  | { readonly kind: 'undecodable'; readonly records: number; readonly error: string }
  | { readonly kind: 'waiting'; readonly untilMs: number }
  /** `records`: handled, `failed`: not; as the function tells it. */
  | {
      readonly kind: 'pulled';
      readonly records: number;
      readonly failed: number;
      readonly batches: number;
      readonly durationMs: number;
      /** Of the newest record of the first batch, when its handler was called; null: there was none. */
      readonly ageMs: number | null;
    }
  | { readonly kind: 'fenced' | 'crashed-before' | 'time-limit' }
  | { readonly kind: 'unreadable'; readonly error: string; readonly untilMs: number }
);

type WithoutPlace<N> = N extends unknown ? Omit<N, 'group' | 'partition'> : never;
/** News without where it happened. */
export type NewsBody = WithoutPlace<EventSourceNews>;

/** What the event source needs of the world. */
export interface EventSourceDeps {
  readonly store: WorkerStore;
  readonly fetcher: Pick<Fetcher, 'fetch'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly wakeUps: WakeUps;
  readonly sink: DeadRecordSink;
  readonly onNews: (news: EventSourceNews) => void;
}
