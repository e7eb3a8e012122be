/** What retention may drop of a partition: pure. Chunks and tail in, offsets out. */
import type { Chunk } from '../log/chunk.ts';
import { decodeEntry, type Entry } from '../log/entry.ts';
import type { Head } from '../log/head.ts';
import { entryDataBytes } from '../log/locate.ts';
import { idTimeMs, type SegmentId } from '../segment/segment-id.ts';

/** Records that go together: those of one entry, or of a chunk that compaction has rewritten. */
export interface RecordExtent {
  readonly endOffset: bigint;
  /** The largest timestamp in it; where no record has one, when it was appended. */
  readonly maxTimestampMs: bigint;
  /** As stored. */
  readonly bytes: number;
}

function extentOf(entry: Entry, endOffset: bigint): RecordExtent {
  return { endOffset, maxTimestampMs: timestampOr(entry.maxTimestampMs, entry.id), bytes: entryDataBytes(entry) };
}

/** Kafka takes the time of the file then; here the id tells it. */
function timestampOr(timestampMs: bigint, id: SegmentId): bigint {
  return timestampMs >= 0n ? timestampMs : BigInt(idTimeMs(id));
}

function extentsOf(entries: readonly Uint8Array[], base: bigint): readonly RecordExtent[] {
  let offset = base;
  return entries.map((bytes) => {
    const entry = decodeEntry(bytes);
    offset += BigInt(entry.recordCount);
    return extentOf(entry, offset);
  });
}

/** What a chunk holds, in order. Throws CORRUPT_OBJECT. */
export function chunkExtents(chunk: Chunk): readonly RecordExtent[] {
  if (chunk.level === 0) return extentsOf(chunk.entries, chunk.base);
  const bytes = chunk.entries.reduce((sum, entry) => sum + entryDataBytes(decodeEntry(entry)), 0);
  return [{ endOffset: chunk.end, maxTimestampMs: timestampOr(chunk.maxTimestampMs, chunk.maxId), bytes }];
}

/** What the tail holds, in order. Throws CORRUPT_OBJECT. */
export function tailExtents({ tail, tailBase }: Pick<Head, 'tail' | 'tailBase'>): readonly RecordExtent[] {
  return extentsOf(tail, tailBase);
}

/** What came of looking through extents in order. */
export interface ExpiredPrefix {
  /** All below it is expired; null when nothing is. */
  readonly endOffset: bigint | null;
  /** Whether all of them are, so that what follows has to be looked at too. */
  readonly isAll: boolean;
}

/**
 * How far extents are older than `maxAgeMs`. As in Kafka it ends at the first that is not, so a record whose timestamp lies in the future keeps all behind it until its own time is over.
 */
export function expiredPrefix(
  extents: readonly RecordExtent[],
  { nowMs, maxAgeMs }: { readonly nowMs: number; readonly maxAgeMs: bigint },
): ExpiredPrefix {
  const firstKept = extents.findIndex(({ maxTimestampMs }) => BigInt(nowMs) - maxTimestampMs <= maxAgeMs);
  if (firstKept < 0) return { endOffset: extents.at(-1)?.endOffset ?? null, isAll: true };
  return { endOffset: extents[firstKept - 1]?.endOffset ?? null, isAll: false };
}

/** Extents newest first are given one after another, until enough bytes are kept. */
export class KeptSuffix {
  readonly #minBytes: bigint;
  #bytes = 0n;
  /** Where what is kept begins, once it is enough; null until then. */
  startOffset: bigint | null = null;

  constructor(minBytes: bigint) {
    this.#minBytes = minBytes;
    // As Kafka, which empties a partition then.
  }

  /** Takes extents in their order, from the last to the first, that begin at `base`. */
  add(extents: readonly RecordExtent[], base: bigint): void {
    for (let index = extents.length - 1; index >= 0 && this.startOffset === null; index--) {
      const { endOffset, bytes } = extents[index]!;
      if (this.#bytes >= this.#minBytes) this.startOffset = endOffset;
      else this.#bytes += BigInt(bytes);
    }
    if (this.startOffset === null && this.#bytes >= this.#minBytes) this.startOffset = base;
  }
}
