import type { Head } from '../log/head.ts';
import { inParallel } from '../log/in-parallel.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { type UnreadLag, unreadLag } from '../log/unread-since.ts';
import { findGroup } from './find-group.ts';
import { type Group, partitionText } from './group.ts';
import type { GroupDeps } from './group-deps.ts';
import type { GroupOffset } from './group-offset.ts';
import type { Heartbeat } from './heartbeat.ts';
import { assignedTopics } from './membership-decisions.ts';
import { topicNames } from './partition-of-topic.ts';

/** A member as it was when the group was read. */
export interface MemberDescription {
  readonly id: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly topics: readonly string[];
  readonly pattern: string | null;
  readonly sessionMs: number;
  /** When it beat last, by its own clock; null when it has no heartbeat. Nobody is taken for dead by this. */
  readonly heartbeatAtMs: number | null;
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[];
}

/** A partition that the group reads or has read. */
export interface GroupPartitionDescription extends UnreadLag {
  readonly topic: string;
  readonly partition: number;
  /** The next offset to read; null when nothing was committed. */
  readonly committed: bigint | null;
  readonly logStartOffset: bigint;
  readonly highWatermark: bigint;
  /** Id of the member it is assigned to, null for nobody. */
  readonly owner: string | null;
  readonly committedAtMs: number;
  readonly metadata: string;
}

/** All there is to say about a group. */
export interface GroupDescription {
  readonly name: string;
  /** empty: no members. rebalancing: a partition waits for its former owner to let go. stable: neither. */
  readonly state: 'empty' | 'rebalancing' | 'stable';
  readonly kind: Group['kind'];
  readonly generation: number;
  readonly assignor: string | null;
  readonly members: readonly MemberDescription[];
  /** By topic and partition. Topics that were deleted are left out. */
  readonly partitions: readonly GroupPartitionDescription[];
}

/** Offsets of one query. */
const PAGE = 1_000;
/** Heads of one request. */
const HEADS_PER_REQUEST = 100;
const PARALLEL = 8;

interface Read {
  readonly topic: string;
  readonly partition: PartitionKey;
  readonly offset: GroupOffset | null;
}

/**
 * Describes a group. Partitions are not read in one moment.
 *
 * Requests: 1 read of the group, 1 with its heartbeats, 1 for 1,000 offsets, 1 for 100 heads, and 1 query for each partition that lags behind the tail. Throws INVALID_GROUP_ID,
 * GROUP_ID_NOT_FOUND.
 */
export async function describeGroup(deps: GroupDeps, name: string): Promise<GroupDescription> {
  await findGroup(deps, name);
  const { answer } = await repeatRequest(deps, () => deps.store.groups.observe(name, { consistent: true }));
  const group = answer.group ?? (await findGroup(deps, name));
  const offsets = await allOffsets(deps, name);
  return {
    name,
    state: stateOf(group, answer.heartbeats),
    kind: group.kind,
    generation: group.generation,
    assignor: group.assignor,
    members: describeMembers(group, answer.heartbeats),
    partitions: await describePartitions(deps, group, offsets),
  };
}

function stateOf(group: Group, heartbeats: readonly Heartbeat[]): GroupDescription['state'] {
  if (group.members.length === 0) return 'empty';
  // A gateway stores a group when all is assigned.
  if (group.kind !== 'sdk') return 'stable';
  const said = new Map(heartbeats.map(({ memberId, generation }) => [memberId, generation]));
  const isBehind = group.members.some(({ id }) => (said.get(id) ?? 0) < group.generation);
  return isBehind ? 'rebalancing' : 'stable';
}

function describeMembers(group: Group, heartbeats: readonly Heartbeat[]): readonly MemberDescription[] {
  const names = topicNames(group);
  const beats = new Map(heartbeats.map((heartbeat) => [heartbeat.memberId, heartbeat]));
  return group.members.map(({ assignors: _, ...member }) => ({
    ...member,
    heartbeatAtMs: beats.get(member.id)?.atMs ?? null,
    partitions: (group.assignment.get(member.id) ?? []).map(({ topicId, partition }) => ({
      topic: names.get(topicId) ?? topicId,
      partition,
    })),
  }));
}

/** Every offset of a group. */
export async function allOffsets(deps: GroupDeps, name: string): Promise<readonly GroupOffset[]> {
  const offsets: GroupOffset[] = [];
  for (;;) {
    const after = offsets.at(-1)?.partition ?? null;
    const { answer } = await repeatRequest(deps, () => deps.store.offsets.list(name, after, PAGE));
    if (answer.length === 0) return offsets;
    offsets.push(...answer);
  }
}

async function describePartitions(
  deps: GroupDeps,
  group: Group,
  offsets: readonly GroupOffset[],
): Promise<readonly GroupPartitionDescription[]> {
  const reads = new Map<string, Read>();
  for (const offset of offsets) reads.set(partitionText(offset.partition), { ...offset, offset });
  for (const { name, topicId, partitionCount } of assignedTopics(group)) {
    for (let number = 0; number < partitionCount; number++) {
      const partition = { topicId, partition: number };
      const text = partitionText(partition);
      if (!reads.has(text)) reads.set(text, { topic: name, partition, offset: null });
    }
  }
  const owners = ownersOf(group);
  const all = [...reads.values()].sort(byName);
  const described: GroupPartitionDescription[] = [];
  for (const { read, head } of await readHeads(deps, all)) {
    if (head !== null) described.push(await describePartition(deps, read, head, owners));
  }
  return described;
}

function ownersOf(group: Group): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const [id, partitions] of group.assignment) for (const one of partitions) owners.set(partitionText(one), id);
  return owners;
}

function byName(left: Read, right: Read): number {
  if (left.topic !== right.topic) return left.topic < right.topic ? -1 : 1;
  return left.partition.partition - right.partition.partition;
}

async function readHeads(deps: GroupDeps, reads: readonly Read[]) {
  const heads: (Head | null)[] = new Array(reads.length);
  const firsts = Array.from(
    { length: Math.ceil(reads.length / HEADS_PER_REQUEST) },
    (_, run) => run * HEADS_PER_REQUEST,
  );
  await inParallel(firsts, PARALLEL, async (first) => {
    const keys = reads.slice(first, first + HEADS_PER_REQUEST).map(({ partition }) => partition);
    const { answer } = await repeatRequest(deps, () => deps.store.heads.readMany(keys, { consistent: true }));
    for (const [index, head] of answer.entries()) heads[first + index] = head;
  });
  return reads.map((read, index) => ({ read, head: heads[index]! }));
}

async function describePartition(
  deps: GroupDeps,
  { topic, partition, offset }: Read,
  head: Head,
  owners: ReadonlyMap<string, string>,
): Promise<GroupPartitionDescription> {
  const committed = offset?.committed ?? null;
  return {
    topic,
    partition: partition.partition,
    committed,
    logStartOffset: head.start,
    highWatermark: head.next,
    ...(await unreadLag(deps, partition, head, committed)),
    owner: owners.get(partitionText(partition)) ?? null,
    committedAtMs: offset?.committedAtMs ?? 0,
    metadata: offset?.metadata ?? '',
  };
}
