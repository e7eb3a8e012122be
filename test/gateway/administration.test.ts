import { describe, expect, it } from 'vitest';
import { RESOURCE_TYPE } from '../../lib/gateway/config-description.ts';
import { errorCodes } from '../../lib/gateway/protocol/error-codes.ts';
import {
  describeClusterApi,
  describeLogDirsApi,
  describeTopicPartitionsApi,
  metadataApi,
} from '../../lib/gateway/protocol/messages/cluster-messages.ts';
import {
  deleteRecordsApi,
  listOffsetsApi,
  offsetForLeaderEpochApi,
} from '../../lib/gateway/protocol/messages/log-messages.ts';
import {
  alterConfigsApi,
  createPartitionsApi,
  createTopicsApi,
  deleteTopicsApi,
  describeConfigsApi,
  incrementalAlterConfigsApi,
} from '../../lib/gateway/protocol/messages/topic-messages.ts';
import type { Read } from '../../lib/gateway/protocol/schema.ts';
import { encodeBatch } from '../../lib/record/encode-batch.ts';
import { createTopic, produce, startStage, textBatch } from './gateway-stage.ts';
import type { WireClient } from './wire-client.ts';

const newTopic = (name: string, options: object = {}) => ({ name, numPartitions: 1, replicationFactor: 1, ...options });

async function configOf(client: WireClient, resourceName: string, configurationKeys: readonly string[] | null = null) {
  const resources = [{ resourceType: RESOURCE_TYPE.topic, resourceName, configurationKeys }];
  const { results } = await client.ask(describeConfigsApi, 4, { resources, includeSynonyms: true });
  return results[0]!;
}

