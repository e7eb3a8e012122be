import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import type { EventSourceDeps, EventSourceNews } from '../../lib/event-source/event-source-deps.ts';
import type { FunctionSubscription } from '../../lib/event-source/function-subscription.ts';
import { PartitionWork } from '../../lib/event-source/partition-work.ts';
import { decideWake } from '../../lib/event-source/wake-decision.ts';
import { Fetcher } from '../../lib/log/fetcher.ts';
import { offsetsOf } from './event-fixtures.ts';
import { type EventSourceBench, openBench } from './event-source-bench.ts';

let bench: EventSourceBench;
let subscription: FunctionSubscription;
let news: EventSourceNews[];
let booked: number[];
/** So much more than the clock says. */
let passedMs: number;

beforeEach(async () => {
  bench = openBench();
  news = [];
  booked = [];
  passedMs = 0;
  await bench.millrace.topics.createTopic({ name: 'orders', partitionCount: 1 });
  subscription = await bench.subscriptions.create({
    name: 'billing',
    topic: 'orders',
    target: 'bill',
    options: { batchSize: 2 },
  });
});
afterEach(() => bench.close());

const send = async (count: number) => {
  const producer = bench.millrace.producer();
  for (let n = 0; n < count; n++) await producer.send({ topic: 'orders', partition: 0, value: `${n}` });
  await producer.close();
};
const partition = () => ({ topicId: subscription.topicId, partition: 0 });
const leaseOf = async () => (await bench.store.leases.readMany([{ group: 'billing', partition: partition() }]))[0]!;

interface WorkChanges {
  store?: EventSourceDeps['store'];
  deadlineMs?: number;
  readAtMs?: number;
}

async function workOf(changes: WorkChanges = {}): Promise<PartitionWork> {
  const { store = bench.store, deadlineMs = clock.monotonicMs() + 60_000, readAtMs = clock.nowMs() } = changes;
  const [head, lease] = await Promise.all([bench.store.heads.read(partition(), { consistent: true }), leaseOf()]);
  const deps: EventSourceDeps = {
    store,
    fetcher: new Fetcher({ store, clock, random }),
    clock: { ...clock, monotonicMs: () => clock.monotonicMs() + passedMs },
    random,
    wakeUps: { book: async ({ atMs }) => void booked.push(atMs) },
    sink: { send: async () => {} },
    onNews: (one) => void news.push(one),
  };
  const limits = { deadlineMs, leaseMs: 60_000, sizeOf: () => 1, maxBytes: 1_000 };
  return new PartitionWork(deps, { subscription, readAtMs, partition: 0, seen: lease.generation, head }, limits);
}

const HANDLED = { kind: 'answered', failed: new Map() } as const;

