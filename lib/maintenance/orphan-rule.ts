/**
 * When an object of level 1 that nothing names can be named no more. A compaction puts its object first and has the chunks name it one by one, each if it still has the version that was read; it may be killed in
 * between, or stand still for any time. So an object may go only if for every chunk that it was made of
 *
 * - the chunk has been replaced since, and does not name it; or
 * - the chunk is gone, and the log start offset is behind it; or
 * - the partition is gone.
 *
 * A chunk whose compaction was killed is compacted anew by the next one, and then this holds.
 */
import type { Chunk } from '../log/chunk.ts';
import { chunkPages } from '../log/chunk-pages.ts';
import { decodeEntry } from '../log/entry.ts';
import { mapInParallel } from '../log/in-parallel.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { partitionPk } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { StampedRegion } from '../segment/region.ts';
import type { SegmentId } from '../segment/segment-id.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';

/** Partitions that are asked at once. */
const PARALLEL = 4;

/**
 * Whether any of its chunks names an object, or may come to. `regions`: all of the object, in order. A read of each head, a query for 100 chunks. Throws what the store throws after ten attempts, CORRUPT_OBJECT
 * for what cannot be read.
 */
export async function mayBeNamed(
  deps: MaintenanceDeps,
  id: SegmentId,
  regions: readonly StampedRegion[],
): Promise<boolean> {
  const partitions = Map.groupBy(regions, ({ topicId, partition }) => partitionPk({ topicId, partition }));
  const answers = await mapInParallel([...partitions.values()], PARALLEL, (chunks) => mayBeNamedBy(deps, id, chunks));
  return answers.includes(true);
}

async function mayBeNamedBy(deps: MaintenanceDeps, id: SegmentId, regions: readonly StampedRegion[]): Promise<boolean> {
  const { topicId, partition } = regions[0]!;
  const key: PartitionKey = { topicId, partition };
  // Before the chunks: what retention deletes behind it lies below a start that is not known here.
  const { answer: head } = await repeatRequest(deps, () => deps.store.heads.read(key, { consistent: true }));
  if (head === null) return false;
  const left = new Map(regions.map((region) => [region.baseOffset, region]));
  const range = { fromBase: regions[0]!.baseOffset, toBase: regions.at(-1)!.baseOffset, order: 'ascending' } as const;
  for await (const page of chunkPages(deps, key, range)) {
    for (const chunk of page) {
      const region = left.get(chunk.base);
      if (region === undefined) continue;
      if (chunk.version <= region.chunkVersion || names(chunk, id)) return true;
      left.delete(chunk.base);
    }
  }
  return [...left.values()].some(({ lastOffset }) => lastOffset >= head.start);
}

function names({ level, entries }: Chunk, id: SegmentId): boolean {
  return level === 1 && entries.some((bytes) => decodeEntry(bytes).id === id);
}
