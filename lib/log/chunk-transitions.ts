/** Every change of a chunk, as pure functions; see `head-transitions.ts` for how they are used. */
import type { SegmentId } from '../segment/segment-id.ts';
import type { Chunk } from './chunk.ts';
import type { Change } from './head-transitions.ts';

/** First step of a roll. A chunk that is there already wins: whoever lost adopts its end and count. */
export function putChunkTransition(existing: Chunk | undefined, chunk: Chunk): Change<Chunk> {
  return existing ? { outcome: 'refused', item: existing } : { outcome: 'done', item: chunk };
}

/** Arguments of a replacement in place by compaction. */
export interface ReplaceChunkArgs {
  readonly version: number;
  readonly end: bigint;
  /** One encoded reference to a level-1 object. */
  readonly reference: Uint8Array;
}

/** Puts a level-1 reference in the place of a chunk's entries, IF it still is what was read. */
export function replaceChunkTransition(chunk: Chunk | undefined, args: ReplaceChunkArgs): Change<Chunk> {
  if (chunk?.version !== args.version || chunk.end !== args.end) return { outcome: 'refused', item: chunk };
  return { outcome: 'done', item: { ...chunk, entries: [args.reference], level: 1, version: chunk.version + 1 } };
}

/** Arguments of a deletion by retention. */
export interface RemoveChunkArgs {
  /** No chunk that ends above it may go. */
  readonly endAtMost: bigint;
  /** The floor that the head had when the log start offset rose: no chunk with a larger id may be forgotten. */
  readonly maxIdAtMost: SegmentId;
}

/** Whether retention may delete a chunk. A chunk that is not there counts as deleted. */
export function mayRemoveChunk(chunk: Chunk, args: RemoveChunkArgs): boolean {
  return chunk.end <= args.endAtMost && chunk.maxId <= args.maxIdAtMost;
}
