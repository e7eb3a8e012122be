import type { Clock, Random } from '../clock.ts';
import { DelayAdmin } from '../delay/delay-admin.ts';
import type { DelayStore } from '../delay/delay-store.ts';
import { DelayWriter } from '../delay/delay-writer.ts';
import { MillraceError } from '../errors.ts';
import { GroupAdmin } from '../group/group-admin.ts';
import { Appender, type AppenderOptions } from '../log/appender.ts';
import { Fetcher } from '../log/fetcher.ts';
import { TopicAdmin } from '../log/topic-admin.ts';
import { TopicDirectory, unknownPartition } from '../log/topic-directory.ts';
import { Consumer } from './consumer.ts';
import type { ConsumerOptions } from './consumer-options.ts';
import type { Bytes } from './outgoing-record.ts';
import { Producer } from './producer.ts';
import { type CheckedProducerOptions, checkProducerOptions, type ProducerOptions } from './producer-options.ts';
import { Reader } from './reader.ts';
import type { TypedReaderOptions } from './reader-options.ts';
import type { RawBytes } from './received-record.ts';
import type { TopicPartition } from './record-stream.ts';
import { checkStartPosition, offsetOf, type StartPosition } from './start-position.ts';

/** What a client is made of. */
export interface MillraceDeps {
  readonly store: DelayStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether somebody releases delayed records of the store; where nobody does, producers refuse them. Default true: whoever opened the store sees to it. */
  readonly isReleasing?: boolean;
  /** Whether `close` closes the store too. Default false: whoever opened it closes it. */
  readonly ownsStore?: boolean;
}

/** How long a client believes what it read of a topic. A topic that was made again before that is noticed by the first append or fetch. */
const TOPIC_MAX_AGE_MS = 30_000;

/**
 * A client of one store: the way in to everything. Made by `connect`.
 *
 * @example
 * const millrace = await connect('file:.millrace');
 * await millrace.topics.createTopic({ name: 'orders', partitionCount: 8 });
 * const producer = millrace.producer();
 * await producer.send({ topic: 'orders', key: 'order-1', value: 'paid' });
 * await millrace.close();
 */
export class Millrace {
  /** Administration of topics. */
  readonly topics: TopicAdmin;
  /** Administration of consumer groups. */
  readonly groups: GroupAdmin;
  /** Administration of delayed records. */
  readonly delayed: DelayAdmin;
  readonly #delays: DelayWriter | null;
  readonly #deps: MillraceDeps;
  readonly #directory: TopicDirectory;
  readonly #fetcher: Fetcher;
  readonly #open = new Set<{ close(): Promise<void> }>();
  #closing: Promise<void> | null = null;

  constructor(deps: MillraceDeps) {
    const { store, clock, random } = deps;
    this.#deps = deps;
    this.topics = new TopicAdmin({ store, clock, random });
    this.groups = new GroupAdmin({ store, clock, random });
    this.delayed = new DelayAdmin({ store, clock, random });
    this.#delays = deps.isReleasing === false ? null : new DelayWriter({ store, clock, random });
    this.#directory = new TopicDirectory({ source: this.topics, clock, maxAgeMs: TOPIC_MAX_AGE_MS });
    this.#fetcher = new Fetcher({ store, clock, random });
  }

  /** A producer; several may be used at once, and order is kept by each for itself. Throws INVALID_CONFIG, CLOSED. */
  producer<K = Bytes, V = Bytes>(options: ProducerOptions<K, V> = {}): Producer<K, V> {
    this.#checkOpen();
    const { store, clock, random } = this.#deps;
    const checked = checkProducerOptions(options);
    const appender = new Appender({ store, clock, random, ...appenderOptions(checked) });
    const onClosed = () => void this.#open.delete(producer);
    const deps = { appender, delays: this.#delays, topics: this.#directory, clock, random, onClosed };
    const producer = new Producer<K, V>(deps, options);
    this.#open.add(producer);
    return producer;
  }

  /** A reader; readers do not know of each other. Throws INVALID_CONFIG, CLOSED. */
  reader<K = RawBytes, V = RawBytes>(options: TypedReaderOptions<K, V> = {}): Reader<K, V> {
    this.#checkOpen();
    const { store, clock, random } = this.#deps;
    const onClosed = () => void this.#open.delete(reader);
    const deps = { fetcher: this.#fetcher, topics: this.#directory, store, clock, random, onClosed };
    const reader = new Reader<K, V>(deps, options);
    this.#open.add(reader);
    return reader;
  }

  /**
   * A consumer: a member of a group, which shares the partitions of topics among its members and remembers what it has processed. Nothing is asked of the store before `subscribe`.
   *
   * Throws INVALID_CONFIG, INVALID_GROUP_ID, INVALID_SESSION_TIMEOUT, CLOSED.
   */
  consumer<K = RawBytes, V = RawBytes>(options: ConsumerOptions<K, V>): Consumer<K, V> {
    this.#checkOpen();
    const { store, clock, random } = this.#deps;
    const onClosed = () => void this.#open.delete(consumer);
    const deps = { fetcher: this.#fetcher, topics: this.#directory, store, clock, random, onClosed };
    const consumer = new Consumer<K, V>(deps, options);
    this.#open.add(consumer);
    return consumer;
  }

  /**
   * The offset of a position, by a consistent read: `'beginning'` is the log start offset, `'end'` the high watermark; by time it is the first record
   * at or after it, or the end. Throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST, CLOSED.
   */
  async offsetAt({ topic, partition }: TopicPartition, position: StartPosition): Promise<bigint> {
    this.#checkOpen();
    checkStartPosition(position);
    const route = await this.#directory.read(topic);
    const exists = Number.isInteger(partition) && partition >= 0 && partition < route.partitionCount;
    if (!exists) throw unknownPartition(route, partition);
    const readable = { partition: { topicId: route.topicId, partition }, domain: route.domain };
    return offsetOf(this.#deps, readable, position);
  }

  /** Closes every producer (what was sent is settled first), reader and consumer (it leaves its group), then the store if it was opened here. Calling it again waits for the same end. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#open].map((opened) => opened.close()));
    if (this.#deps.ownsStore) await this.#deps.store.close();
  }

  #checkOpen(): void {
    if (this.#closing === null) return;
    throw new MillraceError('CLOSED', 'the client is closed', { hint: 'Connect again.' });
  }
}

/** Options of a producer that are its appender's; the producer lingers and bounds memory by itself. Absent ones have the appender's defaults. */
function appenderOptions(options: CheckedProducerOptions): Partial<AppenderOptions> {
  const { deliveryTimeoutMs, segmentBytes, maxPutsInFlight, maxFlushesPerSecond } = options;
  const all = { deliveryTimeoutMs, segmentBytes, maxPutsInFlight, maxFlushesPerSecond };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
