/** JoinGroup, SyncGroup, Heartbeat and LeaveGroup: from Kafka's messages to the classic protocol and back. */
import { freshUuid } from '../../log/fresh-uuid.ts';
import type { RequestContext } from '../handler.ts';
import { errorCodes, type KafkaErrorName } from '../protocol/error-codes.ts';
import type { heartbeatApi, joinGroupApi, leaveGroupApi, syncGroupApi } from '../protocol/messages/group-messages.ts';
import type { RequestOf, ResponseOf } from '../protocol/schema.ts';
import { ClassicCoordination } from './classic-coordination.ts';
import { type ClassicJoin, join } from './classic-join.ts';
import { type JoinAnswer, refusedJoin, refusedSync, type SyncAnswer } from './classic-member.ts';
import { heartbeat, leave, sync } from './classic-requests.ts';
import type { GroupCell } from './group-cell.ts';
import type { AnyCell, GroupCoordinator } from './group-coordinator.ts';

/** Versions from which JoinGroup asks for a member id first, names its protocol type, and may tell a leader to leave things as they are. */
const MEMBER_ID_REQUIRED_FROM = 4;
const PROTOCOL_TYPE_FROM = 7;
const SKIP_ASSIGNMENT_FROM = 9;
/** What a member says of itself, under all its protocols too: all members of a group have to fit into one item of 400 KB. */
const MEMBER_BYTES = 128 * 1024;
/** Protocols of a member: those of all members are compared with each other. Clients know a handful. */
const PROTOCOLS_MAX = 100;
/** Version from which LeaveGroup names several members. */
const BATCH_LEAVE_FROM = 3;

/** Joins a group, or says something new to it. */
export async function handleJoinGroup(
  coordinator: GroupCoordinator,
  request: RequestOf<typeof joinGroupApi>,
  context: RequestContext,
): Promise<ResponseOf<typeof joinGroupApi>> {
  const answer = await joinAnswer(coordinator, request, context);
  // Before it might be null it was empty.
  const noProtocol = context.apiVersion >= PROTOCOL_TYPE_FROM ? null : '';
  return {
    errorCode: errorCodes[answer.error],
    generationId: answer.generation,
    protocolType: answer.protocolType,
    protocolName: answer.protocol ?? noProtocol,
    leader: answer.leader,
    skipAssignment: answer.skipAssignment,
    memberId: answer.memberId,
    members: answer.members,
  };
}

async function joinAnswer(
  coordinator: GroupCoordinator,
  request: RequestOf<typeof joinGroupApi>,
  context: RequestContext,
): Promise<JoinAnswer> {
  const { settings } = coordinator;
  const { groupId, memberId, sessionTimeoutMs } = request;
  const refusal = coordinator.refusal(groupId);
  if (refusal !== null) return refusedJoin(refusal, memberId);
  if (sessionTimeoutMs < settings.minSessionMs || sessionTimeoutMs > settings.maxSessionMs) {
    return refusedJoin('INVALID_SESSION_TIMEOUT', memberId);
  }
  if (request.protocols.length > PROTOCOLS_MAX || toldBytes(request, context) > MEMBER_BYTES) {
    return refusedJoin('INVALID_REQUEST', memberId);
  }
  // Whoever has a member id has it from a group that is there.
  const opened =
    memberId === '' ? await coordinator.openToJoin(groupId, 'classic') : await coordinator.openForMember(groupId);
  const cell = classicCell(opened);
  if (typeof cell === 'string') return refusedJoin(cell, memberId);
  const joining = joinOf(request, context, freshUuid(coordinator.deps.random));
  const answer = await new Promise<JoinAnswer>((resolve) =>
    cell.change(({ state }, nowMs) => join(state, joining, nowMs, resolve)),
  );
  const error = await cell.confirm(answer.error);
  return error === answer.error ? answer : refusedJoin(error, memberId);
}

function toldBytes(
  { groupInstanceId, protocolType, protocols }: RequestOf<typeof joinGroupApi>,
  { clientId }: RequestContext,
): number {
  const texts = [clientId ?? '', groupInstanceId ?? '', protocolType, ...protocols.map(({ name }) => name)];
  const textBytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return protocols.reduce((sum, { metadata }) => sum + metadata.length, textBytes);
}

