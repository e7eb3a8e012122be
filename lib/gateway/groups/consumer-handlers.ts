/** ConsumerGroupHeartbeat and ConsumerGroupDescribe: from Kafka's messages to the newer protocol and back. */
import { freshUuid } from '../../log/fresh-uuid.ts';
import { inParallel } from '../../log/in-parallel.ts';
import type { RequestContext } from '../handler.ts';
import { errorCodes, type KafkaErrorName } from '../protocol/error-codes.ts';
import type { consumerGroupDescribeApi, consumerGroupHeartbeatApi } from '../protocol/messages/group-messages.ts';
import type { RequestOf, ResponseOf } from '../protocol/schema.ts';
import { ConsumerCoordination, namedPartitions } from './consumer-coordination.ts';
import {
  byTopicId,
  type ConsumerGroup,
  type ConsumerMember,
  consumerGroupState,
  emptyConsumerGroup,
  type Partitions,
  type PatternMatches,
  partitionTextOf,
  type StoredConsumer,
} from './consumer-group.ts';
import {
  type BeatAnswer,
  type ConsumerBeat,
  consumerBeat,
  LEAVES_TO_RETURN,
  refusedBeat,
} from './consumer-heartbeat.ts';
import { authorizedOperations } from './group-admin-handlers.ts';
import type { GroupCell } from './group-cell.ts';
import type { AnyCell, GroupCoordinator } from './group-coordinator.ts';
import { isServerAssignor } from './server-assignor-name.ts';
import { storeErrorOf } from './store-error.ts';
import { compileTopicPattern } from './topic-pattern.ts';

type BeatRequest = RequestOf<typeof consumerGroupHeartbeatApi>;
type BeatResponse = ResponseOf<typeof consumerGroupHeartbeatApi>;
type ConsumerCell = GroupCell<ConsumerCoordination>;

/** New partitions of topics are looked for so often. */
const TOPICS_MS = 30_000;
/** Version from which members choose their ids. */
const OWN_MEMBER_IDS_FROM = 1;
/** Groups that are read at once. */
const PARALLEL = 16;
/** `memberType` of a member that speaks the newer protocol. */
const CONSUMER_MEMBER = 1;

/** A sign of life. Costs no request to the store unless something changed, but one look at the topics each half minute, with a listing when somebody has a pattern. */
export async function handleConsumerGroupHeartbeat(
  coordinator: GroupCoordinator,
  request: BeatRequest,
  context: RequestContext,
): Promise<BeatResponse> {
  const problem = requestProblem(request, context.apiVersion);
  if (problem !== null) return { errorCode: errorCodes[problem.error], errorMessage: problem.message };
  const memberId = request.memberId === '' ? freshUuid(coordinator.deps.random) : request.memberId;
  const answer = await beat(coordinator, { ...request, memberId }, context).catch((error) =>
    refusedBeat(storeErrorOf(error), { memberId, epoch: request.memberEpoch }),
  );
  return {
    errorCode: errorCodes[answer.error],
    memberId: answer.memberId,
    memberEpoch: answer.epoch,
    heartbeatIntervalMs: coordinator.settings.consumerHeartbeatMs,
    assignment: answer.assigned && { topicPartitions: topicPartitions(answer.assigned) },
  };
}

interface Problem {
  readonly error: KafkaErrorName;
  readonly message: string;
}

/** What is wrong with a request as such; null for nothing. Source: Kafka, `throwIfConsumerGroupHeartbeatRequestIsInvalid`. */
function requestProblem(request: BeatRequest, apiVersion: number): Problem | null {
  const invalid = (message: string): Problem => ({ error: 'INVALID_REQUEST', message });
  const { memberEpoch, memberId, instanceId, rackId, serverAssignor } = request;
  const maySpareId = apiVersion < OWN_MEMBER_IDS_FROM && memberEpoch === 0;
  if (request.groupId === '') return invalid('GroupId can not be empty.');
  if (memberId === '' && !maySpareId) return invalid('MemberId can not be empty.');
  if (memberEpoch < LEAVES_TO_RETURN) return invalid('MemberEpoch is invalid.');
  if (instanceId === '' || rackId === '') return invalid('InstanceId and RackId can not be empty.');
  if (memberEpoch === LEAVES_TO_RETURN && instanceId === null) return invalid('InstanceId can not be null.');
  if (serverAssignor !== null && !isServerAssignor(serverAssignor)) {
    const message = `ServerAssignor ${serverAssignor.slice(0, 64)} is not supported. Supported assignors: uniform, range.`;
    return { error: 'UNSUPPORTED_ASSIGNOR', message };
  }
  return (memberEpoch === 0 ? joinProblem(request, invalid) : null) ?? patternProblem(request.subscribedTopicRegex);
}

