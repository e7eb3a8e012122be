/** What the invocations of one function that produces share, and one such invocation. */

import type { Bytes } from '../client/outgoing-record.ts';
import { checkProducerOptions, type ProducerOptions } from '../client/producer-options.ts';
import { type Clock, type Random, systemClock, systemRandom } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import type { EventSourceStore } from '../event-source/event-source-store.ts';
import { hopsFrom } from '../event-source/hops.ts';
import { functionStore, once } from './function-store.ts';
import { DEFAULT_RESERVE_MS, DEFAULT_TIME_MS, type FunctionContext, withinTime } from './function-time.ts';
import { type AnyRecord, InvocationProducer } from './invocation-producer.ts';
import { type PooledProducer, ProducerPool } from './producer-pool.ts';

/** How a function produces: the options of a producer, but for what would have nobody wait for a record. */
export interface ProduceOptions<K = Bytes, V = Bytes> extends Omit<ProducerOptions<K, V>, 'acks' | 'onSendFailed'> {
  /** A store that is open, or a connection string. Default: the variable MILLRACE_STORE. */
  readonly store?: EventSourceStore | string;
  /** So long before the function's deadline nothing is held back any more; a quarter of it before the deadline the invocation fails if something is not acknowledged. Default 2,000, and never more than a fifth of its time. */
  readonly reserveMs?: number;
  /** Told of each record that failed and that the handler did not wait for; then it does not fail the invocation. What is still under way at the end always does. Default: it fails the invocation. */
  readonly onSendFailed?: (error: MillraceError, record: AnyRecord<K, V>) => void;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Records wait for the end of the handler, unless `lingerMs` says otherwise. */
const UNTIL_THE_END_MS = 2 ** 31 - 1;
/** Of the reserve, for the answer itself. */
const ANSWER_SHARE = 4;

/** See the top of this file. */
export class ProducingFunction<K, V> {
  readonly #options: ProduceOptions<K, V>;
  readonly #pool: () => Promise<ProducerPool<K, V>>;

  /** Throws INVALID_CONFIG. */
  constructor(options: ProduceOptions<K, V>) {
    const {
      store,
      reserveMs = DEFAULT_RESERVE_MS,
      onSendFailed,
      clock = systemClock,
      random = systemRandom,
      ...given
    } = options;
    checkOwnOptions({ ...given, reserveMs });
    const producerOptions = { lingerMs: UNTIL_THE_END_MS, ...given };
    checkProducerOptions(producerOptions);
    this.#options = options;
    this.#pool = once(
      async () => new ProducerPool({ ...(await functionStore(store, clock)), clock, random }, producerOptions),
    );
  }

  /** An invocation. Throws INVALID_CONFIG when no store is named, and what opening it throws. */
  async call(event: unknown, context: FunctionContext): Promise<ProducingCall<K, V>> {
    return new ProducingCall(await this.#pool(), this.#options, context, hopsFrom(event));
  }
}

function checkOwnOptions(given: { readonly reserveMs: number; readonly acks?: unknown }): void {
  const { reserveMs, acks } = given;
  if (!Number.isInteger(reserveMs) || reserveMs < 0) {
    const details = { value: reserveMs, hint: 'Give whole milliseconds, 0 or more.' };
    throw new MillraceError('INVALID_CONFIG', `the option reserveMs cannot be ${String(reserveMs)}`, details);
  }
  if (acks === undefined) return;
  throw new MillraceError('INVALID_CONFIG', 'a function waits for all of its records, so it has no option acks', {
    value: acks,
    hint: 'Leave it out, and give onSendFailed to be told of failures instead of failing.',
  });
}

/** One invocation. */
export class ProducingCall<K, V> {
  readonly producer: InvocationProducer<K, V>;
  readonly #pool: ProducerPool<K, V>;
  readonly #pooled: PooledProducer<K, V>;
  readonly #clock: Clock;
  readonly #answerByMs: number;

  constructor(pool: ProducerPool<K, V>, options: ProduceOptions<K, V>, context: FunctionContext, hops: number | null) {
    const { clock = systemClock, reserveMs: wished = DEFAULT_RESERVE_MS, onSendFailed } = options;
    const leftMs = context.getRemainingTimeInMillis?.() ?? DEFAULT_TIME_MS;
    const reserveMs = Math.min(wished, leftMs / 5);
    const endMs = clock.monotonicMs() + leftMs;
    this.#pool = pool;
    this.#clock = clock;
    this.#answerByMs = endMs - reserveMs / ANSWER_SHARE;
    this.#pooled = pool.take();
    this.#pooled.decideByMs = this.#answerByMs;
    this.producer = new InvocationProducer({
      pooled: this.#pooled,
      clock,
      leaveByMs: endMs - reserveMs,
      answerByMs: this.#answerByMs,
      hops,
      onSendFailed,
    });
  }

  /** See `InvocationProducer.settle`. */
  async settle(handlerError?: unknown): Promise<MillraceError | null> {
    const { error, isAtRest } = await this.producer.settle(handlerError);
    if (isAtRest) this.#pool.giveBack(this.#pooled);
    return error;
  }

  /** What a handler returns, unless the function has to answer before that. */
  inTime<T>(action: () => Promise<T>): Promise<T> {
    return withinTime(this.#clock, this.#answerByMs, action);
  }
}
