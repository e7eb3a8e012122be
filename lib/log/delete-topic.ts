import type { SegmentId } from '../segment/segment-id.ts';
import { changeTopic } from './change-topic.ts';
import { type TopicDeps, unknownTopic } from './find-topic.ts';
import { inParallel } from './in-parallel.ts';
import type { PartitionKey } from './partition-key.ts';
import { repeatRequest } from './repeat-request.ts';
import type { Topic } from './topic.ts';
import { MAX_LONG } from './topic-config-kind.ts';
import { parseTopicName } from './topic-name.ts';

/** Partitions that are removed at once. */
const PARALLEL = 16;
/** Chunks of one query. */
const PAGE = 100;
/** At or above every id. */
const HIGHEST_ID: SegmentId = `7${'Z'.repeat(25)}`;

/** Whether to stop although not all is done. */
type IsOver = () => boolean;

function* partitionsOf({ topicId, partitionCount }: Topic, isOver: IsOver): Generator<PartitionKey> {
  for (let partition = 0; partition < partitionCount && !isOver(); partition++) yield { topicId, partition };
}

async function removeChunks(deps: TopicDeps, partition: PartitionKey, isOver: IsOver): Promise<void> {
  const { chunks } = deps.store;
  let fromBase = 0n;
  while (!isOver()) {
    const query = { fromBase, order: 'ascending', limit: PAGE, consistent: true } as const;
    const { answer: page } = await repeatRequest(deps, () => chunks.query(partition, query));
    if (page.length === 0) return;
    for (const { base } of page) {
      // Every chunk may go: without its head nothing is readable, and no attempt can land any more.
      const all = { endAtMost: MAX_LONG, maxIdAtMost: HIGHEST_ID };
      await repeatRequest(deps, () => chunks.remove(partition, base, all));
      fromBase = base + 1n;
    }
  }
}

/**
 * Removes what a topic in the state `deleting` still has: heads first, so that nothing is written any more, then chunks, then its item. May be run again after a
 * crash, and by several at once. False when `isOver` said to stop before all was gone; what is gone by then stays gone.
 */
export async function finishDeletion(deps: TopicDeps, topic: Topic, isOver: IsOver = () => false): Promise<boolean> {
  const { heads, topics } = deps.store;
  await inParallel(partitionsOf(topic, isOver), PARALLEL, async (partition) => {
    await repeatRequest(deps, () => heads.remove(partition));
  });
  await inParallel(partitionsOf(topic, isOver), PARALLEL, (partition) => removeChunks(deps, partition, isOver));
  if (isOver()) return false;
  await repeatRequest(deps, () => topics.remove(topic.name, topic.topicId));
  return true;
}

/**
 * Deletes a topic with all its records; half-made ones too. Readers and writers are refused as soon as its heads are gone. After a crash, delete it again, or create it again, which
 * finishes the deletion first.
 *
 * The index is deleted, the segment objects are not: they may hold records of other topics, and collection deletes them once nothing names them.
 *
 * Requests: 1 read, 1 update, then for each partition 1 write and 1 query, 1 write for each chunk, and a transaction of 3 items. Throws
 * INVALID_TOPIC_EXCEPTION, UNKNOWN_TOPIC_OR_PARTITION (the hint is the nearest name), what the store throws after ten attempts.
 */
export async function deleteTopic(deps: TopicDeps, name: string): Promise<void> {
  parseTopicName(name);
  const { answer: topic } = await repeatRequest(deps, () => deps.store.topics.get(name));
  if (topic === null) throw await unknownTopic(deps, name);
  const deleting = await changeTopic(deps, topic, (current) =>
    current.state === 'deleting' ? { kind: 'enough' } : { kind: 'write', topic: { ...current, state: 'deleting' } },
  );
  // Somebody else has deleted it all meanwhile.
  if (deleting === null) return;
  await finishDeletion(deps, deleting);
}