describe('the work on a partition', () => {
  it('is a take, a commit that releases, and a read of the head, when one batch is all there is', async () => {
    await send(2);
    const work = await workOf({ store: { ...bench.store, ...toldPorts(bench.store) } });
    expect(offsetsOf((await work.next())!)).toEqual([0, 1]);
    expect(calls).toEqual(['take']);
    await work.settle(HANDLED);
    expect(await work.next()).toBeNull();
    expect(calls).toEqual(['take', 'update', 'read head']);
    expect(await leaseOf()).toMatchObject({ committed: 2n, expiresAtMs: 0, attempts: 0, progress: '' });
  });

  it('commits before each further batch', async () => {
    await send(5);
    const work = await workOf();
    const seen: number[][] = [];
    for (let batch = await work.next(); batch !== null; batch = await work.next()) {
      seen.push(offsetsOf(batch));
      await work.settle(HANDLED);
    }
    expect(seen).toEqual([[0, 1], [2, 3], [4]]);
  });

  it('finds what was committed while it had the lease', async () => {
    await send(1);
    const work = await workOf();
    await work.next();
    await send(1);
    await work.settle(HANDLED);
    expect(offsetsOf((await work.next())!)).toEqual([1]);
  });

  it('rings when its time is over and something is left', async () => {
    await send(4);
    const work = await workOf({ deadlineMs: clock.monotonicMs() + 50 });
    await work.next();
    await clock.sleep(60);
    await work.settle(HANDLED);
    expect(await work.next()).toBeNull();
    expect(await leaseOf()).toMatchObject({ committed: 2n, expiresAtMs: 0 });
    const before = (await bench.store.bells.list()).length;
    expect(before).toBe(1);
    expect(news.map(({ kind }) => kind)).toContain('time-limit');
  });

  it('finishes after one batch, and rings if there is more', async () => {
    await send(3);
    const [created] = await bench.store.bells.list();
    const work = await workOf();
    await work.next();
    await work.settle(HANDLED);
    await work.finish();
    expect(work.isOver).toBe(true);
    const [rung] = await bench.store.bells.list();
    expect(rung!.stamp).not.toBe(created!.stamp);
    const rest = await workOf();
    await rest.next();
    await rest.settle(HANDLED);
    await rest.finish();
    expect((await bench.store.bells.list())[0]!.stamp).toBe(rung!.stamp);
  });

  it('leaves a partition to whoever has it, and comes back when that one’s time is over', async () => {
    await send(1);
    const first = await workOf();
    await first.next();
    const second = await workOf();
    expect(await second.next()).toBeNull();
    expect(booked).toHaveLength(1);
    expect(booked[0]).toBeGreaterThan(clock.nowMs() + 50_000);
  });

  it('changes nothing any more once somebody has sought', async () => {
    await send(2);
    const work = await workOf();
    await work.next();
    await bench.subscriptions.seek('billing', { to: 'TRIM_HORIZON' });
    await work.settle(HANDLED);
    expect(await work.next()).toBeNull();
    expect(await leaseOf()).toMatchObject({ committed: 0n });
    expect(news.map(({ kind }) => kind)).toContain('fenced');
  });

  it('waits for what failed: first the wake-up, then the release', async () => {
    await send(1);
    const work = await workOf();
    await work.next();
    await work.settle({ kind: 'answered', failed: new Map([[0n, { error: 'no' }]]) });
    expect(await work.next()).toBeNull();
    // Once before the release, and once behind it, since another clock may be ahead.
    expect(booked).toEqual([booked[0], booked[0]]);
    expect(await leaseOf()).toMatchObject({ committed: 0n, expiresAtMs: 0, notBeforeMs: booked[0] });
  });

  it('counts a batch as failed whose worker ended twice without a word', async () => {
    await send(1);
    for (let time = 0; time < 2; time++) {
      const dead = await workOf();
      await dead.next();
      const { generation } = await leaseOf();
      const release = { epoch: generation, sequence: 9, committed: null, attempts: time + 1, progress: '' };
      await bench.store.leases.update('billing', partition(), { ...release, expiresAtMs: 0, notBeforeMs: 0, atMs: 1 });
    }
    const work = await workOf();
    expect(await work.next()).toBeNull();
    expect(news.map(({ kind }) => kind)).toContain('crashed-before');
    expect((await leaseOf()).progress).toContain('ended without an answer');
  });

  it('goes on at the log start offset when the log was trimmed', async () => {
    await send(4);
    await bench.millrace.topics.trimPartition('orders', 0, 3n);
    const work = await workOf();
    expect(offsetsOf((await work.next())!)).toEqual([3]);
    expect(news.filter(({ kind }) => kind === 'skipped')).toMatchObject([{ from: 0n, to: 3n }]);
  });
});

