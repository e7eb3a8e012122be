import middy7 from '@middy/core';
import middy5 from 'middy-5';
import middy6 from 'middy-6';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { systemClock as clock } from '../../lib/clock.ts';
import type { SubscriptionOptions } from '../../lib/event-source/subscription-options.ts';
import {
  millrace,
  type PulledBatch,
  type PulledRecord,
  pullHandler,
  RetryAfter,
  serdes,
} from '../../lib/middleware/index.ts';
import type { PullOptions } from '../../lib/middleware/pull-call.ts';
import { type EventSourceBench, openBench } from '../event-source/event-source-bench.ts';

type Handler = (event: unknown, context: { getRemainingTimeInMillis(): number }) => Promise<unknown>;

let bench: EventSourceBench;
/** What the function under test is, and what it has answered and thrown. */
let pulling: Handler;
let answers: unknown[];
let timeMs: number;

beforeEach(async () => {
  bench = openBench();
  answers = [];
  timeMs = 10_000;
  bench.pullers.set('bill', async (event) => {
    const endMs = clock.monotonicMs() + timeMs;
    const answer = await pulling(event, { getRemainingTimeInMillis: () => endMs - clock.monotonicMs() });
    answers.push(answer);
    return answer;
  });
  await bench.millrace.topics.createTopic({ name: 'orders', partitionCount: 1 });
});
afterEach(() => bench.close());

async function send(values: readonly string[], key?: (index: number) => string) {
  const producer = bench.millrace.producer();
  const sent = values.map((value, index) =>
    producer.send({ topic: 'orders', partition: 0, value, key: key?.(index) ?? null }),
  );
  await Promise.all(sent);
  await producer.close();
}

const subscribe = (options: Partial<SubscriptionOptions> = {}) =>
  bench.subscriptions.create({
    name: 'billing',
    topic: 'orders',
    target: 'bill',
    options: { mode: 'pull', ...options },
  });
const committed = async () => Number((await bench.subscriptions.describe('billing')).partitions[0]!.committed);
const dead = () => bench.deadLetters.list('billing');
const store = () => bench.store;

/** What of middy is used here; its versions type it differently. */
type Middy = () => { use(middleware: unknown): { handler(handler: unknown): unknown } };

describe.each([
  ['middy 5', middy5],
  ['middy 6', middy6],
  ['middy 7', middy7],
] as unknown as readonly [string, Middy][])('under %s', (_, middy) => {
  const underMiddy = <K, V>(handler: (batch: PulledBatch<K, V>) => unknown, options: PullOptions<K, V> = {}): Handler =>
    middy()
      .use(millrace({ store: store(), ...options }))
      .handler(handler) as Handler;

  it('a handler is given the records of one batch after another, and they are committed', async () => {
    const seen: string[] = [];
    pulling = underMiddy(({ subscription, topic, partition, records }) => {
      seen.push(...records.map((record) => `${subscription} ${topic}-${partition}@${record.offset} ${record.text()}`));
    });
    await subscribe({ batchSize: 2 });
    await send(['a', 'b', 'c']);
    bench.start();
    await bench.until('all is committed', async () => (await committed()) === 3);
    expect(seen).toEqual(['billing orders-0@0 a', 'billing orders-0@1 b', 'billing orders-0@2 c']);
    expect(answers).toContainEqual({
      millrace: { records: 2, failed: 0, batches: 1, ageMs: expect.any(Number) },
    });
  });

  it('what a handler throws is settled, and leaves nothing for Lambda to try again', async () => {
    let times = 0;
    pulling = underMiddy(() => {
      times += 1;
      if (times === 1) throw new RetryAfter(50);
      if (times === 2) throw new TypeError('no');
    });
    await subscribe({ retryAttempts: 2 });
    await send(['a']);
    bench.start();
    await bench.until('it is committed', async () => (await committed()) === 1);
    expect(times).toBe(3);
    expect(answers.filter((answer) => answer === undefined)).toEqual([]);
  });

  it('a handler may name what failed', async () => {
    const seen: string[] = [];
    pulling = underMiddy(({ records }) => {
      const first = seen.length === 0;
      seen.push(...records.map((record) => record.text()!));
      const failed = records.filter((record) => first && record.text() === 'b');
      return { batchItemFailures: failed.map(({ offset }) => ({ itemIdentifier: offset })) };
    });
    await subscribe({ ordering: 'none' });
    await send(['a', 'b', 'c']);
    bench.start();
    await bench.until('all is committed', async () => (await committed()) === 3);
    expect(seen).toEqual(['a', 'b', 'c', 'b']);
  });

  it('events of others pass as they are', async () => {
    const handler = underMiddy((event) => event);
    const context = { getRemainingTimeInMillis: () => 1_000 };
    expect(await handler({ Records: [] }, context)).toEqual({ Records: [] });
    expect(await handler('text', context)).toBe('text');
  });
});

