/** ConsumerGroupHeartbeat: a member joins, says something new, is brought nearer to its target, or leaves. See `consumer-group.ts`. */
import type { GroupTopic } from '../../group/group.ts';
import type { KafkaErrorName } from '../protocol/error-codes.ts';
import { assignTargets } from './assign-targets.ts';
import {
  type ConsumerGroup,
  type ConsumerMember,
  consumerOfInstance,
  type Partitions,
  type PatternMatches,
  storeConsumer,
  wantedTopics,
  whenStored,
} from './consumer-group.ts';
import { reconcile } from './consumer-reconcile.ts';
import type { ServerAssignor } from './server-assignor-name.ts';

/** What a member says. What is null is as it was. */
export interface ConsumerBeat {
  readonly memberId: string;
  readonly instanceId: string | null;
  /** 0: it joins. −1: it leaves. −2: it is static, and leaves to start again. */
  readonly epoch: number;
  readonly rackId: string | null;
  readonly rebalanceMs: number | null;
  /** Names, sorted. */
  readonly topics: readonly string[] | null;
  /** A regular expression of topics that is one; empty for none. */
  readonly pattern: string | null;
  readonly assignor: ServerAssignor | null;
  readonly owned: Partitions | null;
  readonly clientId: string;
  readonly clientHost: string;
  /** Topics as they are now, null for one that is not there, by name; those that nobody looked for are as they were. */
  readonly found: ReadonlyMap<string, GroupTopic | null>;
  /** What patterns match now; those that nobody looked for are as they were. */
  readonly matches: PatternMatches;
}

/** What it is told. */
export interface BeatAnswer {
  readonly error: KafkaErrorName;
  readonly memberId: string;
  readonly epoch: number;
  /** Null: what it was told before. */
  readonly assigned: Partitions | null;
}

/** Kafka's `LEAVE_GROUP_STATIC_MEMBER_EPOCH`. */
export const LEAVES_TO_RETURN = -2;

/** A beat that was refused. */
export function refusedBeat(
  error: KafkaErrorName,
  { memberId, epoch }: Pick<ConsumerBeat, 'memberId' | 'epoch'>,
): BeatAnswer {
  return { error, memberId, epoch, assigned: null };
}

/** A sign of life. Answered at once unless something changed: then when that is stored. */
export function consumerBeat(
  group: ConsumerGroup,
  beat: ConsumerBeat,
  nowMs: number,
  answer: (answer: BeatAnswer) => void,
): void {
  const told = beat.epoch < 0 ? leave(group, beat, nowMs) : stay(group, beat, nowMs);
  if (told.error !== 'NONE') {
    answer(told);
    return;
  }
  whenStored(group, (error) => answer(error === null ? told : refusedBeat(error, beat)));
}

function stay(group: ConsumerGroup, beat: ConsumerBeat, nowMs: number): BeatAnswer {
  const known = beat.epoch === 0 ? joining(group, beat, nowMs) : staying(group, beat);
  if (typeof known === 'string') return refusedBeat(known, beat);
  const { member, isNew } = known;
  member.deadlineMs = nowMs + group.settings.consumerSessionMs;
  const isChanged = update(group, member, beat) || isNew;
  if (isChanged) {
    group.epoch += 1;
    assignTargets(group);
  }
  const assignedBefore = member.assigned;
  const isMoved = reconcile(group, member, beat.owned, nowMs);
  if (isChanged || isMoved || known.isReplaced) storeConsumer(group);
  const isAsked = beat.epoch === 0 || beat.owned !== null || member.assigned !== assignedBefore;
  return { error: 'NONE', memberId: member.id, epoch: member.epoch, assigned: isAsked ? member.assigned : null };
}

interface Known {
  readonly member: ConsumerMember;
  readonly isNew: boolean;
  /** A static member has taken the place of its former life. */
  readonly isReplaced: boolean;
}

function joining(group: ConsumerGroup, beat: ConsumerBeat, nowMs: number): Known | KafkaErrorName {
  const former = consumerOfInstance(group, beat.instanceId);
  if (former !== undefined && former.id !== beat.memberId) {
    if (former.epoch !== LEAVES_TO_RETURN) return 'UNRELEASED_INSTANCE_ID';
    group.members.delete(former.id);
    const { clientId, clientHost, memberId: id } = beat;
    const member = { ...former, id, clientId, clientHost, epoch: 0, previousEpoch: 0 };
    group.members.set(id, member);
    return { member, isNew: false, isReplaced: true };
  }
  const known = group.members.get(beat.memberId);
  if (known !== undefined) {
    if (known.instanceId !== beat.instanceId) return 'FENCED_INSTANCE_ID';
    // It has lost what it knew, and begins with nothing.
    if (known.epoch !== LEAVES_TO_RETURN) return { member: known, isNew: false, isReplaced: false };
    known.epoch = 0;
    return { member: known, isNew: false, isReplaced: true };
  }
  if (group.members.size >= group.settings.maxSize) return 'GROUP_MAX_SIZE_REACHED';
  const member = freshMember(beat, nowMs);
  group.members.set(member.id, member);
  return { member, isNew: true, isReplaced: false };
}

function freshMember(beat: ConsumerBeat, nowMs: number): ConsumerMember {
  const { memberId: id, instanceId, clientId, clientHost } = beat;
  return {
    id,
    instanceId,
    clientId,
    clientHost,
    rackId: null,
    rebalanceMs: 0,
    topics: [],
    pattern: null,
    assignor: null,
    epoch: 0,
    previousEpoch: 0,
    state: 'stable',
    assigned: new Set(),
    revoking: new Set(),
    target: new Set(),
    deadlineMs: nowMs,
    revokeByMs: null,
  };
}