describe('a subscription that is changed while a worker works', () => {
  /** Gives out one batch of four records, of which the handler takes two seconds. */
  const workedOnce = async (changes: WorkChanges = {}) => {
    await send(4);
    const work = await workOf(changes);
    expect(offsetsOf((await work.next())!)).toEqual([0, 1]);
    passedMs += 2_000;
    await work.settle(HANDLED);
    return work;
  };

  it('is read again before a batch when the last time was over a second ago, and not otherwise', async () => {
    const work = await workedOnce({ store: { ...bench.store, ...toldPorts(bench.store) } });
    await work.next();
    await work.settle(HANDLED);
    expect(await work.next()).toBeNull();
    expect(calls).toEqual(['take', 'update', 'get subscription', 'update', 'read head']);
  });

  it('is read first when the wake-up came late', async () => {
    await send(1);
    await bench.subscriptions.pause('billing');
    const work = await workOf({ readAtMs: clock.nowMs() - 6_000 });
    expect(await work.next()).toBeNull();
    expect(await leaseOf()).toMatchObject({ expiresAtMs: 0, attempts: 0 });
  });

  it('is paused after the batch that is being handled', async () => {
    const work = await workedOnce();
    await bench.subscriptions.pause('billing');
    expect(await work.next()).toBeNull();
    expect(work.isOver).toBe(true);
    expect(await leaseOf()).toMatchObject({ committed: 2n, expiresAtMs: 0 });
  });

  it('goes on when it is resumed just before the lease is released', async () => {
    const store = { ...bench.store };
    const work = await workedOnce({ store });
    await bench.subscriptions.pause('billing');
    const { leases } = store;
    let isResumed = false;
    store.leases = {
      ...leases,
      async update(...args) {
        // The ring of this finds the lease held, and is dropped.
        if (!isResumed && args[2].expiresAtMs === 0) await bench.subscriptions.resume('billing');
        isResumed ||= args[2].expiresAtMs === 0;
        return leases.update(...args);
      },
    };
    expect(offsetsOf((await work.next())!)).toEqual([2, 3]);
    expect(isResumed).toBe(true);
  });

  it('is deleted after the batch that is being handled', async () => {
    const work = await workedOnce();
    await bench.subscriptions.delete('billing');
    expect(await work.next()).toBeNull();
    expect(work.isOver).toBe(true);
    expect(await bench.store.leases.readMany([{ group: 'billing', partition: partition() }])).toEqual([null]);
  });

  it('has new options from the next batch on', async () => {
    const work = await workedOnce();
    await bench.subscriptions.update('billing', { batchSize: 1, target: 'bill-anew' });
    expect(offsetsOf((await work.next())!)).toEqual([2]);
    expect(work.subscription).toMatchObject({ target: 'bill-anew', options: { batchSize: 1 } });
  });

  it('is handed over to another worker when the function is to be called in another way', async () => {
    const work = await workedOnce();
    await bench.subscriptions.update('billing', { mode: 'pull' });
    const [before] = await bench.store.bells.list();
    expect(await work.next()).toBeNull();
    expect((await bench.store.bells.list())[0]!.stamp).not.toBe(before!.stamp);
    expect(await leaseOf()).toMatchObject({ committed: 2n, expiresAtMs: 0 });
  });

  it('does not wait any longer by old options', async () => {
    await bench.subscriptions.update('billing', { maxBatchingWindowMs: 300_000, batchSize: 10 });
    subscription = await bench.subscriptions.get('billing');
    await send(2);
    const work = await workOf();
    expect(await work.next()).toBeNull();
    const lease = await leaseOf();
    const head = (await bench.store.heads.read(partition(), { consistent: true }))!;
    const decide = (of: FunctionSubscription) =>
      decideWake({ subscription: of, lease, head, nowMs: clock.nowMs() }).kind;
    expect(decide(subscription)).toBe('later');
    expect(decide(await bench.subscriptions.update('billing', { maxBatchingWindowMs: 0 }))).toBe('wake');
  });
});

let calls: string[];
beforeEach(() => {
  calls = [];
});

/** The ports of a store, each request of a worker told by name. */
function toldPorts(store: EventSourceDeps['store']): Partial<EventSourceDeps['store']> {
  const told =
    <A extends unknown[], R>(name: string, call: (...args: A) => R) =>
    (...args: A): R => {
      calls.push(name);
      return call(...args);
    };
  return {
    leases: {
      ...store.leases,
      take: told('take', store.leases.take),
      update: told('update', store.leases.update),
      readMany: told('read leases', store.leases.readMany),
    },
    heads: {
      ...store.heads,
      read: told('read head', store.heads.read),
      readMany: told('read heads', store.heads.readMany),
    },
    subscriptions: {
      ...store.subscriptions,
      get: told('get subscription', store.subscriptions.get),
    },
    objects: {
      ...store.objects,
      get: told('GET', (...args: Parameters<typeof store.objects.get>) => store.objects.get(...args)),
    } as typeof store.objects,
    chunks: { ...store.chunks, query: told('query', store.chunks.query) },
  };
}
