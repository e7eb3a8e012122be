/** A partition by its topic's name. */
export interface TopicPartitionNumber {
  readonly topic: string;
  readonly partition: number;
}

/** A member as assignors see it. */
export interface AssignorMember {
  readonly id: string;
  /** Lasting name of a static member, null for a dynamic one. */
  readonly instanceId: string | null;
  /** Names of the topics that it wants, sorted. */
  readonly topics: readonly string[];
  /** What it has now. No partition is owned by two members. */
  readonly owned: readonly TopicPartitionNumber[];
}

/**
 * Shares the partitions of topics: every partition of a topic that somebody wants goes to exactly one of those who want it. Topics that are not in `partitionCounts` do not exist.
 *
 * The answer has an entry for every member, by its id, and does not depend on the order of the members.
 */
export type Assignor = (
  members: readonly AssignorMember[],
  partitionCounts: ReadonlyMap<string, number>,
) => ReadonlyMap<string, readonly TopicPartitionNumber[]>;

/** An answer that is being made. */
export type Shares = Map<string, TopicPartitionNumber[]>;

/** An answer in which nobody has anything. */
export function emptyShares(members: readonly AssignorMember[]): Shares {
  return new Map(members.map(({ id }) => [id, []]));
}

/** Members in the order in which Kafka's assignors take them: static ones first, by their instance ids, then dynamic ones by their ids. Source: Kafka, `MemberInfo.compareTo`. */
export function inOrder(members: readonly AssignorMember[]): readonly AssignorMember[] {
  return members.toSorted((left, right) => {
    if (left.instanceId !== null && right.instanceId !== null) return compare(left.instanceId, right.instanceId);
    if (left.instanceId !== null) return -1;
    return right.instanceId === null ? compare(left.id, right.id) : 1;
  });
}

/** Names of the topics that exist and somebody wants, sorted. */
export function wantedTopicNames(
  members: readonly AssignorMember[],
  partitionCounts: ReadonlyMap<string, number>,
): readonly string[] {
  const names = new Set(members.flatMap(({ topics }) => topics));
  return [...names].filter((name) => partitionCounts.has(name)).sort();
}

/** For each topic that exists, those who want it, in the order given. */
export function subscribersByTopic(
  members: readonly AssignorMember[],
  partitionCounts: ReadonlyMap<string, number>,
): ReadonlyMap<string, readonly AssignorMember[]> {
  const subscribers = new Map<string, AssignorMember[]>();
  for (const member of members) {
    for (const topic of member.topics) {
      if (!partitionCounts.has(topic)) continue;
      const list = subscribers.get(topic);
      if (list === undefined) subscribers.set(topic, [member]);
      else list.push(member);
    }
  }
  return subscribers;
}

/** By UTF-16 code units, as Java compares texts. */
function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
