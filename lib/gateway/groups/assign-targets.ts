/** Shares partitions among the members of a group whose gateway assigns. */
import type { Assignor, AssignorMember, TopicPartitionNumber } from '../../group/assignor-input.ts';
import { rangeAssignor } from '../../group/range-assignor.ts';
import { stickyAssignor } from '../../group/sticky-assignor.ts';
import {
  type ConsumerGroup,
  type ConsumerMember,
  type Partitions,
  partitionTextOf,
  wantedTopics,
} from './consumer-group.ts';
import type { ServerAssignor } from './server-assignor-name.ts';

const ASSIGNORS: Readonly<Record<ServerAssignor, Assignor>> = { uniform: stickyAssignor, range: rangeAssignor };

/** The assignor that most members would like; `uniform` when none says. Source: Kafka, `ConsumerGroup.computePreferredServerAssignor`. */
export function preferredAssignor(members: Iterable<ConsumerMember>): ServerAssignor {
  const votes = new Map<ServerAssignor, number>();
  for (const { assignor } of members) if (assignor !== null) votes.set(assignor, (votes.get(assignor) ?? 0) + 1);
  let best: ServerAssignor = 'uniform';
  for (const [name, count] of votes) if (count > (votes.get(best) ?? 0)) best = name;
  return best;
}

/** Gives every member its target anew. */
export function assignTargets(group: ConsumerGroup): void {
  group.assignor = preferredAssignor(group.members.values());
  const counts = new Map([...group.topics.values()].map(({ name, partitionCount }) => [name, partitionCount]));
  const topics = [...group.topics.values()];
  const members = [...group.members.values()].map((member): AssignorMember => {
    const { id, instanceId, target } = member;
    return {
      id,
      instanceId,
      topics: wantedTopics(group, member),
      owned: topics.flatMap((topic) => ownedOf(target, topic)),
    };
  });
  const shares = ASSIGNORS[group.assignor](members, counts);
  for (const member of group.members.values()) {
    const share = shares.get(member.id) ?? [];
    member.target = new Set(
      share.map(({ topic, partition }) => partitionTextOf(group.topics.get(topic)!.topicId, partition)),
    );
  }
}

function ownedOf(
  target: Partitions,
  {
    name,
    topicId,
    partitionCount,
  }: { readonly name: string; readonly topicId: string; readonly partitionCount: number },
): readonly TopicPartitionNumber[] {
  const owned: TopicPartitionNumber[] = [];
  for (let partition = 0; partition < partitionCount && target.size > 0; partition++) {
    if (target.has(partitionTextOf(topicId, partition))) owned.push({ topic: name, partition });
  }
  return owned;
}
