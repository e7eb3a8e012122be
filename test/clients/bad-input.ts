/**
 * What no good client sends, or sends at a bad moment: one list that is told to a gateway and to Apache Kafka's own broker. Each case tells what came back: names of errors, and in the end whether the
 * connection is still there.
 */
import { randomUUID } from 'node:crypto';
import { metadataApi } from '../../lib/gateway/protocol/messages/cluster-messages.ts';
import {
  deleteRecordsApi,
  fetchApi,
  listOffsetsApi,
  offsetForLeaderEpochApi,
  produceApi,
} from '../../lib/gateway/protocol/messages/log-messages.ts';
import {
  createPartitionsApi,
  createTopicsApi,
  deleteTopicsApi,
  describeConfigsApi,
  incrementalAlterConfigsApi,
} from '../../lib/gateway/protocol/messages/topic-messages.ts';
import { sealBatch } from '../../lib/record/seal-batch.ts';
import { textBatch } from '../gateway/gateway-stage.ts';
import { badGroupInput } from './bad-group-input.ts';
import { type BadInput, bytes, named, told } from './bad-input-case.ts';

/** What a batch of two records becomes when something is written into it. */
function changed(change: (batch: Buffer) => void, seal = true): Uint8Array {
  const batch = Buffer.from(textBatch(['first', 'second']));
  change(batch);
  if (seal) sealBatch(batch);
  return batch;
}

interface ProduceChanges {
  readonly topic?: string;
  readonly partition?: number;
  readonly acks?: number;
  readonly version?: number;
}

function produced(name: string, records: Uint8Array | null, changes: ProduceChanges = {}): BadInput {
  const { topic = 'plain', partition = 0, acks = -1, version = 9 } = changes;
  return {
    name: `Produce: ${name}`,
    async ask(client) {
      const topicData = [{ name: topic, partitionData: [{ index: partition, records }] }];
      const { responses } = await client.ask(produceApi, version, { acks, timeoutMs: 10_000, topicData });
      return named(responses[0]!.partitionResponses[0]!.errorCode);
    },
  };
}

interface FetchChanges {
  readonly version?: number;
  readonly topic?: string;
  readonly topicId?: string;
  readonly partition?: number;
  readonly fetchOffset?: bigint;
  readonly currentLeaderEpoch?: number;
  readonly sessionId?: number;
  readonly sessionEpoch?: number;
}

function fetched(name: string, changes: FetchChanges): BadInput {
  return {
    name: `Fetch: ${name}`,
    async ask(client) {
      const { version = 12, topic = 'plain', topicId = '', sessionId = 0, sessionEpoch = -1, ...others } = changes;
      const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000, ...others }];
      const named13 = version >= 13 ? { topicId } : { topic };
      const request = { maxWaitMs: 0, minBytes: 1, sessionId, sessionEpoch, topics: [{ ...named13, partitions }] };
      const { errorCode, responses } = await client.ask(fetchApi, version, request);
      return `${named(errorCode)}, ${responses.flatMap((one) => one.partitions.map((part) => named(part.errorCode)))}`;
    },
  };
}

const created = (name: string, changes: object) =>
  told(`CreateTopics: ${name}`, async (client) => {
    const topic = { name: `t-${randomUUID()}`, numPartitions: 1, replicationFactor: 1, ...changes };
    return (await client.ask(createTopicsApi, 5, { topics: [topic], timeoutMs: 10_000 })).topics[0]!.errorCode;
  });

/** For whoever reads requests: frames that are none, APIs and versions that there are not. */
const frames: readonly BadInput[] = [
  bytes('a frame of 2 GiB', '7fffffff'),
  bytes('a frame of a negative size', 'ffffffff'),
  bytes('an API that there is not', '0000000a 7fff 0000 00000001 ffff'),
  bytes('a version of Metadata that there is not', '0000000a 0003 0063 00000001 ffff'),
  bytes('a version of ApiVersions that there is not', '0000000b 0012 0063 00000001 ffff 00'),
  bytes('Produce before record batches', '0000000a 0000 0002 00000001 ffff'),
  bytes('a body that is cut off', '0000000e 0003 0001 00000001 ffff 7fffffff'),
];

