/**
 * Whether the index of a partition fits itself: the tail of the head, the chunks below it, and their sums. Pure: items in, damage out. Chunks are given one by one in the order of their offsets, so a long log
 * takes no more memory than a short one.
 */
import { asMillraceError, type ErrorCode } from '../errors.ts';
import type { Chunk } from './chunk.ts';
import { decodeEntry, type Entry, sameEntry } from './entry.ts';
import type { Head } from './head.ts';
import type { LocatedEntry } from './locate.ts';

/** Something that is not as it was written. */
export interface Damage {
  readonly code: ErrorCode;
  /** Offsets that cannot be trusted: `[fromOffset, endOffset)`. */
  readonly fromOffset: bigint;
  readonly endOffset: bigint;
  /** Key of the object that has it, null when it is in the index. */
  readonly object: string | null;
  readonly message: string;
}

/** Whether a roll that came late has put a chunk where retention had deleted another: below the log start offset chunks of their own follow in the middle of it. */
function isBroughtBack({ end }: Chunk, nextBase: bigint, start: bigint): boolean {
  return nextBase < end && nextBase <= start;
}

/** See the top of this file. */
export class IndexCheck {
  readonly damages: Damage[] = [];
  readonly #head: Head;
  #chunkCount = 0;
  #entryCount = 0;
  /** Bytes of all batches that the index names. */
  #bytes = 0n;
  #firstBase: bigint | null = null;
  /** Records may have been removed from the middle, by key. */
  #hasThinned = false;
  /** Chunks that stood above the one before were deleted by right. */
  #isBehindGap = false;
  /** Below the log start offset retention has deleted some, and a roll that came late has brought back one in front of them. */
  #hasGap = false;
  /** Given, and not looked at yet: what comes next tells whether it is dead. */
  #held: Chunk | null = null;
  #end: bigint | null = null;
  #runMax = { timestampMs: -1n, offset: -1n };

  constructor(head: Head) {
    this.#head = head;
  }

  get chunkCount(): number {
    return this.#chunkCount;
  }

  get entryCount(): number {
    return this.#entryCount;
  }

  /** Whether the index still names everything that was ever committed, as it was committed: then its sums are those of the head. */
  get isWhole(): boolean {
    return (
      (this.#firstBase ?? this.#head.tailBase) === 0n && !this.#hasThinned && !this.#hasGap && this.damages.length === 0
    );
  }

  /** The next chunk; returns the entries of the one before it, or none when they cannot be read. */
  chunk(chunk: Chunk): readonly LocatedEntry[] {
    if (chunk.base >= this.#head.tailBase) return this.#unfinishedRoll(chunk);
    const entries = this.#lookAtHeld(chunk.base);
    this.#held = chunk;
    return entries;
  }

  #lookAtHeld(nextBase: bigint): readonly LocatedEntry[] {
    const chunk = this.#held;
    this.#held = null;
    if (chunk === null || isBroughtBack(chunk, nextBase, this.#head.start)) return [];
    this.#chunkCount += 1;
    this.#tile(chunk);
    const entries = chunk.level === 0 ? this.#entries(chunk) : this.#compacted(chunk);
    this.#checkRunMax(chunk, entries);
    this.#end = chunk.end;
    return entries;
  }

  /** Behind the last chunk; returns the entries of the tail. */
  finish(): readonly LocatedEntry[] {
    const { start, tailBase, maxTimestampMs, maxTimestampOffset } = this.#head;
    const held = this.#lookAtHeld(tailBase);
    const end = this.#end ?? (start < tailBase ? start : tailBase);
    const isGap = this.#gapBefore(tailBase, end);
    if (end > tailBase) this.#say(tailBase, end, `the last chunk ends at ${end}, the tail begins at ${tailBase}`);
    const isRunMax = maxTimestampMs === this.#runMax.timestampMs && maxTimestampOffset === this.#runMax.offset;
    if (this.#chunkCount > 0 && !isGap && !isRunMax) {
      const { timestampMs, offset } = this.#runMax;
      const stored = `${maxTimestampMs} at ${maxTimestampOffset}`;
      this.#say(
        tailBase,
        tailBase,
        `the head's largest timestamp is ${stored}, the last chunk's ${timestampMs} at ${offset}`,
      );
    }
    const entries = this.#tail();
    this.#checkBytes();
    return [...held, ...entries];
  }

  #tile({ base, end }: Chunk): void {
    if (end <= base) this.#say(base, base, `the chunk at ${base} ends at ${end}`);
    this.#firstBase ??= base;
    const { start } = this.#head;
    const expected = this.#end ?? (base > start ? start : base);
    this.#isBehindGap = this.#gapBefore(base, expected);
    if (base < expected)
      this.#say(base, expected, `the chunk at ${base} begins before the one below it ends, at ${expected}`);
  }

  /** Whether chunks are missing between the end of the last and `base`; below the log start offset retention has deleted them. */
  #gapBefore(base: bigint, lastEnd: bigint): boolean {
    const { start } = this.#head;
    const from = lastEnd > start ? lastEnd : start;
    if (from < base) this.#gap(from, base);
    if (lastEnd < base) this.#hasGap = true;
    return lastEnd < base;
  }

