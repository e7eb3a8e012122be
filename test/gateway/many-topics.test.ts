import { describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { RESOURCE_TYPE } from '../../lib/gateway/config-description.ts';
import { errorCodes } from '../../lib/gateway/protocol/error-codes.ts';
import { metadataApi } from '../../lib/gateway/protocol/messages/cluster-messages.ts';
import { fetchApi, listOffsetsApi, produceApi } from '../../lib/gateway/protocol/messages/log-messages.ts';
import { describeConfigsApi, incrementalAlterConfigsApi } from '../../lib/gateway/protocol/messages/topic-messages.ts';
import { noMeter } from '../../lib/log/meter.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { createTopic, startStage, textBatch } from './gateway-stage.ts';
import type { WireClient } from './wire-client.ts';

/** A store that counts how many topics are read at once. */
function countingStore() {
  const store = memoryStore({ clock: systemClock, meter: noMeter });
  const count = { now: 0, most: 0, all: 0, listings: 0 };
  const get = async (name: string) => {
    count.all += 1;
    count.now += 1;
    count.most = Math.max(count.most, count.now);
    await new Promise((resolve) => setImmediate(resolve));
    count.now -= 1;
    return store.topics.get(name);
  };
  const topics = new Proxy(store.topics, {
    get: (of, property) => {
      if (property === 'get') return get;
      const value = Reflect.get(of, property);
      if (property === 'list') count.listings += 1;
      return typeof value === 'function' ? value.bind(of) : value;
    },
  });
  return { store: { ...store, topics }, count };
}

describe('a request that names many topics', () => {
  const names = Array.from({ length: 100 }, (_, index) => `none-${index}`);
  const partitions = [{ partitionIndex: 0, timestamp: -1n }];
  const config = { resourceType: RESOURCE_TYPE.topic, configs: [], configurationKeys: null };
  const resources = names.map((resourceName) => ({ ...config, resourceName }));

  it.each([
    ['Metadata', (client: WireClient) => client.ask(metadataApi, 12, { topics: names.map((name) => ({ name })) })],
    [
      'ListOffsets',
      (client: WireClient) =>
        client.ask(listOffsetsApi, 7, { replicaId: -1, topics: names.map((name) => ({ name, partitions })) }),
    ],
    ['DescribeConfigs', (client: WireClient) => client.ask(describeConfigsApi, 4, { resources })],
    ['IncrementalAlterConfigs', (client: WireClient) => client.ask(incrementalAlterConfigsApi, 1, { resources })],
  ])('has some of them read at once, not all: %s', async (_, ask) => {
    const { store, count } = countingStore();
    const client = (await startStage({ store })).client();
    await ask(client);
    expect(count.all).toBeGreaterThanOrEqual(names.length);
    expect(count.most).toBeLessThanOrEqual(16);
  });

  it('is answered once for one that it names again and again', async () => {
    const { store, count } = countingStore();
    const client = (await startStage({ store })).client();
    const { topics } = await client.ask(metadataApi, 12, { topics: Array.from(names, () => ({ name: 'none' })) });
    expect(topics).toMatchObject([{ name: 'none', errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION }]);
    expect(count.all).toBe(1);
  });

  it('by ids of which another gateway has told is served, and has all topics read once', async () => {
    const { store, count } = countingStore();
    const there = (await startStage({ store })).client();
    const ids = await Promise.all(['a', 'b', 'c'].map((name) => createTopic(there, name)));
    // It was started when the client knew all that it needs: it is not asked for metadata first.
    const here = (await startStage({ store })).client();
    const before = count.listings;
    const records = textBatch(['x']);
    const topicData = ids.map((topicId) => ({ topicId, partitionData: [{ index: 0, records }] }));
    const produced = await here.ask(produceApi, 13, { acks: -1, timeoutMs: 10_000, topicData });
    const errors = produced.responses.flatMap((one) => one.partitionResponses.map(({ errorCode }) => errorCode));
    expect(errors).toEqual([0, 0, 0]);
    const unknown = '00000000-0000-4000-8000-000000000000';
    const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000 }];
    const topics = [...ids, unknown].map((topicId) => ({ topicId, partitions }));
    const fetched = await here.ask(fetchApi, 13, { maxWaitMs: 0, minBytes: 1, topics });
    expect(fetched.responses.map((one) => one.partitions[0]!.errorCode)).toEqual([
      0,
      0,
      0,
      errorCodes.UNKNOWN_TOPIC_ID,
    ]);
    expect(count.listings - before).toBeLessThanOrEqual(2);
  });

  it('has all topics listed once, however many ids nobody knows', async () => {
    const { store, count } = countingStore();
    const client = (await startStage({ store })).client();
    await createTopic(client, 'orders');
    const before = count.listings;
    const ids = names.map((_, index) => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`);
    const { topics } = await client.ask(metadataApi, 12, { topics: ids.map((topicId) => ({ topicId, name: null })) });
    expect(topics.map(({ errorCode }) => errorCode)).toEqual(ids.map(() => errorCodes.UNKNOWN_TOPIC_ID));
    expect(count.listings - before).toBeLessThanOrEqual(2);
  });
});
