import type { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import { AppendPart, type AppendRequest } from './append-part.ts';
import { ENTRY_RECORDS_MAX } from './entry.ts';
import { type PartitionKey, partitionPk } from './partition-key.ts';

/** All of a flush may go into one segment, whose index takes less than 8 MiB. */
const FLUSH_BYTES_MAX = limits.segmentBytes - 8 * 1024 * 1024;

/** A flush that still takes requests: one part for each partition, and one more for each batch of an idempotent producer, which becomes an entry of its own. */
export class OpenFlush {
  #parts: AppendPart[] = [];
  /** The last one of each partition. */
  readonly #last = new Map<string, AppendPart>();
  /** Records of each partition, over all its parts: they share a region. */
  readonly #records = new Map<string, number>();
  byteCount = 0;
  /** Monotonic; when the first part was opened. */
  sinceMs = 0;

  get empty(): boolean {
    return this.#parts.length === 0;
  }

  /** The parts that nobody has failed meanwhile. */
  get parts(): readonly AppendPart[] {
    return this.#parts.filter((part) => !part.settled);
  }

  /**
   * Whether a request of so many records can ride here: within the size of a segment, and within the records that its index can tell of a partition, which a few bytes may claim;
   * and a part with an expected offset rides alone, in the order of the calls.
   */
  takes({ target, expectedOffset, batches }: AppendRequest, recordCount: number): boolean {
    if (this.byteCount + batches.length > FLUSH_BYTES_MAX) return false;
    const key = partitionPk(target.partition);
    if ((this.#records.get(key) ?? 0) + recordCount > ENTRY_RECORDS_MAX) return false;
    const part = this.#last.get(key);
    return !part || (expectedOffset === undefined && part.expectedOffset === null);
  }

  /** The part for a request, opened when there is none yet. */
  partFor(request: AppendRequest, nowMs: number, deliveryTimeoutMs: number): AppendPart {
    const { target, expectedOffset, isSequenced } = request;
    const key = partitionPk(target.partition);
    const open = this.#last.get(key);
    if (open && !isSequenced && open.sequenced === null) return open;
    const deliverByMs = nowMs + deliveryTimeoutMs;
    const part = new AppendPart(target, expectedOffset ?? null, deliverByMs, deliverByMs + deliveryTimeoutMs);
    if (this.empty) this.sinceMs = nowMs;
    this.#parts.push(part);
    this.#last.set(key, part);
    return part;
  }

  /** A request of so many records was added to its part. */
  added({ target, batches }: AppendRequest, recordCount: number): void {
    const key = partitionPk(target.partition);
    this.byteCount += batches.length;
    this.#records.set(key, (this.#records.get(key) ?? 0) + recordCount);
  }

  /** Fails what waits here for a partition. */
  fail(partition: PartitionKey, error: MillraceError): void {
    const key = partitionPk(partition);
    const failed = this.#parts.filter(({ target }) => partitionPk(target.partition) === key);
    if (failed.length === 0) return;
    this.#parts = this.#parts.filter((part) => !failed.includes(part));
    this.#last.delete(key);
    this.#records.delete(key);
    for (const part of failed) {
      part.reject(error);
      this.byteCount -= part.byteCount;
    }
  }
}
