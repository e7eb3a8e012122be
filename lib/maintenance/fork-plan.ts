/** Where a fork of a topic ends in each partition, and how what is below is cut: looked up and checked before anything is written. */
import { MillraceError } from '../errors.ts';
import type { Chunk } from '../log/chunk.ts';
import { decodeEntry, type Entry } from '../log/entry.ts';
import type { Head } from '../log/head.ts';
import { mapInParallel } from '../log/in-parallel.ts';
import { listOffset } from '../log/list-offsets.ts';
import { entryDataBytes } from '../log/locate.ts';
import { partitionGone } from '../log/partition-gone.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { Topic } from '../log/topic.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';

/** Up to where records are taken: of the partitions named below their offset, of all others all that there are; or below the first record of each partition at or after a time. */
export type ForkPoint =
  | { readonly offsets: ReadonlyMap<number, bigint> }
  | { /** ms since 1970 */ readonly timestampMs: bigint };

/** Where a fork ends in one partition. */
export interface PartitionCut {
  readonly partition: number;
  /** First offset that can be read of the source. */
  readonly start: bigint;
  /** First offset that is not taken. */
  readonly end: bigint;
  /** Sums over all that was ever committed below the end; null: nobody knows them for an end in the middle. */
  readonly appended: Pick<Head, 'appended' | 'appendedBytes'> | null;
}

/** Heads of one request, DynamoDB's limit. */
const HEADS = 100;
/** Look-ups by time at once. */
const PARALLEL = 16;
/** What is rewritten of a chunk at once. */
const PART_BYTES = 16 * 1024 * 1024;

/**
 * One read of each head, 100 in a request; by time the requests of `listOffset` for each partition. Throws UNKNOWN_TOPIC_OR_PARTITION, OFFSET_OUT_OF_RANGE, and what the store throws after ten attempts.
 */
export async function planFork(
  deps: MaintenanceDeps,
  topic: Topic,
  at: ForkPoint | undefined,
): Promise<readonly PartitionCut[]> {
  const count = topic.readyPartitionCount;
  const offsets = at !== undefined && 'offsets' in at ? at.offsets : new Map<number, bigint>();
  for (const partition of offsets.keys()) checkPartition(topic, partition);
  const cuts: PartitionCut[] = [];
  for (let first = 0; first < count; first += HEADS) {
    const numbers = Array.from({ length: Math.min(HEADS, count - first) }, (_, index) => first + index);
    const keys = numbers.map((partition) => ({ topicId: topic.topicId, partition }));
    const { answer: heads } = await repeatRequest(deps, () => deps.store.heads.readMany(keys, { consistent: true }));
    const some = await mapInParallel(numbers, PARALLEL, async (partition) => {
      const head = heads[partition - first] ?? null;
      if (head === null) throw partitionGone({ topicId: topic.topicId, partition });
      const isByTime = at !== undefined && 'timestampMs' in at;
      const end = isByTime ? await endByTime(deps, topic, partition, at.timestampMs) : offsets.get(partition);
      return cutAt(topic, partition, head, { end, isByTime });
    });
    cuts.push(...some);
  }
  return cuts;
}

function checkPartition({ name, readyPartitionCount }: Topic, partition: number): void {
  if (Number.isInteger(partition) && partition >= 0 && partition < readyPartitionCount) return;
  throw new MillraceError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${name} has no partition ${partition}`, {
    value: partition,
    hint: `Its partitions are 0 to ${readyPartitionCount - 1}.`,
  });
}

async function endByTime(
  deps: MaintenanceDeps,
  { topicId, domain }: Topic,
  partition: number,
  timestampMs: bigint,
): Promise<bigint | undefined> {
  return (await listOffset(deps, { partition: { topicId, partition }, domain }, { timestampMs }))?.offset;
}

function cutAt(
  { name }: Topic,
  partition: number,
  { start, next, appended, appendedBytes }: Head,
  { end: asked, isByTime }: { readonly end: bigint | undefined; readonly isByTime: boolean },
): PartitionCut {
  const all = { partition, start, end: next, appended: { appended, appendedBytes } };
  // What came behind this look at the head, or went before it, is no mistake of who names a time.
  if (asked === undefined || asked === next || (isByTime && asked > next)) return all;
  if (isByTime && asked < start) return { ...all, end: start, appended: null };
  if (asked >= start && asked < next) return { partition, start, end: asked, appended: null };
  throw new MillraceError(
    'OFFSET_OUT_OF_RANGE',
    `offset ${asked} is not in partition ${partition} of ${name}: its offsets are ${start} to ${next}`,
    { value: { partition, offset: asked, logStartOffset: start, highWatermark: next }, hint: 'Fork at one of them.' },
  );
}

/** A chunk, or a part of one, with its entries. */
export type ForkPart = Chunk;

/**
 * A chunk, or the tail of a head, as parts of about 16 MiB that begin and end with an entry, without those that lie below `from` or at or above `end`. A chunk of level 1 is one part. Throws CORRUPT_OBJECT.
 */
export function partsOf(chunk: Chunk, from: bigint, end: bigint): readonly ForkPart[] {
  if (chunk.level === 1) return [chunk];
  const parts: ForkPart[] = [];
  let base = chunk.base;
  let open: { readonly base: bigint; readonly entries: Uint8Array[]; readonly decoded: Entry[]; bytes: number } | null =
    null;
  const close = () => {
    if (open !== null) parts.push(partOf(chunk, open.base, base, open));
    open = null;
  };
  for (const bytes of chunk.entries) {
    const entry = decodeEntry(bytes);
    const endOffset = base + BigInt(entry.recordCount);
    if (endOffset > from && base < end) {
      const size = entryDataBytes(entry);
      if (open !== null && open.bytes + size > PART_BYTES) close();
      open ??= { base, entries: [], decoded: [], bytes: 0 };
      open.entries.push(bytes);
      open.decoded.push(entry);
      open.bytes += size;
    }
    base = endOffset;
    if (base >= end) break;
  }
  close();
  return parts;
}

function partOf(
  chunk: Chunk,
  base: bigint,
  end: bigint,
  { entries, decoded }: { readonly entries: readonly Uint8Array[]; readonly decoded: readonly Entry[] },
): ForkPart {
  const ids = decoded.map(({ id }) => id).sort();
  return { ...chunk, base, end, count: entries.length, minId: ids[0]!, maxId: ids.at(-1)!, entries };
}
