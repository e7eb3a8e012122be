import { MillraceError } from '../errors.ts';
import { unknownTopic } from '../log/find-topic.ts';
import { freshUuid } from '../log/fresh-uuid.ts';
import { inParallel } from '../log/in-parallel.ts';
import { listOffset } from '../log/list-offsets.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { changeGroup } from './change-group.ts';
import { nonEmptyGroup } from './delete-group.ts';
import { allOffsets } from './describe-group.ts';
import { findGroup } from './find-group.ts';
import { emptyGroup, type Group, type GroupTopic, partitionText } from './group.ts';
import type { GroupDeps } from './group-deps.ts';
import { checkKind } from './group-kind.ts';
import { parseGroupName } from './group-name.ts';
import { withAllTopics } from './membership-decisions.ts';
import { readGroupTopics } from './subscription.ts';

/** Where a group is to go on: the log start offset, the end, an offset, the first record at or after a time (the end when there is none), or where another group is. */
export type GroupPosition =
  | 'start'
  | 'end'
  | bigint
  | { readonly timestampMs: bigint | number }
  | { readonly group: string };

/** A topic to seek in; default all partitions. */
export interface SeekTopic {
  readonly topic: string;
  readonly partitions?: readonly number[];
}

/** What is to be done. */
export interface SeekGroupRequest {
  readonly to: GroupPosition;
  /** Default: everything that the group reads or has read. */
  readonly topics?: readonly SeekTopic[];
  /** Says what would be done and writes nothing. Default false. */
  readonly dryRun?: boolean;
}

/** What was done to one partition, or would be. */
export interface SoughtPartition {
  readonly topic: string;
  readonly partition: number;
  /** Null: nothing was committed. */
  readonly before: bigint | null;
  readonly after: bigint;
}

interface Target {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly domain: string;
}

/** Look-ups or writes at once. */
const PARALLEL = 16;
const OWNER = 'administrator';

/**
 * Moves the committed offsets of a group that has no members; makes the group when it is not there and topics are named. All positions are found before anything is written; then the group's generation rises, so that nothing that a former member sent can
 * undo it, and each partition is written once.
 *
 * Throws INVALID_GROUP_ID, GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP (also when a member joins meanwhile: then some partitions may have been moved), UNKNOWN_TOPIC_OR_PARTITION,
 * OFFSET_OUT_OF_RANGE for an offset that a partition does not have, NO_OFFSET_FOR_PARTITION when the other group has none there, INVALID_REQUEST.
 */
export async function seekGroup(
  deps: GroupDeps,
  name: string,
  request: SeekGroupRequest,
): Promise<readonly SoughtPartition[]> {
  parseGroupName(name);
  const { answer: group } = await repeatRequest(deps, () => deps.store.groups.get(name));
  if (group !== null) checkKind(group, 'sdk');
  if (group !== null && group.members.length > 0) throw nonEmptyGroup(group, 'sought');
  const committed = await committedOffsets(deps, name);
  const topics = request.topics ?? (await topicsOf(deps, name)).map((topic) => ({ topic }));
  const targets = (await Promise.all(topics.map((topic) => targetsOf(deps, topic)))).flat();
  const find = await finder(deps, request.to);
  const sought = new Map<Target, SoughtPartition>();
  await inParallel(targets, PARALLEL, async (target) => {
    const { topic, partition } = target;
    const before = committed.get(partitionText(target)) ?? null;
    sought.set(target, { topic, partition, before, after: await find(target) });
  });
  const plan = targets.map((target) => sought.get(target)!);
  if (!request.dryRun) await write(deps, name, { targets, plan, mayMake: request.topics !== undefined });
  return plan;
}

async function committedOffsets(deps: GroupDeps, name: string): Promise<ReadonlyMap<string, bigint | null>> {
  const offsets = await allOffsets(deps, name);
  return new Map(offsets.map(({ partition, committed }) => [partitionText(partition), committed]));
}

async function topicsOf(deps: GroupDeps, name: string): Promise<readonly string[]> {
  const group = await findGroup(deps, name);
  const known = await readGroupTopics(deps, new Set(group.topics.map((topic) => topic.name)));
  return known.map((topic) => topic.name);
}

