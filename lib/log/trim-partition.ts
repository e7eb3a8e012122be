import { MillraceError } from '../errors.ts';
import type { SegmentId } from '../segment/segment-id.ts';
import { findTopic, type TopicDeps, topicBusy, unknownTopic } from './find-topic.ts';
import type { Head } from './head.ts';
import type { AdvanceStartArgs, Change } from './head-transitions.ts';
import type { PartitionKey } from './partition-key.ts';
import { type RepeatedAnswer, repeatRequest } from './repeat-request.ts';
import type { Topic } from './topic.ts';

/** What a trim left. */
export interface TrimResult {
  readonly partition: number;
  /** First offset that can still be read. */
  readonly logStartOffset: bigint;
}

/** Chunks of one query. */
const PAGE = 100;
/** Moves of the start or of the floor by others, in a row. */
const MAX_ROUNDS = 16;

/** Throws UNKNOWN_TOPIC_OR_PARTITION for a partition that the topic does not have. */
function checkPartition({ name, readyPartitionCount }: Topic, partition: number): void {
  if (partition < readyPartitionCount) return;
  throw new MillraceError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${name} has no partition ${partition}`, {
    value: partition,
    hint: `Its partitions are 0 to ${readyPartitionCount - 1}.`,
  });
}

function checkArguments(partition: number, beforeOffset: bigint | 'end'): void {
  if (!Number.isInteger(partition) || partition < 0) {
    throw new MillraceError('INVALID_REQUEST', `not the number of a partition: ${String(partition)}`, {
      value: partition,
      hint: 'Partitions are counted from 0.',
    });
  }
  if (beforeOffset === 'end' || (typeof beforeOffset === 'bigint' && beforeOffset >= 0n)) return;
  throw new MillraceError('INVALID_REQUEST', `not an offset: ${String(beforeOffset)}`, {
    value: beforeOffset,
    hint: 'Give a bigint from 0n on, the first offset to keep, or "end".',
  });
}

/** Where to trim to, or null when nothing stands below. Throws OFFSET_OUT_OF_RANGE. */
function targetIn(head: Head, beforeOffset: bigint | 'end'): bigint | null {
  const target = beforeOffset === 'end' ? head.next : beforeOffset;
  if (target > head.next) {
    throw new MillraceError('OFFSET_OUT_OF_RANGE', `offset ${target} is above the high watermark ${head.next}`, {
      value: target,
      hint: `Give at most ${head.next}, or "end".`,
    });
  }
  return target > head.start ? target : null;
}

/** The floor that must hold before the index may forget what lies below `start`: floor before forgetting. */
async function floorBelow(deps: TopicDeps, partition: PartitionKey, head: Head, start: bigint): Promise<SegmentId> {
  // Entries above `tailBase` stay in the tail; the rolls and trims that come later raise the floor for them.
  const endAtMost = start < head.tailBase ? start : head.tailBase;
  let floor = head.floor;
  let fromBase = 0n;
  while (fromBase < endAtMost) {
    const query = { fromBase, toBase: endAtMost - 1n, order: 'ascending', limit: PAGE, consistent: true } as const;
    const { answer: page } = await repeatRequest(deps, () => deps.store.chunks.query(partition, query));
    for (const { base, end, maxId } of page) {
      if (end <= endAtMost && maxId > floor) floor = maxId;
      fromBase = base + 1n;
    }
    if (page.length === 0) break;
  }
  return floor;
}

/**
 * Raises the log start offset of a partition (Kafka's DeleteRecords): readers see nothing below `beforeOffset` any more, at once (an eventually consistent
 * fetch may still see the head of a moment ago). An offset at or below the log start changes nothing; `end` is the high watermark when the request arrives. What is below stays in the stores until retention deletes it.
 *
 * Commits that are under way and older than what was trimmed are refused by the raised floor; their writers send them again by themselves.
 *
 * Requests: 2 reads, 1 query for 100 chunks below the offset, 1 update. Throws, before anything is written, INVALID_REQUEST, INVALID_TOPIC_EXCEPTION,
 * UNKNOWN_TOPIC_OR_PARTITION, OFFSET_OUT_OF_RANGE above the high watermark; TOPIC_BUSY; what the store throws after ten attempts.
 */
export async function trimPartition(
  deps: TopicDeps,
  name: string,
  partition: number,
  beforeOffset: bigint | 'end',
): Promise<TrimResult> {
  checkArguments(partition, beforeOffset);
  const topic = await findTopic(deps, name);
  checkPartition(topic, partition);
  const { heads } = deps.store;
  const key = { topicId: topic.topicId, partition };
  const { answer: first } = await repeatRequest(deps, () => heads.read(key, { consistent: true }));
  let head: Head | null | undefined = first;
  // The end is where it was at first, so that a busy partition does not run away from us.
  const target = first && targetIn(first, beforeOffset);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (!head) throw await unknownTopic(deps, name);
    if (target === null || head.start >= target) return { partition, logStartOffset: head.start };
    const args: AdvanceStartArgs = { start: target, floor: await floorBelow(deps, key, head, target) };
    const { answer }: RepeatedAnswer<Change<Head>> = await repeatRequest(deps, () => heads.advanceStart(key, args));
    if (answer.outcome === 'done') return { partition, logStartOffset: answer.item.start };
    head = answer.item;
  }
  throw topicBusy(name, `cannot be trimmed: others are moving partition ${partition} all the time`);
}
