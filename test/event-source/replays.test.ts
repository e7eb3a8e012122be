import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { formatReplay, parseReplay, visibleRange } from '../../lib/event-source/replay.ts';
import { type ReplayRequest, Replays } from '../../lib/event-source/replays.ts';
import type { SubscriptionOptions } from '../../lib/event-source/subscription-options.ts';
import { Fetcher } from '../../lib/log/fetcher.ts';
import { type EventSourceBench, openBench } from './event-source-bench.ts';

let bench: EventSourceBench;
let replays: Replays;

/** Two partitions with six records each, all of which were handled. */
beforeEach(async () => {
  bench = openBench();
  const { store, subscriptions } = bench;
  replays = new Replays({ store, clock, random, fetcher: new Fetcher({ store, clock, random }), subscriptions });
  bench.functions.set('bill', () => undefined);
  await bench.millrace.topics.createTopic({ name: 'orders', partitionCount: 2 });
});
afterEach(() => bench.close());

const committed = async () =>
  (await bench.subscriptions.describe('billing')).partitions.map((one) => Number(one.committed));
const leases = async () => {
  const { topicId } = await bench.subscriptions.get('billing');
  const places = [0, 1].map((partition) => ({ group: 'billing', partition: { topicId, partition } }));
  return bench.store.leases.readMany(places);
};
const send = async (values: readonly string[], partition = 0) => {
  const producer = bench.millrace.producer();
  for (const value of values) await producer.send({ topic: 'orders', partition, value });
  await producer.close();
};
async function handled(options: Partial<SubscriptionOptions> = {}) {
  await bench.subscriptions.create({ name: 'billing', topic: 'orders', target: 'bill', options });
  await send(['a0', 'a1', 'a2', 'a3', 'a4', 'a5']);
  await send(['b0', 'b1', 'b2', 'b3', 'b4', 'b5'], 1);
  bench.start();
  await bench.until('all are handled', async () => (await committed()).join() === '6,6');
  bench.calls.length = 0;
}
const given = () => bench.calls.flatMap(({ values }) => values);
async function replay(request: ReplayRequest) {
  await replays.start('billing', request);
  await bench.until('it is done', async () => (await replays.describe('billing')).state === 'done');
}