  #gap(from: bigint, end: bigint): void {
    const message = `no chunk covers offsets ${from} to ${end - 1n}`;
    this.damages.push({ code: 'OBJECT_MISSING', fromOffset: from, endOffset: end, object: null, message });
  }

  #say(from: bigint, end: bigint, message: string, code: ErrorCode = 'CORRUPT_OBJECT'): void {
    this.damages.push({ code, fromOffset: from, endOffset: end, object: null, message });
  }

  /** Entries back to back from `base`; null when one cannot be read, and then it was said. */
  #locate(encoded: readonly Uint8Array[], base: bigint, end: bigint, hot: boolean): LocatedEntry[] | null {
    const located: LocatedEntry[] = [];
    let baseOffset = base;
    for (const [index, bytes] of encoded.entries()) {
      let entry: Entry;
      try {
        entry = decodeEntry(bytes);
      } catch (error) {
        this.#say(baseOffset, end, `entry ${index} from offset ${base} on: ${asMillraceError(error).message}`);
        return null;
      }
      const endOffset = baseOffset + BigInt(entry.recordCount);
      located.push({ entry, baseOffset, endOffset, level: 0, hot });
      baseOffset = endOffset;
    }
    if (baseOffset === end) return located;
    this.#say(
      base,
      end > baseOffset ? end : baseOffset,
      `the entries from ${base} on end at ${baseOffset} instead of ${end}`,
    );
    return located;
  }

  #entries(chunk: Chunk): readonly LocatedEntry[] {
    const { base, end, count, minId, maxId, maxTimestampMs } = chunk;
    const located = this.#locate(chunk.entries, base, end, false);
    if (located === null) return [];
    this.#count(located);
    const name = `the chunk at ${base}`;
    const ids = located.map(({ entry }) => entry.id).sort();
    const largest = located.reduce(
      (most, { entry }) => (entry.maxTimestampMs > most ? entry.maxTimestampMs : most),
      -1n,
    );
    if (located.length !== count) this.#say(base, end, `${name} has ${located.length} entries instead of ${count}`);
    if (ids[0] !== minId || ids.at(-1) !== maxId)
      this.#say(base, end, `${name} says ids ${minId} to ${maxId}, its entries have others`);
    if (largest !== maxTimestampMs)
      this.#say(base, end, `${name} says a largest timestamp of ${maxTimestampMs}, its entries say ${largest}`);
    return located;
  }

  #compacted({ base, end, version, entries }: Chunk): readonly LocatedEntry[] {
    // Compaction is the first to replace a chunk, and keeps its batches byte for byte.
    if (version > 1) this.#hasThinned = true;
    try {
      const entry = decodeEntry(entries[0] ?? new Uint8Array(0));
      if (entries.length === 1 && entry.kind === 'reference') {
        const located = [{ entry, baseOffset: base, endOffset: end, level: 1, hot: false }] as const;
        this.#count(located);
        return located;
      }
      this.#say(
        base,
        end,
        `the chunk at ${base} is of level 1 and has ${entries.length} entries, the first ${entry.kind}`,
      );
    } catch (error) {
      this.#say(base, end, `the chunk at ${base}: ${asMillraceError(error).message}`);
    }
    return [];
  }

  #checkRunMax(chunk: Chunk, entries: readonly LocatedEntry[]): void {
    const { base, end, maxTimestampMs, runMaxTimestampMs, runMaxTimestampOffset } = chunk;
    const isFirst = this.#isBehindGap || (this.#chunkCount === 1 && base > 0n);
    const before = this.#runMax;
    this.#runMax = { timestampMs: runMaxTimestampMs, offset: runMaxTimestampOffset };
    // Of what was below the first one nothing is known any more; it may have had the same timestamp.
    if (isFirst && runMaxTimestampMs >= maxTimestampMs && runMaxTimestampOffset < base) return;
    const rises = isFirst || maxTimestampMs > before.timestampMs;
    const first = entries.find(({ entry }) => entry.maxTimestampMs === maxTimestampMs);
    const isPlaced = !rises || chunk.level === 1 || first === undefined || first.baseOffset === runMaxTimestampOffset;
    const isRight = rises
      ? runMaxTimestampMs === maxTimestampMs && isPlaced
      : runMaxTimestampMs === before.timestampMs && runMaxTimestampOffset === before.offset;
    if (isRight) return;
    this.#say(
      base,
      end,
      `the chunk at ${base} says that the largest timestamp so far is ${runMaxTimestampMs} at ${runMaxTimestampOffset}, which it is not`,
    );
  }

  /** A roll puts the chunk first and cuts the tail second: between the two both have the entries. Later chunks belong to a later head. */
  #unfinishedRoll({ base, end, level, entries }: Chunk): readonly LocatedEntry[] {
    const { tailBase, tail } = this.#head;
    if (base !== tailBase || level !== 0) return [];
    const differs = entries.findIndex((bytes, index) => index < tail.length && !sameEntry(bytes, tail[index]!));
    if (differs >= 0)
      this.#say(base, end, `entry ${differs} of the chunk at ${base} is not that of the tail, which begins there too`);
    return [];
  }

  #tail(): readonly LocatedEntry[] {
    const { start, next, tailBase, tail, tailBytes } = this.#head;
    if (start > next) this.#say(next, start, `the log start offset ${start} is above the high watermark ${next}`);
    const located = this.#locate(tail, tailBase, next, true) ?? [];
    this.#count(located);
    const bytes = tail.reduce((sum, entry) => sum + entry.length, 0);
    if (bytes !== tailBytes) this.#say(tailBase, next, `the tail has ${bytes} bytes instead of ${tailBytes}`);
    return located;
  }

  #count(located: readonly LocatedEntry[]): void {
    this.#entryCount += located.length;
    for (const { entry } of located) {
      this.#bytes += BigInt(entry.kind === 'reference' ? entry.lengthBytes : entry.batches.length);
    }
  }

  #checkBytes(): void {
    const { appendedBytes, start, next } = this.#head;
    if (!this.isWhole || this.#bytes === appendedBytes) return;
    this.#say(start, next, `the entries have ${this.#bytes} bytes, the head says that ${appendedBytes} were committed`);
  }
}