function staying(group: ConsumerGroup, beat: ConsumerBeat): Known | KafkaErrorName {
  if (beat.instanceId !== null) {
    const holder = consumerOfInstance(group, beat.instanceId);
    if (holder === undefined) return 'UNKNOWN_MEMBER_ID';
    if (holder.id !== beat.memberId) return 'FENCED_INSTANCE_ID';
  }
  const member = group.members.get(beat.memberId);
  if (member === undefined) return 'UNKNOWN_MEMBER_ID';
  const isRepeated = beat.epoch === member.previousEpoch && isWithin(beat.owned, member.assigned);
  if (beat.epoch !== member.epoch && !isRepeated) return 'FENCED_MEMBER_EPOCH';
  return { member, isNew: false, isReplaced: false };
}

/** The answer that told it of its new epoch was lost. */
function isWithin(owned: Partitions | null, assigned: Partitions): boolean {
  return owned !== null && [...owned].every((partition) => assigned.has(partition));
}

/** Takes in what the member says and what topics there are: whether that asks for another assignment. */
function update(group: ConsumerGroup, member: ConsumerMember, beat: ConsumerBeat): boolean {
  const before = said(member);
  member.rackId = beat.rackId ?? member.rackId;
  member.rebalanceMs = beat.rebalanceMs ?? member.rebalanceMs;
  member.topics = beat.topics ?? member.topics;
  if (beat.pattern !== null) member.pattern = beat.pattern === '' ? null : beat.pattern;
  member.assignor = beat.assignor ?? member.assignor;
  const isOther = said(member) !== before;
  return takeTopics(group, beat) || isOther;
}

function said({ topics, pattern, assignor }: ConsumerMember): string {
  return JSON.stringify([topics, pattern, assignor]);
}

/** The topics as they are now: whether any has come, gone, was made again or has more partitions. */
function takeTopics(group: ConsumerGroup, { found, matches }: Pick<ConsumerBeat, 'found' | 'matches'>): boolean {
  const before = topicsText(group);
  const patterns = new Set([...group.members.values()].flatMap(({ pattern }) => pattern ?? []));
  group.matches = new Map([...patterns].map((one) => [one, matches.get(one) ?? group.matches.get(one) ?? []]));
  const wanted = new Set([...group.members.values()].flatMap((member) => wantedTopics(group, member)));
  const isOf = (name: string) => (found.has(name) ? found.get(name) : group.topics.get(name));
  const topics = [...wanted].sort().flatMap((name) => isOf(name) ?? []);
  group.topics = new Map(topics.map((topic) => [topic.name, topic]));
  return topicsText(group) !== before;
}

function topicsText({ topics, matches }: ConsumerGroup): string {
  const there = [...topics.values()].map(({ topicId, partitionCount }) => `${topicId} ${partitionCount}`);
  return JSON.stringify([there, [...matches]]);
}

function leave(group: ConsumerGroup, beat: ConsumerBeat, nowMs: number): BeatAnswer {
  const byInstance = consumerOfInstance(group, beat.instanceId);
  const member = byInstance ?? group.members.get(beat.memberId);
  if (member === undefined) return refusedBeat('UNKNOWN_MEMBER_ID', beat);
  if (member.id !== beat.memberId) return refusedBeat('FENCED_INSTANCE_ID', beat);
  if (beat.epoch === LEAVES_TO_RETURN) {
    member.previousEpoch = member.epoch;
    member.epoch = LEAVES_TO_RETURN;
    member.deadlineMs = nowMs + group.settings.consumerSessionMs;
    storeConsumer(group);
  } else removeConsumers(group, [member]);
  return { error: 'NONE', memberId: member.id, epoch: beat.epoch, assigned: null };
}

/** Members are out: the others share what they had. */
export function removeConsumers(group: ConsumerGroup, members: readonly ConsumerMember[]): void {
  if (members.length === 0) return;
  for (const { id } of members) group.members.delete(id);
  group.epoch += 1;
  assignTargets(group);
  storeConsumer(group);
}

/** When `tickConsumers` has something to do; infinity for never. Monotonic. */
export function nextConsumerDeadlineMs({ members }: ConsumerGroup): number {
  let nextMs = Number.POSITIVE_INFINITY;
  for (const { deadlineMs, revokeByMs } of members.values())
    nextMs = Math.min(nextMs, deadlineMs, revokeByMs ?? nextMs);
  return nextMs;
}

/** Takes out who was silent for too long, and who did not let go in time. */
export function tickConsumers(group: ConsumerGroup, nowMs: number): void {
  const isOver = ({ deadlineMs, revokeByMs }: ConsumerMember) =>
    deadlineMs <= nowMs || (revokeByMs !== null && revokeByMs <= nowMs);
  removeConsumers(group, [...group.members.values()].filter(isOver));
}

/** Whether a member may commit offsets now; null when it may. */
export function consumerCommitError(
  group: ConsumerGroup,
  { memberId, epoch }: { readonly memberId: string; readonly epoch: number },
): KafkaErrorName | null {
  if (epoch < 0 && group.members.size === 0) return null;
  const member = group.members.get(memberId);
  if (member === undefined) return 'UNKNOWN_MEMBER_ID';
  return member.epoch === epoch ? null : 'STALE_MEMBER_EPOCH';
}