describe('a replay', () => {
  it('gives a range once more, and leaves the group as it was', async () => {
    await handled();
    const before = await leases();
    await replay({ from: { offset: 2n }, to: { offset: 5n } });
    expect(given().sort()).toEqual(['a2', 'a3', 'a4', 'b2', 'b3', 'b4']);
    expect(await leases()).toEqual(before);
    const { partitions } = await replays.end('billing');
    expect(partitions).toMatchObject([
      { partition: 0, from: 2n, to: 5n, position: 5n, error: '' },
      { partition: 1, from: 2n, to: 5n, position: 5n },
    ]);
    expect(await bench.store.subscriptions.list(null, 9)).toHaveLength(1);
    expect(await bench.subscriptions.list()).toHaveLength(1);
    await expect(replays.describe('billing')).rejects.toMatchObject({ code: 'SUBSCRIPTION_NOT_FOUND' });
  });

  it('gives one partition to another function, and what comes meanwhile only to the subscription', async () => {
    await handled();
    bench.functions.set('audit', async ([first]) => {
      if (first!.value === 'b4') await send(['b6'], 1);
    });
    await replay({ from: { offset: 4n }, partitions: [1], target: 'audit' });
    await bench.until('the new one is handled', () => given().includes('b6'));
    await clock.sleep(30);
    expect(bench.calls.filter(({ target }) => target === 'audit').flatMap(({ values }) => values)).toEqual([
      'b4',
      'b5',
    ]);
    expect(bench.calls.filter(({ target }) => target === 'bill').flatMap(({ values }) => values)).toEqual(['b6']);
  });

  it('has the options of its subscription: filters, batches, partial answers, attempts', async () => {
    await handled({
      filters: [{ value: [{ 'anything-but': ['a3'] }] }],
      batchSize: 2,
      reportBatchItemFailures: true,
      retryAttempts: 0,
      ordering: 'none',
      maxRecordAgeMs: 60_000,
    });
    bench.functions.set('bill', (records) => ({
      batchItemFailures: records
        .filter(({ value }) => value === 'a4')
        .map(({ offset }) => ({ itemIdentifier: { partition: 'orders-0', offset } })),
    }));
    await replay({ from: { offset: 2n }, to: { offset: 6n }, partitions: [0] });
    expect(given()).toEqual(['a2', 'a4', 'a5']);
    expect(bench.calls.every(({ values }) => values.length <= 2)).toBe(true);
    const failures = await replays.failures('billing');
    expect(failures).toMatchObject([
      { origin: { topic: 'orders', partition: 0, offset: 4n }, attempts: 1, reason: 'RetryAttemptsExhausted' },
    ]);
    expect(await bench.deadLetters.list('billing')).toEqual([]);
  });

  it('gives no more in a second than is wished', async () => {
    await handled();
    await replays.start('billing', { from: 'TRIM_HORIZON', partitions: [0], recordsPerSecond: 1_000 });
    const [replay] = (await bench.store.subscriptions.list(null, 9)).filter((one) => one.replay !== undefined);
    expect(replay!.options.recordsPerSecond).toBe(1_000);
    await bench.until('it is done', async () => (await replays.describe('billing')).state === 'done');
    expect(given()).toHaveLength(6);
  });

  it('sends what fails to the dead letters by choice', async () => {
    await handled({ retryAttempts: 0 });
    bench.functions.set('bill', () => {
      throw new Error('not even now');
    });
    await replay({ from: { offset: 5n }, partitions: [1], failures: 'dead-letters' });
    expect(await replays.failures('billing')).toEqual([]);
    const letters = await bench.deadLetters.list('billing');
    expect(letters).toMatchObject([{ origin: { topic: 'orders', partition: 1, offset: 5n }, redrives: 0 }]);
  });

  it('tells the failures of this replay alone', async () => {
    await handled({ retryAttempts: 0 });
    bench.functions.set('bill', () => {
      throw new Error('no');
    });
    await replay({ from: { offset: 5n }, partitions: [0] });
    await replay({ from: { offset: 5n }, partitions: [1] });
    expect(await replays.failures('billing')).toMatchObject([{ origin: { partition: 1, offset: 5n } }]);
  });

  it('is paused, and goes on where it was', async () => {
    await handled({ batchSize: 1 });
    let isOpen = false;
    bench.functions.set('bill', async ([first]) => {
      if (first!.value !== 'a2' || isOpen) return;
      isOpen = true;
      await replays.pause('billing');
      // So long a worker believes what it has read.
      await clock.sleep(1_050);
    });
    await replays.start('billing', { from: { offset: 1n }, partitions: [0] });
    await bench.until('it is paused', async () => (await replays.describe('billing')).partitions[0]!.position === 3n);
    await clock.sleep(50);
    expect(await replays.describe('billing')).toMatchObject({ state: 'paused', partitions: [{ position: 3n }] });
    await expect(replays.start('billing', { from: 'TRIM_HORIZON' })).rejects.toMatchObject({
      code: 'SUBSCRIPTION_ALREADY_EXISTS',
      hint: expect.stringContaining('--continue'),
    });
    await replays.resume('billing');
    await bench.until('it is done', async () => (await replays.describe('billing')).state === 'done');
    expect(given()).toEqual(['a1', 'a2', 'a3', 'a4', 'a5']);
  });

  it('goes on although the one that ran it is gone', async () => {
    await bench.subscriptions.create({ name: 'billing', topic: 'orders', target: 'bill' });
    await send(['a0', 'a1']);
    await replays.start('billing', { from: 'TRIM_HORIZON', partitions: [0] });
    expect(await replays.describe('billing')).toMatchObject({ state: 'running', partitions: [{ position: 0n }] });
    // Nobody has heard its bell: the sweep of whoever starts next finds it.
    bench.start();
    await bench.until('it is done', async () => (await replays.describe('billing')).state === 'done');
    await bench.until('both have had them', () => given().length === 4);
  });

  it('ends with its subscription', async () => {
    await handled();
    await replays.start('billing', { from: 'TRIM_HORIZON' });
    await bench.subscriptions.delete('billing');
    expect(await bench.store.subscriptions.list(null, 9)).toEqual([]);
  });

  /** Replays that are overtaken: `meanwhile` happens when one is about to be stored for the first time. */
  function overtaken(meanwhile: () => Promise<unknown>): Replays {
    const { store, subscriptions } = bench;
    let isFirst = true;
    const createPart: typeof store.subscriptions.createPart = async (part, of) => {
      if (isFirst) await meanwhile();
      isFirst = false;
      return store.subscriptions.createPart(part, of);
    };
    const late = { ...store, subscriptions: { ...store.subscriptions, createPart } };
    return new Replays({ store: late, clock, random, fetcher: new Fetcher({ store, clock, random }), subscriptions });
  }

  it('is one at a time, also when two begin at once', async () => {
    await handled();
    const slow = overtaken(() => replays.start('billing', { from: { offset: 3n } }));
    await expect(slow.start('billing', { from: 'TRIM_HORIZON' })).rejects.toMatchObject({
      code: 'SUBSCRIPTION_ALREADY_EXISTS',
    });
    expect((await replays.describe('billing')).partitions).toMatchObject([{ from: 3n }, { from: 3n }]);
    expect(await bench.store.subscriptions.list(null, 9)).toHaveLength(2);
  });

  it('has the options that the subscription has got while it began', async () => {
    await handled();
    const slow = overtaken(() => bench.subscriptions.update('billing', { batchSize: 2 }));
    await slow.start('billing', { from: 'TRIM_HORIZON' });
    const [one] = (await bench.store.subscriptions.list(null, 9)).filter(({ replay: of }) => of !== undefined);
    expect(one!.options.batchSize).toBe(2);
  });

  it('is not left behind when its subscription goes while it begins', async () => {
    await handled();
    const slow = overtaken(() => bench.subscriptions.delete('billing'));
    await expect(slow.start('billing', { from: 'TRIM_HORIZON' })).rejects.toMatchObject({
      code: 'SUBSCRIPTION_NOT_FOUND',
    });
    expect(await bench.store.subscriptions.list(null, 9)).toEqual([]);
  });

  it('is only planned in a dry run', async () => {
    await handled();
    const planned = await replays.start('billing', { from: { timestampMs: 0 }, to: { offset: 4n }, dryRun: true });
    expect(planned).toMatchObject({
      state: 'planned',
      partitions: [
        { from: 0n, to: 4n, position: 0n },
        { from: 0n, to: 4n, position: 0n },
      ],
    });
    expect(await bench.store.subscriptions.list(null, 9)).toHaveLength(1);
    expect(await bench.millrace.topics.listTopics()).toEqual(['billing.dlq', 'orders']);
  });

  it.each([
    [{ from: { offset: 7n } }, 'OFFSET_OUT_OF_RANGE', /within/],
    [{ from: 'TRIM_HORIZON', to: { offset: 9n } }, 'OFFSET_OUT_OF_RANGE', /within/],
    [{ from: { offset: 4n }, to: { offset: 2n } }, 'INVALID_REQUEST', /before the end/],
    [{ from: 'LATEST' }, 'INVALID_REQUEST', /earlier beginning/],
    [{ from: { offset: 3n }, to: { offset: 3n } }, 'INVALID_REQUEST', /first record that is not given/],
    [{ from: 'TRIM_HORIZON', partitions: [2] }, 'UNKNOWN_TOPIC_OR_PARTITION', /0 to 1/],
    [{ from: 'TRIM_HORIZON', recordsPerSecond: -1 }, 'INVALID_CONFIG', /no limit/],
    [{ from: 'TRIM_HORIZON', target: '' }, 'INVALID_REQUEST', /name or the ARN/],
  ] as const)('is refused with the reason: %o', async (request, code, hint) => {
    await handled();
    await expect(replays.start('billing', request)).rejects.toMatchObject({ code, hint: expect.stringMatching(hint) });
    expect(await bench.store.subscriptions.list(null, 9)).toHaveLength(1);
  });

  it('sees of its topic what it is to read', () => {
    const ranges = [{ partition: 1, from: 5n, to: 8n }];
    const replay = { of: 'billing', ranges, failuresFrom: 3n };
    expect(parseReplay(formatReplay(replay))).toEqual(replay);
    const head = { start: 2n, next: 20n };
    expect(visibleRange({ replay }, 1, head)).toEqual({ start: 5n, next: 8n });
    expect(visibleRange({ replay }, 1, { start: 6n, next: 7n })).toEqual({ start: 6n, next: 7n });
    expect(visibleRange({ replay }, 0, head)).toEqual({ start: 2n, next: 2n });
    expect(visibleRange({}, 0, head)).toBe(head);
  });
});
