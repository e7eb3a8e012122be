/** A log on S3 and DynamoDB whose tables are lost, and made again from its objects. */
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../../lib/clock.ts';
import { emptyGroup } from '../../../lib/group/group.ts';
import { connect, rebuild, rebuildLog } from '../../../lib/index.ts';
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

    // What stands beside the log: a group, a lease with what its worker remembers, a delayed record.
    await millrace.groups.seekGroup('billing', { to: 7n, topics: [{ topic: 'orders' }] });
    const [partition] = [{ topicId: (await before.store.topics.get('orders'))!.topicId, partition: 0 }];
    const taken = { topic: 'orders', owner: 'worker', seen: 0, nowMs: 1, expiresAtMs: 2 };
    await before.store.groups.create(emptyGroup('mailer', '0b6f4d5e-6c1b-4f0e-9a53-6f6f0e8f5d04', 'subscription'));
    await before.store.leases.take('mailer', partition, taken);
    await before.store.leases.update('mailer', partition, {
      ...{ owner: 'worker', epoch: 1, sequence: 1, committed: 5n, attempts: 2, progress: 'some' },
      ...{ expiresAtMs: 0, notBeforeMs: 0, atMs: 1 },
    });
    const dueMs = Date.now() + 3_600_000;
    const content = { kind: 'batch', batch: new Uint8Array(80) } as const;
    const waiting = { dueMs, id: '01KQ0000000000000000000000', state: 'waiting', topic: 'orders', sentMs: 1 } as const;
    await before.store.dueRecords.put(partition, { ...waiting, content });

    // With the old tables: all of both topics, though orders was never compacted.
    const other = await emulators.openStore();
    const { topics, beside } = await rebuildLog(
      { store: other.store, clock, random },
      { from: before.store, groupsFrom: before.store },
    );
    expect(beside).toMatchObject({ groups: { restored: 2, offsets: 3 }, delayed: { restored: 1 } });
    const lease = await other.store.leases.readMany([{ group: 'mailer', partition }]);
    expect(lease).toMatchObject([{ committed: 5n, attempts: 2, progress: 'some', expiresAtMs: 0 }]);
    expect(await other.store.offsets.readMany('billing', [partition])).toMatchObject([{ committed: 7n }]);
    expect(await other.store.dueMinutes.list(10)).toMatchObject([{ partition }]);
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
