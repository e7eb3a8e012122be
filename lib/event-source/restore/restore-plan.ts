/**
 * Groups, subscriptions and delayed records of a backup as they are made again beside a log that was rebuilt. Pure.
 *
 * Topics keep their ids, so what was committed holds. Whoever belonged to a group before belongs to it no more, and generations and epochs go on far behind those of the backup: nothing that was sent before the disaster can be taken for new.
 */
import type { Group } from '../../group/group.ts';
import type { ClaimArgs, OffsetCommitArgs } from '../../group/group-transitions.ts';
import { limits } from '../../limits.ts';
import type { FunctionSubscription } from '../function-subscription.ts';
import type { Lease } from '../lease.ts';
import type { TakeArgs, UpdateLeaseArgs } from '../lease-transitions.ts';

/** Who commits what is restored. */
export const RESTORER = 'rebuild';

/** Rebalances, takes and seeks between a backup and the disaster, at most: one a second for twelve days. */
const AHEAD = 2 ** 20;
/** A generation is an i32, as in Kafka. */
const MOST = 2 ** 30;

/** Names of topics by their ids, as they are called from now on. */
export type TopicNames = ReadonlyMap<string, string>;

/** A generation, or an epoch, above all that were given since the backup. The same for the same. */
export function generationAbove(generation: number): number {
  return Math.max(generation + 1, Math.min(generation + AHEAD, MOST));
}

/** The group without members. */
export function restoredGroup(old: Group, names: TopicNames): Group {
  const topics = old.topics.map((topic) => ({ ...topic, name: names.get(topic.topicId) ?? topic.name }));
  return {
    ...old,
    ...{ version: 0, state: 'active', generation: generationAbove(old.generation), topics },
    ...{ assignor: null, members: [], assignment: new Map(), handovers: [], coordination: null },
  };
}

/** Whether a group that is there was made of this one by a run that was killed, and nobody has used it since. */
export function isRestored(there: Group | undefined, planned: Group): boolean {
  const isSame = there?.groupId === planned.groupId && there.generation === planned.generation;
  return isSame && there.members.length === 0;
}

/** How an offset is written, in this order; each step that was done before is refused, and changes nothing. */
export interface RestoredOffset {
  readonly claim: ClaimArgs;
  /** What was committed beside it; null: nothing. */
  readonly commit: OffsetCommitArgs | null;
  /** What a worker remembered; null: nothing. */
  readonly remembered: { readonly take: TakeArgs; readonly update: UpdateLeaseArgs } | null;
}

/** Plans an offset or a lease. `group`: as it is restored. */
export function restoredOffset(
  lease: Lease,
  { group, names, nowMs }: { readonly group: Group; readonly names: TopicNames; readonly nowMs: number },
): RestoredOffset {
  const { committed, committedAtMs: atMs, metadata, attempts, progress, notBeforeMs } = lease;
  // Epochs of leases are their own; members commit under the generation of their group.
  const generation = group.kind === 'subscription' ? generationAbove(lease.generation) : group.generation;
  const topic = names.get(lease.partition.topicId) ?? lease.topic;
  const owner = RESTORER;
  const isWithout = progress === '' && attempts === 0 && notBeforeMs === 0;
  return {
    claim: { topic, generation, owner, committed, atMs },
    commit: metadata === '' ? null : { generation, sequence: 1, offset: committed, metadata, atMs },
    remembered: isWithout
      ? null
      : {
          take: { topic, owner, seen: generation, nowMs, expiresAtMs: nowMs },
          update: {
            ...{ owner, epoch: generation + 1, sequence: 1, committed: null, attempts, progress },
            ...{ expiresAtMs: 0, notBeforeMs, atMs },
          },
        },
  };
}

/** The subscription under the name that its topic has now. */
export function restoredSubscription(old: FunctionSubscription, names: TopicNames): FunctionSubscription {
  return { ...old, topic: names.get(old.topicId) ?? old.topic };
}

/** Delayed records of one query. */
export const DUE_PAGE = limits.recordsPerRelease;
