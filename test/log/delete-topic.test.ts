import { describe, expect, it } from 'vitest';
import { rollTail } from '../../lib/log/roll.ts';
import { faultyStore, scriptedFaults } from './faulty-store.ts';
import { commitEntry, hasRemains, idOf, snapshot, type TopicStage, topicStage } from './topic-stage.ts';

/** A topic of three partitions; the first has three chunks and a tail. */
async function filledTopic({ admin, store }: TopicStage) {
  const topic = await admin.createTopic({ name: 'orders', partitionCount: 3 });
  const partition = { topicId: topic.topicId, partition: 0 };
  for (const place of [1, 2, 3, 4]) {
    await commitEntry(store, partition, { id: idOf(place), known: BigInt(place - 1), recordCount: 1 });
    const head = await store.heads.read(partition, { consistent: true });
    if (place <= 3) await rollTail(store, partition, head!);
  }
  return topic;
}

const gone = { listed: false, topic: null, heads: [] };

describe('deleteTopic', () => {
  it('leaves nothing of the topic in the index', async () => {
    const stage = topicStage();
    const { topicId } = await filledTopic(stage);
    expect(await hasRemains(stage.store, topicId, 3)).toBe(true);
    await stage.admin.deleteTopic('orders');
    expect(await snapshot(stage.store, 'orders')).toEqual(gone);
    expect(await hasRemains(stage.store, topicId, 3)).toBe(false);
    await expect(stage.admin.getTopic('orders')).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' });
  });

  it('leaves other topics alone', async () => {
    const stage = topicStage();
    await filledTopic(stage);
    await stage.admin.createTopic({ name: 'orders2', partitionCount: 2 });
    const before = await snapshot(stage.store, 'orders2');
    await stage.admin.deleteTopic('orders');
    expect(await snapshot(stage.store, 'orders2')).toEqual(before);
  });

  it('reads many chunks page by page', async () => {
    const stage = topicStage();
    const { topicId } = await stage.admin.createTopic({ name: 'orders' });
    const partition = { topicId, partition: 0 };
    for (let place = 1; place <= 250; place++) {
      await commitEntry(stage.store, partition, { id: idOf(place), known: BigInt(place - 1), recordCount: 1 });
      await rollTail(stage.store, partition, (await stage.store.heads.read(partition, { consistent: true }))!);
    }
    await stage.admin.deleteTopic('orders');
    expect(await hasRemains(stage.store, topicId, 1)).toBe(false);
  });

  it('hides a topic that is being deleted, and finishes when it is asked again', async () => {
    const stage = topicStage();
    const { topicId } = await filledTopic(stage);
    const plan = scriptedFaults({ 'heads.remove': [null, ...Array(50).fill('unavailable')] });
    const crashing = stage.adminOf(faultyStore(stage.store, { clock: stage.clock, plan }).store).deleteTopic('orders');
    await expect(crashing).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    for (const operation of [
      stage.admin.getTopic('orders'),
      stage.admin.describeTopic('orders'),
      stage.admin.alterTopic('orders', { unset: ['retention.ms'] }),
      stage.admin.addPartitions('orders', 9),
      stage.admin.trimPartition('orders', 0, 'end'),
    ]) {
      await expect(operation).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' });
    }
    expect(await stage.admin.listTopics()).toEqual(['orders']);
    await stage.admin.deleteTopic('orders');
    expect(await snapshot(stage.store, 'orders')).toEqual(gone);
    expect(await hasRemains(stage.store, topicId, 3)).toBe(false);
  });

  it('deletes a topic that is half made, under the hands of its creator', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const { admin, adminOf, store, clock, random } = topicStage(seed);
      const ids = new Set<string>();
      const { store: slow } = faultyStore(store, {
        clock,
        async onCall(call) {
          if (call.operation === 'topics.create') ids.add((call.arguments[0] as { topicId: string }).topicId);
          for (let turn = random.fraction() * 9; turn > 0; turn--) await Promise.resolve();
        },
      });
      const creating = adminOf(slow).createTopic({ name: 'orders', partitionCount: 150 });
      for (let turn = random.fraction() * 99; turn > 0; turn--) await Promise.resolve();
      const [created, deleted] = await Promise.allSettled([creating, adminOf(slow).deleteTopic('orders')]);
      if (deleted.status === 'rejected') {
        expect(deleted.reason.code).toBe('UNKNOWN_TOPIC_OR_PARTITION');
        expect(created.status).toBe('fulfilled');
        await admin.deleteTopic('orders');
      }
      if (created.status === 'rejected') expect(created.reason.code).toBe('TOPIC_BUSY');
      expect(await snapshot(store, 'orders')).toEqual(gone);
      for (const topicId of ids) expect(await hasRemains(store, topicId, 150)).toBe(false);
    }
  });

  it('lets two delete at once', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const stage = topicStage(seed);
      const { topicId } = await filledTopic(stage);
      const slow = () =>
        stage.adminOf(
          faultyStore(stage.store, {
            clock: stage.clock,
            async onCall() {
              for (let turn = stage.random.fraction() * 9; turn > 0; turn--) await Promise.resolve();
            },
          }).store,
        );
      const results = await Promise.allSettled([slow().deleteTopic('orders'), slow().deleteTopic('orders')]);
      expect(results.some(({ status }) => status === 'fulfilled')).toBe(true);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason.code).toBe('UNKNOWN_TOPIC_OR_PARTITION');
      }
      expect(await snapshot(stage.store, 'orders')).toEqual(gone);
      expect(await hasRemains(stage.store, topicId, 3)).toBe(false);
    }
  });

  it('never deletes the topic that was made again meanwhile', async () => {
    const stage = topicStage();
    await filledTopic(stage);
    let raced = false;
    const { store } = faultyStore(stage.store, {
      clock: stage.clock,
      async onCall({ operation }) {
        if (raced || operation !== 'topics.remove') return;
        raced = true;
        await stage.admin.deleteTopic('orders');
        await stage.admin.createTopic({ name: 'orders', partitionCount: 2 });
      },
    });
    await stage.adminOf(store).deleteTopic('orders');
    expect(await stage.admin.getTopic('orders')).toMatchObject({ partitionCount: 2, state: 'active' });
    expect((await stage.admin.describeTopic('orders')).partitions).toHaveLength(2);
  });

  it('removes partitions that were added under its hands', async () => {
    const stage = topicStage();
    const { topicId } = await filledTopic(stage);
    let raced = false;
    const { store } = faultyStore(stage.store, {
      clock: stage.clock,
      async onCall({ operation }) {
        if (raced || operation !== 'topics.update') return;
        raced = true;
        await stage.admin.addPartitions('orders', 9);
      },
    });
    await stage.adminOf(store).deleteTopic('orders');
    expect(await snapshot(stage.store, 'orders')).toEqual(gone);
    expect(await hasRemains(stage.store, topicId, 9)).toBe(false);
  });

  it('refuses an unknown topic and what can be no name', async () => {
    const { admin, meter } = topicStage();
    await expect(admin.deleteTopic('orders')).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' });
    await expect(admin.deleteTopic('..')).rejects.toMatchObject({ code: 'INVALID_TOPIC_EXCEPTION' });
    expect(meter.usage.writeRequests).toBe(0);
  });
});
