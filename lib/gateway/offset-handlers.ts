/** ListOffsets, DeleteRecords and OffsetForLeaderEpoch: offsets by what is known of their records, and the first one that is kept. */
import { hasCode, MillraceError } from '../errors.ts';
import { mapInParallel } from '../log/in-parallel.ts';
import { type ListedOffset, listOffset, type OffsetQuery } from '../log/list-offsets.ts';
import type { TopicConfig } from '../log/topic-config.ts';
import { type TopicRoute, unknownPartition } from '../log/topic-directory.ts';
import { trimPartition } from '../log/trim-partition.ts';
import { LEADER_EPOCH } from './cluster.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { type Handler, type Route, route } from './handler.ts';
import { kafkaError } from './kafka-error.ts';
import { errorCodes } from './protocol/error-codes.ts';
import { deleteRecordsApi, listOffsetsApi, offsetForLeaderEpochApi } from './protocol/messages/log-messages.ts';

/** Kafka's `ListOffsetsRequest`: what stands in place of a timestamp, with the first version that knows it. */
const SPECIAL: ReadonlyMap<bigint, { readonly query: OffsetQuery | null; readonly from: number }> = new Map([
  [-1n, { query: { at: 'latest' }, from: 1 }],
  [-2n, { query: { at: 'earliest' }, from: 1 }],
  [-3n, { query: { at: 'max-timestamp' }, from: 7 }],
  // The earliest local offset: nothing is moved to another tier, so it is the earliest of all.
  [-4n, { query: { at: 'earliest' }, from: 8 }],
  // The latest tiered one, and the earliest that waits to be tiered: there are none, as in a broker without tiers.
  [-5n, { query: null, from: 9 }],
  [-6n, { query: null, from: 11 }],
]);

/** Stands for the high watermark in DeleteRecords. */
const HIGH_WATERMARK = -1n;
const NO_OFFSET = -1n;
/** Partitions of one request that are worked on at once. */
const PARALLEL = 16;

/** The routes of this file. */
export function offsetRoutes(deps: GatewayDeps): readonly Route[] {
  return [
    route(listOffsetsApi, listOffsetsHandler(deps)),
    route(deleteRecordsApi, deleteRecordsHandler(deps)),
    route(offsetForLeaderEpochApi, leaderEpochHandler(deps)),
  ];
}

/** Throws UNKNOWN_TOPIC_OR_PARTITION for a partition that the topic does not have. */
export function checkPartition(topic: TopicRoute, partition: number): void {
  if (partition < 0 || partition >= topic.partitionCount) throw unknownPartition(topic, partition);
}

/** The error of a client that knows a later leader than there was ever; null for all others. */
export function epochError(currentLeaderEpoch: number): number | null {
  return currentLeaderEpoch > LEADER_EPOCH ? errorCodes.UNKNOWN_LEADER_EPOCH : null;
}

/** Answers for one partition; what a topic was believed to be is forgotten where that proved wrong. */
async function answered<T>(
  { topics }: GatewayDeps,
  asked: { readonly name: string; readonly partition: number },
  answer: (topic: TopicRoute) => Promise<T>,
): Promise<T | { readonly errorCode: number }> {
  let topic: TopicRoute | null = null;
  try {
    topic = await topics.route({ name: asked.name }, asked.partition);
    checkPartition(topic, asked.partition);
    return await answer(topic);
  } catch (error) {
    if (topic !== null && hasCode(error, 'UNKNOWN_TOPIC_OR_PARTITION')) topics.forget(topic);
    return { errorCode: kafkaError(error).errorCode };
  }
}

/** Answers for the partitions of a request, some at once; the answers are those of each topic, in order. */
async function eachPartition<T extends { readonly partitions: readonly unknown[] }, R>(
  topics: readonly T[],
  answer: (topic: T, partition: T['partitions'][number]) => Promise<R>,
): Promise<readonly (readonly R[])[]> {
  const all = topics.flatMap((topic) => topic.partitions.map((partition) => ({ topic, partition })));
  const answers = await mapInParallel(all, PARALLEL, ({ topic, partition }) => answer(topic, partition));
  let next = 0;
  return topics.map(({ partitions: { length } }) => {
    next += length;
    return answers.slice(next - length, next);
  });
}

