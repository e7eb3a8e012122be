/** CreateTopics, DeleteTopics and CreatePartitions. Each item of a request is answered by itself. */
import { MillraceError } from '../errors.ts';
import { checkTopicConfig } from '../log/check-topic-config.ts';
import { parsePartitionCount } from '../log/create-topic.ts';
import { describeTopicConfig } from '../log/describe-topic-config.ts';
import { mapInParallel } from '../log/in-parallel.ts';
import { parseTopicName } from '../log/topic-name.ts';
import { describedSetting, droppableSettings } from './config-description.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { unknownTopicId } from './gateway-topics.ts';
import { type Handler, type Route, route } from './handler.ts';
import { answeredError, kafkaError, NO_ERROR } from './kafka-error.ts';
import { createPartitionsApi, createTopicsApi, deleteTopicsApi } from './protocol/messages/topic-messages.ts';
import type { RequestOf } from './protocol/schema.ts';
import { ZERO_UUID } from './protocol/wire-reader.ts';

type NewTopic = RequestOf<typeof createTopicsApi>['topics'][number];

/** Every copy that the stores keep is one to Kafka's clients. */
const REPLICATION_FACTOR = 1;
/** "As the broker thinks best": KIP-464. */
const BROKER_DEFAULT = -1;
/** Topics of one request that are worked on at once. */
const PARALLEL = 4;

/** The routes of this file. */
export function topicRoutes(deps: GatewayDeps): readonly Route[] {
  return [
    route(createTopicsApi, createHandler(deps)),
    route(deleteTopicsApi, deleteHandler(deps)),
    route(createPartitionsApi, createPartitionsHandler(deps)),
  ];
}

/** Names that a request has more than once: Kafka refuses each of them. */
function repeated(names: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  return new Set(names.filter((name) => seen.size === seen.add(name).size));
}

function twice(name: string): MillraceError {
  return new MillraceError('INVALID_REQUEST', `the topic ${name} is named twice in one request`, {
    value: name,
    hint: 'Name each topic once.',
  });
}

function createHandler({ admin, topics }: GatewayDeps): Handler<typeof createTopicsApi> {
  return async ({ topics: asked, validateOnly }) => {
    const doubled = repeated(asked.map(({ name }) => name));
    const answers = await mapInParallel(
      [...new Map(asked.map((one) => [one.name, one])).values()],
      PARALLEL,
      async (one) => {
        try {
          if (doubled.has(one.name)) throw twice(one.name);
          return await create(one, validateOnly);
        } catch (error) {
          return { name: one.name, ...kafkaError(error) };
        }
      },
    );
    return { topics: answers };
  };

  async function create(asked: NewTopic, validateOnly: boolean) {
    const { name } = asked;
    parseTopicName(name);
    const partitionCount = partitionCountOf(asked);
    const config = Object.fromEntries(
      droppableSettings(asked.configs).map((setting) => [setting.name, setting.value ?? '']),
    );
    checkTopicConfig(config);
    const topicId = validateOnly
      ? await checkAbsent(name)
      : (await admin.createTopic({ name, partitionCount, config })).topicId;
    if (!validateOnly) await topics.changed(name);
    return {
      ...NO_ERROR,
      name,
      topicId,
      numPartitions: partitionCount,
      replicationFactor: REPLICATION_FACTOR,
      configs: describeTopicConfig(config).map(describedSetting),
    };
  }

  async function checkAbsent(name: string): Promise<string> {
    if (!(await admin.listTopics()).includes(name)) return ZERO_UUID;
    throw new MillraceError('TOPIC_ALREADY_EXISTS', `topic ${name} exists already`, { value: name });
  }

  function partitionCountOf({ numPartitions, replicationFactor, assignments }: NewTopic): number {
    if (assignments.length > 0) return assignedCount(numPartitions, replicationFactor, assignments);
    if (replicationFactor !== BROKER_DEFAULT && replicationFactor < 1) {
      throw new MillraceError('INVALID_REPLICATION_FACTOR', `a topic cannot have ${replicationFactor} replicas`, {
        value: replicationFactor,
        hint: 'Leave it out: the stores keep their own copies, and every acknowledgement means durable.',
      });
    }
    return parsePartitionCount(numPartitions === BROKER_DEFAULT ? topics.defaults.partitionCount : numPartitions);
  }
}

/** Partitions that were placed by hand: their number is taken, the places mean nothing here. */
function assignedCount(numPartitions: number, replicationFactor: number, assignments: NewTopic['assignments']): number {
  const numbers = assignments.map(({ partitionIndex }) => partitionIndex).toSorted((one, other) => one - other);
  const isWhole = numbers.every((number, index) => number === index);
  if (isWhole && numPartitions === BROKER_DEFAULT && replicationFactor === BROKER_DEFAULT) return numbers.length;
  throw new MillraceError('INVALID_REQUEST', 'assignments must be of the partitions 0, 1, … and stand alone', {
    value: numbers,
    hint: 'Give either a number of partitions or an assignment for each.',
  });
}

function deleteHandler({ admin, topics }: GatewayDeps): Handler<typeof deleteTopicsApi> {
  return async ({ topics: asked, topicNames }) => {
    const all = [...topicNames.map((name) => ({ name, topicId: ZERO_UUID })), ...asked];
    const responses = await mapInParallel(all, PARALLEL, async ({ name, topicId }) => {
      try {
        const known = name ?? (await nameOf(topicId));
        const { topicId: deletedId } = await topics.read(known).catch(() => ({ topicId }));
        await admin.deleteTopic(known);
        await topics.changed(known);
        return { ...NO_ERROR, name: known, topicId: deletedId };
      } catch (error) {
        return { ...kafkaError(error), name, topicId };
      }
    });
    return { responses };
  };

  async function nameOf(topicId: string): Promise<string> {
    const found = (await topics.readAll()).find((topic) => topic.topicId === topicId);
    if (found) return found.name;
    throw unknownTopicId(topicId);
  }
}

function createPartitionsHandler({ admin, topics }: GatewayDeps): Handler<typeof createPartitionsApi> {
  return async ({ topics: asked, validateOnly }) => {
    const doubled = repeated(asked.map(({ name }) => name));
    const results = await mapInParallel(
      [...new Map(asked.map((one) => [one.name, one])).values()],
      PARALLEL,
      async ({ name, count }) => {
        const answer = await answeredError(async () => {
          if (doubled.has(name)) throw twice(name);
          const { partitionCount } = await topics.read(name);
          if (count <= partitionCount) throw notMore(name, partitionCount, count);
          parsePartitionCount(count);
          if (validateOnly) return;
          await admin.addPartitions(name, count);
          await topics.changed(name);
        });
        return { name, ...answer };
      },
    );
    return { results };
  };
}

/** Kafka refuses the same number too. */
function notMore(name: string, partitionCount: number, count: number): MillraceError {
  return new MillraceError(
    'INVALID_PARTITIONS',
    `topic ${name} has ${partitionCount} partitions, not fewer than ${count}`,
    {
      value: count,
      hint: `Give a total above ${partitionCount}.`,
    },
  );
}
