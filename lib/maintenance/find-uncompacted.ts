import type { Chunk } from '../log/chunk.ts';
import { chunkPages } from '../log/chunk-pages.ts';
import type { Head } from '../log/head.ts';
import { coveringChunk, indexGap } from '../log/locate.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { isSettled } from './compaction-plan.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { REPLACED_AT_ONCE } from './rewrite-chunks.ts';

/** A compaction that was killed leaves chunks behind that are not rewritten, among others that are: fewer than it replaces at once. Twice as many, for one that was killed behind it. */
const LOOK_BACK = 2 * REPLACED_AT_ONCE;

/**
 * An offset of the first chunk that compaction has not been at; null when there is none below the tail. Chunks are rewritten in the order of their offsets, but for the last that one has come to which was killed; so it
 * is looked for from the end on, in a hundred chunks, and beyond them by bisection: a query for each doubling of the log. `forKeys` as in `isSettled`. Throws OBJECT_MISSING where the index has a gap, CORRUPT_OBJECT, and what the store throws
 * after ten attempts.
 */
export async function findUncompacted(
  deps: MaintenanceDeps,
  partition: PartitionKey,
  { start, tailBase }: Head,
  forKeys = false,
): Promise<bigint | null> {
  if (start >= tailBase || (await areNewestSettled(deps, partition, { start, tailBase, forKeys }))) return null;
  const newest = await newestChunks(deps, partition, tailBase);
  const lowest = newest.at(-1);
  const lastOpen = newest.findLastIndex((chunk) => chunk.end > start && !isSettled(chunk, forKeys));
  if (lowest === undefined || lastOpen < 0) return null;
  const isBoundarySeen = lowest.base <= start || newest.length - 1 - lastOpen >= LOOK_BACK;
  const openBase = newest[lastOpen]!.base;
  return isBoundarySeen ? atLeast(openBase, start) : bisect(deps, partition, { start, openBase, forKeys });
}

/** The common case, at half a read unit where chunks were rewritten. An answer that does not reach up to the tail is an old one, and tells nothing. */
async function areNewestSettled(
  deps: MaintenanceDeps,
  partition: PartitionKey,
  { start, tailBase, forKeys }: Pick<Head, 'start' | 'tailBase'> & { readonly forKeys: boolean },
): Promise<boolean> {
  const query = { toBase: tailBase - 1n, order: 'descending', limit: REPLACED_AT_ONCE, consistent: false } as const;
  const { answer } = await repeatRequest(deps, () => deps.store.chunks.query(partition, query));
  return answer[0]?.end === tailBase && answer.every((chunk) => chunk.end <= start || isSettled(chunk, forKeys));
}

async function bisect(
  deps: MaintenanceDeps,
  partition: PartitionKey,
  { start, openBase, forKeys }: { readonly start: bigint; readonly openBase: bigint; readonly forKeys: boolean },
): Promise<bigint> {
  let low = start;
  let high = openBase;
  while (low < high) {
    const middle = low + (high - low) / 2n;
    const { answer: chunk } = await repeatRequest(deps, () =>
      coveringChunk(deps.store.chunks, partition, middle, true),
    );
    if (chunk === null) throw indexGap(partition, middle);
    if (isSettled(chunk, forKeys)) low = chunk.end;
    else high = atLeast(chunk.base, low);
  }
  if (low === start) return low;
  const query = { toBase: low - 1n, order: 'descending', limit: LOOK_BACK, consistent: true } as const;
  const { answer } = await repeatRequest(deps, () => deps.store.chunks.query(partition, query));
  const left = answer.filter((chunk) => chunk.end > start && !isSettled(chunk, forKeys)).at(-1);
  return left === undefined ? low : atLeast(left.base, start);
}

/** The first page of the chunks below the tail, newest first. */
async function newestChunks(
  deps: MaintenanceDeps,
  partition: PartitionKey,
  tailBase: bigint,
): Promise<readonly Chunk[]> {
  for await (const page of chunkPages(deps, partition, { toBase: tailBase - 1n, order: 'descending' })) return page;
  return [];
}

const atLeast = (offset: bigint, least: bigint): bigint => (offset < least ? least : offset);
