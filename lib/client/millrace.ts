import type { Clock, Random } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import { Appender, type AppenderOptions } from '../log/appender.ts';
import { Fetcher } from '../log/fetcher.ts';
import type { LogStore } from '../log/log-store.ts';
import { TopicAdmin } from '../log/topic-admin.ts';
import { Producer } from './producer.ts';
import { checkProducerOptions, type ProducerOptions } from './producer-options.ts';
import { Reader, type TopicPartition } from './reader.ts';
import type { ReaderOptions } from './reader-options.ts';
import { checkStartPosition, offsetOf, type StartPosition } from './start-position.ts';
import { TopicDirectory, unknownPartition } from './topic-directory.ts';

/** What a client is made of. */
export interface MillraceDeps {
  readonly store: LogStore;
  readonly clock: Clock;
  readonly random: Random;
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
  readonly #deps: MillraceDeps;
  readonly #directory: TopicDirectory;
  readonly #fetcher: Fetcher;
  readonly #open = new Set<Producer | Reader>();
  #closing: Promise<void> | null = null;

  constructor(deps: MillraceDeps) {
    const { store, clock, random } = deps;
    this.#deps = deps;
    this.topics = new TopicAdmin({ store, clock, random });
    this.#directory = new TopicDirectory({ source: this.topics, clock, maxAgeMs: TOPIC_MAX_AGE_MS });
    this.#fetcher = new Fetcher({ store, clock, random });
  }

  /** A producer; several may be used at once, and order is kept by each for itself. Throws INVALID_CONFIG, CLOSED. */
  producer(options: ProducerOptions = {}): Producer {
    this.#checkOpen();
    const { store, clock, random } = this.#deps;
    const checked = checkProducerOptions(options);
    const appender = new Appender({ store, clock, random, ...appenderOptions(checked) });
    const onClosed = () => void this.#open.delete(producer);
    const producer = new Producer({ appender, topics: this.#directory, clock, random, onClosed }, checked);
    this.#open.add(producer);
    return producer;
  }

  /** A reader; readers do not know of each other. Throws INVALID_CONFIG, CLOSED. */
  reader(options: ReaderOptions = {}): Reader {
    this.#checkOpen();
    const { store, clock, random } = this.#deps;
    const onClosed = () => void this.#open.delete(reader);
    const deps = { fetcher: this.#fetcher, topics: this.#directory, store, clock, random, onClosed };
    const reader = new Reader(deps, options);
    this.#open.add(reader);
    return reader;
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

  /** Closes every producer (what was sent is settled first) and reader, then the store if it was opened here. Calling it again waits for the same end. */
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
function appenderOptions(options: ProducerOptions): Partial<AppenderOptions> {
  const { deliveryTimeoutMs, segmentBytes, maxPutsInFlight, maxFlushesPerSecond } = options;
  const all = { deliveryTimeoutMs, segmentBytes, maxPutsInFlight, maxFlushesPerSecond };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