async function targetsOf(deps: GroupDeps, { topic: name, partitions }: SeekTopic): Promise<readonly Target[]> {
  const { answer: topic } = await repeatRequest(deps, () => deps.store.topics.get(name));
  if (topic === null || topic.state === 'deleting') throw await unknownTopic(deps, name);
  const { topicId, domain, readyPartitionCount } = topic;
  const numbers = partitions ?? Array.from({ length: readyPartitionCount }, (_, number) => number);
  const missing = numbers.find((number) => !(Number.isInteger(number) && number >= 0 && number < readyPartitionCount));
  if (missing !== undefined) {
    throw new MillraceError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${name} has no partition ${missing}`, {
      value: missing,
      hint: `Its partitions are 0 to ${readyPartitionCount - 1}.`,
    });
  }
  return numbers.map((partition) => ({ topic: name, topicId, partition, domain }));
}

/** What finds the position in a partition; what it needs for all of them is read once. */
async function finder(deps: GroupDeps, to: GroupPosition): Promise<(target: Target) => Promise<bigint>> {
  const ask = (target: Target, query: Parameters<typeof listOffset>[2]) =>
    listOffset(
      deps,
      { partition: { topicId: target.topicId, partition: target.partition }, domain: target.domain },
      query,
    );
  const start = async (target: Target) => (await ask(target, { at: 'earliest' }))!.offset;
  const end = async (target: Target) => (await ask(target, { at: 'latest' }))!.offset;
  if (to === 'start') return start;
  if (to === 'end') return end;
  if (typeof to === 'bigint') return async (target) => within(target, to, await start(target), await end(target));
  if (typeof to === 'object' && to !== null && 'timestampMs' in to) {
    const timestampMs = BigInt(to.timestampMs);
    return async (target) => (await ask(target, { timestampMs }))?.offset ?? end(target);
  }
  if (typeof to === 'object' && to !== null && 'group' in to) {
    await findGroup(deps, to.group);
    const theirs = await committedOffsets(deps, to.group);
    return async (target) => theirs.get(partitionText(target)) ?? noOffsetOf(to.group, target);
  }
  throw new MillraceError('INVALID_REQUEST', `${String(to)} is no position`, {
    value: to,
    hint: "Give 'start', 'end', an offset such as 42n, { timestampMs } or { group }.",
  });
}

function within({ topic, partition }: Target, offset: bigint, start: bigint, end: bigint): bigint {
  if (offset >= start && offset <= end) return offset;
  throw new MillraceError(
    'OFFSET_OUT_OF_RANGE',
    `${topic}-${partition} has no offset ${offset}: it has ${start} to ${end}`,
    {
      value: offset,
      hint: 'Name an offset within, or the partitions that have it; or seek to start, end or a time.',
    },
  );
}

function noOffsetOf(group: string, { topic, partition }: Target): never {
  throw new MillraceError('NO_OFFSET_FOR_PARTITION', `group ${group} has committed nothing in ${topic}-${partition}`, {
    value: group,
    hint: 'Name the topics and partitions that it has read.',
  });
}

interface SeekPlan {
  readonly targets: readonly Target[];
  /** Of each target. */
  readonly plan: readonly SoughtPartition[];
  /** A group that is not there is made; otherwise it was deleted meanwhile. */
  readonly mayMake: boolean;
}

/**
 * The topics that the group knows from now on. One of which only some partitions are sought stays new to a group that does not know it: where the others begin is up to its first member, who leaves what was sought as
 * it is.
 */
function knownAfter(group: Group, topics: readonly GroupTopic[], targets: readonly Target[]): readonly GroupTopic[] {
  const known = new Set(group.topics.map(({ topicId }) => topicId));
  const soughtCount = (topicId: string) => targets.filter((target) => target.topicId === topicId).length;
  return topics.filter((one) => known.has(one.topicId) || soughtCount(one.topicId) >= one.partitionCount);
}

async function write(deps: GroupDeps, name: string, { targets, plan, mayMake }: SeekPlan): Promise<void> {
  const topics = await readGroupTopics(deps, new Set(targets.map(({ topic }) => topic)));
  let generation = 0;
  await changeGroup(deps, name, (group) => {
    if (group !== null && group.members.length > 0) throw nonEmptyGroup(group, 'sought');
    if (group === null && !mayMake) throw gone(name);
    const base = group ?? emptyGroup(name, freshUuid(deps.random));
    // Repeated after a lost answer it rises once more, which does no harm.
    const raised = withAllTopics(base, knownAfter(base, topics, targets));
    generation = raised.generation;
    return raised;
  });
  const refused: SoughtPartition[] = [];
  await inParallel(targets.entries(), PARALLEL, async ([index, { topic, topicId, partition }]) => {
    const committed = plan[index]!.after;
    const args = { topic, generation, owner: OWNER, committed, atMs: Math.floor(deps.clock.nowMs()) };
    const { answer } = await repeatRequest(deps, () => deps.store.offsets.claim(name, { topicId, partition }, args));
    const isOurs = answer.item?.generation === generation && answer.item.owner === OWNER;
    if (answer.outcome === 'refused' && !isOurs) refused.push(plan[index]!);
  });
  if (refused.length > 0) throw joinedMeanwhile(name, refused.length, plan.length);
}

function gone(name: string): MillraceError {
  return new MillraceError('GROUP_ID_NOT_FOUND', `group ${name} was deleted meanwhile`, { value: name });
}

function joinedMeanwhile(name: string, refused: number, all: number): MillraceError {
  return new MillraceError(
    'NON_EMPTY_GROUP',
    `a member joined group ${name} meanwhile: ${refused} of ${all} partitions were not moved`,
    {
      value: name,
      hint: 'Stop its members and seek again.',
    },
  );
}
