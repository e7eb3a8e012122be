import { describeTopicConfig, type SettingDescription } from './describe-topic-config.ts';
import { findTopicInMaking, type TopicDeps, unknownTopic } from './find-topic.ts';
import { inParallel } from './in-parallel.ts';
import { repeatRequest } from './repeat-request.ts';
import type { Topic } from './topic.ts';

/** A partition as it was when it was read. */
export interface PartitionDescription {
  readonly partition: number;
  /** First readable offset. */
  readonly logStartOffset: bigint;
  /** The offset that the next record gets. */
  readonly highWatermark: bigint;
  /** Bytes of all record batches ever appended, those that are gone by now too. */
  readonly appendedBytes: bigint;
}

/** All there is to say about a topic. */
export interface TopicDescription {
  readonly topic: Topic;
  readonly config: readonly SettingDescription[];
  /** Those that can be used, in order; none while the topic is being created. */
  readonly partitions: readonly PartitionDescription[];
}

/** Heads of one request: one BatchGetItem of DynamoDB. */
const HEADS_PER_REQUEST = 100;
/** Requests in flight. */
const PARALLEL = 8;

async function describePartitions(deps: TopicDeps, topic: Topic): Promise<readonly PartitionDescription[]> {
  const partitions: PartitionDescription[] = new Array(topic.readyPartitionCount);
  const firsts = Array.from(
    { length: Math.ceil(topic.readyPartitionCount / HEADS_PER_REQUEST) },
    (_, run) => run * HEADS_PER_REQUEST,
  );
  await inParallel(firsts, PARALLEL, async (first) => {
    const count = Math.min(HEADS_PER_REQUEST, topic.readyPartitionCount - first);
    const keys = Array.from({ length: count }, (_, index) => ({ topicId: topic.topicId, partition: first + index }));
    const { answer: heads } = await repeatRequest(deps, () => deps.store.heads.readMany(keys, { consistent: true }));
    for (const [index, head] of heads.entries()) {
      if (head === null) throw await unknownTopic(deps, topic.name);
      const partition = first + index;
      const { start: logStartOffset, next: highWatermark, appendedBytes } = head;
      partitions[partition] = { partition, logStartOffset, highWatermark, appendedBytes };
    }
  });
  return partitions;
}

/**
 * Describes a topic, also one that is half made. Partitions are not read in one moment.
 *
 * Requests: 1 read and 1 for 100 partitions, 8 in flight. Throws INVALID_TOPIC_EXCEPTION, UNKNOWN_TOPIC_OR_PARTITION (the hint is the nearest name), what
 * the store throws after ten attempts.
 */
export async function describeTopic(deps: TopicDeps, name: string): Promise<TopicDescription> {
  const topic = await findTopicInMaking(deps, name);
  return { topic, config: describeTopicConfig(topic.config), partitions: await describePartitions(deps, topic) };
}
