/**
 * What a function sends with: the records of one invocation, gathered until its handler is done, so that they leave together.
 *
 * They leave before that when a batch is full, when somebody waits for one of them, when the memory is full, and when the time of the function is nearly over. Always true: when `settle` resolves, each record is acknowledged, or named
 * in the error that it resolves to, or its failure was told to the handler that waited for it.
 */

import type { DelayedMetadata, DelayedOutgoingRecord } from '../client/delayed-sends.ts';
import type { Bytes, OutgoingRecord } from '../client/outgoing-record.ts';
import type { RecordMetadata } from '../client/send-waiter.ts';
import type { Clock } from '../clock.ts';
import { asMillraceError, MillraceError } from '../errors.ts';
import { HOPS_HEADER } from '../event-source/hops.ts';
import { AwaitedPromise } from './awaited-promise.ts';
import type { PooledProducer } from './producer-pool.ts';
import { type UnacknowledgedRecord, unacknowledged } from './unacknowledged.ts';

/** One that enters its topic now or later. */
export type AnyRecord<K, V> = OutgoingRecord<K, V> | DelayedOutgoingRecord<K, V>;

/** What it needs. */
export interface InvocationProducerDeps<K, V> {
  readonly pooled: PooledProducer<K, V>;
  readonly clock: Clock;
  /** Monotonic: from then on nothing is held back. */
  readonly leaveByMs: number;
  /** Monotonic: then the invocation ends, whatever is still under way. */
  readonly answerByMs: number;
  /** What each record is told to have come through, see `hops.ts`; null: nothing. */
  readonly hops: number | null;
  /** Told of failures that the handler did not wait for; then they do not fail the invocation. */
  readonly onSendFailed: ((error: MillraceError, record: AnyRecord<K, V>) => void) | undefined;
}

interface Sent<K, V> {
  readonly index: number;
  readonly record: AnyRecord<K, V>;
  /** Somebody waits for it, and is told. */
  isAwaited: boolean;
  error: MillraceError | null;
}

interface Sending<K, V> {
  readonly sent: Sent<K, V>;
  readonly settled: Promise<RecordMetadata | DelayedMetadata>;
}

/** See the top of this file. */
export class InvocationProducer<K = Bytes, V = Bytes> {
  readonly #deps: InvocationProducerDeps<K, V>;
  readonly #pending = new Set<Sent<K, V>>();
  readonly #failed: Sent<K, V>[] = [];
  #sentCount = 0;
  #isOver = false;
  /** Ends the wait for the time to leave; null when nobody waits. */
  #watch: AbortController | null = null;
  #isLeaving = false;

  constructor(deps: InvocationProducerDeps<K, V>) {
    this.#deps = deps;
  }