function patternProblem(pattern: string | null): Problem | null {
  try {
    if (pattern !== null) compileTopicPattern(pattern);
    return null;
  } catch (error) {
    return { error: 'INVALID_REGULAR_EXPRESSION', message: (error as Error).message };
  }
}

function joinProblem(request: BeatRequest, invalid: (message: string) => Problem): Problem | null {
  if (request.rebalanceTimeoutMs === -1) return invalid('RebalanceTimeoutMs must be provided in first request.');
  if (request.topicPartitions === null || request.topicPartitions.length > 0) {
    return invalid('TopicPartitions must be empty when (re-)joining.');
  }
  if (request.subscribedTopicNames !== null || request.subscribedTopicRegex !== null) return null;
  return invalid('Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.');
}

async function beat(coordinator: GroupCoordinator, request: BeatRequest, context: RequestContext): Promise<BeatAnswer> {
  const { groupId, memberId, memberEpoch: epoch } = request;
  const opened =
    epoch === 0 ? await coordinator.openToJoin(groupId, 'consumer') : await coordinator.openForMember(groupId);
  const cell = consumerCell(opened);
  if (typeof cell === 'string') return refusedBeat(cell, { memberId, epoch });
  const topics = request.subscribedTopicNames && [...new Set(request.subscribedTopicNames)].sort();
  const pattern = request.subscribedTopicRegex;
  const seen = await topicsFor(coordinator, cell, { topics, pattern });
  const said: ConsumerBeat = {
    memberId,
    instanceId: request.instanceId,
    epoch,
    rackId: request.rackId,
    rebalanceMs: request.rebalanceTimeoutMs < 0 ? null : request.rebalanceTimeoutMs,
    topics,
    pattern,
    assignor: isServerAssignor(request.serverAssignor) ? request.serverAssignor : null,
    owned: request.topicPartitions && partitionsOf(request.topicPartitions),
    clientId: context.clientId ?? '',
    clientHost: context.connection.clientHost,
    ...seen,
  };
  if (cell.closed !== null) return refusedBeat(cell.closed, { memberId, epoch });
  const answer = await new Promise<BeatAnswer>((resolve) =>
    cell.change(({ state }, nowMs) => consumerBeat(state, said, nowMs, resolve)),
  );
  const error = await cell.confirm(answer.error);
  return error === answer.error ? answer : refusedBeat(error, { memberId, epoch });
}

/** The cell of a group of the newer protocol, or why there is none for somebody who says that he is in it. */
function consumerCell(opened: AnyCell | KafkaErrorName | null): ConsumerCell | KafkaErrorName {
  if (opened === null) return 'UNKNOWN_MEMBER_ID';
  if (typeof opened === 'string') return opened;
  if (opened.closed !== null) return opened.closed;
  if (opened.group instanceof ConsumerCoordination) return opened as ConsumerCell;
  return opened.group.isEmpty ? 'UNKNOWN_MEMBER_ID' : 'INCONSISTENT_GROUP_PROTOCOL';
}

/** Topics of all members, when a member wants others than before or nobody has looked for a while. */
async function topicsFor(
  { topics, deps }: GroupCoordinator,
  { group }: ConsumerCell,
  said: Pick<ConsumerBeat, 'topics' | 'pattern'>,
): Promise<Pick<ConsumerBeat, 'found' | 'matches'>> {
  const { state } = group;
  const nowMs = deps.clock.monotonicMs();
  const isNewPattern = said.pattern !== null && said.pattern !== '' && !state.matches.has(said.pattern);
  const isNew = isNewPattern || (said.topics?.some((name) => !state.topics.has(name)) ?? false);
  if (!isNew && nowMs - group.topicsReadMs < TOPICS_MS) return { found: new Map(), matches: new Map() };
  group.topicsReadMs = nowMs;
  const members = [...state.members.values()];
  const patterns = new Set(
    [...members.map(({ pattern }) => pattern), said.pattern || null].filter((one) => one !== null),
  );
  const matches = patterns.size === 0 ? new Map<string, string[]>() : matchAll(patterns, await topics.list());
  const named = members.flatMap((member) => member.topics);
  const names = new Set([...named, ...(said.topics ?? []), ...[...matches.values()].flat()]);
  const found = await topics.findAll(names);
  return { found: new Map([...names].map((name) => [name, found.get(name) ?? null])), matches };
}

