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

/** Chunks below the first that was found among which others may have been left. */
const HOLES_WITHIN = 100;

/**
 * An offset of the first chunk that compaction has not been at; null when there is none below the tail. Chunks are rewritten in the order of their offsets, but for the last that one has come to which was killed; so it
 * is looked for from the end on, in a hundred chunks, and beyond them by bisection: a query for each doubling of the log. Where compaction has been is told by chunks that were rewritten; what stays as it is for its size tells nothing of what lies below, so it is passed
 * over, a query for each hundred. A hundred such chunks at the end of the partition hide what is below them until anything smaller is behind them. `forKeys` as in `isSettled`. Throws OBJECT_MISSING where the index has a gap, CORRUPT_OBJECT, and what the store throws
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
  const rewritten = newest.slice(lastOpen + 1).filter(({ level }) => level === 1);
  const isBoundarySeen = lowest.base <= start || rewritten.length >= LOOK_BACK;
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
  const isBoundarySeen = answer.some(({ level, base }) => level === 1 || base <= start);
  const isAll = answer.every((chunk) => chunk.end <= start || isSettled(chunk, forKeys));
  return answer[0]?.end === tailBase && isAll && isBoundarySeen;
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
    const telling =
      chunk.level === 0 && isSettled(chunk, forKeys) ? await below(deps, partition, chunk, { low, forKeys }) : chunk;
    if (telling === null || isSettled(telling, forKeys)) low = chunk.end;
    else high = atLeast(telling.base, low);
  }
  if (low === start) return low;
  const query = { toBase: low - 1n, order: 'descending', limit: HOLES_WITHIN, consistent: true } as const;
  const { answer } = await repeatRequest(deps, () => deps.store.chunks.query(partition, query));
  const left = answer.filter((chunk) => chunk.end > start && !isSettled(chunk, forKeys)).at(-1);
  return left === undefined ? low : atLeast(left.base, start);
}

/** The next chunk below one that stays as it is which does not, or was rewritten; null when there is none above `low`. */
async function below(
  deps: MaintenanceDeps,
  partition: PartitionKey,
  chunk: Chunk,
  { low, forKeys }: { readonly low: bigint; readonly forKeys: boolean },
): Promise<Chunk | null> {
  const query = { fromBase: low, toBase: chunk.base - 1n, order: 'descending' } as const;
  if (chunk.base <= low) return null;
  for await (const page of chunkPages(deps, partition, query)) {
    const found = page.find((one) => one.level === 1 || !isSettled(one, forKeys));
    if (found !== undefined) return found;
  }
  return null;
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
