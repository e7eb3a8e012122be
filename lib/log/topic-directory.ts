/** What clients know of topics: read when first asked for, kept for a while, read again when it proved wrong. */
import type { Clock } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import type { AppendTarget } from './append-part.ts';
import type { Topic } from './topic.ts';
import type { TopicConfig } from './topic-config.ts';
import { parseTopicConfig } from './topic-config.ts';

/** A topic as clients use it. */
export interface TopicRoute {
  readonly name: string;
  readonly topicId: string;
  /** Partitions that can be written and read. */
  readonly partitionCount: number;
  /** Isolation domain. */
  readonly domain: string;
  readonly config: TopicConfig;
}

/** Where topics are read: the administration of topics. */
export interface TopicSource {
  /** Throws UNKNOWN_TOPIC_OR_PARTITION, TOPIC_BUSY, INVALID_TOPIC_EXCEPTION. */
  getTopic(name: string): Promise<Topic>;
}

interface Known {
  readonly route: TopicRoute;
  readonly readAtMs: number;
}

/** A directory of topics; one topic is read once at a time, however many ask. */
export class TopicDirectory {
  readonly #source: TopicSource;
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #known = new Map<string, Known>();
  readonly #reading = new Map<string, Promise<TopicRoute>>();

  constructor(options: { readonly source: TopicSource; readonly clock: Clock; readonly maxAgeMs: number }) {
    this.#source = options.source;
    this.#clock = options.clock;
    this.#maxAgeMs = options.maxAgeMs;
  }

  /** What is known of a record's topic without asking the store, or null when that is nothing, too old, or does not have its partition: that may have been added. */
  peek(record: { readonly topic: string; readonly partition?: number | undefined }, nowMs: number): TopicRoute | null {
    const known = this.#known.get(record.topic);
    if (known === undefined || nowMs - known.readAtMs >= this.#maxAgeMs) return null;
    return (record.partition ?? 0) < known.route.partitionCount ? known.route : null;
  }

  /**
   * Reads a topic. Throws UNKNOWN_TOPIC_OR_PARTITION, TOPIC_BUSY while it is being created, INVALID_TOPIC_EXCEPTION for what can be no name, and
   * what the store throws.
   */
  read(name: string): Promise<TopicRoute> {
    const reading = this.#reading.get(name) ?? this.#read(name);
    this.#reading.set(name, reading);
    return reading;
  }

  /** What was known of this topic proved wrong: the next who asks reads it again. Something newer that is known by now stays. */
  forget(route: TopicRoute): void {
    if (this.#known.get(route.name)?.route.topicId === route.topicId) this.#known.delete(route.name);
  }

  async #read(name: string): Promise<TopicRoute> {
    try {
      const route = routeOf(await this.#source.getTopic(name));
      this.#known.set(name, { route, readAtMs: this.#clock.monotonicMs() });
      return route;
    } catch (error) {
      this.#known.delete(name);
      throw error;
    } finally {
      this.#reading.delete(name);
    }
  }
}

function routeOf({ name, topicId, readyPartitionCount, domain, config }: Topic): TopicRoute {
  return { name, topicId, partitionCount: readyPartitionCount, domain, config: parseTopicConfig(config) };
}

/** The topic is there, the partition is not. */
export function unknownPartition(route: TopicRoute, partition: unknown): MillraceError {
  return new MillraceError(
    'UNKNOWN_TOPIC_OR_PARTITION',
    `topic ${route.name} has no partition ${String(partition)}: its partitions are 0 to ${route.partitionCount - 1}`,
    { value: partition, hint: 'Name one of these, or leave the partition out.' },
  );
}

/** A partition of a topic, to append to. */
export function appendTarget({ topicId, domain, config }: TopicRoute, partition: number): AppendTarget {
  return { partition: { topicId, partition }, domain, inlineMaxBytes: config.inlineMaxBytes };
}
