/** A topic with one subscription, over a store that counts what the router and the worker ask of it. Each step is taken by hand, so that its requests are known apart. */
import { Millrace } from '../../lib/client/millrace.ts';
import { type Clock, systemRandom as random } from '../../lib/clock.ts';
import type { EventSourceNews } from '../../lib/event-source/event-source-deps.ts';
import type { EventSourceStore } from '../../lib/event-source/event-source-store.ts';
import { pullPayload } from '../../lib/event-source/pull-pointer.ts';
import { pushBatches } from '../../lib/event-source/push/push-batches.ts';
import { type Ring, type RoutedRing, routeRings } from '../../lib/event-source/router.ts';
import { SubscriptionAdmin } from '../../lib/event-source/subscription-admin.ts';
import type { SubscriptionOptions } from '../../lib/event-source/subscription-options.ts';
import type { WakeRequest } from '../../lib/event-source/wake-request.ts';
import { Fetcher } from '../../lib/log/fetcher.ts';
import { type StoreUsage, UsageMeter, usageBetween } from '../../lib/log/meter.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { pullHandler } from '../../lib/middleware/millrace.ts';
import { stillClock } from '../docs/still-clock.ts';

/** Where the bytes of a record travel. */
export type TriggerPath = 'inline' | 'segment';

/** How a stage is made. */
export interface TriggerStageOptions {
  readonly mode: SubscriptionOptions['mode'];
  readonly path: TriggerPath;
  /** Default 1. */
  readonly partitionCount?: number;
  readonly options?: Partial<SubscriptionOptions>;
  /** Default: one that stands still, so that stored numbers always have as many digits. */
  readonly clock?: Clock;
}

/** What was asked for, and what came of it. */
export interface Counted<T> {
  readonly usage: StoreUsage;
  readonly result: T;
}

/** See the top of this file. */
export interface TriggerStage {
  readonly store: EventSourceStore;
  readonly meter: UsageMeter;
  readonly subscriptions: SubscriptionAdmin;
  /** Sizes of the batches that the function was given. */
  readonly batches: number[];
  /** What the function does with each call; default: nothing. */
  onCall: () => unknown;
  readonly news: EventSourceNews[];
  /** Commits so many records by one flush, and rings. */
  commit(recordCount: number, partition?: number): Promise<Ring>;
  /** The router. Whom it wakes does not run yet. */
  route(
    rings: readonly Ring[],
  ): Promise<Counted<{ readonly routed: readonly RoutedRing[]; readonly woken: WakeRequest[] }>>;
  /** A worker: the pump, or the function itself where it pulls. */
  work(request: WakeRequest): Promise<Counted<void>>;
}

const TOPIC = 'orders';
const GROUP = 'billing';
/** Ten records of this size are one batch that still travels inline. */
const VALUE = Buffer.alloc(50, 'x');

/** Opens one. */
export async function triggerStage({
  mode,
  path,
  partitionCount = 1,
  options = {},
  clock = stillClock,
}: TriggerStageOptions): Promise<TriggerStage> {
  const meter = new UsageMeter();
  const store = memoryStore({ clock, meter });
  const millrace = new Millrace({ store, clock, random });
  const config = { 'millrace.inline.max.bytes': path === 'inline' ? '1024' : '0' };
  const { topicId } = await millrace.topics.createTopic({ name: TOPIC, partitionCount, config });
  const subscriptions = new SubscriptionAdmin({ store, clock, random });
  await subscriptions.create({ name: GROUP, topic: TOPIC, target: 'bill', options: { ...options, mode } });
  const producer = millrace.producer({ lingerMs: 0, bufferMemoryBytes: 64 * 1024 * 1024, batchBytes: 8 * 1024 * 1024 });
  const counted = async <T>(action: () => Promise<T>): Promise<Counted<T>> => {
    const before = meter.usage;
    const result = await action();
    return { usage: usageBetween(before, meter.usage), result };
  };
  const batches: number[] = [];
  const news: EventSourceNews[] = [];
  const stage: TriggerStage = {
    store,
    meter,
    subscriptions,
    batches,
    onCall: () => undefined,
    news,
    async commit(recordCount, partition = 0) {
      const record = { topic: TOPIC, partition, value: VALUE };
      await producer.sendAll(Array.from({ length: recordCount }, () => record));
      const key = { topicId, partition };
      return { partition: key, head: await store.heads.read(key, { consistent: true }), group: null };
    },
    route: (rings) =>
      counted(async () => {
        const woken: WakeRequest[] = [];
        const waker = { wake: async (request: WakeRequest) => void woken.push(request) };
        return { routed: await routeRings({ store, clock, random }, waker, rings), woken };
      }),
    work: (request) => counted(() => (mode === 'push' ? push(request) : pull(request))),
  };
  const push = (request: WakeRequest) =>
    pushBatches(
      {
        store,
        fetcher: new Fetcher({ store, clock, random }),
        clock,
        random,
        wakeUps: { book: async () => {} },
        records: { send: async () => {} },
        sink: { send: async () => {} },
        onNews: (one) => void news.push(one),
        originOf: () => ({ eventSourceArn: 'arn', bootstrapServers: 'none:9092', region: 'none' }),
        invoker: {
          async invoke(_, payload) {
            const { records } = JSON.parse(payload) as {
              readonly records: Readonly<Record<string, readonly object[]>>;
            };
            batches.push(Object.values(records).flat().length);
            await stage.onCall();
            return { kind: 'returned', payload: '' };
          },
        },
      },
      request,
      { deadlineMs: Number.POSITIVE_INFINITY, leaseMs: 10_000 },
    );
  const handler = pullHandler(
    async ({ records }) => {
      batches.push(records.length);
      await stage.onCall();
    },
    { store, clock, random, onNews: (one) => void news.push(one) },
  );
  const pull = async (request: WakeRequest) => {
    await handler(JSON.parse(pullPayload(request)), {});
  };
  return stage;
}
