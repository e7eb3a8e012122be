/**
 * Puts rewritten chunks into one object of level 1, and the object in the place of their entries: what compaction and key compaction have in common.
 *
 * ```
 * 1  the floor of each partition rises to the largest id of its chunks: floor before forgetting
 * 2  the object is put, and names the chunks with the versions by which they were read: data before order
 * 3  each chunk comes to name it, if it still has that version
 * ```
 *
 * May be killed at any point, done twice, and by several at once. What it leaves behind is an object that no chunk names, or that only some do; collection knows by the chunks' versions when nothing can name it any more.
 */
import type { Chunk } from '../log/chunk.ts';
import { encodeRewritten, sameEntry } from '../log/entry.ts';
import { inParallel, mapInParallel } from '../log/in-parallel.ts';
import { type PartitionKey, partitionPk } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { encodeSegment } from '../segment/encode-segment.ts';
import type { IdSource } from '../segment/id-source.ts';
import { type SegmentId, ZERO_ID } from '../segment/segment-id.ts';
import { segmentKey } from '../segment/segment-key.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { putUnderFreshName } from './put-under-fresh-name.ts';

/** A chunk as it was read, and what is to stand in its place. */
export interface RewrittenChunk {
  readonly partition: PartitionKey;
  readonly chunk: Chunk;
  /** Record batches, stamped with their offsets; one at least. */
  readonly batches: readonly Uint8Array[];
  /** Replaced once all others are, one by one, and none behind one that somebody else has changed. Default false: in any order. */
  readonly isLast?: boolean;
}

/** What is to be put into one object. */
export interface RewriteRequest {
  /** Of the topics that the chunks belong to: all of one isolation domain. */
  readonly domain: string;
  /** In the order in which they are to be replaced: of a partition by their offsets. */
  readonly rewritten: readonly RewrittenChunk[];
  readonly ids: IdSource;
}

/** What was done. */
export interface RewriteResult {
  /** Null: all partitions are gone, and nothing was put. */
  readonly id: SegmentId | null;
  readonly sizeBytes: number;
  /** Chunks that name the object now; others were replaced or deleted by somebody else meanwhile. */
  readonly replaced: number;
}

/** Requests at once. */
const PARALLEL = 16;
/** Chunks that are replaced at once, all of them before the next. */
export const REPLACED_AT_ONCE = 16;

/**
 * See the module comment. Requests: an update of each head, a PUT, an update of each chunk. Throws what the store throws after ten attempts, and INVALID_REQUEST and MESSAGE_TOO_LARGE as `encodeSegment`
 * does.
 */
export async function rewriteChunks(deps: MaintenanceDeps, request: RewriteRequest): Promise<RewriteResult> {
  const gone = await raiseFloors(deps, request.rewritten);
  const rewritten = request.rewritten.filter(({ partition }) => !gone.has(partitionPk(partition)));
  if (rewritten.length === 0) return { id: null, sizeBytes: 0, replaced: 0 };
  const { domain, ids } = request;
  const regions = rewritten.map(({ partition, chunk, batches }) => ({
    ...partition,
    batches,
    baseOffset: chunk.base,
    lastOffset: chunk.end - 1n,
    chunkVersion: chunk.version,
  }));
  const segment = encodeSegment({ level: 1, writerId: ids.next(ZERO_ID), regions });
  const id = await putUnderFreshName(deps, segment.bytes, () => {
    const name = ids.next(ZERO_ID);
    return { name, key: segmentKey({ prefix: deps.store.prefix, domain, level: 1, id: name }) };
  });
  const placeOf = (topicId: string, partition: number, base: bigint) => `${topicId}/${partition}/${base}`;
  const references = new Map(
    segment.regions.map((region) => [
      placeOf(region.topicId, region.partition, region.baseOffset),
      encodeRewritten(id, region),
    ]),
  );
  let replaced = 0;
  const replace = async ({ partition, chunk }: RewrittenChunk) => {
    const reference = references.get(placeOf(partition.topicId, partition.partition, chunk.base))!;
    if (await replaceChunk(deps, partition, chunk, reference)) replaced += 1;
  };
  const first = rewritten.filter(({ isLast }) => isLast !== true);
  // Window by window, so that who is killed leaves no more than one of them half done: the next one looks no further back.
  for (let from = 0; from < first.length; from += REPLACED_AT_ONCE)
    await inParallel(first.slice(from, from + REPLACED_AT_ONCE), REPLACED_AT_ONCE, replace);
  let due = first.length;
  for (const one of rewritten) {
    if (one.isLast !== true) continue;
    if (replaced < due) break;
    await replace(one);
    due += 1;
  }
  return { id, sizeBytes: segment.bytes.length, replaced };
}

/** Step 1. Returns the partitions that are gone. */
async function raiseFloors(deps: MaintenanceDeps, rewritten: readonly RewrittenChunk[]): Promise<ReadonlySet<string>> {
  const byPartition = Map.groupBy(rewritten, ({ partition }) => partitionPk(partition));
  const answers = await mapInParallel([...byPartition], PARALLEL, async ([pk, chunks]) => {
    const floor = chunks.reduce<SegmentId>((most, { chunk }) => (chunk.maxId > most ? chunk.maxId : most), ZERO_ID);
    const raise = () => deps.store.heads.raiseFloor(chunks[0]!.partition, floor);
    const { answer } = await repeatRequest(deps, raise);
    return answer.item === undefined ? pk : null;
  });
  return new Set(answers.filter((pk) => pk !== null));
}

/** Step 3. Refused by what an unanswered attempt of ours has done counts as done. */
async function replaceChunk(
  deps: MaintenanceDeps,
  partition: PartitionKey,
  { base, end, version }: Chunk,
  reference: Uint8Array,
): Promise<boolean> {
  const replace = () => deps.store.chunks.replace(partition, base, { version, end, reference });
  const { answer } = await repeatRequest(deps, replace);
  const [entry] = answer.item?.entries ?? [];
  return entry !== undefined && sameEntry(entry, reference);
}
