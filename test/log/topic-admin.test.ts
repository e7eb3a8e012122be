import { describe, expect, it } from 'vitest';
import { commitEntry, idOf, topicStage } from './topic-stage.ts';

describe('listTopics', () => {
  it('lists all names in the order of their bytes, more than one page of them', async () => {
    const { admin, store } = topicStage();
    expect(await admin.listTopics()).toEqual([]);
    const names = Array.from({ length: 1_003 }, (_, index) => `topic-${index}`);
    const topic = await admin.createTopic({ name: 'Zebra' });
    for (const name of names) await store.topics.create({ ...topic, name });
    expect(await admin.listTopics()).toEqual(['Zebra', ...names.sort()]);
  });
});

describe('describeTopic', () => {
  it('tells the configuration and where each partition begins and ends', async () => {
    const { admin, store } = topicStage();
    const topic = await admin.createTopic({ name: 'orders', partitionCount: 250, config: { 'retention.ms': '5' } });
    const partition = { topicId: topic.topicId, partition: 249 };
    await commitEntry(store, partition, { id: idOf(1), known: 0n, recordCount: 7 });
    await admin.trimPartition('orders', 249, 3n);
    const description = await admin.describeTopic('orders');
    expect(description.topic).toEqual(topic);
    expect(description.config.find(({ name }) => name === 'retention.ms')).toMatchObject({ value: '5' });
    expect(description.partitions.map((row) => row.partition)).toEqual(Array.from({ length: 250 }, (_, row) => row));
    expect(description.partitions[0]).toEqual({
      partition: 0,
      logStartOffset: 0n,
      highWatermark: 0n,
      appendedBytes: 0n,
    });
    expect(description.partitions[249]).toEqual({
      partition: 249,
      logStartOffset: 3n,
      highWatermark: 7n,
      appendedBytes: 3n,
    });
  });

  it('describes a half-made topic without partitions', async () => {
    const { admin, store } = topicStage();
    const topic = await admin.createTopic({ name: 'orders' });
    await store.topics.create({ ...topic, name: 'half', state: 'creating', readyPartitionCount: 0 });
    const description = await admin.describeTopic('half');
    expect(description).toMatchObject({ topic: { state: 'creating' }, partitions: [] });
  });
});

describe('getTopic', () => {
  it('names the nearest topic for an unknown one', async () => {
    const { admin } = topicStage();
    await admin.createTopic({ name: 'orders' });
    await expect(admin.getTopic('Order')).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      message: 'there is no topic Order',
      hint: expect.stringContaining('Did you mean orders?'),
    });
    await expect(admin.getTopic('invoices')).rejects.toMatchObject({
      hint: expect.not.stringContaining('Did you mean'),
    });
  });

  it('does not propose the very topic that is being deleted', async () => {
    const { admin, store } = topicStage();
    const topic = await admin.createTopic({ name: 'orders' });
    await store.topics.update({ ...topic, state: 'deleting' });
    await expect(admin.getTopic('orders')).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      hint: expect.not.stringContaining('Did you mean'),
    });
  });
});

describe('a topic of 100,000 partitions', () => {
  it('is made with one transaction for 98 partitions, described and deleted', async () => {
    const { admin, meter, store } = topicStage();
    const partitionCount = 100_000;
    const topic = await admin.createTopic({ name: 'wide', partitionCount });
    expect(topic.readyPartitionCount).toBe(partitionCount);
    // 1,021 transactions of up to 100 items, which the embedded store counts one by one.
    expect(meter.usage.writeRequests).toBe(3 + (partitionCount + 2 * Math.ceil(partitionCount / 98)) + 1);
    const { partitions } = await admin.describeTopic('wide');
    expect(partitions).toHaveLength(partitionCount);
    expect(partitions.at(-1)).toMatchObject({ partition: partitionCount - 1, highWatermark: 0n });
    await admin.deleteTopic('wide');
    expect(await store.heads.read({ topicId: topic.topicId, partition: 99_999 }, { consistent: true })).toBeNull();
    expect(await admin.listTopics()).toEqual([]);
  }, 120_000);
});
