import type { Chunk } from '../../log/chunk.ts';
import { decodeEntry } from '../../log/entry.ts';
import { entryDataBytes } from '../../log/locate.ts';
import { type LiveChunksQuery, liveChunks } from '../live-chunks.ts';
import type { MaintenanceDeps } from '../maintenance-deps.ts';
import { readChunkBatches } from '../read-chunk-batches.ts';

/** A chunk and its record batches, with their offsets, every checksum verified. */
export interface ChunkBatches {
  readonly chunk: Chunk;
  readonly batches: readonly Uint8Array[];
}

/** Chunks of a group, however small they are. */
const GROUP_CHUNKS = 1_000;

/** Which chunks, and how many at a time. */
export interface GroupsQuery extends LiveChunksQuery {
  /** No chunk that begins at or above it. */
  readonly end: bigint;
  /** About what a group holds: so much is in memory. */
  readonly readBytes: number;
}

/**
 * The chunks of a partition from the one that covers `fromOffset` to the one before `end`, in groups of at least one chunk. Throws what the store throws after
 * ten attempts, and CORRUPT_OBJECT and OBJECT_MISSING for what cannot be read.
 */
export async function* readInGroups(
  deps: MaintenanceDeps,
  domain: string,
  query: GroupsQuery,
): AsyncGenerator<readonly ChunkBatches[]> {
  let group: Chunk[] = [];
  let bytes = 0;
  for await (const chunk of liveChunks(deps, query)) {
    if (chunk.base >= query.end) break;
    const more = chunk.entries.reduce((sum, entry) => sum + entryDataBytes(decodeEntry(entry)), 0);
    if (group.length > 0 && (bytes + more > query.readBytes || group.length >= GROUP_CHUNKS)) {
      yield await readGroup(deps, domain, group);
      group = [];
      bytes = 0;
    }
    group.push(chunk);
    bytes += more;
  }
  if (group.length > 0) yield await readGroup(deps, domain, group);
}

async function readGroup(
  deps: MaintenanceDeps,
  domain: string,
  chunks: readonly Chunk[],
): Promise<readonly ChunkBatches[]> {
  const { batches, damage } = await readChunkBatches(deps, { domain, chunks });
  if (damage !== null) throw damage;
  return chunks.map((chunk, index) => ({ chunk, batches: batches[index]! }));
}
