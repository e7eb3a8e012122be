/**
 * What the objects of a partition say of it when its items are gone. Pure: regions in, pieces out.
 *
 * A chunk is rewritten in place, so all regions of level 1 of a partition tile it in the same way: those of one base are versions of one chunk. The log named the one with the highest version, or an equal one of a rewriting that was killed.
 */
import type { StampedRegion } from '../../segment/region.ts';
import type { SegmentId } from '../../segment/segment-id.ts';

/** A region of level 1, and its object. */
export interface FoundRegion extends StampedRegion {
  readonly id: SegmentId;
}

/** A part of a partition that is made again. */
export type Piece =
  /** The chunk that a region was made of. */
  | { readonly kind: 'region'; readonly base: bigint; readonly end: bigint; readonly region: FoundRegion }
  /** Offsets of which no object of level 1 has anything. */
  | { readonly kind: 'gap'; readonly base: bigint; readonly end: bigint };

/** Pieces back to back, and what was left out of them. */
export interface PlannedPieces {
  readonly pieces: readonly Piece[];
  /** Regions that overlap others and are no version of them. */
  readonly overlapping: readonly FoundRegion[];
}

/** Offsets of a chunk: what an entry can count, and what two empty batches can cover. */
export const GAP_CHUNK_MOST = 2n ** 32n - 1n;

/** Before it there was no log. */
const FIRST_LOG_MS = Date.UTC(2020, 0, 1);
/** Records of a partition that stand in no object, at most, since its last compaction: 800,000 a second for a day. */
const GAP = 2n ** 36n;
/** And for each millisecond since: 10,000 a second without end. */
const GAP_PER_MS = 10n;
/** Where nothing is known of a partition: a million a second since there are logs. */
const OFFSETS_PER_MS = 1_000n;

/** By what a high watermark is chosen. */
export interface KnownEnd {
  /** The first offset behind all that any object of level 1 tells; null: none tells anything. */
  readonly end: bigint | null;
  /** When the object was made that tells it, ms since 1970. */
  readonly endAtMs: number;
  /** Records of the partition in objects of level 0. */
  readonly unplacedRecords: number;
  /** When the rebuilding was begun, ms since 1970. */
  readonly nowMs: number;
}

/**
 * A high watermark above every offset that was ever given to a record of the partition. What stands in objects of level 0 is counted twice over; what stood in the items alone is known by nobody, so a bound is taken that no partition reaches.
 * It depends on the time and on orders of magnitude only, so that it comes out the same when it is chosen once more.
 */
export function safeHighWatermark({ end, endAtMs, unplacedRecords, nowMs }: KnownEnd): bigint {
  const unplaced = GAP * (1n + (2n * BigInt(unplacedRecords)) / GAP);
  if (end === null) return unplaced + OFFSETS_PER_MS * BigInt(Math.max(0, Math.floor(nowMs - FIRST_LOG_MS)));
  return end + unplaced + GAP_PER_MS * BigInt(Math.max(0, Math.floor(nowMs - endAtMs)));
}

/** The order in which regions are worked on, and that of the versions of one chunk: the one to take first. */
export function compareRegions(a: FoundRegion, b: FoundRegion): number {
  const place = comparePlaces(a, b);
  if (place !== 0) return place;
  if (a.chunkVersion !== b.chunkVersion) return b.chunkVersion - a.chunkVersion;
  // Both were made of the same records: the one that has fewer was made when more was known of later ones.
  if (a.recordCount !== b.recordCount) return a.recordCount - b.recordCount;
  return a.id > b.id ? -1 : Number(a.id < b.id);
}

/** Where a chunk begins. */
export type RegionPlace = Pick<FoundRegion, 'topicId' | 'partition' | 'baseOffset'>;

/** By topic, partition and offset. */
export function comparePlaces(a: RegionPlace, b: RegionPlace): number {
  if (a.topicId !== b.topicId) return a.topicId < b.topicId ? -1 : 1;
  if (a.partition !== b.partition) return a.partition - b.partition;
  return a.baseOffset < b.baseOffset ? -1 : Number(a.baseOffset > b.baseOffset);
}

/**
 * Chooses what to make again of some regions of one partition, which are in the order of `compareRegions`. `place`: all below it is planned; null: nothing is, and the partition begins with its first record.
 *
 * A chunk of which all records were removed by their keys is a gap like any other.
 */
export function planPieces(regions: readonly FoundRegion[], place: bigint | null): PlannedPieces {
  const pieces: Piece[] = [];
  const overlapping: FoundRegion[] = [];
  let end = place;
  let base: bigint | null = null;
  for (const region of regions) {
    // An older version of the chunk before.
    if (region.baseOffset === base) continue;
    base = region.baseOffset;
    if (region.recordCount === 0) continue;
    if (end !== null && base < end) {
      overlapping.push(region);
      continue;
    }
    if (end !== null && base > end) pieces.push({ kind: 'gap', base: end, end: base });
    end = region.lastOffset + 1n;
    pieces.push({ kind: 'region', base, end, region });
  }
  return { pieces, overlapping };
}

/** A gap as chunks. */
export function cutGap({ base, end }: Pick<Piece, 'base' | 'end'>): readonly Pick<Piece, 'base' | 'end'>[] {
  const parts: { base: bigint; end: bigint }[] = [];
  for (let from = base; from < end; from += GAP_CHUNK_MOST) {
    const to = from + GAP_CHUNK_MOST;
    parts.push({ base: from, end: to < end ? to : end });
  }
  return parts;
}