const produce: readonly BadInput[] = [
  produced('an unknown topic', textBatch(['a']), { topic: 'nothing' }),
  produced('an unknown partition', textBatch(['a']), { partition: 7 }),
  produced('a negative partition', textBatch(['a']), { partition: -1 }),
  produced('a name that is none', textBatch(['a']), { topic: 'no name' }),
  produced('acks that are none', textBatch(['a']), { acks: 2 }),
  produced(
    'a wrong CRC',
    changed((batch) => batch.writeUInt8(1, 70), false),
  ),
  produced(
    'a length beyond the request',
    changed((batch) => batch.writeInt32BE(5_000, 8), false),
  ),
  produced(
    'a length within the header',
    changed((batch) => batch.writeInt32BE(20, 8), false),
  ),
  produced(
    'an old format',
    changed((batch) => batch.writeInt8(1, 16), false),
  ),
  produced(
    'an unknown format',
    changed((batch) => batch.writeInt8(3, 16), false),
  ),
  produced(
    'an unknown codec',
    changed((batch) => batch.writeInt16BE(7, 21)),
  ),
  produced(
    'gaps in its offsets',
    changed((batch) => batch.writeInt32BE(5, 23)),
  ),
  produced(
    'fewer records than it says',
    changed((batch) => batch.writeInt32BE(3, 57) && batch.writeInt32BE(2, 23)),
  ),
  produced(
    'more records than it says',
    changed((batch) => batch.writeInt32BE(1, 57) && batch.writeInt32BE(0, 23)),
  ),
  produced(
    'no records',
    changed((batch) => batch.writeInt32BE(0, 57) && batch.writeInt32BE(-1, 23)),
  ),
  produced(
    'a record that is too long',
    changed((batch) => batch.writeUInt8(0x7e, 61)),
  ),
  produced(
    'a codec that it is not compressed by',
    changed((batch) => batch.writeInt16BE(4, 21)),
  ),
  produced(
    'the same offset twice',
    changed((batch) => batch.writeUInt8(0, 77)),
  ),
  produced(
    'a control batch',
    changed((batch) => batch.writeInt16BE(0x20, 21)),
  ),
  produced(
    'a producer without an epoch',
    changed((batch) => batch.writeBigInt64BE(5n, 43)),
  ),
  produced('two batches', Buffer.concat([textBatch(['a']), textBatch(['b'])])),
  produced('nothing', new Uint8Array(0)),
  produced('more than the topic allows', textBatch(['x'.repeat(600)]), { topic: 'small' }),
  produced('a record without a key where keys decide', textBatch(['a']), { topic: 'keyed' }),
  produced('timestamps of the log', textBatch(['a'], { timestampType: 'LogAppendTime' })),
  produced('zstd in a version before it', textBatch(['a'], { compression: 'zstd' }), { version: 6 }),
  {
    name: 'Produce: acks=0, an unknown topic',
    async ask(client) {
      const topicData = [{ name: 'nothing', partitionData: [{ index: 0, records: textBatch(['a']) }] }];
      client.send(produceApi, 9, { acks: 0, timeoutMs: 10_000, topicData });
      return 'no answer';
    },
  },
];

/** Of an idempotent producer. */
const sequences: readonly BadInput[] = [
  {
    name: 'Produce: numbers of an idempotent producer',
    async ask(client) {
      const producerId = 2n ** 40n + BigInt(Math.floor(Math.random() * 1e9));
      const answers: string[] = [];
      const send = async (baseSequence: number, producerEpoch = 0) => {
        const records = textBatch(['a'], { producerId, producerEpoch, baseSequence });
        const topicData = [{ name: 'sequenced', partitionData: [{ index: 0, records }] }];
        const { responses } = await client.ask(produceApi, 9, { acks: -1, timeoutMs: 10_000, topicData });
        const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!;
        answers.push(`${named(errorCode)} ${baseOffset}`);
      };
      await send(0);
      await send(1);
      await send(0);
      await send(3);
      await send(2);
      await send(1, 1);
      await send(0, 1);
      await send(3, 0);
      for (let sequence = 1; sequence < 7; sequence++) await send(sequence, 1);
      // No client has more than five under way: this one is not remembered.
      await send(0, 1);
      return answers.join(', ');
    },
  },
];

