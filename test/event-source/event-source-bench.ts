/** An event source over a store in memory, with functions that are written in the test. */
import { Millrace } from '../../lib/client/millrace.ts';
import { type Clock, systemRandom as random, systemClock } from '../../lib/clock.ts';
import { MillraceError } from '../../lib/errors.ts';
import { DeadLetters } from '../../lib/event-source/dead-letters.ts';
import type { EventSourceNews } from '../../lib/event-source/event-source-deps.ts';
import type { EmbeddedStore } from '../../lib/event-source/event-source-store.ts';
import { GiveUp, type RecordSender } from '../../lib/event-source/give-up.ts';
import { LocalEventSource, type LocalEventSourceOptions } from '../../lib/event-source/local-event-source.ts';
import type { NoticeSender } from '../../lib/event-source/notice-sender.ts';
import type { InvokeAnswer } from '../../lib/event-source/push/function-invoker.ts';
import { SubscriptionAdmin } from '../../lib/event-source/subscription-admin.ts';
import { Fetcher } from '../../lib/log/fetcher.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';

/** What a function is given, for tests: the records of a Kafka event. */
export interface CalledRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly value: string | null;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** A function of a test: what it returns is the payload, what it throws is its error. */
export type TestFunction = (records: readonly CalledRecord[], target: string) => unknown;

/** See the top of this file. */
export interface EventSourceBench {
  readonly store: EmbeddedStore;
  readonly millrace: Millrace;
  readonly subscriptions: SubscriptionAdmin;
  readonly deadLetters: DeadLetters;
  readonly news: EventSourceNews[];
  readonly calls: { readonly target: string; readonly values: readonly (string | null)[]; readonly atMs: number }[];
  /** By name; another one may take its place at any time. */
  readonly functions: Map<string, TestFunction>;
  /** Functions that are handed events as they are. */
  readonly pullers: Map<string, (event: unknown) => Promise<unknown>>;
  start(options?: LocalEventSourceOptions): LocalEventSource;
  /** Waits until something is so; throws after 25 seconds. */
  until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void>;
  /** All records of a topic, as they are now. */
  read(topic: string): Promise<readonly CalledRecord[]>;
  close(): Promise<void>;
}

const text = (bytes: string | undefined | null) => (bytes == null ? null : Buffer.from(bytes, 'base64').toString());

function recordsOf(payload: string): readonly CalledRecord[] {
  const { records } = JSON.parse(payload) as {
    records: Record<
      string,
      {
        topic: string;
        partition: number;
        offset: number;
        key?: string;
        value: string;
        headers: Record<string, number[]>[];
      }[]
    >;
  };
  return Object.values(records)
    .flat()
    .map(({ key, value, headers, ...at }) => ({
      ...at,
      key: text(key),
      value: text(value),
      headers: Object.fromEntries(
        headers.flatMap((header) =>
          Object.entries(header).map(([name, bytes]) => [name, Buffer.from(bytes).toString()]),
        ),
      ),
    }));
}

async function answerOf(call: () => Promise<unknown>): Promise<InvokeAnswer> {
  try {
    return { kind: 'returned', payload: JSON.stringify(await call()) ?? '' };
  } catch (error) {
    const { name, message, stack = '' } = error as Error;
    return { kind: 'failed', errorType: name, errorMessage: message, stack };
  }
}

/** How it is made. */
export interface BenchOptions {
  /** What is not a topic of the log. Default: nothing. */
  readonly notices?: NoticeSender | null;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/** Opens one; to be closed. */
export function openBench({ notices = null, clock = systemClock }: BenchOptions = {}): EventSourceBench {
  const store = memoryStore({ clock });
  const millrace = new Millrace({ store, clock, random, ownsStore: true });
  const producer = millrace.producer();
  const news: EventSourceNews[] = [];
  const calls: EventSourceBench['calls'] = [];
  const functions = new Map<string, TestFunction>();
  const pullers: EventSourceBench['pullers'] = new Map();
  const running: LocalEventSource[] = [];
  const records: RecordSender = {
    async send(topic, { key, value, headers }) {
      await producer.send({ topic, key, value, headers: headers.map((one) => [one.key, one.value] as const) });
    },
  };
  const invoke = async (target: string, payload: string): Promise<InvokeAnswer> => {
    const puller = pullers.get(target);
    if (puller !== undefined) return answerOf(async () => puller(JSON.parse(payload)));
    const handler = functions.get(target);
    if (handler === undefined) return { kind: 'missing', error: `there is no function ${target}` };
    const given = recordsOf(payload);
    calls.push({ target, values: given.map(({ value }) => value), atMs: clock.monotonicMs() });
    return answerOf(async () => handler(given, target));
  };
  const destinations = notices === null ? {} : { destinations: notices };
  const subscriptions = new SubscriptionAdmin({ store, clock, random, ...destinations });
  const fetcher = new Fetcher({ store, clock, random });
  return {
    store,
    millrace,
    subscriptions,
    deadLetters: new DeadLetters({ store, clock, random, fetcher, subscriptions, records }),
    news,
    calls,
    functions,
    pullers,
    start(options) {
      const source = new LocalEventSource(
        {
          store,
          changes: store.changes,
          fetcher,
          clock,
          random,
          records,
          sink: new GiveUp({ records, notices, clock }),
          onNews: (one) => void news.push(one),
          invoker: { invoke },
          originOf: ({ topic }) => ({
            eventSourceArn: `arn:aws:kafka:local:0:cluster/${topic}`,
            bootstrapServers: 'localhost:9092',
            region: 'local',
          }),
        },
        options,
      );
      running.push(source);
      source.start();
      return source;
    },
    async until(what, isSo) {
      const endMs = clock.monotonicMs() + 25_000;
      while (!(await isSo())) {
        if (clock.monotonicMs() > endMs)
          throw new MillraceError('REQUEST_TIMED_OUT', `it never came that ${what}`, { value: news.slice(-5) });
        await clock.sleep(5);
      }
    },
    async read(topic) {
      const reader = millrace.reader({ stopAtEnd: true });
      await reader.assign([{ topic }]);
      const found: CalledRecord[] = [];
      for await (const record of reader) {
        found.push({
          topic,
          partition: record.partition,
          offset: Number(record.offset),
          value: record.text(),
          key: record.keyText(),
          headers: Object.fromEntries(
            record.headers.map(({ key, value }) => [key, Buffer.from(value ?? []).toString()]),
          ),
        });
      }
      await reader.close();
      return found;
    },
    async close() {
      await Promise.all(running.map((source) => source.close()));
      await millrace.close();
    },
  };
}
