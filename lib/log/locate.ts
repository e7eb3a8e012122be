/**
 * Finds the entries that hold the records from an offset on: in the tail at or above `tailBase`, in chunks below. Never a LIST, and no request that grows with the number of
 * records or of chunks.
 */
import { MillraceError } from '../errors.ts';
import type { Chunk } from './chunk.ts';
import type { Chunks } from './chunks.ts';
import { decodeEntry, type Entry, entryRecordCount } from './entry.ts';
import type { Head } from './head.ts';
import type { PartitionKey } from './partition-key.ts';

/** An entry and the offsets that it covers. */
export interface LocatedEntry {
  readonly entry: Entry;
  readonly baseOffset: bigint;
  /** First offset behind it. */
  readonly endOffset: bigint;
  /** 1: its batches carry their own offsets, and may have gaps. */
  readonly level: 0 | 1;
  /** Read from the head: recent data. */
  readonly hot: boolean;
}

/** What is looked for. */
export interface LocateQuery {
  readonly offset: bigint;
  /** Enough entries to fill this, and at least one. */
  readonly maxBytes: number;
  readonly consistent: boolean;
}

/** Chunks that one look-up reads behind the first: entries of a chunk usually fill a fetch. */
const FOLLOWING_CHUNKS = 4;
/** Those of level 1 are small items, and may be of few bytes each: as many as should fill a fetch, and no more queries than this. */
const COMPACTED_CHUNKS_MOST = 100;
const QUERIES_MOST = 4;

/** Bytes of record batches that an entry leads to. */
export function entryDataBytes(entry: Entry): number {
  return entry.kind === 'reference' ? entry.lengthBytes : entry.batches.length;
}

/** Entries, of `[base, …)`, that end above `offset`: all of them, or as many as it takes to lead to more than `maxBytes`. Those below are not decoded. */
export function locateAmong(
  encoded: readonly Uint8Array[],
  base: bigint,
  offset: bigint,
  hot: boolean,
  maxBytes = Number.POSITIVE_INFINITY,
): readonly LocatedEntry[] {
  const located: LocatedEntry[] = [];
  let baseOffset = base;
  let dataBytes = 0;
  for (const bytes of encoded) {
    if (dataBytes > maxBytes) break;
    const endOffset = baseOffset + BigInt(entryRecordCount(bytes));
    if (endOffset > offset) {
      const entry = decodeEntry(bytes);
      located.push({ entry, baseOffset, endOffset, level: 0, hot });
      dataBytes += entryDataBytes(entry);
    }
    baseOffset = endOffset;
  }
  return located;
}

function locateInChunk(chunk: Chunk, offset: bigint, maxBytes: number): readonly LocatedEntry[] {
  if (chunk.level === 0) return locateAmong(chunk.entries, chunk.base, offset, false, maxBytes);
  const entry = decodeEntry(chunk.entries[0]!);
  return [{ entry, baseOffset: chunk.base, endOffset: chunk.end, level: 1, hot: false }];
}

function dataBytes(located: readonly LocatedEntry[]): number {
  return located.reduce((sum, { entry }) => sum + entryDataBytes(entry), 0);
}

/** How many chunks of level 1 should fill what is missing, if all are as large as the first; after a first query that was wrong about that, as many as can be. */
function chunksToFill(maxBytes: number, bytes: number, query: number): number {
  const wanted = query === 0 ? Math.ceil((maxBytes - bytes) / bytes) : COMPACTED_CHUNKS_MOST;
  return Math.min(COMPACTED_CHUNKS_MOST, Math.max(FOLLOWING_CHUNKS, wanted));
}

/** Cuts the list where `maxBytes` is reached, but not before the first. */
function withinBudget(entries: readonly LocatedEntry[], maxBytes: number): readonly LocatedEntry[] {
  let bytes = 0;
  const end = entries.findIndex(({ entry }, index) => {
    bytes += entryDataBytes(entry);
    return index > 0 && bytes > maxBytes;
  });
  return end < 0 ? entries : entries.slice(0, end);
}

/**
 * Entries from `offset` on, in order and without a gap, for an offset in `[head.start, head.next)`. Null when the index moved while it was read (or is
 * damaged): read the head again, consistently.
 */
export async function locateEntries(
  chunks: Chunks,
  partition: PartitionKey,
  head: Head,
  query: LocateQuery,
): Promise<readonly LocatedEntry[] | null> {
  const { offset, maxBytes, consistent } = query;
  if (offset >= head.tailBase) {
    return withinBudget(locateAmong(head.tail, head.tailBase, offset, true, maxBytes), maxBytes);
  }
  const covering = await coveringChunk(chunks, partition, offset, consistent);
  if (!covering) return null;
  // It may be cut short, and what is put behind it then is cut off at the end.
  const located = [...locateInChunk(covering, offset, maxBytes)];
  let bytes = dataBytes(located);
  let end = covering.end;
  let mayFollow = true;
  for (let query = 0; query < QUERIES_MOST && mayFollow && end < head.tailBase; query++) {
    // What is a little short of it is enough.
    if (bytes >= (query === 0 ? maxBytes : maxBytes / 2)) break;
    const limit = covering.level === 1 ? chunksToFill(maxBytes, bytes, query) : FOLLOWING_CHUNKS;
    const following = await chunks.query(partition, {
      fromBase: end,
      // A chunk at `tailBase` was put by a roll that is half done, or after this head was read: then it may end above this head's `next`.
      toBase: head.tailBase - 1n,
      order: 'ascending',
      limit,
      consistent,
    });
    mayFollow = following.length > 0 && covering.level === 1;
    for (const chunk of following) {
      if (chunk.base !== end || chunk.level !== 1) mayFollow = false;
      if (chunk.base !== end || bytes >= maxBytes) break;
      const found = locateInChunk(chunk, end, maxBytes);
      bytes += dataBytes(found);
      located.push(...found);
      end = chunk.end;
    }
  }
  if (end === head.tailBase) located.push(...locateAmong(head.tail, head.tailBase, end, true, maxBytes));
  return withinBudget(located, maxBytes);
}

/** The chunk with the greatest base at or below `offset`, if it reaches beyond it. */
export async function coveringChunk(
  chunks: Chunks,
  partition: PartitionKey,
  offset: bigint,
  consistent: boolean,
): Promise<Chunk | null> {
  const query = { toBase: offset, order: 'descending', limit: 1 } as const;
  const [chunk] = await chunks.query(partition, { ...query, consistent });
  if (chunk && chunk.end > offset) return chunk;
  if (consistent) return null;
  const [again] = await chunks.query(partition, { ...query, consistent: true });
  return again && again.end > offset ? again : null;
}

/** The index has no place for an offset that it should have: loss or damage, told by name. */
export function indexGap(partition: PartitionKey, offset: bigint): MillraceError {
  return new MillraceError('OBJECT_MISSING', `no chunk covers offset ${offset} of partition ${partition.partition}`, {
    value: { ...partition, offset },
    hint: 'A part of the index was deleted by something else than Millrace; restore the table from a backup.',
  });
}
