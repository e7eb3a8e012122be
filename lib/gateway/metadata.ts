/** Metadata and DescribeTopicPartitions: where the partitions of topics are. Topics are read when a client asks, so that what was just made is there. */
import { mapInParallel } from '../log/in-parallel.ts';
import type { Topic } from '../log/topic.ts';
import { CLUSTER_ID, type Cluster, partitionPlace } from './cluster.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { unknownTopicId } from './gateway-topics.ts';
import { type Handler, type Route, route } from './handler.ts';
import { kafkaError } from './kafka-error.ts';
import { errorCodes } from './protocol/error-codes.ts';
import { describeTopicPartitionsApi, metadataApi } from './protocol/messages/cluster-messages.ts';
import type { RequestOf } from './protocol/schema.ts';
import { ZERO_UUID } from './protocol/wire-reader.ts';

type Asked = NonNullable<RequestOf<typeof metadataApi>['topics']>[number];

type ReadAll = () => Promise<readonly Topic[]>;

/** Topics of one request that are read at once. */
const PARALLEL = 16;
/** Version 0 has no null: an empty list asks for all topics. */
const FIRST_VERSION_WITH_NONE = 1;

/** The routes of this file. */
export function metadataRoutes(deps: GatewayDeps): readonly Route[] {
  return [route(metadataApi, metadataHandler(deps)), route(describeTopicPartitionsApi, describeHandler(deps))];
}

function metadataHandler({ cluster, topics }: GatewayDeps): Handler<typeof metadataApi> {
  return async ({ topics: asked, allowAutoTopicCreation }, { apiVersion }) => {
    const isAll = asked === null || (asked.length === 0 && apiVersion < FIRST_VERSION_WITH_NONE);
    // Who asks for many by ids that this gateway has not heard of has all topics read once.
    let all: Promise<readonly Topic[]> | null = null;
    const readAll = () => (all ??= topics.readAll());
    const find = (one: Asked) => describeAsked(one, allowAutoTopicCreation, readAll);
    const described = isAll
      ? (await topics.readAll()).map((topic) => describeTopic(cluster, topic))
      : await mapInParallel(distinct(asked), PARALLEL, find);
    return {
      brokers: cluster.live,
      clusterId: CLUSTER_ID,
      controllerId: controllerOf(cluster),
      topics: described,
    };
  };

  async function describeAsked({ name, topicId }: Asked, isCreated: boolean, readAll: ReadAll) {
    try {
      if (topicId === ZERO_UUID) return describeTopic(cluster, await topics.readOrCreate(name ?? '', isCreated));
      return describeTopic(cluster, await readById(topicId, readAll));
    } catch (error) {
      return { ...kafkaError(error), name: name ?? (topicId === ZERO_UUID ? '' : null), topicId };
    }
  }

  async function readById(topicId: string, readAll: ReadAll): Promise<Topic> {
    const known = topics.nameOf(topicId);
    const topic = known === undefined ? null : await topics.read(known).catch(() => null);
    if (topic?.topicId === topicId) return topic;
    // Another gateway may have told the client of it: all topics are looked at before it is told that there is none.
    const found = (await readAll()).find((one) => one.topicId === topicId);
    if (found) return found;
    throw unknownTopicId(topicId);
  }
}

/** Kafka too answers once for what is named twice. */
function distinct(asked: readonly Asked[]): readonly Asked[] {
  return [...new Map(asked.map((one) => [`${one.topicId} ${one.name}`, one])).values()];
}

/** Any gateway can administer; the first is named, so that all clients name the same. */
export function controllerOf(cluster: Cluster): number {
  return cluster.live[0]!.nodeId;
}

function describeTopic(cluster: Cluster, topic: Topic) {
  const { name, topicId, readyPartitionCount } = topic;
  const partitions = Array.from({ length: readyPartitionCount }, (_, partition) => ({
    partitionIndex: partition,
    ...partitionPlace(cluster, { topicId, partition }),
  }));
  return { errorCode: errorCodes.NONE, name, topicId, partitions };
}

/** Most partitions of one answer, as Kafka's `max.request.partition.size.limit`. */
const PARTITIONS_MAX = 2_000;

function describeHandler({ cluster, topics }: GatewayDeps): Handler<typeof describeTopicPartitionsApi> {
  return async ({ topics: asked, responsePartitionLimit, cursor }) => {
    let left = Math.max(1, Math.min(responsePartitionLimit, PARTITIONS_MAX));
    const names = asked.length > 0 ? asked.map(({ name }) => name) : (await topics.readAll()).map(({ name }) => name);
    const wanted = [...new Set(names)].sort().filter((name) => cursor === null || name >= cursor.topicName);
    const described: object[] = [];
    for (const name of wanted) {
      const from = cursor?.topicName === name ? Math.max(0, cursor.partitionIndex) : 0;
      if (left === 0) return { topics: described, nextCursor: { topicName: name, partitionIndex: from } };
      const found = await topics.read(name).then((topic) => describeTopic(cluster, topic), kafkaError);
      if (!('partitions' in found)) {
        described.push({ ...found, name });
        continue;
      }
      // Kafka's own client expects lists where the protocol allows none.
      const partitions = found.partitions
        .slice(from, from + left)
        .map((partition) => ({ ...partition, eligibleLeaderReplicas: [], lastKnownElr: [] }));
      left -= partitions.length;
      described.push({ ...found, partitions });
      const next = from + partitions.length;
      if (next < found.partitions.length) {
        return { topics: described, nextCursor: { topicName: name, partitionIndex: next } };
      }
    }
    return { topics: described };
  };
}
