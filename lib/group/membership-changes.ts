/** The changes of a group that its members make. Each reads, decides by a pure function, writes conditionally, and begins again when somebody else was faster; so each may be repeated. */

import { freshUuid } from '../log/fresh-uuid.ts';
import { inParallel } from '../log/in-parallel.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { changeGroup } from './change-group.ts';
import { emptyGroup, type Group, type GroupMember } from './group.ts';
import type { GroupDeps } from './group-deps.ts';
import { asKind } from './group-kind.ts';
import { type AutoOffsetReset, settleStarts } from './group-start.ts';
import { aboveGeneration, joined, newTopics, wantedTopics, without, withTopics } from './membership-decisions.ts';
import type { Acknowledged } from './rebalance.ts';
import { readGroupTopics } from './subscription.ts';

/** Heartbeats that are removed at once. */
const PARALLEL = 16;

/** What who makes a change knows of the others. */
export interface ChangeContext {
  readonly deps: GroupDeps;
  readonly group: string;
  readonly acknowledged: Acknowledged;
}

/**
 * Puts a member into the group, makes the group if there is none, or changes the member's subscription. Where the group begins in topics that are new to it is settled first.
 *
 * The member's heartbeat must be there. `formerId`: what it was called in its former life; it takes that one's place. Throws GROUP_MAX_SIZE_REACHED, INCONSISTENT_GROUP_PROTOCOL, and what the store throws after ten attempts.
 */
export async function joinGroup(
  { deps, group: name, acknowledged }: ChangeContext,
  member: GroupMember,
  reset: AutoOffsetReset,
  formerId: string | null = null,
): Promise<Group> {
  const group = await changeGroup(deps, name, async (current) => {
    const base = asKind(current ?? emptyGroup(name, freshUuid(deps.random)), 'sdk');
    const topics = await readGroupTopics(deps, new Set([...wantedTopics(base.members), ...member.topics]));
    const changed = joined(base, member, { topics, acknowledged }, formerId);
    if (changed !== null) await settleStarts(deps, name, newTopics(base, topics), reset);
    return changed;
  });
  return group!;
}

/**
 * Takes members out of the group, and removes their heartbeats: of the one who leaves, or of those who were silent too long. Of those it is known only for a while: from `untilMs` on, by the
 * monotonic clock, nothing is changed any more, since a process that was stopped meanwhile would take out who has long been heard again.
 */
export async function removeMembers(
  { deps, group: name, acknowledged }: ChangeContext,
  memberIds: ReadonlySet<string>,
  untilMs = Number.POSITIVE_INFINITY,
): Promise<Group | null> {
  const group = await changeGroup(deps, name, async (current) => {
    if (current === null || !current.members.some(({ id }) => memberIds.has(id))) return null;
    const others = current.members.filter(({ id }) => !memberIds.has(id));
    const topics = await readGroupTopics(deps, wantedTopics(others));
    return deps.clock.monotonicMs() < untilMs ? without(current, memberIds, { topics, acknowledged }) : null;
  });
  const isOut = (memberId: string) => !group?.members.some(({ id }) => id === memberId);
  // Behind the change: whoever misses its heartbeat while it is in the group writes it again.
  await removeHeartbeats(deps, name, [...memberIds].filter(isOut));
  return group;
}

/** Removes heartbeats of who is in the group no more. */
export async function removeHeartbeats(deps: GroupDeps, group: string, memberIds: Iterable<string>): Promise<void> {
  await inParallel(memberIds, PARALLEL, async (memberId) => {
    await repeatRequest(deps, () => deps.store.heartbeats.remove(group, memberId));
  });
}

/** Assigns partitions anew IF topics have come, gone, were made again or have more partitions. Where the group begins in those that are new is settled first. */
export async function refreshTopics(
  { deps, group: name, acknowledged }: ChangeContext,
  reset: AutoOffsetReset,
): Promise<Group | null> {
  return changeGroup(deps, name, async (current) => {
    if (current === null) return null;
    const topics = await readGroupTopics(deps, wantedTopics(current.members));
    const changed = withTopics(current, { topics, acknowledged });
    if (changed !== null) await settleStarts(deps, name, newTopics(current, topics), reset);
    return changed;
  });
}

/** Raises the group's generation above one that was found in an offset: left by a group of this name that was deleted, or by a tool. Otherwise nobody could claim that partition. */
export async function raiseGeneration(
  { deps, group: name, acknowledged }: ChangeContext,
  generation: number,
): Promise<Group | null> {
  return changeGroup(deps, name, (current) =>
    current === null ? null : aboveGeneration(current, generation, acknowledged),
  );
}
