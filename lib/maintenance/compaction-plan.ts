/** Which chunks of a partition are worth being rewritten, and when: pure. */
import type { Chunk } from '../log/chunk.ts';
import { canBeRewritten, decodeEntry } from '../log/entry.ts';
import { entryDataBytes } from '../log/locate.ts';
import { idTimeMs } from '../segment/segment-id.ts';
import type { CleanPolicy } from './clean/clean-plan.ts';

/** By what compaction decides. */
export interface CompactionRules {
  /** What one object holds, about: as long as this is not gathered, partitions of a topic share one. Default 64 MiB. */
  readonly objectBytes: number;
  /** A partition is rewritten once it has so many bytes that are old enough. Default 8 MiB: what one GET reads of it. */
  readonly worthBytes: number;
  /** Fewer are rewritten once the oldest of them is so old. Default a day. */
  readonly waitMs: number;
}

/** See `CompactionRules`. */
export const COMPACTION_RULES: CompactionRules = {
  objectBytes: 64 * 1024 * 1024,
  worthBytes: 8 * 1024 * 1024,
  waitMs: 24 * 3_600_000,
};

/** Entries that lead to so many bytes on average are read as well where they are. */
const LARGE_ENTRY_BYTES = 4 * 1024 * 1024;
/**
 * A chunk that holds more stays as it is. Whoever reads any offset of a rewritten chunk reads all of it, whatever it asked for, so this is what a reader has to hold. What is left out has at most 100 entries, and so
 * pieces of 80 KiB and more on average.
 */
export const CHUNK_BYTES_MOST = 8 * 1024 * 1024;
/** As above where chunks have to be rewritten, however large: no more is held in memory for one chunk, and twice that fits into a segment. */
const KEYED_CHUNK_BYTES_MOST = 120 * 1024 * 1024;

/** Bytes of record batches of a chunk of level 0. Throws CORRUPT_OBJECT. */
export function chunkDataBytes({ entries }: Pick<Chunk, 'entries'>): number {
  return entries.reduce((sum, bytes) => sum + entryDataBytes(decodeEntry(bytes)), 0);
}

/** Whether a chunk stays as it is: it was rewritten already, or would be read no better. `forKeys`: its topic is compacted by key, which only rewritten chunks are. Throws CORRUPT_OBJECT. */
export function isSettled(chunk: Chunk, forKeys = false): boolean {
  if (chunk.level === 1 || !canBeRewritten(chunk)) return true;
  const bytes = chunkDataBytes(chunk);
  if (forKeys) return bytes > KEYED_CHUNK_BYTES_MOST;
  return bytes >= LARGE_ENTRY_BYTES * chunk.entries.length || bytes > CHUNK_BYTES_MOST;
}

/** The rules for a topic: key compaction comes behind, and may have to be there by `max.compaction.lag.ms`. */
export function rulesFor(rules: CompactionRules, policy: CleanPolicy | null): CompactionRules {
  if (policy === null || policy.maxLagMs >= BigInt(Math.ceil(rules.waitMs))) return rules;
  return { ...rules, waitMs: Number(policy.maxLagMs) };
}

/** Whether nobody can need the entries of a chunk any more, to find a commit or the batches of a producer. */
export function isOldEnough({ maxId }: Pick<Chunk, 'maxId'>, nowMs: number, ageMs: number): boolean {
  return idTimeMs(maxId) + ageMs <= nowMs;
}

/** So many pieces are worth it, however small: each may be a GET of whoever reads them. */
const PIECES_WORTH = 4_096;

/** Counts chunks of a partition, from the oldest on, until they are worth being rewritten. */
export class WorthCount {
  readonly #rules: CompactionRules;
  #oldestMs: number | null = null;
  #bytes = 0;
  #pieces = 0;

  constructor(rules: CompactionRules) {
    this.#rules = rules;
  }

  add(chunk: Chunk): void {
    this.#oldestMs ??= idTimeMs(chunk.minId);
    this.#bytes += chunkDataBytes(chunk);
    this.#pieces += chunk.entries.length;
  }

  /** Whether they are, however young they are. */
  get isEnough(): boolean {
    const isMuch = this.#bytes >= this.#rules.worthBytes || this.#pieces >= PIECES_WORTH;
    return this.#oldestMs !== null && isMuch;
  }

  /** Whether they are now. */
  isWorth(nowMs: number): boolean {
    return this.isEnough || (this.#oldestMs !== null && this.#oldestMs + this.#rules.waitMs <= nowMs);
  }
}

/** Pieces that are smaller are read in few requests only together with their neighbours, of other partitions. */
const SMALL_PIECE_BYTES = 64 * 1024;

/** Whether a chunk names small pieces, which may lie in the same segments as those of other partitions. Throws CORRUPT_OBJECT. */
export function hasSmallPieces({ entries }: Pick<Chunk, 'entries'>): boolean {
  const pieces = entries.map((bytes) => decodeEntry(bytes)).filter(({ kind }) => kind === 'reference');
  const bytes = pieces.reduce((sum, entry) => sum + entryDataBytes(entry), 0);
  return pieces.length > 0 && bytes < SMALL_PIECE_BYTES * pieces.length;
}

/** Whether pieces lie in the same objects often enough that reading them together saves a third of all requests or more: what is read together is less contiguous once it is written. */
export function isWorthSharing({ pieces, objects }: { readonly pieces: number; readonly objects: number }): boolean {
  return objects * 3 <= pieces * 2;
}