function listOffsetsHandler(deps: GatewayDeps): Handler<typeof listOffsetsApi> {
  return async ({ topics }, { apiVersion }) => {
    const found = await eachPartition(topics, async ({ name }, { partitionIndex, currentLeaderEpoch, timestamp }) => {
      const answer = await answered(deps, { name, partition: partitionIndex }, async (topic) => {
        const stale = epochError(currentLeaderEpoch);
        if (stale !== null) return { errorCode: stale };
        return listedOffset(await find(topic, partitionIndex, queryOf(timestamp, apiVersion)));
      });
      return { ...answer, partitionIndex };
    });
    return { topics: topics.map(({ name }, index) => ({ name, partitions: found[index]! })) };
  };

  function find(topic: TopicRoute, partition: number, query: OffsetQuery | null): Promise<ListedOffset | null> {
    const { topicId, domain } = topic;
    if (query === null) return Promise.resolve(null);
    return listOffset(deps, { partition: { topicId, partition }, domain }, query);
  }
}

/** Null: there is no such offset in any partition. Throws UNSUPPORTED_VERSION. */
function queryOf(timestampMs: bigint, apiVersion: number): OffsetQuery | null {
  if (timestampMs >= 0n) return { timestampMs };
  const special = SPECIAL.get(timestampMs);
  if (special !== undefined && apiVersion >= special.from) return special.query;
  throw new MillraceError('UNSUPPORTED_VERSION', `version ${apiVersion} has no offset ${timestampMs}`, {
    value: timestampMs,
  });
}

function listedOffset(found: ListedOffset | null) {
  if (found === null) return { errorCode: errorCodes.NONE };
  return {
    errorCode: errorCodes.NONE,
    offset: found.offset,
    timestamp: found.timestampMs,
    leaderEpoch: LEADER_EPOCH,
  };
}

/** The last record of each key is to stay there: Kafka's brokers refuse to delete it by its offset too. */
function keepsLastOfKeys({ cleanupPolicy }: TopicConfig): boolean {
  return cleanupPolicy.includes('compact') && !cleanupPolicy.includes('delete');
}

function deleteRecordsHandler(deps: GatewayDeps): Handler<typeof deleteRecordsApi> {
  return async ({ topics }) => {
    const trimmed = await eachPartition(topics, async ({ name }, { partitionIndex, offset }) => {
      const answer = await answered(deps, { name, partition: partitionIndex }, async ({ config }) => {
        if (keepsLastOfKeys(config)) return { errorCode: errorCodes.POLICY_VIOLATION };
        if (offset < HIGH_WATERMARK) return { errorCode: errorCodes.OFFSET_OUT_OF_RANGE };
        const before = offset === HIGH_WATERMARK ? 'end' : offset;
        const { logStartOffset } = await trimPartition(deps, name, partitionIndex, before);
        return { errorCode: errorCodes.NONE, lowWatermark: logStartOffset };
      });
      return { lowWatermark: NO_OFFSET, ...answer, partitionIndex };
    });
    return { topics: topics.map(({ name }, index) => ({ name, partitions: trimmed[index]! })) };
  };
}

function leaderEpochHandler(deps: GatewayDeps): Handler<typeof offsetForLeaderEpochApi> {
  return async ({ topics }) => {
    const ends = await eachPartition(
      topics,
      async ({ topic: name }, { partition, currentLeaderEpoch, leaderEpoch }) => {
        const answer = await answered(deps, { name, partition }, async ({ topicId, domain }) => {
          const stale = epochError(currentLeaderEpoch);
          if (stale !== null) return { errorCode: stale };
          if (leaderEpoch !== LEADER_EPOCH) return { errorCode: errorCodes.NONE };
          const end = await listOffset(deps, { partition: { topicId, partition }, domain }, { at: 'latest' });
          return { errorCode: errorCodes.NONE, leaderEpoch: LEADER_EPOCH, endOffset: end!.offset };
        });
        return { ...answer, partition };
      },
    );
    return { topics: topics.map(({ topic }, index) => ({ topic, partitions: ends[index]! })) };
  };
}
