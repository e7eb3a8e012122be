/** ListGroups, DescribeGroups and DeleteGroups: groups of every kind, each told by the gateway that it belongs to. */
import { hasCode } from '../../errors.ts';
import { deleteGroup } from '../../group/delete-group.ts';
import { listGroups } from '../../group/find-group.ts';
import type { Group } from '../../group/group.ts';
import { topicNames } from '../../group/partition-of-topic.ts';
import { inParallel } from '../../log/in-parallel.ts';
import type { RequestContext } from '../handler.ts';
import { errorCodes, type KafkaErrorName } from '../protocol/error-codes.ts';
import type { deleteGroupsApi, describeGroupsApi, listGroupsApi } from '../protocol/messages/group-messages.ts';
import type { RequestOf, ResponseOf } from '../protocol/schema.ts';
import { ClassicCoordination } from './classic-coordination.ts';
import type { ClassicPhase } from './classic-group.ts';
import { metadataOf, NO_BYTES } from './classic-member.ts';
import { ConsumerCoordination } from './consumer-coordination.ts';
import { consumerGroupState } from './consumer-group.ts';
import { CONSUMER_PROTOCOL, encodeAssignment, encodeSubscription } from './consumer-protocol.ts';
import type { GroupCoordinator } from './group-coordinator.ts';
import { storeErrorOf } from './store-error.ts';

type DescribedGroup = NonNullable<ResponseOf<typeof describeGroupsApi>['groups']>[number];

/** Groups that are read at once. */
const PARALLEL = 16;
/** Version from which DescribeGroups says that a group is not there. */
const GROUP_ID_NOT_FOUND_FROM = 6;

/** All operations on groups, as bits: read, delete, describe, describe and alter configs. Source: Kafka, `AclEntry.supportedOperations`. */
const ALL_OPERATIONS = (1 << 3) | (1 << 6) | (1 << 8) | (1 << 10) | (1 << 11);
const NOT_ASKED = -2147483648;

const STATES: Readonly<Record<ClassicPhase, string>> = {
  empty: 'Empty',
  preparing: 'PreparingRebalance',
  completing: 'CompletingRebalance',
  storing: 'CompletingRebalance',
  stable: 'Stable',
};

/** The operations that whoever is connected may do, for those who ask. */
export function authorizedOperations(isAsked: boolean): number {
  return isAsked ? ALL_OPERATIONS : NOT_ASKED;
}

/** The groups that belong to this gateway: clients ask all gateways and put the answers together. One request for 1,000 names, and a read for each group that is not in memory. */
export async function handleListGroups(
  coordinator: GroupCoordinator,
  request: RequestOf<typeof listGroupsApi>,
): Promise<ResponseOf<typeof listGroupsApi>> {
  try {
    const names = (await listGroups(coordinator.deps)).filter((name) => coordinator.refusal(name) === null);
    const listed = new Map<string, Listed>();
    await inParallel(names, PARALLEL, async (name) => {
      const found = await listedGroup(coordinator, name);
      if (found !== null) listed.set(name, found);
    });
    const states = new Set(request.statesFilter.map((state) => state.toLowerCase()));
    const types = new Set(request.typesFilter.map((type) => type.toLowerCase()));
    const groups = names
      .flatMap((name) => listed.get(name) ?? [])
      .filter(({ groupState }) => states.size === 0 || states.has(groupState.toLowerCase()))
      .filter(({ groupType }) => types.size === 0 || types.has(groupType.toLowerCase()));
    return { errorCode: errorCodes.NONE, groups };
  } catch (error) {
    return { errorCode: errorCodes[storeErrorOf(error)], groups: [] };
  }
}

interface Listed {
  readonly groupId: string;
  readonly protocolType: string;
  readonly groupState: string;
  readonly groupType: string;
}

async function listedGroup(coordinator: GroupCoordinator, groupId: string): Promise<Listed | null> {
  const held = coordinator.held(groupId)?.group;
  if (held instanceof ClassicCoordination && !held.isEmpty) {
    const { protocolType, phase } = held.state;
    return { groupId, protocolType: protocolType ?? '', groupState: STATES[phase], groupType: 'Classic' };
  }
  if (held instanceof ConsumerCoordination && !held.isEmpty) {
    const groupState = consumerGroupState(held.state);
    return { groupId, protocolType: CONSUMER_PROTOCOL, groupState, groupType: 'Consumer' };
  }
  const group = await coordinator.stored(groupId);
  return (
    group && { groupId, protocolType: protocolTypeOf(group), groupState: stateOf(group), groupType: typeOf(group) }
  );
}

/** Whoever reads for a group of another kind, tools need not know: it consumes. */
function protocolTypeOf(group: Group): string {
  if (group.kind !== 'classic') return CONSUMER_PROTOCOL;
  const state = group.coordination?.state as { readonly protocolType: string | null } | null | undefined;
  return state?.protocolType ?? '';
}

/** What calls functions is never without members: nobody may move its offsets as if it were. */
function stateOf({ kind, members }: Group): string {
  return members.length > 0 || kind === 'subscription' ? 'Stable' : 'Empty';
}

function typeOf({ kind }: Group): string {
  return kind === 'consumer' ? 'Consumer' : 'Classic';
}