  /**
   * Sends a record, and resolves when it is durable, with its place; it need not be awaited, because the answer of the function waits for it. Whoever does not await it has its failure fail the invocation. Awaiting lets go of all that is
   * held back, so await many together. Rejects as `Producer.send` does, and with CLOSED once the handler is done.
   */
  send(record: OutgoingRecord<K, V>): Promise<RecordMetadata>;
  /** Sends a record that enters its topic later, and resolves when that is certain, with its id; it is not held back, and need not be awaited either. See docs/delays.md. */
  send(record: DelayedOutgoingRecord<K, V>): Promise<DelayedMetadata>;
  send(record: AnyRecord<K, V>): Promise<RecordMetadata | DelayedMetadata> {
    const { sent, settled } = this.#send(record);
    return AwaitedPromise.over(settled, () => this.#awaited([sent]));
  }

  /** Sends records as `send` does one after another, for one promise. Resolves to the place of each when all are settled, or rejects with what the first of them in the list was refused with. */
  sendAll(records: readonly OutgoingRecord<K, V>[]): Promise<readonly RecordMetadata[]> {
    const all = records.map((record) => this.#send(record));
    const settled = Promise.allSettled(all.map((one) => one.settled)).then((outcomes) =>
      outcomes.map((outcome) => {
        if (outcome.status === 'rejected') throw outcome.reason;
        return outcome.value as RecordMetadata;
      }),
    );
    return AwaitedPromise.over(settled, () => this.#awaited(all.map(({ sent }) => sent)));
  }

  /** Resolves when the buffer has room for more: the back-pressure of handlers that send more than it holds. */
  room(): Promise<void> {
    return this.#deps.pooled.producer.room();
  }

  /** Lets go of everything sent before, and resolves when all of it is settled; failures are told as `send` tells them. */
  flush(): Promise<void> {
    return this.#deps.pooled.producer.flush();
  }

  /** Ends: nothing is sent any more. Resolves when everything is settled or the time is over, to what the invocation fails with; null when nothing is wrong. `handlerError`: what the handler threw. */
  async settle(handlerError?: unknown): Promise<{ readonly error: MillraceError | null; readonly isAtRest: boolean }> {
    this.#isOver = true;
    this.#watch?.abort();
    const isAtRest = this.#sentCount === 0 || (await this.#inTime(this.#deps.pooled.rest()));
    const { onSendFailed } = this.#deps;
    const untold = this.#failed.filter(({ isAwaited }) => !isAwaited);
    if (onSendFailed !== undefined) for (const { error, record } of untold) onSendFailed(error!, record);
    const open = [...(onSendFailed === undefined ? untold : []), ...this.#pending];
    const error = open.length === 0 ? null : unacknowledged(open.map(named), this.#sentCount, handlerError);
    return { error, isAtRest };
  }

  /** Whether it came before the function has to answer. */
  async #inTime(action: Promise<void>): Promise<boolean> {
    const { clock, answerByMs } = this.#deps;
    const over = new AbortController();
    const late = clock.sleep(Math.max(0, answerByMs - clock.monotonicMs()), over.signal).then(() => false);
    const done = action.then(
      () => true,
      () => false,
    );
    const isInTime = await Promise.race([done, late]);
    over.abort();
    return isInTime;
  }

  #send(record: AnyRecord<K, V>): Sending<K, V> {
    const sent: Sent<K, V> = { index: this.#sentCount, record, isAwaited: false, error: null };
    this.#sentCount += 1;
    this.#pending.add(sent);
    const given = this.#isOver
      ? Promise.reject(tooLate(record))
      : // The producer tells the two apart by their fields.
        this.#deps.pooled.producer.send(withHops(record, this.#deps.hops) as OutgoingRecord<K, V>);
    const settled = given.finally(() => this.#pending.delete(sent));
    settled.catch((error: unknown) => {
      sent.error = asMillraceError(error);
      this.#failed.push(sent);
    });
    if (!this.#isOver) this.#watchTime();
    return { sent, settled };
  }

  #awaited(all: readonly Sent<K, V>[]): void {
    for (const sent of all) sent.isAwaited = true;
    if (!this.#isOver && all.some((sent) => this.#pending.has(sent))) this.#leave();
  }

  /** At the end of this turn, so that what is sent and awaited together leaves together. */
  #leave(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    queueMicrotask(() => {
      this.#isLeaving = false;
      void this.flush();
    });
  }

  /** From the time to leave on nothing is held back, although the handler still runs. */
  #watchTime(): void {
    const { clock, leaveByMs } = this.#deps;
    const leftMs = leaveByMs - clock.monotonicMs();
    if (leftMs <= 0) this.#leave();
    if (leftMs <= 0 || this.#watch !== null) return;
    const watch = new AbortController();
    this.#watch = watch;
    void clock.sleep(leftMs, watch.signal).then(() => {
      if (!watch.signal.aborted) this.#leave();
    });
  }
}

/** The record with the count in a header, in the place of one that it was copied with. Headers of a wrong form stay as they are, for whoever refuses them. */
function withHops<K, V>(record: AnyRecord<K, V>, hops: number | null): AnyRecord<K, V> {
  const headers: unknown = record?.headers ?? {};
  if (hops === null || typeof headers !== 'object') return record;
  const count = `${hops}`;
  if (!Array.isArray(headers)) return { ...record, headers: { ...headers, [HOPS_HEADER]: count } };
  const others = (headers as readonly (readonly [string, Bytes])[]).filter((one) => one?.[0] !== HOPS_HEADER);
  return { ...record, headers: [...others, [HOPS_HEADER, count]] };
}

function named<K, V>({ index, record, error }: Sent<K, V>): UnacknowledgedRecord {
  return { index, topic: String(record?.topic), key: typeof record?.key === 'string' ? record.key : null, error };
}

function tooLate(record: { readonly topic: string }): MillraceError {
  return new MillraceError('CLOSED', 'the handler that this producer was given to is done', {
    value: record?.topic,
    hint: 'Await what sends, or send before the handler returns.',
  });
}
