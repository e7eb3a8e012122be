import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { MillraceError } from '../../lib/errors.ts';
import { DeadLetters } from '../../lib/event-source/dead-letters.ts';
import type { EventSourceStore } from '../../lib/event-source/event-source-store.ts';
import { SubscriptionAdmin } from '../../lib/event-source/subscription-admin.ts';
import { Fetcher } from '../../lib/log/fetcher.ts';
import { countedStore } from './counted-store.ts';
import { type EventSourceBench, openBench } from './event-source-bench.ts';

let bench: EventSourceBench;
let isBroken: (value: string) => boolean;

/** Four records of which b, c and d fail. */
beforeEach(async () => {
  bench = openBench();
  isBroken = (value) => value !== 'a';
  bench.functions.set('bill', (records) => {
    for (const { value } of records) if (isBroken(value!)) throw new Error(`cannot handle ${value}`);
  });
  await bench.millrace.topics.createTopic({ name: 'orders', partitionCount: 1 });
  const options = { retryAttempts: 0, circuitBreakerFailures: 0 };
  await bench.subscriptions.create({ name: 'billing', topic: 'orders', target: 'bill', options });
  const producer = bench.millrace.producer();
  for (const value of ['a', 'b', 'c', 'd']) {
    await producer.send({ topic: 'orders', key: 'ada', value, headers: { trace: `t-${value}` } });
  }
  bench.start();
  await bench.until('three are dead', async () => (await bench.read('billing.dlq')).length === 3);
});
afterEach(() => bench.close());

const valuesOf = async (selection = {}) =>
  (await bench.deadLetters.list('billing', selection)).map(({ record }) => Buffer.from(record.valueBytes!).toString());
const handledAgain = () => bench.calls.flatMap(({ values }) => values).slice(-3);

const depsOf = (store: EventSourceStore) => ({
  store,
  clock,
  random,
  fetcher: new Fetcher({ store, clock, random }),
  subscriptions: new SubscriptionAdmin({ store, clock, random }),
});

