import { describe, expect, it } from 'vitest';
import { limits } from '../../lib/limits.ts';
import { faultyStore, scriptedFaults } from './faulty-store.ts';
import { commitEntry, idOf, snapshot, topicStage } from './topic-stage.ts';

describe('addPartitions', () => {
  it('adds empty partitions and leaves the others as they are', async () => {
    const { admin, store } = topicStage();
    const { topicId } = await admin.createTopic({ name: 'orders', partitionCount: 2 });
    await commitEntry(store, { topicId, partition: 1 }, { id: idOf(1), known: 0n, recordCount: 7 });
    const topic = await admin.addPartitions('orders', 4);
    expect(topic).toMatchObject({ topicId, partitionCount: 4, readyPartitionCount: 4, state: 'active' });
    const { partitions } = await admin.describeTopic('orders');
    expect(partitions.map(({ highWatermark }) => highWatermark)).toEqual([0n, 7n, 0n, 0n]);
  });

  it('does nothing when the topic has as many already', async () => {
    const { admin, meter } = topicStage();
    const created = await admin.createTopic({ name: 'orders', partitionCount: 2 });
    const before = meter.usage.writeRequests;
    expect(await admin.addPartitions('orders', 2)).toEqual(created);
    expect(meter.usage.writeRequests).toBe(before);
  });

  it('offers no partition before its head is there, and completes what a crash has left', async () => {
    const { admin, adminOf, store, clock } = topicStage();
    await admin.createTopic({ name: 'orders', partitionCount: 2 });
    const plan = scriptedFaults({ 'topics.createHeads': Array(50).fill('unavailable') });
    const crashing = adminOf(faultyStore(store, { clock, plan }).store).addPartitions('orders', 200);
    await expect(crashing).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await admin.getTopic('orders')).toMatchObject({
      partitionCount: 200,
      readyPartitionCount: 2,
      state: 'active',
    });
    expect((await admin.describeTopic('orders')).partitions).toHaveLength(2);
    await expect(admin.trimPartition('orders', 2, 'end')).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' });
    expect(await admin.addPartitions('orders', 200)).toMatchObject({ readyPartitionCount: 200 });
    expect((await admin.describeTopic('orders')).partitions).toHaveLength(200);
  });

  it('lets two who add at once end with the larger number', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { admin, adminOf, store, clock, random } = topicStage(seed);
      await admin.createTopic({ name: 'orders', partitionCount: 2 });
      const slow = () => adminOf(faultyStore(store, { clock, onCall: () => turns(random.fraction() * 9) }).store);
      const results = await Promise.allSettled([
        slow().addPartitions('orders', 120),
        slow().addPartitions('orders', 230),
      ]);
      expect(results[1]).toMatchObject({ status: 'fulfilled', value: { readyPartitionCount: 230 } });
      if (results[0].status === 'rejected') expect(results[0].reason.code).toBe('INVALID_PARTITIONS');
      const { topic, heads } = await snapshot(store, 'orders');
      expect(topic).toMatchObject({ partitionCount: 230, readyPartitionCount: 230 });
      expect(heads.filter((head) => head !== null)).toHaveLength(230);
    }
  });

  it('leaves a topic alone whose deletion began meanwhile', async () => {
    const { admin, adminOf, store, clock } = topicStage();
    const created = await admin.createTopic({ name: 'orders' });
    const { store: watched } = faultyStore(store, {
      clock,
      async onCall({ operation }) {
        if (operation === 'topics.update') await store.topics.update({ ...created, state: 'deleting' });
      },
    });
    await expect(adminOf(watched).addPartitions('orders', 5)).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
    });
    expect(await store.topics.get('orders')).toEqual({ ...created, state: 'deleting', version: created.version + 1 });
  });

  it.each([1, 0, -1, 2.5, Number.NaN, limits.partitionsPerTopic + 1])('refuses %d in all', async (count) => {
    const { admin, meter } = topicStage();
    await admin.createTopic({ name: 'orders', partitionCount: 2 });
    const before = meter.usage.writeRequests;
    await expect(admin.addPartitions('orders', count)).rejects.toMatchObject({
      code: 'INVALID_PARTITIONS',
      value: count,
    });
    expect(meter.usage.writeRequests).toBe(before);
  });

  it('refuses an unknown topic', async () => {
    const { admin, meter } = topicStage();
    await expect(admin.addPartitions('orders', 2)).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' });
    await expect(admin.addPartitions('or/ders', 2)).rejects.toMatchObject({ code: 'INVALID_TOPIC_EXCEPTION' });
    expect(meter.usage.writeRequests).toBe(0);
  });
});

/** Lets others go first, some times. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}
