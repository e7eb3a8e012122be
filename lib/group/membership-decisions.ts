/** What a member, or whoever looks after a group, does about it: pure functions from the group as it was read to the group to write, or null when nothing is to do. */
import { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { Group, GroupMember, GroupTopic } from './group.ts';
import { type Acknowledged, commonAssignor, rebalance } from './rebalance.ts';

/** What is known beside the group itself. */
export interface GroupSurroundings {
  /** All topics that the group's members (the one who comes among them) want and that exist. */
  readonly topics: readonly GroupTopic[];
  readonly acknowledged: Acknowledged;
}

/**
 * The group with this member in it, or with its changed subscription; null when it is in already. A static member takes the place of whoever has its instance id, and a member that begins
 * a new life the place of the former one.
 *
 * Throws GROUP_MAX_SIZE_REACHED, and INCONSISTENT_GROUP_PROTOCOL when it has no assignor in common with the others.
 */
export function joined(
  group: Group,
  member: GroupMember,
  surroundings: GroupSurroundings,
  formerId: string | null = null,
): Group | null {
  const known = group.members.find(({ id }) => id === member.id);
  if (known !== undefined && sameMember(known, member)) return null;
  const isReplaced = (one: GroupMember) =>
    one.id === member.id || one.id === formerId || (member.instanceId !== null && one.instanceId === member.instanceId);
  const heirs = new Map(group.members.filter(isReplaced).map(({ id }) => [id, member.id]));
  const place = group.members.findIndex(isReplaced);
  const others = group.members.filter((one) => !isReplaced(one));
  const members = place < 0 ? [...others, member] : others.toSpliced(place, 0, member);
  if (members.length > limits.groupMembers) throw groupFull(group);
  if (commonAssignor(members) === null) throw noCommonAssignor(group, member);
  return rebalance(group, { members, heirs, ...surroundings });
}

function sameMember(left: GroupMember, right: GroupMember): boolean {
  return (
    left.topics.join() === right.topics.join() &&
    left.pattern === right.pattern &&
    left.assignors.join() === right.assignors.join() &&
    left.sessionMs === right.sessionMs
  );
}

/** The group without these members; null when none of them is in it. */
export function without(group: Group, memberIds: ReadonlySet<string>, surroundings: GroupSurroundings): Group | null {
  const members = group.members.filter(({ id }) => !memberIds.has(id));
  return members.length === group.members.length ? null : rebalance(group, { members, ...surroundings });
}

/** The group with its topics as they are now; null when that changes nothing for its members. */
export function withTopics(group: Group, surroundings: GroupSurroundings): Group | null {
  if (group.members.length === 0 || !topicsDiffer(group, surroundings.topics)) return null;
  return rebalance(group, { members: group.members, ...surroundings });
}

/** Whether what the members want is other than it was when partitions were assigned. */
export function topicsDiffer(group: Group, topics: readonly GroupTopic[]): boolean {
  const wanted = wantedTopics(group.members);
  const text = (list: readonly GroupTopic[]) =>
    list
      .filter(({ name }) => wanted.has(name))
      .map(({ name, topicId, partitionCount }) => `${name} ${topicId} ${partitionCount}`)
      .sort()
      .join();
  return text(group.topics) !== text(topics);
}

/** Names of all topics that these members want. */
export function wantedTopics(members: readonly GroupMember[]): ReadonlySet<string> {
  return new Set(members.flatMap(({ topics }) => topics));
}

/** Topics that are new to a group: where their partitions begin has to be settled before anybody reads them. */
export function newTopics(group: Group, topics: readonly GroupTopic[]): readonly GroupTopic[] {
  const known = new Set(group.topics.map(({ topicId }) => topicId));
  return topics.filter(({ topicId }) => !known.has(topicId));
}

/** The group with a generation above one that some partition was claimed under: whoever claims next is above it. Null when it is already. */
export function aboveGeneration(group: Group, generation: number, acknowledged: Acknowledged): Group | null {
  if (group.generation > generation) return null;
  const raised = { ...group, generation };
  return rebalance(raised, { members: group.members, topics: assignedTopics(group), acknowledged });
}

/** A group without members, one generation later, which knows these topics: a partition that they get later is new to it. */
export function withAllTopics(group: Group, topics: readonly GroupTopic[]): Group {
  const names = new Set(topics.map(({ name }) => name));
  const kept = group.topics.filter(({ name }) => !names.has(name));
  const all = [...kept, ...topics].sort((left, right) => (left.name < right.name ? -1 : 1));
  return { ...rebalance(group, { members: [], topics: [], acknowledged: new Map() }), topics: all };
}

/** The topics of a group that its members want, as they were assigned. */
export function assignedTopics(group: Group): readonly GroupTopic[] {
  const wanted = wantedTopics(group.members);
  return group.topics.filter(({ name }) => wanted.has(name));
}

function groupFull(group: Group): MillraceError {
  return new MillraceError(
    'GROUP_MAX_SIZE_REACHED',
    `group ${group.name} has ${group.members.length} members already`,
    {
      value: group.name,
      hint: `A group has at most ${limits.groupMembers} members.`,
    },
  );
}

function noCommonAssignor(group: Group, member: GroupMember): MillraceError {
  const theirs = [...new Set(group.members.flatMap(({ assignors }) => assignors))].join(', ');
  return new MillraceError(
    'INCONSISTENT_GROUP_PROTOCOL',
    `${member.assignors.join(', ')} is no assignor that all members of group ${group.name} support`,
    {
      value: member.assignors,
      hint: `Give one that they have: ${theirs}. To change it without a stop, give both for a while.`,
    },
  );
}
