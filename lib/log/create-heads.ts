import type { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { SegmentId } from '../segment/segment-id.ts';
import { changeTopic } from './change-topic.ts';
import { type TopicDeps, topicBusy } from './find-topic.ts';
import { inParallel } from './in-parallel.ts';
import { repeatRequest } from './repeat-request.ts';
import type { Topic } from './topic.ts';

/** A transaction also checks the topic and the global floor. */
const HEADS_PER_TRANSACTION = limits.transactionItems - 2;
/** Transactions in flight. */
const PARALLEL = 8;
/** Looks at the state of the store after refusals; each is caused by somebody else's change. */
const MAX_ROUNDS = 16;

/** The error when a topic is deleted under the hands of who makes it. */
function deletedMeanwhile(topic: Topic): MillraceError {
  return topicBusy(topic.name, 'was deleted while its partitions were being made');
}

/** Numbers from `from` to below `to`, in runs of one transaction. */
function* runs(from: number, to: number): Generator<readonly number[]> {
  for (let first = from; first < to; first += HEADS_PER_TRANSACTION) {
    const count = Math.min(HEADS_PER_TRANSACTION, to - first);
    yield Array.from({ length: count }, (_, index) => first + index);
  }
}

async function readFloor(deps: TopicDeps): Promise<SegmentId> {
  return (await repeatRequest(deps, () => deps.store.topics.readGlobalFloor())).answer;
}

/** Those of the partitions that have no head. */
async function withoutHead(deps: TopicDeps, topicId: string, partitions: readonly number[]) {
  const keys = partitions.map((partition) => ({ topicId, partition }));
  const { answer: heads } = await repeatRequest(deps, () => deps.store.heads.readMany(keys, { consistent: true }));
  return partitions.filter((_, index) => heads[index] === null);
}

/** Makes the heads of one run; returns the floor that was valid in the end, which the next run begins with. */
async function createRun(
  deps: TopicDeps,
  topic: Topic,
  run: readonly number[],
  floorAtFirst: SegmentId,
): Promise<SegmentId> {
  const { name: topicName, topicId } = topic;
  let floor = floorAtFirst;
  let partitions = run;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const args = { topicName, topicId, partitions, floor };
    const { answer: outcome } = await repeatRequest(deps, () => deps.store.topics.createHeads(args));
    switch (outcome) {
      case 'done':
        return floor;
      case 'topic-changed':
        throw deletedMeanwhile(topic);
      case 'floor-moved':
        floor = await readFloor(deps);
        break;
      case 'head-exists':
        partitions = await withoutHead(deps, topicId, partitions);
        if (partitions.length === 0) return floor;
        break;
    }
  }
  throw topicBusy(topic.name, 'cannot be given its partitions: others are changing it all the time');
}

/**
 * Makes the heads that a topic still lacks and then opens it for use: state `active`, `readyPartitionCount` as many as it should have. Heads that are there are kept as they are, so
 * it may be run again after a crash, and by several at once.
 *
 * Requests: one transaction for 98 partitions, 8 in flight, and one update. Throws TOPIC_BUSY when the topic is deleted meanwhile.
 */
export async function createMissingHeads(deps: TopicDeps, topic: Topic): Promise<Topic> {
  const madeCount = topic.partitionCount;
  let floor = await readFloor(deps);
  await inParallel(runs(topic.readyPartitionCount, madeCount), PARALLEL, async (run) => {
    floor = await createRun(deps, topic, run, floor);
  });
  const opened = await changeTopic(deps, topic, (current) => {
    if (current.state === 'deleting') throw deletedMeanwhile(topic);
    if (current.state === 'active' && current.readyPartitionCount >= madeCount) return { kind: 'enough' };
    return { kind: 'write', topic: { ...current, state: 'active', readyPartitionCount: madeCount } };
  });
  if (opened === null) throw deletedMeanwhile(topic);
  return opened;
}
