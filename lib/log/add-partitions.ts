import { MillraceError } from '../errors.ts';
import { changeTopic } from './change-topic.ts';
import { createMissingHeads } from './create-heads.ts';
import { parsePartitionCount } from './create-topic.ts';
import { findTopic, type TopicDeps, unknownTopic } from './find-topic.ts';
import type { Topic } from './topic.ts';

function fewerPartitions(topic: Topic, totalCount: number): MillraceError {
  return new MillraceError(
    'INVALID_PARTITIONS',
    `topic ${topic.name} has ${topic.partitionCount} partitions already and cannot have ${totalCount}`,
    {
      value: totalCount,
      hint: `Give the new total, above ${topic.partitionCount}. Partitions are never removed: for fewer, create another topic and copy.`,
    },
  );
}

/**
 * Gives a topic more partitions: `totalCount` in all. The new ones are empty and can be used when this returns; clients find them when they next look the
 * topic up. The same total again changes nothing, and completes what a crash has left.
 *
 * What it does to the order of keys: a key's partition is its hash modulo the number of partitions, so from now on most keys go to another partition than
 * before. Records that are there stay where they are, and each partition keeps its order, but a key's old and new records stand in different
 * partitions and may be read in any order. Where that matters, stop the producers until consumers have read to the end, or copy into a new topic.
 *
 * Requests: 1 read, 2 updates and 1 transaction for 98 partitions. Throws INVALID_PARTITIONS (outside 1 to 100,000, or fewer than there are),
 * INVALID_TOPIC_EXCEPTION, UNKNOWN_TOPIC_OR_PARTITION, TOPIC_BUSY while it is being created or deleted, what the store throws after ten attempts.
 */
export async function addPartitions(deps: TopicDeps, name: string, totalCount: number): Promise<Topic> {
  parsePartitionCount(totalCount);
  const topic = await findTopic(deps, name);
  if (totalCount < topic.partitionCount) throw fewerPartitions(topic, totalCount);
  const raised = await changeTopic(deps, topic, (current) => {
    // Others may have raised it further meanwhile: then all that we were asked for is there, or will be.
    if (current.state === 'deleting' || current.partitionCount >= totalCount) return { kind: 'enough' };
    return { kind: 'write', topic: { ...current, partitionCount: totalCount } };
  });
  if (raised === null || raised.state === 'deleting') throw await unknownTopic(deps, name);
  return raised.readyPartitionCount < raised.partitionCount ? createMissingHeads(deps, raised) : raised;
}
