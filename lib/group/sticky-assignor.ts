/**
 * As evenly as subscriptions allow, and moving as few partitions as that takes. Kafka's `AbstractStickyAssignor` has the same aims.
 *
 * When all want the same topics, quotas say who may keep what. Otherwise what is owned stays, what is free goes to the least loaded, and then load moves along chains of members, the
 * shortest first, as long as one end has two partitions more than the other: when no such chain is left, no assignment is more even.
 */
import {
  type Assignor,
  type AssignorMember,
  emptyShares,
  inOrder,
  type Shares,
  subscribersByTopic,
  type TopicPartitionNumber,
  wantedTopicNames,
} from './assignor-input.ts';

/** See the top of this file. */
export const stickyAssignor: Assignor = (members, partitionCounts) => {
  const ordered = inOrder(members);
  const first = ordered[0];
  if (first === undefined) return emptyShares(members);
  const isEqual = ordered.every(({ topics }) => topics.join() === first.topics.join());
  return isEqual ? byQuota(ordered, partitionCounts) : byChains(ordered, partitionCounts);
};

/** What each member owns of what it wants and what exists. */
function stillOwned(
  member: AssignorMember,
  partitionCounts: ReadonlyMap<string, number>,
): readonly TopicPartitionNumber[] {
  const wanted = new Set(member.topics);
  return member.owned.filter(
    ({ topic, partition }) => wanted.has(topic) && partition < (partitionCounts.get(topic) ?? 0),
  );
}

/** All partitions, in order, that nobody has. */
function freePartitions(
  members: readonly AssignorMember[],
  partitionCounts: ReadonlyMap<string, number>,
  shares: Shares,
): readonly TopicPartitionNumber[] {
  const taken = new Set([...shares.values()].flat().map(textOf));
  const free: TopicPartitionNumber[] = [];
  for (const topic of wantedTopicNames(members, partitionCounts)) {
    for (let partition = 0; partition < partitionCounts.get(topic)!; partition++) {
      if (!taken.has(textOf({ topic, partition }))) free.push({ topic, partition });
    }
  }
  return free;
}

function textOf({ topic, partition }: TopicPartitionNumber): string {
  return `${topic}/${partition}`;
}

/** Who owns most may have one more, when it does not come out even. */
function byQuota(members: readonly AssignorMember[], partitionCounts: ReadonlyMap<string, number>): Shares {
  const shares = emptyShares(members);
  const total = wantedTopicNames(members, partitionCounts).reduce((sum, name) => sum + partitionCounts.get(name)!, 0);
  const each = Math.floor(total / members.length);
  const owned = members.map((member) => ({ id: member.id, partitions: stillOwned(member, partitionCounts) }));
  const byOwned = owned.toSorted((left, right) => right.partitions.length - left.partitions.length);
  const quotas = new Map(byOwned.map(({ id }, index) => [id, index < total % members.length ? each + 1 : each]));
  for (const { id, partitions } of owned) shares.get(id)!.push(...partitions.slice(0, quotas.get(id)));
  let hungry = members.map(({ id }) => id).filter((id) => shares.get(id)!.length < quotas.get(id)!);
  let place = 0;
  for (const partition of freePartitions(members, partitionCounts, shares)) {
    if (place >= hungry.length) {
      hungry = hungry.filter((id) => shares.get(id)!.length < quotas.get(id)!);
      place = 0;
    }
    shares.get(hungry[place]!)!.push(partition);
    place += 1;
  }
  return shares;
}

function byChains(members: readonly AssignorMember[], partitionCounts: ReadonlyMap<string, number>): Shares {
  const shares = emptyShares(members);
  for (const member of members) shares.get(member.id)!.push(...stillOwned(member, partitionCounts));
  const subscribers = subscribersByTopic(members, partitionCounts);
  // Those whom fewest want first: there is least choice.
  const free = freePartitions(members, partitionCounts, shares).toSorted(
    (left, right) => subscribers.get(left.topic)!.length - subscribers.get(right.topic)!.length,
  );
  const load = (id: string) => shares.get(id)!.length;
  for (const partition of free) {
    const least = subscribers.get(partition.topic)!.reduce((best, one) => (load(one.id) < load(best.id) ? one : best));
    shares.get(least.id)!.push(partition);
  }
  const settled = new Set<string>();
  for (;;) {
    // Whoever has nobody to give to has nobody later either: loads above only fall, loads below only rise.
    const loaded = members.map(({ id }) => id).filter((id) => !settled.has(id) && load(id) > 1);
    if (loaded.length === 0) return shares;
    const from = loaded.reduce((most, id) => (load(id) > load(most) ? id : most));
    const chain = shortestChain(from, shares, subscribers);
    if (chain === null) settled.add(from);
    else for (const step of chain) move(shares, step);
  }
}

interface Step {
  readonly from: string;
  readonly to: string;
  readonly partition: TopicPartitionNumber;
}

/** Steps that take one partition of load from a member to the nearest one that has at least two less, over others that pass one on; null when there is none. */
function shortestChain(
  from: string,
  shares: Shares,
  subscribers: ReadonlyMap<string, readonly AssignorMember[]>,
): readonly Step[] | null {
  const cameBy = new Map<string, Step | null>([[from, null]]);
  const seenTopics = new Set<string>();
  const most = shares.get(from)!.length - 2;
  for (const giver of cameBy.keys()) {
    // What came last goes first: it was not owned before.
    for (const partition of shares.get(giver)!.toReversed()) {
      if (seenTopics.has(partition.topic)) continue;
      seenTopics.add(partition.topic);
      for (const { id } of subscribers.get(partition.topic)!) {
        if (cameBy.has(id)) continue;
        cameBy.set(id, { from: giver, to: id, partition });
        if (shares.get(id)!.length <= most) return stepsTo(id, cameBy);
      }
    }
  }
  return null;
}

function stepsTo(end: string, cameBy: ReadonlyMap<string, Step | null>): readonly Step[] {
  const steps: Step[] = [];
  for (let step = cameBy.get(end); step; step = cameBy.get(step.from)) steps.push(step);
  return steps;
}

function move(shares: Shares, { from, to, partition }: Step): void {
  const giver = shares.get(from)!;
  giver.splice(giver.indexOf(partition), 1);
  shares.get(to)!.push(partition);
}