const fetch: readonly BadInput[] = [
  fetched('an unknown topic', { topic: 'nothing' }),
  fetched('an unknown partition', { partition: 7 }),
  fetched('an unknown topic id', { version: 13, topicId: '11111111-1111-4111-8111-111111111111' }),
  fetched('an offset beyond the end', { fetchOffset: 1_000_000n }),
  fetched('an offset below 0', { fetchOffset: -5n }),
  fetched('an epoch to come', { currentLeaderEpoch: 99 }),
  fetched('a session that there is not', { sessionId: 4_711, sessionEpoch: 1 }),
  fetched('no session, and an epoch of one', { sessionId: 0, sessionEpoch: 5 }),
  told('ListOffsets: an unknown partition', async (client) => {
    const topics = [{ name: 'plain', partitions: [{ partitionIndex: 7, timestamp: -1n }] }];
    return (await client.ask(listOffsetsApi, 5, { replicaId: -1, topics })).topics[0]!.partitions[0]!.errorCode;
  }),
  told('DeleteRecords: beyond the end', async (client) => {
    const topics = [{ name: 'plain', partitions: [{ partitionIndex: 0, offset: 1_000_000n }] }];
    const { topics: answered } = await client.ask(deleteRecordsApi, 1, { topics, timeoutMs: 10_000 });
    return answered[0]!.partitions[0]!.errorCode;
  }),
  told('DeleteRecords: where the last record of each key is to stay', async (client) => {
    const topics = [{ name: 'keyed', partitions: [{ partitionIndex: 0, offset: 0n }] }];
    const { topics: answered } = await client.ask(deleteRecordsApi, 1, { topics, timeoutMs: 10_000 });
    return answered[0]!.partitions[0]!.errorCode;
  }),
  told('DeleteRecords: an unknown topic', async (client) => {
    const topics = [{ name: 'nothing', partitions: [{ partitionIndex: 0, offset: 0n }] }];
    const { topics: answered } = await client.ask(deleteRecordsApi, 1, { topics, timeoutMs: 10_000 });
    return answered[0]!.partitions[0]!.errorCode;
  }),
  told('OffsetForLeaderEpoch: an unknown topic', async (client) => {
    const topics = [{ topic: 'nothing', partitions: [{ partition: 0, leaderEpoch: 0 }] }];
    const { topics: answered } = await client.ask(offsetForLeaderEpochApi, 3, { topics });
    return answered[0]!.partitions[0]!.errorCode;
  }),
  told('Metadata: an unknown topic', async (client) => {
    const request = { topics: [{ name: 'nothing' }], allowAutoTopicCreation: false };
    return (await client.ask(metadataApi, 9, request)).topics[0]!.errorCode;
  }),
  told('Metadata: a name that is none', async (client) => {
    const request = { topics: [{ name: 'no name' }], allowAutoTopicCreation: true };
    return (await client.ask(metadataApi, 9, request)).topics[0]!.errorCode;
  }),
];

const administration: readonly BadInput[] = [
  created('one that is there', { name: 'plain' }),
  created('a name that is none', { name: 'no name' }),
  created('a name that is too long', { name: 'n'.repeat(250) }),
  created('no partitions', { numPartitions: 0 }),
  created('an unknown setting', { configs: [{ name: 'no.such.setting', value: '1' }] }),
  created('a setting that is none', { configs: [{ name: 'retention.ms', value: 'long' }] }),
  created('more copies than there are brokers', { replicationFactor: 3 }),
  told('CreateTopics: twice the same', async (client) => {
    const topic = { name: `t-${randomUUID()}`, numPartitions: 1, replicationFactor: 1 };
    const { topics } = await client.ask(createTopicsApi, 5, { topics: [topic, topic], timeoutMs: 10_000 });
    return topics[0]!.errorCode;
  }),
  told('DeleteTopics: one that there is not', async (client) => {
    const { responses } = await client.ask(deleteTopicsApi, 5, { topicNames: ['nothing'], timeoutMs: 10_000 });
    return responses[0]!.errorCode;
  }),
  told('DeleteTopics: an id that is of none', async (client) => {
    const topics = [{ name: null, topicId: '11111111-1111-4111-8111-111111111111' }];
    return (await client.ask(deleteTopicsApi, 6, { topics, timeoutMs: 10_000 })).responses[0]!.errorCode;
  }),
  told('CreatePartitions: fewer', async (client) => {
    const topics = [{ name: 'plain', count: 1, assignments: null }];
    return (await client.ask(createPartitionsApi, 2, { topics, timeoutMs: 10_000 })).results[0]!.errorCode;
  }),
  told('CreatePartitions: of a topic that there is not', async (client) => {
    const topics = [{ name: 'nothing', count: 4, assignments: null }];
    return (await client.ask(createPartitionsApi, 2, { topics, timeoutMs: 10_000 })).results[0]!.errorCode;
  }),
  told('DescribeConfigs: of a topic that there is not', async (client) => {
    const resources = [{ resourceType: 2, resourceName: 'nothing', configurationKeys: null }];
    return (await client.ask(describeConfigsApi, 3, { resources })).results[0]!.errorCode;
  }),
  told('IncrementalAlterConfigs: an unknown setting', async (client) => {
    const configs = [{ name: 'no.such.setting', configOperation: 0, value: '1' }];
    const resources = [{ resourceType: 2, resourceName: 'plain', configs }];
    return (await client.ask(incrementalAlterConfigsApi, 1, { resources })).responses[0]!.errorCode;
  }),
  told('IncrementalAlterConfigs: a value that is none', async (client) => {
    const configs = [{ name: 'retention.ms', configOperation: 0, value: 'long' }];
    const resources = [{ resourceType: 2, resourceName: 'plain', configs }];
    return (await client.ask(incrementalAlterConfigsApi, 1, { resources })).responses[0]!.errorCode;
  }),
  told('IncrementalAlterConfigs: of a topic that there is not', async (client) => {
    const configs = [{ name: 'retention.ms', configOperation: 0, value: '1' }];
    const resources = [{ resourceType: 2, resourceName: 'nothing', configs }];
    return (await client.ask(incrementalAlterConfigsApi, 1, { resources })).responses[0]!.errorCode;
  }),
];

/** For servers that anybody may ask. */
export const badInput = [...frames, ...produce, ...sequences, ...fetch, ...badGroupInput, ...administration];
