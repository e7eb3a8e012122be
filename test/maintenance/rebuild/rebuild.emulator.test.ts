/** A log on S3 and DynamoDB whose tables are lost, and made again from its objects. */
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../../lib/clock.ts';
import { connect, rebuild } from '../../../lib/index.ts';
import { verifyTopic } from '../../../lib/log/verify-topic.ts';
import { forkTopic } from '../../../lib/maintenance/fork-topic.ts';
import { runMaintenance } from '../../../lib/maintenance/run-maintenance.ts';
import { startEmulators } from '../../aws/emulators.ts';

const emulators = await startEmulators();
afterAll(() => emulators.stop());

describe('a log on S3 and DynamoDB that has lost its tables', () => {
  it('is rebuilt into others, and goes on', async () => {
    const before = await emulators.openStore();
    const millrace = await connect({ store: before.store });
    await millrace.topics.createTopic({ name: 'orders', partitionCount: 2 });
    const producer = millrace.producer();
    for (let number = 0; number < 20; number++) {
      await producer.send({ topic: 'orders', partition: number % 2, value: `order ${number}` });
    }
    await producer.close();
    // A fork stands in objects of level 1, as what was compacted does.
    await forkTopic({ store: before.store, clock, random }, { source: 'orders', name: 'kept' });
    const { topicId } = (await before.store.topics.get('kept'))!;

    // With the old tables: all of both topics, though orders was never compacted.
    const other = await emulators.openStore();
    const { topics } = await rebuild({ store: other.store, clock, random }, { from: before.store });
    const orders = topics.find(({ name }) => name === 'orders')!;
    expect(orders.partitions).toMatchObject([
      { restoredEnd: 10n, fromTables: 10 },
      { restoredEnd: 10n, fromTables: 10 },
    ]);
    for (const name of ['orders', 'kept']) {
      const { partitions } = await verifyTopic({ store: other.store, clock, random }, name, { deep: true });
      expect(partitions.flatMap(({ damages }) => damages)).toEqual([]);
    }
    await millrace.close();

    const after = await emulators.openStore();
    const deps = { store: after.store, clock, random };
    const report = await rebuild(deps, { topics: new Map([[topicId, { name: 'kept', partitionCount: 2 }]]) });
    const kept = report.topics.find(({ name }) => name === 'kept')!;
    expect(kept.partitions).toMatchObject([
      { logStartOffset: 0n, restoredEnd: 10n, records: 10, outcome: 'rebuilt' },
      { logStartOffset: 0n, restoredEnd: 10n, records: 10, outcome: 'rebuilt' },
    ]);
    await expect(rebuild(deps)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    const again = await connect({ store: after.store });
    const sender = again.producer();
    await sender.send({ topic: 'kept', partition: 0, value: 'after the disaster' });
    await sender.close();
    for (let pass = 0; pass < 2; pass++) {
      const deadlineMs = Number.POSITIVE_INFINITY;
      const runs = await runMaintenance(deps, { evenIfNotDue: true, deadlineMs });
      expect(runs.map(({ result }) => result.outcome)).toEqual(['done', 'done', 'done', 'done']);
    }
    const reader = again.reader({ stopAtEnd: true });
    await reader.assign([{ topic: 'kept' }]);
    const read: string[] = [];
    for await (const { partition, offset, value } of reader)
      read.push(`${partition} ${offset} ${Buffer.from(value!).toString()}`);
    const all = Array.from({ length: 20 }, (_, number) => `${number % 2} ${number >> 1} order ${number}`);
    const { highWatermark } = kept.partitions[0]!;
    expect(read.toSorted()).toEqual([...all, `0 ${highWatermark} after the disaster`].toSorted());
    const { partitions } = await verifyTopic(deps, 'kept', { deep: true });
    expect(partitions.flatMap(({ damages }) => damages)).toEqual([]);
    await again.close();
  });
});
