import { describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { RESOURCE_TYPE } from '../../lib/gateway/config-description.ts';
import { errorCodes } from '../../lib/gateway/protocol/error-codes.ts';
import { metadataApi } from '../../lib/gateway/protocol/messages/cluster-messages.ts';
import { listOffsetsApi } from '../../lib/gateway/protocol/messages/log-messages.ts';
import { describeConfigsApi, incrementalAlterConfigsApi } from '../../lib/gateway/protocol/messages/topic-messages.ts';
import { noMeter } from '../../lib/log/meter.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { createTopic, startStage } from './gateway-stage.ts';
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
