/** JoinGroup of the classic protocol. See `classic-group.ts`. */
import type { KafkaErrorName } from '../protocol/error-codes.ts';
import {
  acceptsProtocols,
  allMetadata,
  type ClassicGroup,
  currentJoin,
  isCompleting,
  memberOfInstance,
  refuseWaiting,
  store,
  touch,
} from './classic-group.ts';
import {
  type Answer,
  type ClassicMember,
  type ClassicProtocol,
  type JoinAnswer,
  NO_BYTES,
  refusedJoin,
  sameProtocols,
  selectProtocol,
} from './classic-member.ts';
import { prepareRebalance } from './classic-rebalance.ts';

/** What a client asks for, and what its version of the protocol can. */
export interface ClassicJoin {
  /** Empty: the client has none yet. */
  readonly memberId: string;
  /** What it is called then. */
  readonly freshMemberId: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly protocolType: string;
  readonly protocols: readonly ClassicProtocol[];
  readonly sessionMs: number;
  readonly rebalanceMs: number;
  /** A client without a member id has to come again with the one that it is given (KIP-394). */
  readonly mustKnowMemberId: boolean;
  /** A leader may be told to leave the assignment as it is (KIP-814). */
  readonly maySkipAssignment: boolean;
}

/** Kafka's `NEW_MEMBER_JOIN_TIMEOUT`: a client that went away while it waited to get in is forgotten after this long. */
const NEW_MEMBER_MS = 300_000;

/** A client joins, or says something new. Answered at once or when everybody has joined. */
export function join(group: ClassicGroup, request: ClassicJoin, nowMs: number, answer: Answer<JoinAnswer>): void {
  const atOnce = decide(group, { ...request, nowMs, answer });
  if (atOnce !== null) answer(atOnce);
}

/** A request under way. */
interface Joining extends ClassicJoin {
  readonly nowMs: number;
  /** For those who are answered later: then null is returned. */
  readonly answer: Answer<JoinAnswer>;
}

function decide(group: ClassicGroup, joining: Joining): JoinAnswer | null {
  const { memberId, instanceId, protocolType, protocols } = joining;
  const names = protocols.map(({ name }) => name);
  if (!acceptsProtocols(group, protocolType, names)) return refusedJoin('INCONSISTENT_GROUP_PROTOCOL', memberId);
  if (memberId === '') return joinWithoutId(group, joining);
  if (group.pending.has(memberId)) {
    if (instanceId !== null) return refusedJoin('INVALID_REQUEST', memberId);
    return addMember(group, joining, memberId);
  }
  const member = group.members.get(memberId);
  const error = instanceError(group, joining);
  if (error !== null) return refusedJoin(error, memberId);
  return member === undefined ? refusedJoin('UNKNOWN_MEMBER_ID', memberId) : rejoin(group, member, joining);
}

/** What is wrong with a member id beside an instance id; null for nothing. */
export function instanceError(
  group: ClassicGroup,
  { memberId, instanceId }: Pick<ClassicJoin, 'memberId' | 'instanceId'>,
): KafkaErrorName | null {
  if (instanceId === null) return null;
  const holder = memberOfInstance(group, instanceId);
  if (holder === undefined) return 'UNKNOWN_MEMBER_ID';
  return holder.id === memberId ? null : 'FENCED_INSTANCE_ID';
}

function joinWithoutId(group: ClassicGroup, joining: Joining): JoinAnswer | null {
  const memberId = joining.freshMemberId;
  const former = memberOfInstance(group, joining.instanceId);
  if (former !== undefined) return replaceMember(group, former, joining);
  if (isFull(group)) return refusedJoin('GROUP_MAX_SIZE_REACHED', '');
  if (!joining.mustKnowMemberId) return addMember(group, joining, memberId);
  group.pending.set(memberId, joining.nowMs + joining.sessionMs);
  return refusedJoin('MEMBER_ID_REQUIRED', memberId);
}

function isFull({ members, pending, settings }: ClassicGroup): boolean {
  return members.size + pending.size >= settings.maxSize;
}

function memberOf(request: ClassicJoin, id: string): ClassicMember {
  const { instanceId, clientId, clientHost, protocols, sessionMs, rebalanceMs } = request;
  return {
    id,
    instanceId,
    clientId,
    clientHost,
    protocols,
    sessionMs,
    rebalanceMs,
    assignment: NO_BYTES,
    join: null,
    sync: null,
    mustSync: false,
    isNew: true,
    deadlineMs: 0,
  };
}

function addMember(group: ClassicGroup, joining: Joining, memberId: string): null {
  const { nowMs, answer } = joining;
  group.pending.delete(memberId);
  if (group.members.size === 0) group.protocolType = joining.protocolType;
  group.members.set(memberId, {
    ...memberOf(joining, memberId),
    join: answer,
    deadlineMs: nowMs + NEW_MEMBER_MS,
  });
  group.leader ??= memberId;
  const initial = group.window?.initial;
  if (initial) initial.hasNewMember = true;
  prepareRebalance(group, nowMs);
  return null;
}

/** A static member starts again: it takes the place of its former life, whose requests are fenced from now on. */
function replaceMember(group: ClassicGroup, former: ClassicMember, joining: Joining): null {
  const { nowMs, answer, freshMemberId: memberId } = joining;
  const formerLeader = group.leader;
  refuseWaiting(former, 'FENCED_INSTANCE_ID');
  const member = { ...memberOf(joining, memberId), assignment: former.assignment, isNew: false };
  touch(member, nowMs);
  replaceInOrder(group.members, former.id, member);
  if (group.leader === former.id) group.leader = memberId;
  if (group.phase !== 'stable' || selectProtocol(group.members.values()) !== group.protocol) {
    member.join = answer;
    prepareRebalance(group, nowMs);
    return null;
  }
  // Nobody else need notice. A leader that cannot be told so would assign anew: it is told of its former self.
  const told = currentJoin(group, memberId);
  const isLeader = group.leader === memberId;
  const unchanged = joining.maySkipAssignment
    ? { ...told, members: isLeader ? allMetadata(group) : [], skipAssignment: isLeader }
    : { ...told, members: [], leader: formerLeader ?? '' };
  store(group, (error) => answer(error === null ? unchanged : refusedJoin(error, memberId)));
  return null;
}

function replaceInOrder(members: Map<string, ClassicMember>, formerId: string, member: ClassicMember): void {
  const all = [...members.values()].map((one) => (one.id === formerId ? member : one));
  members.clear();
  for (const one of all) members.set(one.id, one);
}

function rejoin(group: ClassicGroup, member: ClassicMember, joining: Joining): JoinAnswer | null {
  const { nowMs, answer, protocols, sessionMs, rebalanceMs } = joining;
  const isSame = sameProtocols(member.protocols, protocols);
  const isTold = isCompleting(group) || (group.phase === 'stable' && group.leader !== member.id);
  touch(member, nowMs);
  if (isSame && isTold) {
    const told = currentJoin(group, member.id);
    return group.phase === 'stable' ? { ...told, members: [] } : told;
  }
  // A copy of the request that is answered already, or came over a connection that is lost.
  refuseWaiting(member, 'REBALANCE_IN_PROGRESS');
  Object.assign(member, { protocols, sessionMs, rebalanceMs, join: answer });
  prepareRebalance(group, nowMs);
  return null;
}