describe('a function that pulls', () => {
  it('handles one batch after another in one call', async () => {
    const sizes: number[] = [];
    pulling = pullHandler(({ records }) => void sizes.push(records.length), { store: store() });
    await subscribe({ batchSize: 2 });
    await send(['a', 'b', 'c', 'd', 'e']);
    bench.start();
    await bench.until('all is committed', async () => (await committed()) === 5);
    expect(sizes).toEqual([2, 2, 1]);
  });

  it('makes the requests for byte ranges itself, and all of them', async () => {
    const all = vi.spyOn(bench.store.objects, 'get');
    let own = 0;
    const objects = new Proxy(bench.store.objects, {
      get: (target, name) => {
        if (name === 'get') own += 1;
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const sizes: number[] = [];
    const handler = ({ records }: PulledBatch) =>
      void sizes.push(...records.map(({ valueBytes }) => valueBytes!.length));
    pulling = pullHandler(handler, { store: { ...bench.store, objects } });
    await subscribe();
    // Too large for the head.
    await send(['x'.repeat(40_000), 'y'.repeat(50_000)]);
    bench.start();
    await bench.until('both are committed', async () => (await committed()) === 2);
    expect(sizes).toEqual([40_000, 50_000]);
    expect(own).toBeGreaterThan(0);
    expect(all).toHaveBeenCalledTimes(own);
    for (const [, , lengthBytes] of all.mock.calls) expect(lengthBytes).toBeGreaterThan(0);
  });

  it('gives typed records, and one that does not fit its schema fails alone', async () => {
    const seen: number[] = [];
    const handler = ({ records }: PulledBatch<string | null, { total: number }>) => {
      for (const { value } of records) seen.push(value.total);
    };
    const valueDeserializer = serdes.schema(z.object({ total: z.number() }));
    pulling = pullHandler(handler, { store: store(), keyDeserializer: serdes.string(), valueDeserializer });
    await subscribe({ retryAttempts: 0 });
    await send(['{"total":1}', '{"total":"x"}', 'no json', '{"total":4}']);
    bench.start();
    await bench.until('all is committed', async () => (await committed()) === 4);
    expect(seen).toEqual([1, 4]);
    const letters = await dead();
    expect(letters.map(({ error }) => error.split(':')[0])).toEqual([
      'DESERIALIZATION_FAILED',
      'DESERIALIZATION_FAILED',
    ]);
    expect(letters[0]!.error).toContain('total');
  });

  it.each([
    ['partition', 1],
    ['key', 2],
    ['none', 4],
  ] as const)('handles record by record, with the ordering %s %i at once', async (ordering, most) => {
    let running = 0;
    let peak = 0;
    const order: string[] = [];
    const eachRecord = async (record: PulledRecord) => {
      running += 1;
      peak = Math.max(peak, running);
      await clock.sleep(20);
      order.push(record.text()!);
      running -= 1;
    };
    pulling = pullHandler({ store: store(), eachRecord, concurrency: 4 });
    await subscribe({ ordering });
    await send(['a1', 'b1', 'a2', 'b2'], (index) => (index % 2 === 0 ? 'a' : 'b'));
    bench.start();
    await bench.until('all is committed', async () => (await committed()) === 4);
    expect(peak).toBe(most);
    expect(order.indexOf('a1')).toBeLessThan(order.indexOf('a2'));
    expect(order.indexOf('b1')).toBeLessThan(order.indexOf('b2'));
  });

  it('goes on with other keys when one fails', async () => {
    const seen: string[] = [];
    const eachRecord = async (record: PulledRecord) => {
      seen.push(record.text()!);
      if (record.text() === 'a1' && seen.length < 3) throw new Error('not yet');
    };
    pulling = pullHandler({ store: store(), eachRecord });
    await subscribe({ ordering: 'key' });
    await send(['a1', 'b1', 'a2', 'b2'], (index) => (index % 2 === 0 ? 'a' : 'b'));
    bench.start();
    await bench.until('all is committed', async () => (await committed()) === 4);
    expect(seen).toEqual(['a1', 'b1', 'b2', 'a1', 'a2']);
  });

  it('stops in time, commits what is done, and has the rest done by another call', async () => {
    timeMs = 400;
    const seen: string[] = [];
    const eachRecord = async (record: PulledRecord) => {
      await clock.sleep(60);
      seen.push(record.text()!);
    };
    pulling = pullHandler({ store: store(), eachRecord });
    await subscribe();
    await send(Array.from({ length: 12 }, (_, index) => `${index}`));
    bench.start();
    await bench.until('all is committed', async () => (await committed()) === 12);
    expect(seen).toEqual(Array.from({ length: 12 }, (_, index) => `${index}`));
    expect(answers.length).toBeGreaterThan(1);
  });

  it('tells a handler that hangs from one that is done, before its time is over', async () => {
    timeMs = 300;
    let times = 0;
    pulling = pullHandler(
      () => {
        times += 1;
        return times === 1 ? new Promise(() => {}) : undefined;
      },
      { store: store() },
    );
    await subscribe({ bisectBatchOnError: false });
    await send(['a']);
    bench.start();
    await bench.until('it is committed', async () => (await committed()) === 1);
    expect(times).toBe(2);
  });

  it('is safe when one process handles several calls at once', async () => {
    await bench.millrace.topics.addPartitions('orders', 3);
    const peak = { running: 0, most: 0 };
    const seen: string[] = [];
    pulling = pullHandler(
      async ({ partition, records }) => {
        peak.running += 1;
        peak.most = Math.max(peak.most, peak.running);
        await clock.sleep(50);
        seen.push(...records.map((record) => `${partition}${record.text()}`));
        peak.running -= 1;
      },
      { store: store() },
    );
    await subscribe();
    const producer = bench.millrace.producer();
    await Promise.all([0, 1, 2].map((partition) => producer.send({ topic: 'orders', partition, value: 'x' })));
    bench.start();
    await bench.until('all are handled', () => seen.length === 3);
    expect(peak.most).toBeGreaterThan(1);
    expect(seen.sort()).toEqual(['0x', '1x', '2x']);
  });

  it('is called again when it dies with its lease, which counts', async () => {
    let times = 0;
    pulling = async (event, context) => {
      times += 1;
      // It dies in the middle of its batch: what it has begun is never settled.
      if (times === 1) {
        void pullHandler(() => new Promise(() => {}), { store: store() })(event, {
          getRemainingTimeInMillis: () => 30,
        });
        throw new Error('the process ended');
      }
      return pullHandler(() => undefined, { store: store() })(event, context);
    };
    await subscribe();
    await send(['a']);
    bench.start();
    await bench.until('it is committed', async () => (await committed()) === 1);
    expect(times).toBeGreaterThan(1);
  });

  it('says what is missing when it does not know the log', async () => {
    pulling = pullHandler(() => undefined);
    await subscribe();
    await send(['a']);
    bench.start();
    await bench.until('it is told', () => bench.news.some(({ kind }) => kind === 'throttled'));
    const told = bench.news.find((news) => news.kind === 'throttled');
    expect(told).toMatchObject({ error: expect.stringContaining('does not know where the log is') });
  });
});
