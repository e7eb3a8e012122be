import type { Chunk } from '../log/chunk.ts';
import { decodeEntry } from '../log/entry.ts';
import { mapInParallel } from '../log/in-parallel.ts';
import { entryDataBytes } from '../log/locate.ts';
import type { SegmentId } from '../segment/segment-id.ts';
import type { ChunkSupply } from './chunk-supply.ts';

/** Chunks that are read together. */
export interface GatheredChunks {
  /** Of each partition its chunks, in the order of their offsets. */
  readonly chunks: ReadonlyMap<ChunkSupply, readonly Chunk[]>;
  /** References in them, and the objects that they lead to: how many requests it would take to read each by itself, and how many it takes at least. */
  readonly pieces: number;
  readonly objects: number;
}

/** How much is gathered. */
export interface GatherBounds {
  /** Of record batches, unless a single chunk has more. */
  readonly bytes: number;
  /** Awaited behind each chunk. */
  readonly onChunk: () => Promise<void>;
}

/** Each is a GET, or several: seconds. */
const OBJECTS_MOST = 4_096;
/** Of all chunks: some 60 MB beside their batches. */
const ENTRIES_MOST = 65_536;
/** Chunks of one object: each is an update, and 76 bytes of its index. */
export const CHUNKS_MOST = 10_000;
/** Partitions that are looked at at once. */
const PARALLEL = 16;

/** Has each supply hold its first chunk. Throws what the store throws after ten attempts. */
export async function fillAll(supplies: readonly ChunkSupply[]): Promise<void> {
  await mapInParallel(supplies, PARALLEL, (supply) => supply.fill());
}

/**
 * The oldest chunks of some partitions, whichever they are of: where producers write to many partitions at once, these are pieces of the same segments, each of which then is read once for all of them. Nothing when no
 * supply has anything left. Throws what the store throws after ten attempts.
 */
export async function gatherChunks(supplies: readonly ChunkSupply[], bounds: GatherBounds): Promise<GatheredChunks> {
  await fillAll(supplies);
  const chunks = new Map<ChunkSupply, Chunk[]>();
  const ids = new Set<SegmentId>();
  let [bytes, entries, pieces, count] = [0, 0, 0, 0];
  for (let supply = oldest(supplies); supply !== null; supply = oldest(supplies)) {
    const chunk = supply.next!;
    const found = chunk.entries.map(decodeEntry);
    const more = found.reduce((sum, entry) => sum + entryDataBytes(entry), 0);
    const isFull = bytes + more > bounds.bytes || entries + found.length > ENTRIES_MOST || count === CHUNKS_MOST;
    if (count > 0 && (isFull || ids.size >= OBJECTS_MOST)) break;
    const references = found.filter(({ kind }) => kind === 'reference');
    for (const { id } of references) ids.add(id);
    bytes += more;
    entries += found.length;
    pieces += references.length;
    count += 1;
    const before = chunks.get(supply);
    if (before === undefined) chunks.set(supply, [chunk]);
    else before.push(chunk);
    supply.take();
    await supply.fill();
    await bounds.onChunk();
  }
  return { chunks, pieces, objects: ids.size };
}

/** The one whose first chunk has the smallest id. */
function oldest(supplies: readonly ChunkSupply[]): ChunkSupply | null {
  let found: ChunkSupply | null = null;
  for (const supply of supplies) {
    const { next } = supply;
    if (next !== null && (found === null || next.minId < found.next!.minId)) found = supply;
  }
  return found;
}
