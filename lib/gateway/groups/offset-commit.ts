/** OffsetCommit: one conditional write for each partition, under the tenure that this gateway has of the group. */
import type { GroupTopic } from '../../group/group.ts';
import { limits } from '../../limits.ts';
import { inParallel } from '../../log/in-parallel.ts';
import type { RequestContext } from '../handler.ts';
import { errorCodes, type KafkaErrorName } from '../protocol/error-codes.ts';
import type { offsetCommitApi } from '../protocol/messages/group-offset-messages.ts';
import type { RequestOf, ResponseOf } from '../protocol/schema.ts';
import { ClassicCoordination } from './classic-coordination.ts';
import { commitError } from './classic-requests.ts';
import { ConsumerCoordination } from './consumer-coordination.ts';
import { consumerCommitError } from './consumer-heartbeat.ts';
import type { AnyCell, GroupCoordinator } from './group-coordinator.ts';
import { storeErrorOf } from './store-error.ts';

type Request = RequestOf<typeof offsetCommitApi>;
type RequestedTopic = Request['topics'][number];
type RequestedPartition = RequestedTopic['partitions'][number];

/** Version from which topics are named by their ids. */
const TOPIC_IDS_FROM = 10;
/** Version from which a group that is not there is called so. */
const GROUP_ID_NOT_FOUND_FROM = 9;

/** Partitions of one request that are committed at once. */
const PARALLEL = 64;

/** Commits offsets, those of each partition by itself. */
export async function handleOffsetCommit(
  coordinator: GroupCoordinator,
  request: Request,
  context: Pick<RequestContext, 'apiVersion'>,
): Promise<ResponseOf<typeof offsetCommitApi>> {
  const commits = commitAll(coordinator, request, context.apiVersion).catch(storeErrorOf);
  const outcomes = await coordinator.noteCommits(request.groupId, commits);
  return {
    topics: request.topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map((partition) => ({
        partitionIndex: partition.partitionIndex,
        errorCode: errorCodes[typeof outcomes === 'string' ? outcomes : outcomes.get(partition)!],
      })),
    })),
  };
}

async function commitAll(
  coordinator: GroupCoordinator,
  request: Request,
  apiVersion: number,
): Promise<ReadonlyMap<RequestedPartition, KafkaErrorName> | KafkaErrorName> {
  const { lapses } = coordinator;
  const held = coordinator.held(request.groupId);
  const topics = await topicsOf(coordinator, request, apiVersion);
  const cell = await openCell(coordinator, request, apiVersion);
  if (typeof cell === 'string') return cell;
  // The group was another's meanwhile, who may have been asked since and told something newer.
  if (cell.closed !== null || coordinator.lapses !== lapses || (held !== null && held !== cell))
    return 'NOT_COORDINATOR';
  const refusal = () => cell.closed ?? cell.change((group, nowMs) => senderError(group, request, nowMs));
  const error = refusal();
  if (error !== null) return cell.confirm(error);
  const unknown = apiVersion >= TOPIC_IDS_FROM ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION';
  const outcomes = new Map<RequestedPartition, KafkaErrorName>();
  const commits = request.topics.flatMap((topic) =>
    topic.partitions.map((partition) => ({ partition, found: topics.get(topic) })),
  );
  await inParallel(commits, PARALLEL, async ({ partition, found }) => {
    // Nothing is waited for between this and the commit: whoever was put out meanwhile must not begin another one.
    const problem = refusal() ?? (found === undefined ? unknown : partitionError(partition, found));
    outcomes.set(partition, await (problem === null ? commit(cell, found!, partition) : cell.confirm(problem)));
  });
  return outcomes;
}

async function topicsOf(
  { topics }: GroupCoordinator,
  request: Request,
  apiVersion: number,
): Promise<ReadonlyMap<RequestedTopic, GroupTopic>> {
  const found = new Map<RequestedTopic, GroupTopic>();
  const byName = apiVersion < TOPIC_IDS_FROM ? await topics.findAll(request.topics.map(({ name }) => name)) : null;
  for (const topic of request.topics) {
    const known = byName === null ? await topics.findById(topic.topicId) : byName.get(topic.name);
    if (known) found.set(topic, known);
  }
  return found;
}

async function openCell(
  coordinator: GroupCoordinator,
  { groupId, generationIdOrMemberEpoch: generation }: Request,
  apiVersion: number,
): Promise<AnyCell | KafkaErrorName> {
  if (generation < 0) {
    const cell = await coordinator.openToCommit(groupId);
    // Its members are others: only they may commit.
    return cell === 'INCONSISTENT_GROUP_PROTOCOL' ? 'UNKNOWN_MEMBER_ID' : cell;
  }
  const cell = await coordinator.openForMember(groupId);
  if (cell !== null) return cell;
  const group = await coordinator.stored(groupId);
  if (group !== null) return 'UNKNOWN_MEMBER_ID';
  return apiVersion >= GROUP_ID_NOT_FOUND_FROM ? 'GROUP_ID_NOT_FOUND' : 'ILLEGAL_GENERATION';
}

function senderError(group: AnyCell['group'], request: Request, nowMs: number): KafkaErrorName | null {
  const { memberId, groupInstanceId: instanceId, generationIdOrMemberEpoch: generation } = request;
  if (group instanceof ClassicCoordination)
    return commitError(group.state, { memberId, instanceId, generation }, nowMs);
  if (group instanceof ConsumerCoordination) return consumerCommitError(group.state, { memberId, epoch: generation });
  return 'UNKNOWN_MEMBER_ID';
}

function partitionError(
  { partitionIndex, committedOffset, committedMetadata }: RequestedPartition,
  topic: GroupTopic,
): KafkaErrorName | null {
  if (partitionIndex < 0 || partitionIndex >= topic.partitionCount) return 'UNKNOWN_TOPIC_OR_PARTITION';
  if (Buffer.byteLength(committedMetadata ?? '') > limits.offsetMetadataBytes) return 'OFFSET_METADATA_TOO_LARGE';
  return committedOffset < 0n ? 'INVALID_REQUEST' : null;
}

async function commit(
  cell: AnyCell,
  { name, topicId }: GroupTopic,
  { partitionIndex, committedOffset, committedMetadata }: RequestedPartition,
): Promise<KafkaErrorName> {
  const at = { topic: name, partition: { topicId, partition: partitionIndex } };
  return commitOffset(cell, at, committedOffset, committedMetadata ?? '');
}

/** Commits one offset, or that there is none (null), and says what came of it. A group that turns out to be another's is let go of. */
export async function commitOffset(
  cell: AnyCell,
  ...what: Parameters<AnyCell['tenure']['commit']>
): Promise<KafkaErrorName> {
  try {
    if (await cell.tenure.commit(...what)) return 'NONE';
    cell.close('NOT_COORDINATOR');
    return 'NOT_COORDINATOR';
  } catch (error) {
    return storeErrorOf(error);
  }
}
