import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { SubscriptionAdmin } from '../../lib/event-source/subscription-admin.ts';
import type { SubscriptionOptions } from '../../lib/event-source/subscription-options.ts';
import { countedStore } from './counted-store.ts';
import { type EventSourceBench, openBench } from './event-source-bench.ts';

let bench: EventSourceBench;
beforeEach(async () => {
  bench = openBench();
  bench.functions.set('bill', () => undefined);
  await bench.millrace.topics.createTopic({ name: 'orders', partitionCount: 2 });
});
afterEach(() => bench.close());

const create = (options: Partial<SubscriptionOptions> = {}, changes = {}) =>
  bench.subscriptions.create({ name: 'billing', topic: 'orders', target: 'bill', options, ...changes });
const send = async (count: number) => {
  const producer = bench.millrace.producer();
  for (let n = 0; n < count; n++) await producer.send({ topic: 'orders', partition: n % 2, value: `${n}` });
};
const committed = async () =>
  (await bench.subscriptions.describe('billing')).partitions.map((one) => Number(one.committed));

describe('a subscription', () => {
  it('is made with its topics for what fails, listed and described', async () => {
    const made = await create({ retryDelaysMs: [1_000, 5_000] });
    expect(made).toMatchObject({ group: 'billing', topic: 'orders', target: 'bill', retry: null });
    expect(await bench.millrace.topics.listTopics()).toEqual([
      'billing.dlq',
      'billing.retry-1',
      'billing.retry-2',
      'orders',
    ]);
    expect((await bench.subscriptions.list()).map(({ group }) => group)).toEqual(['billing']);
    const { partitions, retries } = await bench.subscriptions.describe('billing');
    expect(partitions).toMatchObject([
      { partition: 0, committed: 0n, lag: 0n, state: 'idle', failed: 0, error: '' },
      { partition: 1, committed: 0n },
    ]);
    expect(retries.map(({ retry }) => retry)).toEqual([
      { of: 'billing', tier: 1 },
      { of: 'billing', tier: 2 },
    ]);
    expect(await bench.millrace.groups.describeGroup('billing')).toMatchObject({
      kind: 'subscription',
      state: 'empty',
    });
  });

  it.each([
    ['TRIM_HORIZON', [0, 0]],
    ['LATEST', [2, 1]],
    [{ offset: 1n }, [1, 1]],
    [{ offset: 9n }, [2, 1]],
    [{ timestampMs: 4_000_000_000_000 }, [2, 1]],
  ] as const)('begins at %o', async (startingPosition, expected) => {
    await send(3);
    await create({}, { startingPosition });
    expect(await committed()).toEqual(expected);
  });

  it('has topics in the domain of its own, which others share although its name begins like that of one topic', async () => {
    const { topics } = bench.millrace;
    const domains = async (name: string, domain: string) => {
      await topics.createTopic({ name, domain });
      await bench.subscriptions.create({ name: `to-${name}`, topic: name, target: 'bill', options: {} });
      await bench.subscriptions.makeReplayFailures(`to-${name}`);
      const made = [`to-${name}.dlq`, `to-${name}.replay-failures`].map((one) => topics.getTopic(one));
      return (await Promise.all(made)).map((topic) => (topic.domain === `t-${topic.topicId}` ? 'own' : topic.domain));
    };
    expect(await domains('team', 't-team')).toEqual(['t-team', 't-team']);
    expect(await domains('salaries', 'own')).toEqual(['own', 'own']);
    expect(await domains('all', 'shared')).toEqual(['shared', 'shared']);
  });

  it('keeps where it begins, whatever is written before its first call', async () => {
    await send(2);
    await create({}, { startingPosition: 'LATEST' });
    await send(2);
    bench.start();
    await bench.until('both are handled', () => bench.calls.flatMap(({ values }) => values).length === 2);
  });

  it('goes on where an empty group of consumers of its name was', async () => {
    await send(4);
    const consumer = bench.millrace.consumer({ group: 'billing' });
    await consumer.subscribe(['orders']);
    for await (const record of consumer) {
      await consumer.commit(record);
      if (record.offset === 0n && record.partition === 0) break;
    }
    await expect(create()).rejects.toMatchObject({ code: 'INCONSISTENT_GROUP_PROTOCOL' });
    await consumer.close();
    await create();
    expect((await committed())[0]).toBe(1);
    bench.start();
    await bench.until('the rest is handled', async () => (await committed()).join() === '2,2');
  });

  it('keeps consumers out of its group, and its group from being moved behind its back', async () => {
    await create();
    const consumer = bench.millrace.consumer({ group: 'billing' });
    await expect(consumer.subscribe(['orders'])).rejects.toMatchObject({ code: 'INCONSISTENT_GROUP_PROTOCOL' });
    await consumer.close();
    const { groups } = bench.millrace;
    await expect(groups.seekGroup('billing', { to: 'end' })).rejects.toMatchObject({
      code: 'INCONSISTENT_GROUP_PROTOCOL',
    });
    await expect(groups.deleteGroup('billing')).rejects.toMatchObject({ code: 'INCONSISTENT_GROUP_PROTOCOL' });
  });

  it('changes its options and its target, and nothing else', async () => {
    await create({ batchSize: 5 });
    const changed = await bench.subscriptions.update('billing', { ordering: 'none', target: 'other' });
    expect(changed).toMatchObject({ target: 'other', version: 1, options: { batchSize: 5, ordering: 'none' } });
    await bench.subscriptions.update('billing', { retryDelaysMs: [1_000] });
    expect((await bench.subscriptions.describe('billing')).retries).toHaveLength(1);
  });

  it('is sought, in all partitions or some, or only said to be', async () => {
    await send(4);
    await create();
    const both = [
      { partition: 0, before: 0n, after: 2n },
      { partition: 1, before: 0n, after: 2n },
    ];
    expect(await bench.subscriptions.seek('billing', { to: 'LATEST', dryRun: true })).toEqual(both);
    expect(await committed()).toEqual([0, 0]);
    expect(await bench.subscriptions.seek('billing', { to: 'LATEST' })).toEqual(both);
    expect(await committed()).toEqual([2, 2]);
    await bench.subscriptions.seek('billing', { to: { offset: 1n }, partitions: [1] });
    expect(await committed()).toEqual([2, 1]);
    await expect(bench.subscriptions.seek('billing', { to: { offset: 3n } })).rejects.toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
    });
    const nowhere = { to: 'LATEST', partitions: [2] } as const;
    await expect(bench.subscriptions.seek('billing', nowhere)).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
    });
  });

  it('is deleted, and nobody is called any more', async () => {
    await create({ retryDelaysMs: [1_000] });
    bench.start();
    await bench.subscriptions.delete('billing');
    await send(2);
    expect(await bench.subscriptions.list()).toEqual([]);
    expect(await bench.store.subscriptions.list(null, 9)).toEqual([]);
    await expect(bench.subscriptions.get('billing')).rejects.toMatchObject({ code: 'SUBSCRIPTION_NOT_FOUND' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(bench.calls).toEqual([]);
    await create();
    await bench.until('it begins anew', async () => (await committed()).join() === '1,1');
  });

  it('ends with its topic, without harm', async () => {
    await create();
    const source = bench.start();
    await bench.millrace.topics.deleteTopic('orders');
    await send(1).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 50));
    await source.close();
    expect(bench.calls).toEqual([]);
  });

  it.each([
    [{ name: 'a b' }, 'INVALID_REQUEST'],
    [{ name: 'x'.repeat(201) }, 'INVALID_REQUEST'],
    [{ target: '' }, 'INVALID_REQUEST'],
    [{ topic: 'order' }, 'UNKNOWN_TOPIC_OR_PARTITION'],
    [{ options: { batchSize: 0 } }, 'INVALID_CONFIG'],
    [{ options: { batchsize: 5 } }, 'INVALID_CONFIG'],
    [{ options: { parallelizationFactor: 2 } }, 'INVALID_CONFIG'],
    [{ options: { maxRecordAgeMs: 5 } }, 'INVALID_CONFIG'],
    [{ options: { retryDelaysMs: [5] } }, 'INVALID_CONFIG'],
    [{ options: { filters: [{ value: 'x' }] } }, 'INVALID_CONFIG'],
    [{ options: { filters: {} } }, 'INVALID_CONFIG'],
    [{ options: { onFailure: 'nowhere' } }, 'INVALID_CONFIG'],
    [{ options: { onFailure: 'topic:orders' } }, 'INVALID_CONFIG'],
    [{ options: { onFailure: 'topic:a b' } }, 'INVALID_TOPIC_EXCEPTION'],
  ])('is refused: %j', async (changes, code) => {
    await expect(create({}, changes)).rejects.toMatchObject({ code });
    expect(await bench.millrace.topics.listTopics()).toEqual(['orders']);
  });

  it('is found among thousands by the same few requests, and not by listing them', async () => {
    await create({ retryDelaysMs: [1_000] });
    const { store, requests } = countedStore(bench.store);
    const counted = new SubscriptionAdmin({ store, clock, random });
    const commands: Readonly<Record<string, () => Promise<unknown>>> = {
      get: () => counted.get('billing'),
      describe: () => counted.describe('billing'),
      update: () => counted.update('billing', { batchSize: 7 }),
      pause: () => counted.pause('billing'),
      resume: () => counted.resume('billing'),
      seek: () => counted.seek('billing', { to: 'LATEST' }),
      redrive: () => counted.makeRedrive('billing'),
    };
    const requestsOf = async (command: string) => {
      requests.length = 0;
      await commands[command]!();
      expect(requests, command).not.toContain('subscriptions.list');
      return requests.length;
    };
    expect(await requestsOf('get')).toBe(2);
    const alone: Record<string, number> = {};
    // A second time, so that what is made once is there already.
    for (const command of [...Object.keys(commands), ...Object.keys(commands)]) {
      alone[command] = await requestsOf(command);
    }
    const model = await counted.get('billing');
    for (let n = 0; n < 3_000; n++) {
      await bench.store.subscriptions.create({ ...model, group: `other-${n}`, topicId: `topic-${n % 7}` });
    }
    for (const command of Object.keys(commands)) expect(await requestsOf(command), command).toBe(alone[command]);
    requests.length = 0;
    await counted.create({ name: 'audit', topic: 'orders', target: 'bill' });
    // Only who makes one under a name that nobody has asks for all of them: 500 in a query.
    expect(requests.filter((request) => request === 'subscriptions.list')).toHaveLength(8);
    requests.length = 0;
    await counted.delete('audit');
    await counted.delete('billing');
    expect(requests).not.toContain('subscriptions.list');
  });

  // Whoever was interrupted while it deleted left a group that nobody could delete: the subscription was not found any more, and the group was said to be that of a subscription.
  it('is deleted by the same command after an interruption', async () => {
    await create({ retryDelaysMs: [1_000] });
    await bench.store.subscriptions.remove(await bench.subscriptions.get('billing'));
    await bench.subscriptions.delete('billing');
    expect(await bench.store.subscriptions.list(null, 9)).toEqual([]);
    expect(await bench.millrace.groups.listGroups()).toEqual([]);
    await expect(bench.subscriptions.delete('billing')).rejects.toMatchObject({ code: 'SUBSCRIPTION_NOT_FOUND' });
  });

  it('is made for another topic after an interruption', async () => {
    await bench.millrace.topics.createTopic({ name: 'bills', partitionCount: 1 });
    const first = await create();
    await bench.store.subscriptions.remove(first);
    const made = await create({}, { topic: 'bills' });
    expect(await bench.subscriptions.get('billing')).toEqual(made);
  });

  it('is one, when it is made for two topics at once', async () => {
    await bench.millrace.topics.createTopic({ name: 'bills', partitionCount: 1 });
    await Promise.allSettled([create(), create({}, { topic: 'bills' })]);
    expect((await bench.subscriptions.list()).length).toBeLessThan(2);
    await create().catch(() => {});
    expect(await bench.subscriptions.list()).toEqual([await bench.subscriptions.get('billing')]);
  });

  it('takes the place of one in its retry topics that was deleted and made again', async () => {
    await create({ retryDelaysMs: [1_000] });
    await bench.millrace.topics.deleteTopic('billing.retry-1');
    await bench.subscriptions.update('billing', { batchSize: 5 });
    const [retry] = (await bench.subscriptions.describe('billing')).retries;
    expect(retry).toMatchObject({ options: { batchSize: 5 } });
    expect(retry!.topicId).toBe((await bench.millrace.topics.describeTopic('billing.retry-1')).topic.topicId);
    expect(await bench.store.subscriptions.list(null, 9)).toHaveLength(2);
  });

  it('is refused when there is one of its name', async () => {
    await create();
    await expect(create()).rejects.toMatchObject({ code: 'SUBSCRIPTION_ALREADY_EXISTS' });
  });
});
