/**
 * What the objects of a partition say of it when its items are gone. Pure: regions in, pieces out.
 *
 * A chunk is rewritten in place, so all regions of level 1 of a partition tile it in the same way: those of one base are versions of one chunk. The log named the one with the highest version, or an equal one of a rewriting that was killed.
 */
import { asMillraceError, type MillraceError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { Chunk } from '../../log/chunk.ts';
import { decodeEntry, type Entry } from '../../log/entry.ts';
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
  /** What old tables had in this order, at level 0. */
  | {
      readonly kind: 'entries';
      readonly base: bigint;
      readonly end: bigint;
      readonly entries: readonly OldEntry[];
      /** The one that they stood in. */
      readonly of: OldChunk;
    }
  /** Offsets of which nothing is left. */
  | { readonly kind: 'gap'; readonly base: bigint; readonly end: bigint };

/** A chunk of old tables, or an entry of the tail of a head as one; of level 0 entries may be missing in the middle. */
export interface OldChunk extends Pick<Chunk, 'base' | 'end' | 'level' | 'version'> {
  readonly entries: readonly OldEntry[];
  /** It comes from the tail: what was rolled into which chunk since is not known. */
  readonly isTail: boolean;
}

/** As it is stored. */
export type OldItem = Pick<Chunk, 'base' | 'end' | 'level' | 'version' | 'entries'> & { readonly isTail?: boolean };

/** An entry of old tables. */
export interface OldEntry {
  readonly base: bigint;
  readonly end: bigint;
  readonly bytes: Uint8Array;
  readonly entry: Entry;
}

/** A chunk of old tables, whose entries begin at its base. From one on that cannot be read they are left out, since nobody knows their offsets: `damage` says why. */
export function oldChunk({ base, end, level, version, entries, isTail = false }: OldItem): {
  readonly chunk: OldChunk;
  readonly damage: MillraceError | null;
} {
  const located: OldEntry[] = [];
  let damage: MillraceError | null = null;
  let place = base;
  for (const bytes of entries) {
    try {
      const entry = decodeEntry(bytes);
      const from = place;
      place = level === 1 ? end : from + BigInt(entry.recordCount);
      located.push({ base: from, end: place, bytes, entry });
    } catch (cause) {
      damage = asMillraceError(cause);
      break;
    }
  }
  return { chunk: { base, end, level, version, entries: located, isTail }, damage };
}

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
 * Chooses what to make again of some regions of one partition, which are in the order of `compareRegions`, and of the chunks that old tables had there, in order too. `place`: all below it is planned; null: nothing is, and the partition
 * begins with its first record.
 *
 * A chunk of which all records were removed by their keys is a gap like any other.
 */
export function planPieces(
  regions: readonly FoundRegion[],
  place: bigint | null,
  old: readonly OldChunk[] = [],
): PlannedPieces {
  const pieces: Piece[] = [];
  const overlapping: FoundRegion[] = [];
  let end = place;
  for (const piece of candidates(regions, old)) {
    if (end !== null && piece.base < end) {
      // Entries below it were rewritten into what is there.
      if (piece.kind === 'region') overlapping.push(piece.region);
      continue;
    }
    if (end !== null && piece.base > end) pieces.push({ kind: 'gap', base: end, end: piece.base });
    end = piece.end;
    const joined = joinEntries(pieces.at(-1), piece);
    if (joined !== null) pieces.pop();
    pieces.push(joined ?? piece);
  }
  return { pieces, overlapping };
}

/** Entries of one chunk, or of the tail, that stand back to back, as one piece. */
function joinEntries(last: Piece | undefined, piece: Piece): Piece | null {
  if (last?.kind !== 'entries' || piece.kind !== 'entries') return null;
  const isTogether = last.of === piece.of || (last.of.isTail && piece.of.isTail);
  if (!isTogether) return null;
  if (last.entries.length >= limits.entriesPerChunk) return null;
  return { ...last, end: piece.end, entries: [...last.entries, ...piece.entries] };
}

/** In the order of their offsets, a region before entries of the same offset: these were rewritten into it. */
function candidates(regions: readonly FoundRegion[], old: readonly OldChunk[]): readonly Piece[] {
  const oldOf = new Map(old.map((chunk) => [chunk.base, chunk]));
  const found: Piece[] = [];
  for (const [base, versions] of Map.groupBy(regions, ({ baseOffset }) => baseOffset)) {
    const region = chooseVersion(versions, oldOf.get(base));
    const end = region.lastOffset + 1n;
    if (region.recordCount > 0) found.push({ kind: 'region', base, end, region });
    // Nothing is left of it, whatever the old tables say.
    else oldOf.delete(base);
  }
  for (const chunk of oldOf.values()) {
    if (chunk.level === 1) continue;
    for (const entry of chunk.entries)
      found.push({ kind: 'entries', base: entry.base, end: entry.end, entries: [entry], of: chunk });
  }
  // A stable sort: regions stay in front of entries.
  return found.sort((a, b) => (a.base < b.base ? -1 : Number(a.base > b.base)));
}

/** Tables say which of several versions they named; a later one may have come since. */
function chooseVersion(versions: readonly FoundRegion[], old: OldChunk | undefined): FoundRegion {
  const newest = versions[0]!;
  if (old === undefined || old.level === 0 || newest.chunkVersion + 1 > old.version) return newest;
  return versions.find(({ id }) => id === old.entries[0]?.entry.id) ?? newest;
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
