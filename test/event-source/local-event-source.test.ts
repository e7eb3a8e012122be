import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MillraceError } from '../../lib/errors.ts';
import { RetryAfter } from '../../lib/event-source/retry-after.ts';
import type { SubscriptionOptions } from '../../lib/event-source/subscription-options.ts';
import { type EventSourceBench, openBench, type TestFunction } from './event-source-bench.ts';

let bench: EventSourceBench;
beforeEach(async () => {
  bench = openBench();
  await bench.millrace.topics.createTopic({ name: 'orders', partitionCount: 2 });
});
afterEach(() => bench.close());

async function send(values: readonly string[], { partition = 0, key }: { partition?: number; key?: string } = {}) {
  const producer = bench.millrace.producer();
  const sent = values.map((value) => producer.send({ topic: 'orders', partition, value, key: key ?? null }));
  await Promise.all(sent);
  await producer.close();
}

async function subscribe(handler: TestFunction, options: Partial<SubscriptionOptions> = {}) {
  bench.functions.set('bill', handler);
  await bench.subscriptions.create({ name: 'billing', topic: 'orders', target: 'bill', options });
}

const values = () => bench.calls.flatMap((call) => call.values);
const committed = async () =>
  (await bench.subscriptions.describe('billing')).partitions.map((one) => Number(one.committed));

