import { inParallel } from '../log/in-parallel.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { Group } from './group.ts';
import type { GroupDeps } from './group-deps.ts';
import type { GroupOffset } from './group-offset.ts';
import type { OwnedPartition } from './owned-partition.ts';
import { type PartitionOfTopic, topicNames } from './partition-of-topic.ts';

/** Claims at once. */
const PARALLEL = 16;

/** What came of claims. */
export interface Claims {
  readonly owned: readonly OwnedPartition[];
  /** Highest generation of those that somebody has claimed under this one or a later one; null when there are none. */
  readonly refusedBy: number | null;
}

/**
 * Claims partitions for a member under the group's generation. From then on nobody else commits them, and the answer says where the group is: no read is needed. One write unit each.
 *
 * Only for partitions that are assigned to it and that nobody has to hand over any more. May be repeated.
 */
export async function claimPartitions(
  deps: GroupDeps,
  group: Group,
  memberId: string,
  partitions: readonly PartitionOfTopic[],
): Promise<Claims> {
  const owned: OwnedPartition[] = [];
  let refusedBy: number | null = null;
  await inParallel(partitions, PARALLEL, async ({ topic, partition }) => {
    const { generation } = group;
    const args = { topic, generation, owner: memberId, committed: null, atMs: Math.floor(deps.clock.nowMs()) };
    const { answer } = await repeatRequest(deps, () => deps.store.offsets.claim(group.name, partition, args));
    const { item } = answer;
    if (answer.outcome === 'done' || isOurs(item, generation, memberId)) {
      owned.push({ topic, partition, generation, committed: item?.committed ?? null });
    } else refusedBy = Math.max(refusedBy ?? 0, item!.generation);
  });
  return { owned, refusedBy };
}

/** A claim whose answer was lost has taken effect. */
function isOurs(item: GroupOffset | undefined, generation: number, memberId: string): boolean {
  return item?.generation === generation && item.owner === memberId;
}

/** The partitions that are assigned to a member, with the names of their topics. */
export function assignedPartitions(group: Group, memberId: string): readonly PartitionOfTopic[] {
  const names = topicNames(group);
  return (group.assignment.get(memberId) ?? []).map((partition) => ({
    topic: names.get(partition.topicId) ?? '',
    partition,
  }));
}