function joinOf(request: RequestOf<typeof joinGroupApi>, context: RequestContext, uuid: string): ClassicJoin {
  const { memberId, groupInstanceId, protocolType, sessionTimeoutMs, rebalanceTimeoutMs } = request;
  const clientId = context.clientId ?? '';
  return {
    memberId,
    freshMemberId: `${groupInstanceId ?? clientId}-${uuid}`,
    instanceId: groupInstanceId,
    clientId,
    clientHost: context.connection.clientHost,
    protocolType,
    // Copies: what was received is a view of a buffer that is used again.
    protocols: request.protocols.map(({ name, metadata }) => ({ name, metadata: Uint8Array.from(metadata) })),
    sessionMs: sessionTimeoutMs,
    rebalanceMs: rebalanceTimeoutMs < 0 ? sessionTimeoutMs : rebalanceTimeoutMs,
    mustKnowMemberId: context.apiVersion >= MEMBER_ID_REQUIRED_FROM && groupInstanceId === null,
    maySkipAssignment: context.apiVersion >= SKIP_ASSIGNMENT_FROM,
  };
}

/** The cell of a classic group, or why there is none for somebody who says that he is in it. */
export function classicCell(opened: AnyCell | KafkaErrorName | null): GroupCell<ClassicCoordination> | KafkaErrorName {
  if (opened === null) return 'UNKNOWN_MEMBER_ID';
  if (typeof opened === 'string') return opened;
  if (opened.closed !== null) return opened.closed;
  if (opened.group instanceof ClassicCoordination) return opened as GroupCell<ClassicCoordination>;
  return opened.group.isEmpty ? 'UNKNOWN_MEMBER_ID' : 'INCONSISTENT_GROUP_PROTOCOL';
}

/** Asks for the assignment, or brings it. */
export async function handleSyncGroup(
  coordinator: GroupCoordinator,
  request: RequestOf<typeof syncGroupApi>,
): Promise<ResponseOf<typeof syncGroupApi>> {
  const answer = await syncAnswer(coordinator, request);
  return {
    errorCode: errorCodes[answer.error],
    protocolType: answer.protocolType,
    protocolName: answer.protocol,
    assignment: answer.assignment,
  };
}

async function syncAnswer(coordinator: GroupCoordinator, request: RequestOf<typeof syncGroupApi>): Promise<SyncAnswer> {
  const { groupId, memberId, groupInstanceId, generationId, protocolType, protocolName } = request;
  const cell = classicCell(await coordinator.openForMember(groupId));
  if (typeof cell === 'string') return refusedSync(cell);
  const syncing = {
    memberId,
    instanceId: groupInstanceId,
    generation: generationId,
    protocolType,
    protocol: protocolName,
    assignments: new Map(request.assignments.map((one) => [one.memberId, Uint8Array.from(one.assignment)])),
  };
  const answer = await new Promise<SyncAnswer>((resolve) =>
    cell.change(({ state }, nowMs) => sync(state, syncing, nowMs, resolve)),
  );
  const error = await cell.confirm(answer.error);
  return error === answer.error ? answer : refusedSync(error);
}

/** A sign of life. Costs no request to the store, but a read when it is refused. */
export async function handleHeartbeat(
  coordinator: GroupCoordinator,
  request: RequestOf<typeof heartbeatApi>,
): Promise<ResponseOf<typeof heartbeatApi>> {
  const { groupId, memberId, groupInstanceId: instanceId, generationId: generation } = request;
  const cell = classicCell(await coordinator.openForMember(groupId));
  if (typeof cell === 'string') return { errorCode: errorCodes[cell] };
  const error = cell.change(({ state }, nowMs) => heartbeat(state, { memberId, instanceId, generation }, nowMs));
  return { errorCode: errorCodes[await cell.confirm(error)] };
}

/** Members leave. Answered when the group is stored as empty, if it is, and is held still: who has left where nobody listens would keep its partitions until its session ends. */
export async function handleLeaveGroup(
  coordinator: GroupCoordinator,
  request: RequestOf<typeof leaveGroupApi>,
  { apiVersion }: Pick<RequestContext, 'apiVersion'>,
): Promise<ResponseOf<typeof leaveGroupApi>> {
  const isBatch = apiVersion >= BATCH_LEAVE_FROM;
  const leaving = isBatch ? request.members : [{ memberId: request.memberId, groupInstanceId: null }];
  const cell = classicCell(await coordinator.openForMember(request.groupId));
  const isUnknown = cell === 'UNKNOWN_MEMBER_ID';
  if (typeof cell === 'string' && !(isUnknown && isBatch)) return { errorCode: errorCodes[cell] };
  const members = leaving.map(({ memberId, groupInstanceId }) => {
    const member = { memberId, instanceId: groupInstanceId };
    const error = typeof cell === 'string' ? cell : cell.change(({ state }, nowMs) => leave(state, member, nowMs));
    return { memberId, groupInstanceId, errorCode: errorCodes[error] };
  });
  if (typeof cell !== 'string') {
    if (cell.group.isEmpty) await cell.stored();
    const error = cell.closed ?? (await cell.whyNotHeld());
    if (error !== null) return { errorCode: errorCodes[error] };
  }
  return isBatch ? { errorCode: errorCodes.NONE, members } : { errorCode: members[0]!.errorCode };
}
