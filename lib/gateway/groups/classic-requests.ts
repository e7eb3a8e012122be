/** SyncGroup, Heartbeat, LeaveGroup and what OffsetCommit asks of the classic protocol. See `classic-group.ts`. */
import type { KafkaErrorName } from '../protocol/error-codes.ts';
import {
  type ClassicGroup,
  currentSync,
  isCompleting,
  memberOfInstance,
  refuseWaiting,
  touch,
} from './classic-group.ts';
import { instanceError } from './classic-join.ts';
import { type Answer, refusedSync, type SyncAnswer } from './classic-member.ts';
import { beginStoring, removeMember, tryCompleteJoin } from './classic-rebalance.ts';

/** Who a request says it is from. */
export interface ClassicSender {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly generation: number;
}

/** What SyncGroup asks. */
export interface ClassicSync extends ClassicSender {
  /** Null in versions that do not tell. */
  readonly protocolType: string | null;
  readonly protocol: string | null;
  /** By member id; from the leader alone. */
  readonly assignments: ReadonlyMap<string, Uint8Array>;
}

/** What is wrong with a sender; null for nothing. */
function senderError(group: ClassicGroup, { memberId, instanceId, generation }: ClassicSender): KafkaErrorName | null {
  const error = memberError(group, memberId, instanceId);
  if (error !== null) return error;
  if (generation === group.generation) return null;
  // The gateway before was ended within a rebalance: nobody was given anything by a generation that it did not store, and whoever knows of one has what it had. Kafka's brokers say ILLEGAL_GENERATION, and it is lost.
  if (group.isInherited && generation > group.generation) return 'REBALANCE_IN_PROGRESS';
  return 'ILLEGAL_GENERATION';
}

function memberError(group: ClassicGroup, memberId: string, instanceId: string | null): KafkaErrorName | null {
  const error = instanceError(group, { memberId, instanceId });
  if (error !== null) return error;
  return group.members.has(memberId) ? null : 'UNKNOWN_MEMBER_ID';
}

/** A member asks for its assignment, the leader brings everybody's. Answered when that is stored. */
export function sync(group: ClassicGroup, request: ClassicSync, nowMs: number, answer: Answer<SyncAnswer>): void {
  const error = syncError(group, request);
  if (error !== null) {
    answer(refusedSync(error));
    return;
  }
  const member = group.members.get(request.memberId)!;
  member.mustSync = false;
  touch(member, nowMs);
  if (group.phase === 'stable') {
    answer(currentSync(group, member));
    return;
  }
  // An earlier copy of the request, over a connection that is lost.
  refuseWaiting(member, 'REBALANCE_IN_PROGRESS');
  member.sync = answer;
  if (group.leader === member.id && group.phase === 'completing') beginStoring(group, request.assignments);
}

function syncError(group: ClassicGroup, request: ClassicSync): KafkaErrorName | null {
  const error = senderError(group, request);
  if (error !== null) return error;
  const isOther = (told: string | null, is: string | null) => told !== null && told !== is;
  if (isOther(request.protocolType, group.protocolType)) return 'INCONSISTENT_GROUP_PROTOCOL';
  if (isOther(request.protocol, group.protocol)) return 'INCONSISTENT_GROUP_PROTOCOL';
  return group.phase === 'preparing' ? 'REBALANCE_IN_PROGRESS' : null;
}

/** A sign of life; the answer tells that a rebalance is on. */
export function heartbeat(group: ClassicGroup, sender: ClassicSender, nowMs: number): KafkaErrorName {
  const error = senderError(group, sender);
  if (error !== null && error !== 'REBALANCE_IN_PROGRESS') return error;
  touch(group.members.get(sender.memberId)!, nowMs);
  return error ?? (group.phase === 'preparing' ? 'REBALANCE_IN_PROGRESS' : 'NONE');
}

/** A member leaves: by its id, or a static one by its instance id alone. */
export function leave(
  group: ClassicGroup,
  { memberId, instanceId }: Pick<ClassicSender, 'memberId' | 'instanceId'>,
  nowMs: number,
): KafkaErrorName {
  if (group.pending.delete(memberId)) {
    tryCompleteJoin(group, nowMs);
    return 'NONE';
  }
  const byInstance = memberId === '' ? memberOfInstance(group, instanceId) : undefined;
  const error = byInstance === undefined ? memberError(group, memberId, instanceId) : null;
  if (error !== null) return error;
  removeMember(group, byInstance ?? group.members.get(memberId)!, nowMs);
  return 'NONE';
}

/** Whether a sender may commit offsets now. Without a member id and a generation it is a client that no group assigns anything to, which may while there are no members. */
export function commitError(group: ClassicGroup, sender: ClassicSender, nowMs: number): KafkaErrorName | null {
  const { memberId, instanceId, generation } = sender;
  if (generation < 0 && group.members.size === 0) return null;
  if (generation < 0 && memberId === '' && instanceId === null) return 'UNKNOWN_MEMBER_ID';
  const error = senderError(group, sender);
  if (error !== null) return error;
  // It knows the generation, so it can have nothing to commit that it was not assigned by an earlier one.
  if (isCompleting(group)) return 'REBALANCE_IN_PROGRESS';
  touch(group.members.get(memberId)!, nowMs);
  return null;
}

/** Everybody who waits is sent away: another gateway has the group, or nobody can say. */
export function abandon(group: ClassicGroup, error: KafkaErrorName): void {
  for (const member of group.members.values()) refuseWaiting(member, error);
}
