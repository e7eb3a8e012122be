/**
 * Who reads what, anew: pure functions from a group to the group after a member has come, gone or changed.
 *
 * Every rebalance is incremental, whatever the assignor: a partition that stays where it is never pauses. One that moves is named in `handovers`, and its new
 * owner waits for the old one, so nobody else waits for anybody.
 */
import type { PartitionKey } from '../log/partition-key.ts';
import { type AssignorName, assignorOf } from './assignor.ts';
import type { AssignorMember, TopicPartitionNumber } from './assignor-input.ts';
import { type Group, type GroupMember, type GroupTopic, type Handover, partitionText } from './group.ts';

/** By member id: the newest generation that its heartbeat was seen to say. What is not known counts as not yet. */
export type Acknowledged = ReadonlyMap<string, number>;

/** What a rebalance begins with. */
export interface RebalanceInput {
  readonly members: readonly GroupMember[];
  /** The topics that the members want, as they are now; one that is not here is gone. */
  readonly topics: readonly GroupTopic[];
  readonly acknowledged: Acknowledged;
  /** Who has what a member had that is here under another id now, by its old id. */
  readonly heirs?: ReadonlyMap<string, string>;
}

/** The assignor that all members support and most prefer; null when there is none. Among equals, that of the first member. Source: Kafka's `selectProtocol`. */
export function commonAssignor(members: readonly GroupMember[]): AssignorName | null {
  const [first, ...others] = members;
  if (first === undefined) return null;
  const common = first.assignors.filter((name) => others.every(({ assignors }) => assignors.includes(name)));
  const votes = new Map(common.map((name) => [name, 0]));
  for (const { assignors } of members) {
    const choice = assignors.find((name) => votes.has(name));
    if (choice !== undefined) votes.set(choice, votes.get(choice)! + 1);
  }
  const most = Math.max(...votes.values());
  return common.find((name) => votes.get(name) === most) ?? null;
}

/** The group with these members and topics, everything assigned anew, one generation later. Members must have an assignor in common. */
export function rebalance(group: Group, { members, topics, acknowledged, heirs = new Map() }: RebalanceInput): Group {
  const generation = group.generation + 1;
  const assignor = commonAssignor(members);
  const known = mergeTopics(group, topics, members);
  const owners = currentOwners(group, members, heirs);
  const assignment = assignor === null ? new Map() : assign(assignor, members, topics, owners);
  const handovers = nextHandovers({ group, members, assignment, acknowledged, generation });
  return { ...group, generation, assignor, topics: known, members, assignment, handovers };
}

/** Topics stay known, so that a partition that is added while nobody wants the topic is seen to be new; one that was made again replaces the old one. */
function mergeTopics(
  group: Group,
  topics: readonly GroupTopic[],
  members: readonly GroupMember[],
): readonly GroupTopic[] {
  const wanted = new Set(members.flatMap((member) => member.topics));
  const now = new Map(topics.map((topic) => [topic.name, topic]));
  const kept = group.topics.filter(({ name }) => !now.has(name) && !wanted.has(name));
  return [...kept, ...now.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** Who has each partition, by its text. */
function currentOwners(
  group: Group,
  members: readonly GroupMember[],
  heirs: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const present = new Set(members.map(({ id }) => id));
  const owners = new Map<string, string>();
  for (const { id } of group.members) {
    const owner = heirs.get(id) ?? id;
    if (!present.has(owner)) continue;
    for (const partition of group.assignment.get(id) ?? []) owners.set(partitionText(partition), owner);
  }
  return owners;
}

function assign(
  name: AssignorName,
  members: readonly GroupMember[],
  topics: readonly GroupTopic[],
  owners: ReadonlyMap<string, string>,
): ReadonlyMap<string, readonly PartitionKey[]> {
  const topicIds = new Map(topics.map((topic) => [topic.name, topic.topicId]));
  const owned = ownedByMember(topics, owners);
  const input = members.map(
    ({ id, instanceId, topics: wanted }): AssignorMember => ({
      id,
      instanceId,
      topics: wanted,
      owned: owned.get(id) ?? [],
    }),
  );
  const result = assignorOf(name)(input, new Map(topics.map((topic) => [topic.name, topic.partitionCount])));
  const toKeys = (partitions: readonly TopicPartitionNumber[]) =>
    partitions.map(({ topic, partition }) => ({ topicId: topicIds.get(topic)!, partition })).sort(byTopicAndNumber);
  return new Map(members.map(({ id }) => [id, toKeys(result.get(id) ?? [])]));
}

function ownedByMember(
  topics: readonly GroupTopic[],
  owners: ReadonlyMap<string, string>,
): Map<string, TopicPartitionNumber[]> {
  const owned = new Map<string, TopicPartitionNumber[]>();
  for (const { name, topicId, partitionCount } of topics) {
    for (let partition = 0; partition < partitionCount; partition++) {
      const owner = owners.get(partitionText({ topicId, partition }));
      if (owner === undefined) continue;
      const list = owned.get(owner) ?? [];
      list.push({ topic: name, partition });
      owned.set(owner, list);
    }
  }
  return owned;
}

function byTopicAndNumber(left: PartitionKey, right: PartitionKey): number {
  if (left.topicId !== right.topicId) return left.topicId < right.topicId ? -1 : 1;
  return left.partition - right.partition;
}

/**
 * Who has to let go of what. Those who had to before still do, unless they are gone, have said so, or get the partition back; and whoever loses a partition now, whether it
 * has claimed it already or not.
 */
function nextHandovers({
  group,
  members,
  assignment,
  acknowledged,
  generation,
}: {
  readonly group: Group;
  readonly members: readonly GroupMember[];
  readonly assignment: ReadonlyMap<string, readonly PartitionKey[]>;
  readonly acknowledged: Acknowledged;
  readonly generation: number;
}): readonly Handover[] {
  const present = new Set(members.map(({ id }) => id));
  const newOwners = new Map<string, string>();
  for (const [id, partitions] of assignment) for (const one of partitions) newOwners.set(partitionText(one), id);
  const isOpen = ({ partition, from }: Handover) =>
    present.has(from) && newOwners.get(partitionText(partition)) !== from;
  const before = group.handovers.filter((one) => isOpen(one) && !hasLetGo(one, acknowledged));
  const lost = [...group.assignment].flatMap(([from, partitions]) =>
    partitions.map((partition): Handover => ({ partition, from, since: generation })).filter(isOpen),
  );
  const text = ({ partition, from }: Handover) => `${from} ${partitionText(partition)}`;
  const lostNow = new Set(lost.map(text));
  return [...before.filter((one) => !lostNow.has(text(one))), ...lost];
}

/** Whether the member has said that it lets go. */
export function hasLetGo({ from, since }: Handover, acknowledged: Acknowledged): boolean {
  return (acknowledged.get(from) ?? -1) >= since;
}