describe('an event source', () => {
  it('calls a function for what is committed, in order', async () => {
    await subscribe(() => undefined);
    bench.start();
    await send(['a', 'b', 'c']);
    await bench.until('all are handled', () => values().length === 3);
    expect(values()).toEqual(['a', 'b', 'c']);
    await bench.until('they are committed', async () => (await committed())[0] === 3);
    await send(['d'], { partition: 1 });
    await bench.until('the other partition is handled', () => values().length === 4);
  });

  it('finds what was written while nobody watched, and what is written by whom it does not know', async () => {
    await subscribe(() => undefined);
    await send(['a']);
    bench.start();
    await bench.until('it is handled', () => values().length === 1);
  });

  it('calls a function so many times at once at most, over all partitions', async () => {
    let running = 0;
    let most = 0;
    const handler = async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
    };
    await subscribe(handler, { batchSize: 1, maximumConcurrency: 1 });
    bench.start();
    bench.start();
    await Promise.all([send(['a', 'b', 'c']), send(['d', 'e', 'f'], { partition: 1 })]);
    await bench.until('all are committed', async () => (await committed()).join() === '3,3');
    expect(most).toBe(1);
  });

  it('serves all others when the options of one were written by a newer Millrace, and says so', async () => {
    await subscribe(() => undefined);
    const readable = await bench.subscriptions.get('billing');
    const options = { ...readable.options, ofTheFuture: true };
    await bench.store.subscriptions.create({ ...readable, group: 'newer', target: 'newer', options });
    bench.start();
    await send(['a']);
    await bench.until('it is handled', () => values().length === 1);
    const told = bench.news.filter(({ kind }) => kind === 'subscription-unreadable');
    expect(told).toMatchObject([{ group: 'newer', error: expect.stringContaining('ofTheFuture') }]);
    expect((await bench.subscriptions.list()).map(({ group }) => group)).toEqual(['billing', 'newer']);
    // What it does not understand it does not write over.
    await expect(bench.subscriptions.resume('newer')).rejects.toMatchObject({ code: 'CORRUPT_OBJECT' });
    await bench.subscriptions.delete('newer');
    expect((await bench.subscriptions.list()).map(({ group }) => group)).toEqual(['billing']);
  });

  it('goes on where another has ended', async () => {
    await subscribe(() => undefined);
    const first = bench.start();
    await send(['a', 'b']);
    await bench.until('they are handled', () => values().length === 2);
    await first.close();
    await send(['c']);
    bench.start();
    await bench.until('the rest is handled', () => values().length === 3);
    expect(values()).toEqual(['a', 'b', 'c']);
  });

  it('gives batches of at most so many records', async () => {
    await subscribe(() => undefined, { batchSize: 2 });
    await send(['a', 'b', 'c', 'd', 'e']);
    bench.start();
    await bench.until('all are handled', () => values().length === 5);
    expect(bench.calls.map((call) => call.values.length)).toEqual([2, 2, 1]);
  });

  it('waits for a batch to be full, for so long', async () => {
    await subscribe(() => undefined, { batchSize: 3, maxBatchingWindowMs: 1_500 });
    bench.start();
    await send(['a']);
    await send(['b', 'c']);
    await bench.until('the full one is handled', () => bench.calls.length === 1);
    expect(values()).toEqual(['a', 'b', 'c']);
    await send(['d']);
    await bench.until('the other one is handled', () => bench.calls.length === 2);
    expect(values()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('gives only what its filters match', async () => {
    await subscribe(() => undefined, { filters: [{ value: { paid: [true] } }] });
    await send(['{"paid":true,"n":1}', '{"paid":false,"n":2}', 'no json', '{"paid":true,"n":3}']);
    bench.start();
    await bench.until('they are handled', () => values().length === 2);
    expect(values()).toEqual(['{"paid":true,"n":1}', '{"paid":true,"n":3}']);
    await bench.until('all is committed', async () => (await committed())[0] === 4);
  });

  it('finds the record that fails, gives it again, then sends it to the dead letters with all that is known', async () => {
    const handler: TestFunction = (records) => {
      if (records.some(({ value }) => value === 'bad')) throw new TypeError('cannot bill this');
    };
    await subscribe(handler, { retryAttempts: 0 });
    await send(['a', 'b', 'bad', 'c', 'd'], { key: 'ada' });
    bench.start();
    await bench.until('all is committed', async () => (await committed())[0] === 5);
    const good = bench.calls.filter((call) => !call.values.includes('bad')).flatMap((call) => call.values);
    expect(good).toEqual(['a', 'b', 'c', 'd']);
    const [dead, ...others] = await bench.read('billing.dlq');
    expect(others).toEqual([]);
    expect(dead).toMatchObject({
      key: 'ada',
      value: 'bad',
      headers: {
        'millrace-origin-topic': 'orders',
        'millrace-origin-partition': '0',
        'millrace-origin-offset': '2',
        'millrace-group': 'billing',
        'millrace-attempts': '1',
        'millrace-reason': 'RetryAttemptsExhausted',
        'millrace-error': 'TypeError: cannot bill this',
      },
    });
    expect(dead!.headers['millrace-stack']).toContain('at ');
  });

  it('gives again only what the function names, without an order', async () => {
    let isFirst = true;
    const handler: TestFunction = (records) => {
      const failed = records.filter(({ value }) => value === 'b' && isFirst);
      isFirst = false;
      return {
        batchItemFailures: failed.map(({ topic, partition, offset }) => ({
          itemIdentifier: { partition: `${topic}-${partition}`, offset },
        })),
      };
    };
    await subscribe(handler, { ordering: 'none', reportBatchItemFailures: true });
    await send(['a', 'b', 'c']);
    bench.start();
    await bench.until('it was given again', () => values().length === 4);
    expect(bench.calls.map((call) => call.values)).toEqual([['a', 'b', 'c'], ['b']]);
    await bench.until('all is committed', async () => (await committed())[0] === 3);
  });

  it('sends what fails through topics where it waits, and does not stop the partition', async () => {
    const startMs = performance.now();
    const handler: TestFunction = (records) => {
      if (records.some(({ value }) => value === 'late') && performance.now() - startMs < 900)
        throw new Error('not yet');
    };
    await subscribe(handler, { retryDelaysMs: [1_000] });
    bench.start();
    await send(['late', 'a']);
    await bench.until('the partition goes on', () => values().includes('a'));
    await bench.until('it came again', () => bench.calls.filter((call) => call.values.includes('late')).length >= 2);
    await bench.until('nothing is left', async () => (await committed())[0] === 2);
    expect(await bench.read('billing.dlq')).toEqual([]);
    const [waited] = await bench.read('billing.retry-1');
    expect(waited).toMatchObject({
      value: 'late',
      headers: { 'millrace-origin-offset': '0', 'millrace-attempts': '1' },
    });
  });

  it('gives again when the function wishes', async () => {
    let times = 0;
    const handler: TestFunction = () => {
      times += 1;
      if (times === 1) throw new RetryAfter(300);
    };
    await subscribe(handler);
    bench.start();
    await send(['a']);
    await bench.until('it came again', () => bench.calls.length === 2);
    expect(bench.calls[1]!.atMs - bench.calls[0]!.atMs).toBeGreaterThanOrEqual(295);
  });

  it('waits for a function that is not there, without counting', async () => {
    await subscribe(() => undefined, { retryAttempts: 0 });
    bench.functions.delete('bill');
    const source = bench.start();
    await send(['a']);
    await bench.until('it is told', () => bench.news.some(({ kind }) => kind === 'throttled'));
    await source.close();
    bench.functions.set('bill', () => undefined);
    await bench.subscriptions.seek('billing', { to: 'TRIM_HORIZON' });
    bench.start();
    await bench.until('it is handled', () => values().length === 1);
    expect(await bench.read('billing.dlq')).toEqual([]);
  });

  it('calls nobody while it is paused', async () => {
    await subscribe(() => undefined);
    await bench.subscriptions.pause('billing');
    bench.start();
    await send(['a']);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(bench.calls).toEqual([]);
    await bench.subscriptions.resume('billing');
    await bench.until('it is handled', () => values().length === 1);
  });

  it('gives everything again after a seek, also to who works on it', async () => {
    await subscribe(() => undefined);
    bench.start();
    await send(['a', 'b']);
    await bench.until('they are handled', async () => (await committed())[0] === 2);
    const sought = await bench.subscriptions.seek('billing', { to: { offset: 1n }, partitions: [0] });
    expect(sought).toEqual([{ partition: 0, before: 2n, after: 1n }]);
    await bench.until('it came again', () => values().length === 3);
    expect(values()).toEqual(['a', 'b', 'b']);
  });

  it('makes the lease last as long as the function takes', async () => {
    await subscribe(() => new Promise((resolve) => setTimeout(resolve, 900)));
    bench.start({ leaseMs: 300 });
    await send(['a']);
    await bench.until('it is committed', async () => (await committed())[0] === 1);
    expect(bench.news.filter(({ kind }) => kind === 'fenced')).toEqual([]);
    expect(bench.calls).toHaveLength(1);
  });

  it('rests when everything fails, and keeps what it has', async () => {
    await subscribe(
      () => {
        throw new Error('nothing works');
      },
      { ordering: 'none', retryAttempts: 0, circuitBreakerFailures: 2 },
    );
    bench.start();
    await send(['a', 'b', 'c', 'd']);
    await bench.until('it rests', async () => {
      const { partitions } = await bench.subscriptions.describe('billing');
      return partitions[0]!.state === 'resting';
    });
    expect(await bench.read('billing.dlq')).toHaveLength(2);
    expect((await bench.subscriptions.describe('billing')).partitions[0]).toMatchObject({
      error: 'Error: nothing works',
    });
  });
});

/** The next call of a method fails, in a way that is not worth repeating. */
function failOnce<K extends string>(port: Record<K, unknown>, method: K): () => boolean {
  const own = Object.getOwnPropertyDescriptor(port, method);
  let failed = false;
  Object.defineProperty(port, method, {
    configurable: true,
    value: async () => {
      failed = true;
      if (own === undefined) Reflect.deleteProperty(port, method);
      else Object.defineProperty(port, method, own);
      throw new MillraceError('CORRUPT_OBJECT', 'the disk has failed', { value: method });
    },
  });
  return () => failed;
}

describe('a store that fails once', () => {
  it.each([
    ['after the change was seen', () => failOnce(bench.store.bells, 'list')],
    ['before the lease was read', () => failOnce(bench.store.leases, 'readMany')],
    ['when the worker takes the lease', () => failOnce(bench.store.leases, 'take')],
  ])('delays what was written, %s, and loses nothing', async (_, fail) => {
    await subscribe(() => undefined);
    bench.start();
    await send(['a']);
    await bench.until('it is committed', async () => (await committed())[0] === 1);
    const failed = fail();
    await send(['b']);
    await bench.until('the other one is handled', () => values().length === 2);
    expect(values()).toEqual(['a', 'b']);
    expect(failed()).toBe(true);
  });

  it('wakes somebody also when it failed while an alarm rang', async () => {
    let failed = () => false;
    await subscribe(() => {
      if (values().length > 1) return;
      failed = failOnce(bench.store.leases, 'readMany');
      throw new RetryAfter(300);
    });
    bench.start();
    await send(['a']);
    await bench.until('it is given again', () => values().length === 2);
    expect(failed()).toBe(true);
  });
});