describe('dead letters', () => {
  it('are listed with where they come from and why', async () => {
    expect(await valuesOf()).toEqual(['b', 'c', 'd']);
    const [first] = await bench.deadLetters.list('billing', { limit: 1 });
    expect(first).toMatchObject({
      origin: { topic: 'orders', partition: 0, offset: 1n },
      attempts: 1,
      redrives: 0,
      reason: 'RetryAttemptsExhausted',
      error: 'Error: cannot handle b',
    });
    expect(await valuesOf({ filters: [{ value: ['c'] }] })).toEqual(['c']);
    expect(await valuesOf({ filters: [{ headers: { 'millrace-error': [{ suffix: 'd' }] } }] })).toEqual(['d']);
  });

  it('are sent back to the function, with key and headers, and are gone', async () => {
    const before = bench.calls.length;
    isBroken = () => false;
    expect(await bench.deadLetters.redrive('billing')).toEqual({ done: 3, exhausted: 0 });
    await bench.until('they are handled', () => bench.calls.slice(before).flatMap(({ values }) => values).length === 3);
    expect(handledAgain()).toEqual(['b', 'c', 'd']);
    expect(await valuesOf()).toEqual([]);
    const [sent] = await bench.read('billing.redrive');
    expect(sent).toMatchObject({ key: 'ada', value: 'b', headers: { trace: 't-b', 'millrace-redrives': '1' } });
  });

  it('come back to the dead letters when they fail again, and not for ever', async () => {
    for (let round = 1; round <= 3; round++) {
      expect(await bench.deadLetters.redrive('billing')).toEqual({ done: 3, exhausted: 0 });
      await bench.until('they are dead again', async () => (await valuesOf()).length === 3);
    }
    expect(await bench.deadLetters.redrive('billing')).toEqual({ done: 0, exhausted: 3 });
    const [letter] = await bench.deadLetters.list('billing');
    expect(letter).toMatchObject({ attempts: 4, redrives: 3, origin: { topic: 'orders', offset: 1n } });
  });

  it('are sent back one by one, and those that are not chosen stay', async () => {
    isBroken = () => false;
    const request = { filters: [{ value: ['c', 'd'] }], limit: 1 };
    expect(await bench.deadLetters.redrive('billing', request)).toEqual({ done: 1, exhausted: 0 });
    expect(await valuesOf()).toEqual(['b', 'd']);
  });

  it('are only counted in a dry run', async () => {
    expect(await bench.deadLetters.redrive('billing', { dryRun: true })).toEqual({ done: 3, exhausted: 0 });
    expect(await bench.deadLetters.discard('billing', { dryRun: true })).toEqual({ done: 3, exhausted: 0 });
    expect(await valuesOf()).toEqual(['b', 'c', 'd']);
    expect(await bench.millrace.topics.listTopics()).not.toContain('billing.redrive');
  });

  it('are sent back no faster than is wished', async () => {
    isBroken = () => false;
    const times: number[] = [];
    const onSent = () => void times.push(performance.now());
    await bench.deadLetters.redrive('billing', { recordsPerSecond: 10, onSent });
    expect(times[2]! - times[0]!).toBeGreaterThanOrEqual(180);
  });

  it('are discarded', async () => {
    expect(await bench.deadLetters.discard('billing', { filters: [{ value: ['b'] }] })).toEqual({
      done: 1,
      exhausted: 0,
    });
    expect(await valuesOf()).toEqual(['c', 'd']);
    expect(await bench.read('billing.dlq')).toHaveLength(3);
  });

  it('are those of their subscription alone, where several share a topic', async () => {
    bench.functions.set('other', () => {
      throw new Error('not this one either');
    });
    const options = { retryAttempts: 0, onFailure: 'topic:billing.dlq', circuitBreakerFailures: 0 };
    await bench.subscriptions.create({ name: 'audit', topic: 'orders', target: 'other', options });
    await bench.until('all are dead', async () => (await bench.read('billing.dlq')).length === 7);
    expect(await valuesOf()).toEqual(['b', 'c', 'd']);
    expect(await bench.deadLetters.list('audit')).toHaveLength(4);
  });

  // A send that failed left the lease for 15 seconds and up to a hundred letters unmarked: the next one to try was turned away, and then sent them twice.
  it('are marked and let go of when one of them cannot be sent', async () => {
    const sent: string[] = [];
    const failing = new DeadLetters({
      ...depsOf(bench.store),
      records: {
        async send(_, { value }) {
          if (Buffer.from(value!).toString() === 'd') throw new MillraceError('STORE_UNAVAILABLE', 'not now');
          sent.push(Buffer.from(value!).toString());
        },
      },
    });
    await expect(failing.redrive('billing')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(sent).toEqual(['b', 'c']);
    expect(await valuesOf()).toEqual(['d']);
    isBroken = () => false;
    expect(await bench.deadLetters.redrive('billing')).toEqual({ done: 1, exhausted: 0 });
  });

  it('are taken with one read and one take of the lease, and patterns are compiled once', async () => {
    const { store, requests } = countedStore(bench.store);
    const letters = new DeadLetters({ ...depsOf(store), records: { send: async () => {} } });
    let looks = 0;
    const filter = Object.defineProperty({}, 'value', {
      enumerable: true,
      get: () => {
        looks += 1;
        return ['b', 'c', 'd'];
      },
    });
    await letters.discard('billing', { filters: [filter] });
    expect(requests.filter((name) => name.startsWith('leases.'))).toEqual([
      'leases.readMany',
      'leases.take',
      'leases.update',
    ]);
    const once = looks;
    looks = 0;
    await letters.list('billing', { filters: [filter] });
    expect(looks).toBe(once);
  });

  it('are all found, however many there are', { timeout: 60_000 }, async () => {
    const count = 50_100;
    const headers = { 'millrace-group': 'billing' };
    const producer = bench.millrace.producer();
    await producer.sendAll(Array.from({ length: count }, (_, n) => ({ topic: 'billing.dlq', value: `${n}`, headers })));
    expect(await bench.deadLetters.list('billing')).toHaveLength(count + 3);
  });

  it('are refused where there are none', async () => {
    await expect(bench.deadLetters.list('nothing')).rejects.toMatchObject({ code: 'SUBSCRIPTION_NOT_FOUND' });
    await bench.subscriptions.update('billing', { onFailure: null });
    await expect(bench.deadLetters.list('billing')).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });
});
