/** OffsetFetch: plain consistent reads, behind the commits that came before. Offsets of every kind of group are seen. */
import { allOffsets } from '../../group/describe-group.ts';
import type { GroupTopic } from '../../group/group.ts';
import type { GroupOffset } from '../../group/group-offset.ts';
import { inParallel } from '../../log/in-parallel.ts';
import { repeatRequest } from '../../log/repeat-request.ts';
import type { RequestContext } from '../handler.ts';
import { errorCodes, type KafkaErrorName } from '../protocol/error-codes.ts';
import type { offsetFetchApi } from '../protocol/messages/group-offset-messages.ts';
import type { RequestOf, ResponseOf } from '../protocol/schema.ts';
import { ConsumerCoordination } from './consumer-coordination.ts';
import { consumerCommitError } from './consumer-heartbeat.ts';
import type { AnyCell, GroupCoordinator } from './group-coordinator.ts';
import { storeErrorOf } from './store-error.ts';

type Request = RequestOf<typeof offsetFetchApi>;
type RequestedGroup = Pick<Request['groups'][number], 'groupId' | 'memberId' | 'memberEpoch'> & {
  /** Null: all. */
  readonly topics:
    | readonly { readonly name: string; readonly topicId: string; readonly partitionIndexes: readonly number[] }[]
    | null;
};

interface FetchedPartition {
  readonly partitionIndex: number;
  readonly committedOffset: bigint;
  readonly metadata: string;
  readonly errorCode: number;
}

interface FetchedTopic {
  readonly name: string;
  readonly topicId: string;
  readonly partitions: readonly FetchedPartition[];
}

const ZERO_ID = '00000000-0000-0000-0000-000000000000';
/** Version from which several groups are asked about, and from which topics are named by their ids. */
const GROUPS_FROM = 8;
const TOPIC_IDS_FROM = 10;
/** Version in which an error is told for each partition. */
const NO_GROUP_ERROR = 1;
/** Groups of one request at once. */
const PARALLEL = 8;

/** Reads committed offsets; −1 where there is none. */
export async function handleOffsetFetch(
  coordinator: GroupCoordinator,
  request: Request,
  { apiVersion }: Pick<RequestContext, 'apiVersion'>,
): Promise<ResponseOf<typeof offsetFetchApi>> {
  if (apiVersion >= GROUPS_FROM) return { groups: await fetchGroups(coordinator, request.groups, apiVersion) };
  const topics = request.topics?.map((topic) => ({ ...topic, topicId: ZERO_ID })) ?? null;
  const asked = { groupId: request.groupId, memberId: null, memberEpoch: -1, topics };
  const { error, topics: read } = await fetchGroup(coordinator, asked, apiVersion);
  const errorCode = errorCodes[error];
  if (error === 'NONE' || apiVersion > NO_GROUP_ERROR) return { errorCode, topics: read };
  return {
    topics: (topics ?? []).map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({ ...absent(partitionIndex), errorCode })),
    })),
  };
}

async function fetchGroups(coordinator: GroupCoordinator, groups: Request['groups'], apiVersion: number) {
  const fetched = new Map<RequestedGroup, Awaited<ReturnType<typeof fetchGroup>>>();
  await inParallel(groups, PARALLEL, async (group) => {
    fetched.set(group, await fetchGroup(coordinator, group, apiVersion));
  });
  return groups.map((group) => {
    const { error, topics } = fetched.get(group)!;
    return { groupId: group.groupId, errorCode: errorCodes[error], topics };
  });
}

async function fetchGroup(
  coordinator: GroupCoordinator,
  group: RequestedGroup,
  apiVersion: number,
): Promise<{ readonly error: KafkaErrorName; readonly topics: readonly FetchedTopic[] }> {
  const { groupId } = group;
  try {
    await coordinator.commitsOf(groupId);
    // A group with members is loaded: what the gateway before has under way must not change what is read.
    const cell = await coordinator.openForMember(groupId);
    const error = typeof cell === 'string' ? cell : memberError(cell, group);
    if (error !== null) return { error: await confirmed(cell, error), topics: [] };
    const topics =
      group.topics === null
        ? await fetchAll(coordinator, groupId)
        : await fetchSome(coordinator, groupId, group.topics, apiVersion);
    return { error: 'NONE', topics };
  } catch (cause) {
    return { error: storeErrorOf(cause), topics: [] };
  }
}

