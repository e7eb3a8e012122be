/** Every change of topics and of the global floor, as pure functions; see `head-transitions.ts` for how they are used. */
import type { SegmentId } from '../segment/segment-id.ts';
import type { Head } from './head.ts';
import { emptyHead } from './head.ts';
import type { Change } from './head-transitions.ts';
import type { Topic } from './topic.ts';

/** Makes a topic IF there is none of that name in any state, and its id is not spent: a copy of a request that comes after the deletion of what it made is refused. */
export function createTopicTransition(existing: Topic | undefined, topic: Topic, isSpent: boolean): Change<Topic> {
  return existing || isSpent ? { outcome: 'refused', item: existing } : { outcome: 'done', item: topic };
}

/** Replaces a topic IF it still has the version that was read; the new version is one more. */
export function updateTopicTransition(current: Topic | undefined, next: Topic): Change<Topic> {
  const unchanged = current && current.topicId === next.topicId && current.version === next.version;
  if (!unchanged) return { outcome: 'refused', item: current };
  return { outcome: 'done', item: { ...next, version: next.version + 1 } };
}

/** Whether a topic may be removed: the very topic that was read, being deleted. */
export function mayRemoveTopic(current: Topic, topicId: string): boolean {
  return current.topicId === topicId && current.state === 'deleting';
}

/** Raises the global floor. */
export function raiseGlobalFloorTransition(current: SegmentId, floor: SegmentId): Change<SegmentId> {
  return current < floor ? { outcome: 'done', item: floor } : { outcome: 'refused', item: current };
}

/** Arguments of making heads: at most `limits.transactionItems - 2` partitions. */
export interface CreateHeadsArgs {
  readonly topicName: string;
  readonly topicId: string;
  readonly partitions: readonly number[];
  /** The global floor as it was read: a head may not be made under a floor that collection has passed. */
  readonly floor: SegmentId;
  /** What the partitions have from the start, apart from their floor; default nothing. */
  readonly contents?: Head;
}

/** A head as it is made: its floor is the global one. */
export function madeHead({ floor, contents }: Pick<CreateHeadsArgs, 'floor' | 'contents'>): Head {
  return contents === undefined ? emptyHead(floor) : { ...contents, floor };
}

/** Why heads were not made; nothing was written then. */
export type CreateHeadsOutcome = 'done' | 'floor-moved' | 'topic-changed' | 'head-exists';

/** Decides over the items that the transaction reads; `heads` are those that exist of the partitions asked for. */
export function createHeadsTransition(
  state: { readonly topic: Topic | undefined; readonly floor: SegmentId; readonly heads: readonly Head[] },
  args: CreateHeadsArgs,
): { readonly outcome: 'done'; readonly head: Head } | { readonly outcome: Exclude<CreateHeadsOutcome, 'done'> } {
  const topicUnchanged = state.topic?.topicId === args.topicId && state.topic.state !== 'deleting';
  if (!topicUnchanged) return { outcome: 'topic-changed' };
  if (state.floor !== args.floor) return { outcome: 'floor-moved' };
  if (state.heads.length > 0) return { outcome: 'head-exists' };
  return { outcome: 'done', head: madeHead(args) };
}
