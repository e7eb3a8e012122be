/** OffsetDelete: a group forgets how far it was in partitions that none of its members reads. */
import { inParallel } from '../../log/in-parallel.ts';
import { repeatRequest } from '../../log/repeat-request.ts';
import { errorCodes, type KafkaErrorName } from '../protocol/error-codes.ts';
import type { offsetDeleteApi } from '../protocol/messages/group-offset-messages.ts';
import type { RequestOf, ResponseOf } from '../protocol/schema.ts';
import type { AnyCell, GroupCoordinator } from './group-coordinator.ts';
import { commitOffset } from './offset-commit.ts';
import { storeErrorOf } from './store-error.ts';

type Request = RequestOf<typeof offsetDeleteApi>;

/** Partitions of one request at once. */
const PARALLEL = 16;

/** One read, and one write for each partition in which something was committed. */
export async function handleOffsetDelete(
  coordinator: GroupCoordinator,
  request: Request,
): Promise<ResponseOf<typeof offsetDeleteApi>> {
  const cell = await openGroup(coordinator, request.groupId).catch(storeErrorOf);
  if (typeof cell === 'string') return { errorCode: errorCodes[cell] };
  const subscribed = new Set(cell.tenure.group.members.flatMap(({ topics }) => topics));
  const topics: { name: string; partitions: { partitionIndex: number; errorCode: number }[] }[] = [];
  for (const { name, partitions } of request.topics) {
    const errors = new Map<number, KafkaErrorName>();
    await inParallel(partitions, PARALLEL, async ({ partitionIndex }) => {
      const error = subscribed.has(name)
        ? 'GROUP_SUBSCRIBED_TO_TOPIC'
        : await forget(coordinator, cell, { name, partitionIndex }).catch(storeErrorOf);
      errors.set(partitionIndex, error);
    });
    topics.push({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode: errorCodes[errors.get(partitionIndex)!],
      })),
    });
  }
  return { errorCode: errorCodes.NONE, topics };
}

async function openGroup(coordinator: GroupCoordinator, groupId: string): Promise<AnyCell | KafkaErrorName> {
  const refusal = coordinator.refusal(groupId);
  if (refusal !== null) return refusal;
  const group = await coordinator.stored(groupId);
  if (group === null) return 'GROUP_ID_NOT_FOUND';
  const cell = await coordinator.openToCommit(groupId);
  return cell === 'INCONSISTENT_GROUP_PROTOCOL' ? 'NON_EMPTY_GROUP' : cell;
}

async function forget(
  { deps, topics }: GroupCoordinator,
  cell: AnyCell,
  { name, partitionIndex }: { readonly name: string; readonly partitionIndex: number },
): Promise<KafkaErrorName> {
  const topic = (await topics.findAll([name])).get(name);
  if (topic === undefined || partitionIndex < 0 || partitionIndex >= topic.partitionCount)
    return 'UNKNOWN_TOPIC_OR_PARTITION';
  const partition = { topicId: topic.topicId, partition: partitionIndex };
  const { name: group } = cell.tenure.group;
  const { answer } = await repeatRequest(deps, () => deps.store.offsets.readMany(group, [partition]));
  if (answer[0]?.committed == null) return 'NONE';
  return commitOffset(cell, { topic: name, partition }, null, '');
}