/** As `GroupCell.confirm`, where there is a cell. */
async function confirmed(cell: AnyCell | KafkaErrorName | null, error: KafkaErrorName): Promise<KafkaErrorName> {
  return cell === null || typeof cell === 'string' ? error : cell.confirm(error);
}

/** Members by the newer protocol say who they are; tools do not. */
function memberError(cell: AnyCell | null, { memberId, memberEpoch }: RequestedGroup): KafkaErrorName | null {
  if (memberId === null || memberEpoch < 0) return null;
  if (cell === null) return 'UNKNOWN_MEMBER_ID';
  if (!(cell.group instanceof ConsumerCoordination)) return null;
  return consumerCommitError(cell.group.state, { memberId, epoch: memberEpoch });
}

async function fetchAll({ deps }: GroupCoordinator, groupId: string): Promise<readonly FetchedTopic[]> {
  const offsets = (await allOffsets(deps, groupId)).filter(({ committed }) => committed !== null);
  const byTopic = Map.groupBy(offsets, ({ partition }) => partition.topicId);
  return [...byTopic].map(([topicId, of]) => ({
    name: of[0]!.topic,
    topicId,
    partitions: of.map((offset) => fetched(offset.partition.partition, offset)),
  }));
}

async function fetchSome(
  coordinator: GroupCoordinator,
  groupId: string,
  asked: NonNullable<RequestedGroup['topics']>,
  apiVersion: number,
): Promise<readonly FetchedTopic[]> {
  const { topics } = coordinator;
  const isById = apiVersion >= TOPIC_IDS_FROM;
  const byName = isById ? null : await topics.findAll(asked.map(({ name }) => name));
  const found: FetchedTopic[] = [];
  for (const { name, topicId, partitionIndexes } of asked) {
    const topic = byName === null ? await topics.findById(topicId) : byName.get(name);
    const partitions = topic
      ? await fetchPartitions(coordinator, groupId, topic, partitionIndexes)
      : unknown(partitionIndexes, isById);
    found.push({ name, topicId, partitions });
  }
  return found;
}

/** Where there is no topic nothing was committed; only who asks by an id is told that there is none. */
function unknown(partitionIndexes: readonly number[], isById: boolean): readonly FetchedPartition[] {
  const errorCode = isById ? errorCodes.UNKNOWN_TOPIC_ID : errorCodes.NONE;
  return partitionIndexes.map((partitionIndex) => ({ ...absent(partitionIndex), errorCode }));
}

async function fetchPartitions(
  coordinator: GroupCoordinator,
  groupId: string,
  { name, topicId, partitionCount }: GroupTopic,
  partitionIndexes: readonly number[],
): Promise<readonly FetchedPartition[]> {
  const isThere = (partition: number) => partition >= 0 && partition < partitionCount;
  const there = [...new Set(partitionIndexes.filter(isThere))];
  const keys = there.map((partition) => ({ topicId, partition }));
  const { deps } = coordinator;
  // What is read must stay so until its reader commits something else.
  await coordinator.held(groupId)?.tenure.settle(keys.map((partition) => ({ topic: name, partition })));
  const { answer } = await repeatRequest(deps, () => deps.store.offsets.readMany(groupId, keys));
  const offsets = new Map(there.map((partition, index) => [partition, answer[index] ?? null]));
  return partitionIndexes.map((partition) => fetched(partition, offsets.get(partition) ?? null));
}

function fetched(partitionIndex: number, offset: GroupOffset | null): FetchedPartition {
  const committed = offset?.committed ?? null;
  if (committed === null) return absent(partitionIndex);
  return { partitionIndex, committedOffset: committed, metadata: offset!.metadata, errorCode: errorCodes.NONE };
}

function absent(partitionIndex: number): FetchedPartition {
  return { partitionIndex, committedOffset: -1n, metadata: '', errorCode: errorCodes.NONE };
}