function matchAll(patterns: Iterable<string>, names: readonly string[]): PatternMatches {
  return new Map([...patterns].map((pattern) => [pattern, names.filter(compileTopicPattern(pattern))]));
}

function partitionsOf(topicPartitions: NonNullable<BeatRequest['topicPartitions']>): Partitions {
  const texts = topicPartitions.flatMap(({ topicId, partitions }) =>
    partitions.map((partition) => partitionTextOf(topicId, partition)),
  );
  return new Set(texts);
}

function topicPartitions(partitions: Partitions) {
  return [...byTopicId(partitions)].map(([topicId, numbers]) => ({ topicId, partitions: numbers }));
}

/** Describes groups of the newer protocol. */
export async function handleConsumerGroupDescribe(
  coordinator: GroupCoordinator,
  request: RequestOf<typeof consumerGroupDescribeApi>,
): Promise<ResponseOf<typeof consumerGroupDescribeApi>> {
  const described = new Map<string, Awaited<ReturnType<typeof describe>>>();
  await inParallel(new Set(request.groupIds), PARALLEL, async (name) => {
    described.set(name, await describe(coordinator, name).catch((error) => refused(name, storeErrorOf(error))));
  });
  const operations = authorizedOperations(request.includeAuthorizedOperations);
  return { groups: request.groupIds.map((name) => ({ ...described.get(name)!, authorizedOperations: operations })) };
}

async function describe(coordinator: GroupCoordinator, name: string) {
  const refusal = coordinator.refusal(name);
  if (refusal !== null) return refused(name, refusal);
  const held = coordinator.held(name)?.group;
  if (!(held instanceof ConsumerCoordination) || held.isEmpty) {
    const stored = await coordinator.stored(name);
    if (stored?.kind !== 'consumer')
      return refused(name, 'GROUP_ID_NOT_FOUND', `Group ${name} is not a consumer group.`);
    if (stored.members.length === 0) {
      const state = stored.coordination?.state as StoredConsumer | null | undefined;
      return describeEmpty(name, state ?? emptyConsumerGroup(coordinator.settings));
    }
  }
  const cell = consumerCell(await coordinator.openForMember(name));
  if (typeof cell === 'string') return refused(name, cell === 'UNKNOWN_MEMBER_ID' ? 'GROUP_ID_NOT_FOUND' : cell);
  const { state } = cell.group;
  return {
    ...refused(name, 'NONE'),
    groupState: consumerGroupState(state),
    groupEpoch: state.epoch,
    assignmentEpoch: state.epoch,
    assignorName: state.assignor,
    members: [...state.members.values()].map((member) => describeMember(state, member)),
  };
}

/** By what the last members left behind, as in a broker. */
function describeEmpty(name: string, { epoch, assignor }: Pick<StoredConsumer, 'epoch' | 'assignor'>) {
  return {
    ...refused(name, 'NONE'),
    groupState: 'Empty',
    groupEpoch: epoch,
    assignmentEpoch: epoch,
    assignorName: assignor,
  };
}

function describeMember(state: ConsumerGroup, member: ConsumerMember) {
  return {
    memberId: member.id,
    instanceId: member.instanceId,
    rackId: member.rackId,
    memberEpoch: member.epoch,
    clientId: member.clientId,
    clientHost: `/${member.clientHost}`,
    subscribedTopicNames: member.topics,
    subscribedTopicRegex: member.pattern,
    assignment: { topicPartitions: namedTopicPartitions(state, member.assigned) },
    targetAssignment: { topicPartitions: namedTopicPartitions(state, member.target) },
    memberType: CONSUMER_MEMBER,
  };
}

function namedTopicPartitions(state: ConsumerGroup, partitions: Partitions) {
  return namedPartitions(state, partitions).map(({ topic, partitions: numbers }) => ({
    topicId: state.topics.get(topic)!.topicId,
    topicName: topic,
    partitions: numbers,
  }));
}

function refused(groupId: string, error: KafkaErrorName, errorMessage: string | null = null) {
  return {
    errorCode: errorCodes[error],
    errorMessage,
    groupId,
    groupState: error === 'NONE' ? '' : 'Dead',
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignorName: '',
    members: [] as readonly ReturnType<typeof describeMember>[],
  };
}