/** Describes groups. One read for each that is not in memory. */
export async function handleDescribeGroups(
  coordinator: GroupCoordinator,
  request: RequestOf<typeof describeGroupsApi>,
  { apiVersion }: Pick<RequestContext, 'apiVersion'>,
): Promise<ResponseOf<typeof describeGroupsApi>> {
  const described = new Map<string, DescribedGroup>();
  await inParallel(new Set(request.groups), PARALLEL, async (name) => {
    const group = await describe(coordinator, name, apiVersion).catch((error) => refused(name, storeErrorOf(error)));
    described.set(name, group);
  });
  const operations = authorizedOperations(request.includeAuthorizedOperations);
  return { groups: request.groups.map((name) => ({ ...described.get(name)!, authorizedOperations: operations })) };
}

async function describe(coordinator: GroupCoordinator, name: string, apiVersion: number): Promise<DescribedGroup> {
  const refusal = coordinator.refusal(name);
  if (refusal !== null) return refused(name, refusal);
  const isHeld = coordinator.held(name)?.group.isEmpty === false;
  const stored = isHeld ? null : await coordinator.stored(name);
  if (!isHeld && (stored === null || stored.kind === 'consumer')) return absent(name, apiVersion);
  const isOthers = stored !== null && (stored.kind !== 'classic' || stored.members.length === 0);
  if (isOthers) return describedStored(stored);
  // With its members, whose time begins to run.
  const cell = await coordinator.openForMember(name);
  if (typeof cell === 'string') return refused(name, cell);
  return cell?.group instanceof ClassicCoordination ? describedClassic(name, cell.group) : absent(name, apiVersion);
}

function describedClassic(groupId: string, { state }: ClassicCoordination): DescribedGroup {
  const isStable = state.phase === 'stable';
  return {
    errorCode: errorCodes.NONE,
    groupId,
    groupState: STATES[state.phase],
    protocolType: state.protocolType ?? '',
    protocolData: isStable ? (state.protocol ?? '') : '',
    members: [...state.members.values()].map((member) => ({
      memberId: member.id,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: `/${member.clientHost}`,
      memberMetadata: isStable ? metadataOf(member, state.protocol) : NO_BYTES,
      memberAssignment: isStable ? member.assignment : NO_BYTES,
    })),
  };
}

/** A group that no gateway has members of, as a group of consumers. */
function describedStored(group: Group): DescribedGroup {
  const names = topicNames(group);
  return {
    errorCode: errorCodes.NONE,
    groupId: group.name,
    groupState: stateOf(group),
    protocolType: protocolTypeOf(group),
    protocolData: group.assignor ?? '',
    members: group.members.map(({ id, instanceId, clientId, topics }) => {
      const byTopic = Map.groupBy(group.assignment.get(id) ?? [], ({ topicId }) => names.get(topicId) ?? topicId);
      const assigned = [...byTopic].map(([topic, of]) => ({ topic, partitions: of.map(({ partition }) => partition) }));
      return {
        memberId: id,
        groupInstanceId: instanceId,
        clientId,
        clientHost: '',
        memberMetadata: encodeSubscription(topics),
        memberAssignment: encodeAssignment(assigned),
      };
    }),
  };
}

function absent(groupId: string, apiVersion: number): DescribedGroup {
  const isTold = apiVersion >= GROUP_ID_NOT_FOUND_FROM;
  return {
    ...refused(groupId, isTold ? 'GROUP_ID_NOT_FOUND' : 'NONE'),
    errorMessage: isTold ? `there is no classic group ${groupId}` : null,
    groupState: 'Dead',
  };
}

function refused(groupId: string, error: KafkaErrorName): DescribedGroup {
  return { errorCode: errorCodes[error], groupId, groupState: '', protocolType: '', protocolData: '', members: [] };
}

/** Deletes groups without members, with their offsets. */
export async function handleDeleteGroups(
  coordinator: GroupCoordinator,
  request: RequestOf<typeof deleteGroupsApi>,
): Promise<ResponseOf<typeof deleteGroupsApi>> {
  const results = new Map<string, KafkaErrorName>();
  await inParallel(new Set(request.groupsNames), PARALLEL, async (name) => {
    results.set(name, await remove(coordinator, name));
  });
  return {
    results: request.groupsNames.map((groupId) => ({ groupId, errorCode: errorCodes[results.get(groupId)!] })),
  };
}

async function remove(coordinator: GroupCoordinator, name: string): Promise<KafkaErrorName> {
  const refusal = coordinator.refusal(name);
  if (refusal !== null) return refusal;
  if (coordinator.held(name)?.group.isEmpty === false) return 'NON_EMPTY_GROUP';
  coordinator.forget(name);
  try {
    await deleteGroup(coordinator.deps, name);
    return 'NONE';
  } catch (error) {
    if (hasCode(error, 'GROUP_ID_NOT_FOUND')) return 'GROUP_ID_NOT_FOUND';
    if (hasCode(error, 'NON_EMPTY_GROUP') || hasCode(error, 'INCONSISTENT_GROUP_PROTOCOL')) return 'NON_EMPTY_GROUP';
    return storeErrorOf(error);
  }
}
