/** Where subscriptions begin, and go on. */
import { MillraceError } from '../errors.ts';
import { freshUuid } from '../log/fresh-uuid.ts';
import { inParallel } from '../log/in-parallel.ts';
import { listOffset, type ReadablePartition } from '../log/list-offsets.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { Topic } from '../log/topic.ts';
import type { EventSourceDeps } from './event-source-deps.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import type { StartingPosition } from './subscription-request.ts';

/** What is to be done. */
export interface SeekLeasesRequest {
  readonly to: StartingPosition;
  /** Default: all. */
  readonly partitions?: readonly number[];
  /** Says what would be done and writes nothing. Default false. */
  readonly dryRun?: boolean;
}

/** What was done to one partition, or would be. */
export interface SoughtLease {
  readonly partition: number;
  /** Null: nothing was committed. */
  readonly before: bigint | null;
  readonly after: bigint;
}

type Deps = Pick<EventSourceDeps, 'store' | 'clock' | 'random'>;
type Place = Pick<FunctionSubscription, 'group' | 'topic' | 'topicId'>;

/** Look-ups or writes at once. */
const PARALLEL = 16;
const MAX_LOOKS = 20;

/** Writes where a subscription begins in every partition that has no offset yet: those that are there stay, so that it may be done again. A read and a write each. */
export async function setStarts(deps: Deps, of: Place, topic: Topic, to: StartingPosition): Promise<void> {
  const partitions = Array.from({ length: topic.readyPartitionCount }, (_, partition) => partition);
  await inParallel(partitions, PARALLEL, async (partition) => {
    const key = { topicId: of.topicId, partition };
    const committed = await positionOf(deps, { partition: key, domain: topic.domain }, to, 'within');
    const args = { topic: of.topic, owner: 'start', seen: 0, committed, atMs: Math.floor(deps.clock.nowMs()) };
    await repeatRequest(deps, () => deps.store.leases.seek(of.group, key, args));
  });
}

/** Moves committed offsets. All positions are found before anything is written. Throws OFFSET_OUT_OF_RANGE, UNKNOWN_TOPIC_OR_PARTITION. */
export async function seekLeases(
  deps: Deps,
  of: Place,
  topic: Topic,
  { to, partitions, dryRun = false }: SeekLeasesRequest,
): Promise<readonly SoughtLease[]> {
  const numbers = chosenPartitions(topic, partitions);
  const sought: SoughtLease[] = [];
  await inParallel(numbers, PARALLEL, async (partition) => {
    const key = { topicId: of.topicId, partition };
    const after = await positionOf(deps, { partition: key, domain: topic.domain }, to, 'exact');
    const { answer } = await repeatRequest(deps, () =>
      deps.store.leases.readMany([{ group: of.group, partition: key }]),
    );
    sought.push({ partition, before: answer[0]?.committed ?? null, after });
  });
  sought.sort((left, right) => left.partition - right.partition);
  if (!dryRun) await inParallel(sought, PARALLEL, (one) => seekOne(deps, of, one));
  return sought;
}

/** All partitions of a topic, or these. Throws UNKNOWN_TOPIC_OR_PARTITION. */
export function chosenPartitions(topic: Topic, partitions?: readonly number[]): readonly number[] {
  const numbers = partitions ?? Array.from({ length: topic.readyPartitionCount }, (_, partition) => partition);
  const missing = numbers.find((one) => !(Number.isInteger(one) && one >= 0 && one < topic.readyPartitionCount));
  if (missing === undefined) return [...new Set(numbers)];
  throw new MillraceError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic.name} has no partition ${missing}`, {
    value: missing,
    hint: `Its partitions are 0 to ${topic.readyPartitionCount - 1}.`,
  });
}

/** Under a fresh name each time, so that it knows itself again when its answer was lost. */
async function seekOne(deps: Deps, of: Place, { partition, after }: SoughtLease): Promise<void> {
  const key = { topicId: of.topicId, partition };
  const owner = `administrator ${freshUuid(deps.random)}`;
  for (let look = 0; look < MAX_LOOKS; look++) {
    const { answer: leases } = await repeatRequest(deps, () =>
      deps.store.leases.readMany([{ group: of.group, partition: key }]),
    );
    const seen = leases[0]?.generation ?? 0;
    if (leases[0]?.owner === owner) return;
    const args = { topic: of.topic, owner, seen, committed: after, atMs: Math.floor(deps.clock.nowMs()) };
    const { answer } = await repeatRequest(deps, () => deps.store.leases.seek(of.group, key, args));
    if (answer.outcome === 'done' || answer.item?.owner === owner) return;
  }
  throw new MillraceError(
    'STORE_UNAVAILABLE',
    `partition ${partition} of ${of.topic} changed hands faster than it could be moved`,
    {
      value: partition,
      hint: 'Pause the subscription and seek again.',
    },
  );
}

/** The offset of a position. One that the partition does not have is taken for its nearest end, or with `exact` refused. Throws OFFSET_OUT_OF_RANGE, INVALID_REQUEST. */
export async function positionOf(
  deps: Deps,
  readable: ReadablePartition,
  to: StartingPosition,
  form: 'within' | 'exact',
): Promise<bigint> {
  const start = async () => (await listOffset(deps, readable, { at: 'earliest' }))!.offset;
  const end = async () => (await listOffset(deps, readable, { at: 'latest' }))!.offset;
  if (to === 'TRIM_HORIZON') return start();
  if (to === 'LATEST') return end();
  if (typeof to === 'object' && to !== null && 'timestampMs' in to) {
    return (await listOffset(deps, readable, { timestampMs: BigInt(to.timestampMs) }))?.offset ?? end();
  }
  if (typeof to !== 'object' || to === null || typeof to.offset !== 'bigint') {
    throw new MillraceError('INVALID_REQUEST', `${String(to)} is no position`, {
      value: to,
      hint: "Give 'TRIM_HORIZON', 'LATEST', { timestampMs } or { offset: 42n }.",
    });
  }
  const [first, last] = [await start(), await end()];
  if (to.offset >= first && to.offset <= last) return to.offset;
  if (form === 'within') return to.offset < first ? first : last;
  const { partition } = readable.partition;
  throw new MillraceError(
    'OFFSET_OUT_OF_RANGE',
    `partition ${partition} has no offset ${to.offset}: it has ${first} to ${last}`,
    {
      value: to.offset,
      hint: 'Name an offset within, or the partitions that have it; or seek to the beginning, the end or a time.',
    },
  );
}