describe('Metadata', () => {
  it('tells null, which means all topics, from an empty list', async () => {
    const client = (await startStage()).client();
    await createTopic(client, 'b', { numPartitions: 3 });
    await createTopic(client, 'a');
    const all = await client.ask(metadataApi, 12, { topics: null });
    expect(all.topics.map(({ name, partitions }) => [name, partitions.length])).toEqual([
      ['a', 1],
      ['b', 3],
    ]);
    const nodeId = all.brokers[0]!.nodeId;
    expect(all.topics[1]!.partitions[2]).toEqual({
      errorCode: 0,
      partitionIndex: 2,
      leaderId: nodeId,
      leaderEpoch: 0,
      replicaNodes: [nodeId],
      isrNodes: [nodeId],
      offlineReplicas: [],
    });
    expect((await client.ask(metadataApi, 1, { topics: [] })).topics).toEqual([]);
    expect((await client.ask(metadataApi, 0, { topics: [] })).topics).toHaveLength(2);
    expect(all).toMatchObject({ clusterId: 'millrace', controllerId: nodeId, brokers: [{ host: '127.0.0.1' }] });
  });

  it('makes a topic only where that is allowed and wanted', async () => {
    const strict = (await startStage()).client();
    const ask = (client: WireClient, name: string, allowAutoTopicCreation: boolean) =>
      client.ask(metadataApi, 12, { topics: [{ name }], allowAutoTopicCreation });
    expect((await ask(strict, 'a', true)).topics[0]!.errorCode).toBe(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
    const eager = (await startStage({ autoCreateTopics: true, partitionCount: 5 })).client();
    expect((await ask(eager, 'a', false)).topics[0]!.errorCode).toBe(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
    const made = await Promise.all([ask(eager, 'a', true), ask(eager, 'a', true)]);
    expect(made[0]!.topics[0]!.partitions).toHaveLength(5);
    expect(made[1]!.topics[0]!.topicId).toBe(made[0]!.topics[0]!.topicId);
    expect((await ask(eager, 'bad name', true)).topics[0]!.errorCode).toBe(errorCodes.INVALID_TOPIC_EXCEPTION);
  });

  it('by id finds topics that this gateway has not heard of', async () => {
    const stage = await startStage();
    const topicId = await createTopic(stage.client(), 'a');
    const other = (await startStage({ store: stage.store })).client();
    const { topics } = await other.ask(metadataApi, 12, { topics: [{ topicId, name: null }] });
    expect(topics).toMatchObject([{ errorCode: 0, name: 'a', topicId }]);
  });
});

describe('topics', () => {
  it('are made, grow and go', async () => {
    const client = (await startStage()).client();
    const configs = [
      { name: 'retention.ms', value: '1000' },
      // Means nothing here, and is in every framework's defaults.
      { name: 'min.insync.replicas', value: '2' },
    ];
    const made = await client.ask(createTopicsApi, 7, { topics: [newTopic('a', { numPartitions: 2, configs })] });
    expect(made.topics[0]).toMatchObject({ errorCode: 0, numPartitions: 2, replicationFactor: 1 });
    expect(made.topics[0]!.configs).toContainEqual({
      name: 'retention.ms',
      value: '1000',
      readOnly: false,
      configSource: 1,
      isSensitive: false,
    });
    const grown = await client.ask(createPartitionsApi, 3, { topics: [{ name: 'a', count: 4, assignments: null }] });
    expect(grown.results).toEqual([{ name: 'a', errorCode: 0, errorMessage: null }]);
    const { topics } = await client.ask(describeTopicPartitionsApi, 0, { topics: [{ name: 'a' }] });
    expect(topics[0]!.partitions).toHaveLength(4);
    const gone = await client.ask(deleteTopicsApi, 5, { topicNames: ['a', 'a2'] });
    expect(gone.responses.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['a', 0],
      ['a2', errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
    ]);
    expect((await client.ask(metadataApi, 12, { topics: null })).topics).toEqual([]);
  });

  it.each([
    ['a bad name', newTopic('bad name'), errorCodes.INVALID_TOPIC_EXCEPTION],
    ['no partitions', newTopic('a', { numPartitions: 0 }), errorCodes.INVALID_PARTITIONS],
    ['no replicas', newTopic('a', { replicationFactor: 0 }), errorCodes.INVALID_REPLICATION_FACTOR],
    ['an unknown setting', newTopic('a', { configs: [{ name: 'retention', value: '1' }] }), errorCodes.INVALID_CONFIG],
    ['a bad setting', newTopic('a', { configs: [{ name: 'retention.ms', value: 'x' }] }), errorCodes.INVALID_CONFIG],
    ['a topic that is there', newTopic('there'), errorCodes.TOPIC_ALREADY_EXISTS],
    [
      'places and a number at once',
      newTopic('a', { assignments: [{ partitionIndex: 0, brokerIds: [1] }] }),
      errorCodes.INVALID_REQUEST,
    ],
  ])('are refused for %s, also when they are only validated', async (_, topic, errorCode) => {
    const client = (await startStage()).client();
    await createTopic(client, 'there');
    for (const validateOnly of [true, false]) {
      const { topics } = await client.ask(createTopicsApi, 7, { topics: [topic], validateOnly });
      expect(topics).toMatchObject([{ name: topic.name, errorCode, errorMessage: expect.stringMatching(/./) }]);
    }
  });

  it('are only looked at when they are to be validated, and refused when they are named twice', async () => {
    const client = (await startStage()).client();
    const valid = await client.ask(createTopicsApi, 7, { topics: [newTopic('a')], validateOnly: true });
    expect(valid.topics).toMatchObject([{ errorCode: 0, numPartitions: 1 }]);
    const twice = await client.ask(createTopicsApi, 7, { topics: [newTopic('a'), newTopic('a'), newTopic('b')] });
    expect(twice.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['a', errorCodes.INVALID_REQUEST],
      ['b', 0],
    ]);
    const same = await client.ask(createPartitionsApi, 3, { topics: [{ name: 'b', count: 1, assignments: null }] });
    expect(same.results[0]!.errorCode).toBe(errorCodes.INVALID_PARTITIONS);
    const only = { topics: [{ name: 'b', count: 2, assignments: null }], validateOnly: true };
    expect((await client.ask(createPartitionsApi, 3, only)).results[0]!.errorCode).toBe(0);
    expect((await client.ask(metadataApi, 12, { topics: [{ name: 'b' }] })).topics[0]!.partitions).toHaveLength(1);
  });

  it('are described page by page', async () => {
    const client = (await startStage()).client();
    await createTopic(client, 'a', { numPartitions: 3 });
    await createTopic(client, 'b', { numPartitions: 2 });
    const pages: string[][] = [];
    let cursor: Read<typeof describeTopicPartitionsApi.response>['nextCursor'] = null;
    do {
      const page: Read<typeof describeTopicPartitionsApi.response> = await client.ask(describeTopicPartitionsApi, 0, {
        responsePartitionLimit: 2,
        cursor,
      });
      const names = page.topics.map(({ name, partitions }) => partitions.map((one) => `${name}${one.partitionIndex}`));
      pages.push(names.flat());
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(pages).toEqual([['a0', 'a1'], ['a2', 'b0'], ['b1']]);
  });
});

describe('settings', () => {
  it('of a topic are described whole, with where they come from', async () => {
    const client = (await startStage()).client();
    await createTopic(client, 'a', { configs: [{ name: 'retention.ms', value: '1000' }] });
    const { configs, errorCode } = await configOf(client, 'a');
    expect(errorCode).toBe(0);
    expect(configs.length).toBeGreaterThan(10);
    expect(configs.find(({ name }) => name === 'retention.ms')).toMatchObject({ value: '1000', configSource: 1 });
    expect(configs.find(({ name }) => name === 'cleanup.policy')).toMatchObject({
      value: 'delete',
      configSource: 5,
      configType: 7,
    });
    expect((await configOf(client, 'a', ['retention.bytes'])).configs.map(({ name }) => name)).toEqual([
      'retention.bytes',
    ]);
    expect((await configOf(client, 'b')).errorCode).toBe(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
  });

  it('of a gateway are what tools look for', async () => {
    const client = (await startStage({ partitionCount: 6 })).client();
    const { controllerId } = await client.ask(metadataApi, 12, { topics: [] });
    const resources = [
      { resourceType: RESOURCE_TYPE.broker, resourceName: `${controllerId}`, configurationKeys: ['num.partitions'] },
    ];
    const { results } = await client.ask(describeConfigsApi, 4, { resources });
    expect(results[0]!.configs).toMatchObject([{ name: 'num.partitions', value: '6', readOnly: true }]);
    const others = [{ resourceType: RESOURCE_TYPE.broker, resourceName: '9', configurationKeys: null }];
    expect((await client.ask(describeConfigsApi, 4, { resources: others })).results[0]!.errorCode).toBe(
      errorCodes.INVALID_REQUEST,
    );
  });

  it('of groups are not there, and it is said what has some', async () => {
    const client = (await startStage()).client();
    const resources = [{ resourceType: RESOURCE_TYPE.group, resourceName: 'g', configurationKeys: null }];
    const { results } = await client.ask(describeConfigsApi, 4, { resources });
    expect(results[0]!.errorMessage).toMatch(/^settings of a group .* Topics have settings/);
  });

  it('tell the replicas that have to be in sync, which tools compare with those that are', async () => {
    const client = (await startStage()).client();
    await createTopic(client, 'a');
    const { configs } = await configOf(client, 'a', ['min.insync.replicas']);
    expect(configs).toMatchObject([{ value: '1', readOnly: true, configSource: 5 }]);
  });

  it('are set, taken back, appended to and subtracted from', async () => {
    const client = (await startStage()).client();
    await createTopic(client, 'a');
    const change = async (name: string, configOperation: number, value: string | null, options: object = {}) => {
      const resources = [
        { resourceType: RESOURCE_TYPE.topic, resourceName: 'a', configs: [{ name, configOperation, value }] },
      ];
      const { responses } = await client.ask(incrementalAlterConfigsApi, 1, { resources, ...options });
      return responses[0]!.errorCode;
    };
    const settingOf = async (name: string) => (await configOf(client, 'a', [name])).configs[0]!.value;
    expect(await change('retention.ms', 0, '5')).toBe(0);
    expect(await settingOf('retention.ms')).toBe('5');
    expect(await change('retention.ms', 0, '6', { validateOnly: true })).toBe(0);
    expect(await settingOf('retention.ms')).toBe('5');
    expect(await change('retention.ms', 1, null)).toBe(0);
    expect(await settingOf('retention.ms')).toBe('604800000');
    expect(await change('cleanup.policy', 2, 'compact')).toBe(0);
    expect(await settingOf('cleanup.policy')).toBe('delete,compact');
    expect(await change('cleanup.policy', 3, 'delete')).toBe(0);
    expect(await settingOf('cleanup.policy')).toBe('compact');
    expect(await change('cleanup.policy', 9, 'x')).toBe(errorCodes.INVALID_REQUEST);
    expect(await change('nothing', 0, 'x')).toBe(errorCodes.INVALID_CONFIG);
    expect(await change('nothing', 0, 'x', { validateOnly: true })).toBe(errorCodes.INVALID_CONFIG);
  });

  it('hold for the next batch', async () => {
    const client = (await startStage()).client();
    await createTopic(client, 'a');
    expect((await produce(client, 'a', textBatch(['x'.repeat(500)]))).errorCode).toBe(0);
    const configs = [{ name: 'max.message.bytes', configOperation: 0, value: '300' }];
    await client.ask(incrementalAlterConfigsApi, 1, {
      resources: [{ resourceType: RESOURCE_TYPE.topic, resourceName: 'a', configs }],
    });
    expect((await produce(client, 'a', textBatch(['x'.repeat(500)]))).errorCode).toBe(errorCodes.MESSAGE_TOO_LARGE);
  });

  it('are replaced as a whole by AlterConfigs', async () => {
    const client = (await startStage()).client();
    await createTopic(client, 'a', { configs: [{ name: 'retention.ms', value: '5' }] });
    const configs = [{ name: 'retention.bytes', value: '7' }];
    const resources = [
      { resourceType: RESOURCE_TYPE.topic, resourceName: 'a', configs },
      { resourceType: RESOURCE_TYPE.broker, resourceName: '1', configs },
    ];
    const { responses } = await client.ask(alterConfigsApi, 2, { resources });
    expect(responses.map(({ errorCode }) => errorCode)).toEqual([0, errorCodes.INVALID_REQUEST]);
    const described = (await configOf(client, 'a')).configs.filter(({ configSource }) => configSource === 1);
    expect(described.map(({ name, value }) => [name, value])).toEqual([['retention.bytes', '7']]);
  });
});

describe('offsets', () => {
  const at = (...times: bigint[]) =>
    encodeBatch(times.map((timestampMs) => ({ key: null, value: null, headers: [], timestampMs })));

  it('are listed by all that stands for a time', async () => {
    const client = (await startStage()).client();
    await createTopic(client, 'a');
    await produce(client, 'a', at(100n, 300n, 200n));
    await produce(client, 'a', at(150n, 250n));
    await client.ask(deleteRecordsApi, 2, { topics: [{ name: 'a', partitions: [{ partitionIndex: 0, offset: 1n }] }] });
    const list = async (timestamp: bigint, version = 11) => {
      const topics = [{ name: 'a', partitions: [{ partitionIndex: 0, timestamp }] }];
      const answer = await client.ask(listOffsetsApi, version, { replicaId: -1, topics });
      const { errorCode, offset, timestamp: found } = answer.topics[0]!.partitions[0]!;
      return errorCode === 0 ? [offset, found] : errorCode;
    };
    expect(await list(-1n)).toEqual([5n, -1n]);
    expect(await list(-2n)).toEqual([1n, -1n]);
    expect(await list(-3n)).toEqual([1n, 300n]);
    expect(await list(-4n)).toEqual([1n, -1n]);
    expect(await list(-5n)).toEqual([-1n, -1n]);
    expect(await list(-6n)).toEqual([-1n, -1n]);
    expect(await list(0n)).toEqual([1n, 300n]);
    expect(await list(301n)).toEqual([-1n, -1n]);
    expect(await list(-7n)).toBe(errorCodes.UNSUPPORTED_VERSION);
    expect(await list(-3n, 6)).toBe(errorCodes.UNSUPPORTED_VERSION);
    expect(await list(-1n, 1)).toEqual([5n, -1n]);
  });

  it('are answered for each partition by itself', async () => {
    const client = (await startStage()).client();
    await createTopic(client, 'a');
    const partitions = [
      { partitionIndex: 1, timestamp: -1n },
      { partitionIndex: 0, timestamp: -1n, currentLeaderEpoch: 1 },
    ];
    const { topics } = await client.ask(listOffsetsApi, 7, {
      topics: [
        { name: 'a', partitions },
        { name: 'b', partitions },
      ],
    });
    const { UNKNOWN_TOPIC_OR_PARTITION: unknown, UNKNOWN_LEADER_EPOCH: later } = errorCodes;
    expect(topics.map((topic) => topic.partitions.map(({ errorCode }) => errorCode))).toEqual([
      [unknown, later],
      [unknown, unknown],
    ]);
  });

  it('below the first that is kept are deleted, never more than there are', async () => {
    const client = (await startStage()).client();
    await createTopic(client, 'a');
    await produce(client, 'a', textBatch(['x', 'y']));
    const trim = async (offset: bigint) => {
      const topics = [{ name: 'a', partitions: [{ partitionIndex: 0, offset }] }];
      const { errorCode, lowWatermark } = (await client.ask(deleteRecordsApi, 2, { topics })).topics[0]!.partitions[0]!;
      return [errorCode, lowWatermark];
    };
    expect(await trim(3n)).toEqual([errorCodes.OFFSET_OUT_OF_RANGE, -1n]);
    expect(await trim(-2n)).toEqual([errorCodes.OFFSET_OUT_OF_RANGE, -1n]);
    expect(await trim(-1n)).toEqual([0, 2n]);
  });

  it('are not deleted where the last record of each key is to stay', async () => {
    const client = (await startStage()).client();
    const trim = async (cleanupPolicy: string) => {
      const name = `by-${cleanupPolicy.replace(',', '-')}`;
      await createTopic(client, name, { configs: [{ name: 'cleanup.policy', value: cleanupPolicy }] });
      const topics = [{ name, partitions: [{ partitionIndex: 0, offset: 0n }] }];
      return (await client.ask(deleteRecordsApi, 2, { topics })).topics[0]!.partitions[0]!.errorCode;
    };
    expect(await trim('compact')).toBe(errorCodes.POLICY_VIOLATION);
    expect(await trim('compact,delete')).toBe(0);
  });

  it('end no leader but the only one', async () => {
    const client = (await startStage()).client();
    await createTopic(client, 'a');
    await produce(client, 'a', textBatch(['x', 'y']));
    const partitions = [0, 1, -1].map((leaderEpoch) => ({ partition: 0, leaderEpoch }));
    const { topics } = await client.ask(offsetForLeaderEpochApi, 4, { topics: [{ topic: 'a', partitions }] });
    expect(topics[0]!.partitions.map(({ leaderEpoch, endOffset }) => [leaderEpoch, endOffset])).toEqual([
      [0, 2n],
      [-1, -1n],
      [-1, -1n],
    ]);
  });
});

describe('the cluster', () => {
  it('is described, but for controllers, of which there are none', async () => {
    const client = (await startStage()).client();
    const { brokers, clusterId, controllerId } = await client.ask(describeClusterApi, 2, {});
    expect({ brokers, clusterId, controllerId }).toMatchObject({
      brokers: [{ brokerId: controllerId }],
      clusterId: 'millrace',
    });
    const controllers = await client.ask(describeClusterApi, 2, { endpointType: 2 });
    expect(controllers.errorCode).toBe(errorCodes.MISMATCHED_ENDPOINT_TYPE);
  });

  it('tells how much was appended to partitions', async () => {
    const client = (await startStage()).client();
    await createTopic(client, 'a', { numPartitions: 2 });
    const batch = textBatch(['x'.repeat(100)]);
    await produce(client, 'a', batch, 1);
    const { results } = await client.ask(describeLogDirsApi, 4, { topics: null });
    expect(results).toMatchObject([{ errorCode: 0, topics: [{ name: 'a' }] }]);
    expect(results[0]!.topics[0]!.partitions.map(({ partitionSize }) => partitionSize)).toEqual([
      0n,
      BigInt(batch.length),
    ]);
    const some = await client.ask(describeLogDirsApi, 4, {
      topics: [
        { topic: 'a', partitions: [1] },
        { topic: 'b', partitions: [0] },
      ],
    });
    expect(some.results[0]!.topics[0]!.partitions).toMatchObject([{ partitionIndex: 1 }]);
  });
});
