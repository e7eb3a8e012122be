import { decodeEntry, type ReferenceEntry } from '../../log/entry.ts';
import type { SegmentId } from '../../segment/segment-id.ts';
import type { RewrittenChunk } from '../rewrite-chunks.ts';

/** The chunks in a row that name one object. */
interface Run {
  readonly id: SegmentId;
  /** Where the first of them begins in it, and the last one ends. */
  from: number;
  to: number;
  hasChanged: boolean;
  unchangedBytes: number;
  /** Null: they are too many to be rewritten with the others. */
  unchanged: RewrittenChunk[] | null;
}

/**
 * Gathers what is to be rewritten: chunks that have changed, and those that have not where the object that they stand in would be kept for less than half of itself. For an object can go only once no chunk names it,
 * and the last record of a key that is never written again stays for ever.
 */
export class ChangedChunks {
  readonly #objectBytes: number;
  #run: Run | null = null;
  #chunks: RewrittenChunk[] = [];
  #bytes = 0;

  /** What an object holds, about: half of that is kept in memory at most beside what is to be rewritten. */
  constructor(objectBytes: number) {
    this.#objectBytes = objectBytes;
  }

  /** Of what is to be rewritten. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Chunks that are to be rewritten. */
  get count(): number {
    return this.#chunks.length;
  }

  /** The next chunk, in the order of offsets. Throws CORRUPT_OBJECT. */
  add(one: RewrittenChunk, isChanged: boolean): void {
    const { id, position, lengthBytes } = decodeEntry(one.chunk.entries[0]!) as ReferenceEntry;
    if (this.#run?.id !== id) {
      this.#closeRun();
      this.#run = { id, from: position, to: position, hasChanged: false, unchangedBytes: 0, unchanged: [] };
    }
    const run = this.#run!;
    run.from = Math.min(run.from, position);
    run.to = Math.max(run.to, position + lengthBytes);
    if (isChanged) {
      run.hasChanged = true;
      this.#push(one);
      return;
    }
    run.unchangedBytes += lengthBytes;
    if (run.unchangedBytes * 2 > this.#objectBytes) run.unchanged = null;
    run.unchanged?.push(one);
  }

  /** All that was gathered, and nothing is any more. */
  take(): readonly RewrittenChunk[] {
    this.#closeRun();
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#bytes = 0;
    return chunks;
  }

  #closeRun(): void {
    const run = this.#run;
    this.#run = null;
    if (run === null || !run.hasChanged || run.unchanged === null) return;
    if (run.unchangedBytes * 2 < run.to - run.from) for (const one of run.unchanged) this.#push(one);
  }

  #push(one: RewrittenChunk): void {
    this.#chunks.push(one);
    this.#bytes += one.batches.reduce((sum, { length }) => sum + length, 0);
  }
}
