/** Retention, deletion and collection on S3 and DynamoDB. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { connect } from '../../lib/index.ts';
import { limits } from '../../lib/limits.ts';
import { verifyTopic } from '../../lib/log/verify-topic.ts';
import { describeJobs } from '../../lib/maintenance/describe-jobs.ts';
import { forkTopic } from '../../lib/maintenance/fork-topic.ts';
import { runMaintenance } from '../../lib/maintenance/run-maintenance.ts';
import { startEmulators } from '../aws/emulators.ts';

const emulators = await startEmulators();
afterAll(() => emulators.stop());

// The time of the pass before counts, so that nobody has to wait.
const before = { ...limits };
beforeAll(() => void Object.assign(limits, { clockConfirmMs: 0 }));
afterAll(() => void Object.assign(limits, before));

/** Everything up to this moment is old enough, so that nobody has to wait. */
const AT_ONCE = {
  evenIfNotDue: true,
  freshMs: -60_000,
  restoreWindowMs: -60_000,
  deadlineMs: Number.POSITIVE_INFINITY,
};

describe('maintenance on S3 and DynamoDB', () => {
  it('drops what has expired, deletes what topics have left, and keeps everything else', async () => {
    const { store } = await emulators.openStore();
    const deps = { store, clock, random };
    const millrace = await connect({ store });
    const config = { 'millrace.inline.max.bytes': '0' };
    await millrace.topics.createTopic({ name: 'dropped', config: { ...config, 'retention.bytes': '0' } });
    await millrace.topics.createTopic({ name: 'gone', domain: 'own', partitionCount: 3, config });
    await millrace.topics.createTopic({ name: 'kept', config });
    for (const topic of ['dropped', 'gone', 'kept']) {
      for (let number = 0; number < 40; number++) {
        const producer = millrace.producer();
        await producer.send({ topic, key: `k${number}`, value: `${topic} ${number}` });
        await producer.close();
      }
    }
    await millrace.topics.deleteTopic('gone');
    expect(await store.objects.list('', null, 1_000)).toHaveLength(120);
    for (let pass = 0; pass < 4; pass++) {
      const runs = await runMaintenance(deps, AT_ONCE);
      expect(runs.map(({ result }) => result.outcome)).toEqual(['done', 'done', 'done', 'done']);
    }
    expect(await store.objects.list('', null, 1_000)).toHaveLength(40);
    const [retention, , , collection] = await describeJobs(deps);
    expect(retention!.report).toMatchObject({ topics: 2, damages: { count: 0 } });
    expect(collection!.report).toMatchObject({ named: 40, listed: 40, condemned: 0, strange: null });
    for (const name of ['dropped', 'kept']) {
      const { partitions } = await verifyTopic(deps, name, { deep: true });
      expect(partitions.flatMap(({ damages }) => damages)).toEqual([]);
    }
    const reader = millrace.reader({ stopAtEnd: true });
    await reader.assign([{ topic: 'dropped' }, { topic: 'kept' }]);
    const values: string[] = [];
    for await (const { value } of reader) values.push(Buffer.from(value!).toString());
    expect(values.toSorted()).toEqual(Array.from({ length: 40 }, (_, number) => `kept ${number}`).toSorted());
    await millrace.close();
  });

  it('forks a topic, and a fork of it by copies alone', async () => {
    const { store } = await emulators.openStore();
    const deps = { store, clock, random };
    const millrace = await connect({ store });
    await millrace.topics.createTopic({ name: 'orders', partitionCount: 2 });
    const producer = millrace.producer();
    for (let number = 0; number < 20; number++) {
      await producer.send({ topic: 'orders', partition: number % 2, value: `order ${number}`.repeat(200) });
    }
    await producer.close();
    const at = { offsets: new Map([[1, 7n]]) };
    expect((await forkTopic(deps, { source: 'orders', name: 'first', at })).partitions).toMatchObject([
      { highWatermark: 10n, copiedBytes: 0 },
      { highWatermark: 7n, copiedBytes: 0 },
    ]);
    const copied = await forkTopic(deps, { source: 'first', name: 'second' });
    expect(copied.partitions).toMatchObject([{ rewrittenBytes: 0 }, { rewrittenBytes: 0 }]);
    for (const name of ['orders', 'first']) await millrace.topics.deleteTopic(name);
    const { partitions } = await verifyTopic(deps, 'second', { deep: true });
    expect(partitions).toMatchObject([
      { records: 10n, damages: [], conservation: 'checksums' },
      { records: 7n, damages: [] },
    ]);
    await millrace.close();
  });

  // The two share a bucket, and neither has a prefix.
  it('deletes nothing of another table that has its objects in the same place', async () => {
    const [mine, other] = [await emulators.openStore(), await emulators.openStore()];
    const millrace = await connect({ store: other.store });
    await millrace.topics.createTopic({ name: 'orders', config: { 'millrace.inline.max.bytes': '0' } });
    const producer = millrace.producer();
    await producer.send({ topic: 'orders', value: 'not yours' });
    await producer.close();
    const before = await other.store.objects.list('', null, 1_000);
    const deps = { store: mine.store, clock, random };
    for (let pass = 0; pass < 4; pass++) await runMaintenance(deps, AT_ONCE);
    const left = (await other.store.objects.list('', null, 1_000)).map(({ key }) => key);
    expect(left).toEqual(expect.arrayContaining(before.map(({ key }) => key)));
    const [, , , collection] = await describeJobs(deps);
    expect(collection!.report).toMatchObject({ strange: expect.stringContaining('shared/0/') });
    await millrace.close();
  });
});
