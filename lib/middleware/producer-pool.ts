/**
 * The producers of one function: each serves one invocation at a time, so that what fails in one takes nothing of another along, and is kept for the next, with the connections, topics and ends of partitions that it knows.
 */

import { Producer } from '../client/producer.ts';
import type { ProducerOptions } from '../client/producer-options.ts';
import type { Clock, Random } from '../clock.ts';
import { DelayWriter } from '../delay/delay-writer.ts';
import type { EventSourceStore } from '../event-source/event-source-store.ts';
import { Appender } from '../log/appender.ts';
import { TopicAdmin } from '../log/topic-admin.ts';
import { TopicDirectory } from '../log/topic-directory.ts';

/** What they are made of. */
export interface ProducerPoolDeps {
  readonly store: EventSourceStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Somebody releases delayed records. */
  readonly isReleasing: boolean;
}

/** A producer for one invocation. */
export interface PooledProducer<K, V> {
  readonly producer: Producer<K, V>;
  /** Monotonic: what it sends is decided by then, if the store answers. Set by whoever has it. */
  decideByMs: number;
  /** Resolves when nothing of it is under way any more, rolls included. */
  rest(): Promise<void>;
}

/** How long a producer believes what it read of a topic. */
const TOPIC_MAX_AGE_MS = 30_000;
const DELIVERY_TIMEOUT_MS = 30_000;

/** See the top of this file. */
export class ProducerPool<K, V> {
  readonly #deps: ProducerPoolDeps;
  readonly #options: ProducerOptions<K, V>;
  readonly #directory: TopicDirectory;
  readonly #delays: DelayWriter | null;
  readonly #idle: PooledProducer<K, V>[] = [];

  /** Throws INVALID_CONFIG. */
  constructor(deps: ProducerPoolDeps, options: ProducerOptions<K, V>) {
    const { clock, isReleasing } = deps;
    this.#deps = deps;
    this.#options = options;
    this.#directory = new TopicDirectory({ source: new TopicAdmin(deps), clock, maxAgeMs: TOPIC_MAX_AGE_MS });
    this.#delays = isReleasing ? new DelayWriter(deps) : null;
  }

  /** One that nobody else has. */
  take(): PooledProducer<K, V> {
    return this.#idle.pop() ?? this.#make();
  }

  /** Gives one back that is at rest. One that is not is never given back: what it has under way belongs to its invocation. */
  giveBack(pooled: PooledProducer<K, V>): void {
    this.#idle.push(pooled);
  }

  #make(): PooledProducer<K, V> {
    const { clock, random } = this.#deps;
    const {
      segmentBytes,
      maxPutsInFlight,
      maxFlushesPerSecond,
      deliveryTimeoutMs = DELIVERY_TIMEOUT_MS,
    } = this.#options;
    const bounds = { segmentBytes, maxPutsInFlight, maxFlushesPerSecond };
    // Finding out about a commit that was left unanswered may take as long again.
    const timeoutMs = () => Math.max(1, Math.min(deliveryTimeoutMs, (pooled.decideByMs - clock.monotonicMs()) / 2));
    const appender = new Appender({
      ...this.#deps,
      ...Object.fromEntries(Object.entries(bounds).filter(([, value]) => value !== undefined)),
      deliveryTimeoutMs: timeoutMs,
    });
    const parts = { appender, delays: this.#delays, delayTimeoutMs: timeoutMs, topics: this.#directory };
    const producer = new Producer<K, V>({ ...parts, clock, random }, this.#options);
    const pooled: PooledProducer<K, V> = {
      producer,
      decideByMs: Number.POSITIVE_INFINITY,
      async rest() {
        await producer.flush();
        await appender.flush();
      },
    };
    return pooled;
  }
}
