/** What the page asks: topics, records, groups, subscriptions and dead letters, as JSON. */

import type { EventSourceTools } from '../connect/event-source-tools.ts';
import { MillraceError } from '../errors.ts';
import type { DeadLetter } from '../event-source/dead-letter.ts';
import { withoutFailureHeaders } from '../event-source/failed-record.ts';
import type { RecordHeader } from '../record/record.ts';
import { shownBytes } from './console-json.ts';

/** A request that was understood. */
export interface ApiRequest {
  readonly method: string;
  /** Below `/api/`, decoded. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  /** The parsed body; an empty object where there is none. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Functions there are, for the page to show. */
export interface KnownFunctions {
  readonly names: readonly string[];
}

const DEFAULT_RECORDS = 50;
const MAX_RECORDS = 500;
const MAX_LETTERS = 200;

/** See the top of this file. */
export class ConsoleApi {
  readonly #tools: EventSourceTools;
  readonly #functions: KnownFunctions;
  readonly #metrics: (group: string) => object;

  /** `metrics`: those of a subscription, by name. */
  constructor(tools: EventSourceTools, functions: KnownFunctions, metrics: (group: string) => object) {
    this.#tools = tools;
    this.#functions = functions;
    this.#metrics = metrics;
  }

  /** Answers a request; undefined when there is no such thing. Throws MillraceError. */
  async answer({ method, path, query, body }: ApiRequest): Promise<unknown> {
    const [kind, name = '', verb] = path;
    if (method === 'GET' && kind === 'overview') return this.#overview();
    if (kind === 'topics' && path.length === 1 && method === 'POST') return this.#createTopic(body);
    if (kind === 'topics' && verb === 'records') {
      return method === 'GET' ? this.#records(name, query) : this.#produce(name, body);
    }
    if (kind !== 'subscriptions') return undefined;
    const { subscriptions, deadLetters } = this.#tools;
    if (method === 'GET' && verb === 'dead-letters') {
      return (await deadLetters.list(name, { limit: MAX_LETTERS })).map(letterJson);
    }
    if (method !== 'POST') return undefined;
    if (verb === 'pause' || verb === 'resume') return subscriptions[verb](name);
    if (verb === 'redrive') return deadLetters.redrive(name, selectionOf(body));
    if (verb === 'discard') return deadLetters.discard(name, selectionOf(body));
    return undefined;
  }

  async #overview(): Promise<object> {
    const { millrace, subscriptions } = this.#tools;
    const [topicNames, groupNames, all] = await Promise.all([
      millrace.topics.listTopics(),
      millrace.groups.listGroups(),
      subscriptions.list(),
    ]);
    // What is deleted meanwhile is left out.
    const present = async <T>(promises: readonly Promise<T>[]) =>
      (await Promise.allSettled(promises)).flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    return {
      topics: (await present(topicNames.map((topic) => millrace.topics.describeTopic(topic)))).map(
        ({ topic, partitions }) => ({ name: topic.name, partitions }),
      ),
      groups: await present(groupNames.map((group) => millrace.groups.describeGroup(group))),
      subscriptions: await present(
        all.map(async ({ group }) => ({
          ...(await subscriptions.describe(group)),
          dead: await this.#deadCount(group),
          metrics: this.#metrics(group),
        })),
      ),
      functions: this.#functions.names,
    };
  }

  /** Null where they do not go to a topic. */
  async #deadCount(name: string): Promise<number | null> {
    try {
      return (await this.#tools.deadLetters.list(name, { limit: MAX_LETTERS })).length;
    } catch (error) {
      if (error instanceof MillraceError) return null;
      throw error;
    }
  }

  async #createTopic({ name, partitions }: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.#tools.millrace.topics.createTopic({ name: String(name), partitionCount: Number(partitions ?? 1) });
  }

  /** The newest records, or those from an offset on. */
  async #records(topic: string, query: URLSearchParams): Promise<readonly object[]> {
    const { millrace } = this.#tools;
    const limit = Math.min(MAX_RECORDS, Number(query.get('limit') ?? DEFAULT_RECORDS));
    const { partitions } = await millrace.topics.describeTopic(topic);
    const wanted = query.get('partition');
    const chosen = partitions.filter(({ partition }) => wanted === null || partition === Number(wanted));
    const found: object[] = [];
    const reader = millrace.reader({ stopAtEnd: true });
    try {
      const assignments = chosen.map(({ partition, logStartOffset, highWatermark }) => {
        const last = highWatermark - BigInt(limit);
        const from = query.get('offset') === null ? last : BigInt(query.get('offset')!);
        const offset = from < logStartOffset ? logStartOffset : from > highWatermark ? highWatermark : from;
        return { topic, partition, from: offset };
      });
      if (assignments.length === 0) return [];
      await reader.assign(assignments);
      const counts = new Map<number, number>();
      for await (const { partition, offset, timestampMs, keyBytes, valueBytes, headers } of reader) {
        const count = (counts.get(partition) ?? 0) + 1;
        counts.set(partition, count);
        if (count > limit) continue;
        const value = shownBytes(valueBytes);
        found.push({ partition, offset, timestampMs, key: shownBytes(keyBytes), value, headers: headersJson(headers) });
      }
    } finally {
      await reader.close();
    }
    return found.sort(newestFirst).slice(0, limit);
  }

  async #produce(topic: string, body: Readonly<Record<string, unknown>>): Promise<unknown> {
    const { key, value, headers = {}, partition } = body;
    const producer = this.#tools.millrace.producer();
    try {
      return await producer.send({
        topic,
        key: key === undefined || key === null || key === '' ? null : String(key),
        value: value === null || value === undefined ? null : typeof value === 'string' ? value : JSON.stringify(value),
        headers: headers as Readonly<Record<string, string>>,
        ...(typeof partition === 'number' && { partition }),
      });
    } finally {
      await producer.close();
    }
  }
}

function newestFirst(left: object, right: object): number {
  const time = (one: object) => Number((one as { readonly timestampMs: bigint }).timestampMs);
  return time(right) - time(left);
}

function headersJson(headers: readonly RecordHeader[]): readonly object[] {
  return headers.map(({ key, value }) => ({ key, value: shownBytes(value) }));
}

/** All dead letters, or those at a place of their topic. */
function selectionOf({ partition, offset }: Readonly<Record<string, unknown>>): { filters?: readonly object[] } {
  if (typeof partition !== 'number' || typeof offset !== 'number') return {};
  return { filters: [{ partition: [partition], offset: [offset] }] };
}

function letterJson({ record, ...letter }: DeadLetter): object {
  return {
    ...letter,
    partition: record.partition,
    offset: record.offset,
    key: shownBytes(record.keyBytes),
    value: shownBytes(record.valueBytes),
    headers: headersJson(withoutFailureHeaders(record.headers)),
  };
}
