import type { MillraceError } from '../errors.ts';
import type { FetchedPartition, FetchTarget } from '../log/fetcher.ts';
import type { ReadablePartition } from '../log/list-offsets.ts';
import type { TopicRoute } from '../log/topic-directory.ts';
import { parseBatchHeader } from '../record/batch-header.ts';
import { type DecodedBatch, decodeBatch } from '../record/decode-batch.ts';
import { ReceivedRecord } from './received-record.ts';

/** A batch and how much of it was given out. */
export interface BatchCursor {
  readonly batch: DecodedBatch;
  index: number;
}

/**
 * A partition that a reader reads: where it is, and what was fetched ahead.
 *
 * Always true: what is queued begins at `position` or before it and ends at `fetchOffset`; `position` never passes a record that was not given out, so it
 * stays within `endOffset`; `version` changes whenever that is broken off by a seek, so that the answer to an older fetch is known to be late.
 */
export class AssignedPartition {
  readonly route: TopicRoute;
  readonly partition: number;
  /** The next record given out is the first at or after it. */
  position = 0n;
  /** The next fetch begins here; null while a seek looks for the offset. */
  fetchOffset: bigint | null = null;
  version = 0;
  /** By the caller. */
  paused = false;
  /** By its owner, who has to do something first. What is fetched waits. */
  held = false;
  highWatermark: bigint | null = null;
  /** Where a reader that stops at the end stops, once known. */
  endOffset: bigint | null = null;
  /** Thrown once what was fetched before it is given out. */
  error: MillraceError | null = null;
  /** Monotonic, since when the store has been failing in a way that may pass. */
  failingSinceMs: number | null = null;
  queuedBytes = 0;
  /** Whether it stands in the line of those that have something to give out. */
  inLine = false;
  /** The batch that is being given out. */
  cursor: BatchCursor | null = null;
  #queue: Uint8Array[] = [];

  constructor(route: TopicRoute, partition: number) {
    this.route = route;
    this.partition = partition;
  }

  /** For the ports of the log. */
  get readable(): ReadablePartition {
    const { topicId, domain } = this.route;
    return { partition: { topicId, partition: this.partition }, domain };
  }

  /** Whether there is something to give out now: records, or an error behind the last of them. */
  get isReady(): boolean {
    return !this.isHeldBack && (this.hasQueued || this.error !== null);
  }

  /** Whether nothing may be given out now. */
  get isHeldBack(): boolean {
    return this.paused || this.held;
  }

  /** Records that are left, as the last fetch saw it; null before the first. */
  get lag(): bigint | null {
    if (this.highWatermark === null) return null;
    return this.highWatermark > this.position ? this.highWatermark - this.position : 0n;
  }

  get hasQueued(): boolean {
    return this.cursor !== null || this.#queue.length > 0;
  }

  /** Whether everything below the end was given out. */
  get isFinished(): boolean {
    return this.error === null && this.endOffset !== null && this.position >= this.endOffset;
  }

  /** What to fetch next, or null when it is not this partition's turn. */
  fetchTarget(maxBytes: number): FetchTarget | null {
    const offset = this.fetchOffset;
    const mayFetch = !this.paused && this.error === null && this.queuedBytes < maxBytes;
    if (!mayFetch || offset === null) return null;
    if (this.endOffset !== null && offset >= this.endOffset) return null;
    return { ...this.readable, offset, maxBytes };
  }

  /** Begins anew: drops what was fetched. The number tells late answers apart. */
  breakOff(): number {
    this.#queue = [];
    this.cursor = null;
    this.queuedBytes = 0;
    this.error = null;
    this.endOffset = null;
    this.failingSinceMs = null;
    this.fetchOffset = null;
    this.version += 1;
    return this.version;
  }

  /** Goes on at an offset. */
  moveTo(offset: bigint): void {
    this.position = offset;
    this.fetchOffset = offset;
  }

  /** Goes on at an offset once what was fetched is given out: the log no longer has what lies between. */
  skipTo(offset: bigint): void {
    this.fetchOffset = offset;
    if (!this.hasQueued) this.position = offset;
  }

  /** Queues what was fetched; returns how many batches. */
  accept(fetched: Extract<FetchedPartition, { outcome: 'ok' }>, stopAtEnd: boolean): number {
    this.failingSinceMs = null;
    // A head that is read eventually consistently may be older than the one before.
    this.highWatermark = maxOf(this.highWatermark ?? 0n, fetched.highWatermark);
    if (stopAtEnd) this.endOffset ??= fetched.highWatermark;
    this.fetchOffset = fetched.nextOffset;
    for (const bytes of fetched.batches) {
      this.#queue.push(bytes);
      this.queuedBytes += bytes.length;
    }
    this.#passGap();
    return fetched.batches.length;
  }

  /** The batch whose turn it is, or null when nothing is queued. Throws CORRUPT_MESSAGE and MESSAGE_TOO_LARGE; the batch stays then. */
  open(): BatchCursor | null {
    if (this.cursor !== null) return this.cursor;
    const bytes = this.#queue[0];
    if (bytes === undefined) return null;
    // The fetcher has compared the CRC.
    const batch = decodeBatch(bytes, { verify: false });
    this.#queue.shift();
    this.queuedBytes -= bytes.length;
    this.cursor = { batch, index: batch.header.control ? batch.recordCount : 0 };
    return this.cursor;
  }

  /** The next record of the batch that is being given out, or null when it has no more; then the next batch may be opened. */
  next(): ReceivedRecord | null {
    const { cursor } = this;
    if (cursor === null) return null;
    const { batch } = cursor;
    while (cursor.index < batch.recordCount) {
      const offset = batch.offset(cursor.index);
      if (this.endOffset !== null && offset >= this.endOffset) break;
      // A damaged record throws here, and does so again until it is sought past.
      const record =
        offset < this.position ? null : new ReceivedRecord(this.route.name, this.partition, batch, cursor.index);
      cursor.index += 1;
      if (record === null) continue;
      this.position = offset + 1n;
      return record;
    }
    this.cursor = null;
    this.#passTo(batch.header.baseOffset + BigInt(batch.header.lastOffsetDelta) + 1n);
    this.#passGap();
    return null;
  }

  /** The record given out last is the next one again. */
  giveBack(offset: bigint): void {
    if (this.cursor !== null) this.cursor.index -= 1;
    this.position = offset;
  }

  /** Timestamp of the next record, or of the first in the batch that has it; null when nothing is at hand. */
  get oldestUnreadMs(): bigint | null {
    const { cursor } = this;
    if (cursor !== null && cursor.index < cursor.batch.recordCount) return cursor.batch.timestampMs(cursor.index);
    const next = this.#queue[0];
    return next === undefined ? null : parseBatchHeader(next).baseTimestampMs;
  }

  /** Nothing is left to give out, but the log goes on behind it: compaction has emptied these offsets, or they are gone. */
  #passGap(): void {
    if (!this.hasQueued && this.fetchOffset !== null) this.#passTo(this.fetchOffset);
  }

  /** Whoever stops at the end has not been given what was fetched from behind it. */
  #passTo(offset: bigint): void {
    const isBehindEnd = this.endOffset !== null && offset > this.endOffset;
    this.position = maxOf(this.position, isBehindEnd ? this.endOffset! : offset);
  }
}

function maxOf(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}
