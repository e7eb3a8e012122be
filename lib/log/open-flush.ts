import type { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import { AppendPart, type AppendRequest } from './append-part.ts';
import { type PartitionKey, partitionPk } from './partition-key.ts';

/** All of a flush may go into one segment, whose index takes less than 8 MiB. */
const FLUSH_BYTES_MAX = limits.segmentBytes - 8 * 1024 * 1024;

/** A flush that still takes requests: one part for each partition, so that a segment has one region for each. */
export class OpenFlush {
  readonly #parts = new Map<string, AppendPart>();
  byteCount = 0;
  /** Monotonic; when the first part was opened. */
  sinceMs = 0;

  get empty(): boolean {
    return this.#parts.size === 0;
  }

  /** The parts that nobody has failed meanwhile. */
  get parts(): readonly AppendPart[] {
    return [...this.#parts.values()].filter((part) => !part.settled);
  }

  /** Whether the request can ride here: within the size of a segment; and a part with an expected offset rides alone, in the order of the calls. */
  takes({ target, expectedOffset, batches }: AppendRequest): boolean {
    if (this.byteCount + batches.length > FLUSH_BYTES_MAX) return false;
    const part = this.#parts.get(partitionPk(target.partition));
    return !part || (expectedOffset === undefined && part.expectedOffset === null);
  }

  /** The part for a request, opened when there is none yet. */
  partFor({ target, expectedOffset }: AppendRequest, nowMs: number, deliveryTimeoutMs: number): AppendPart {
    const key = partitionPk(target.partition);
    const open = this.#parts.get(key);
    if (open) return open;
    const deliverByMs = nowMs + deliveryTimeoutMs;
    const part = new AppendPart(target, expectedOffset ?? null, deliverByMs, deliverByMs + deliveryTimeoutMs);
    if (this.empty) this.sinceMs = nowMs;
    this.#parts.set(key, part);
    return part;
  }

  /** Fails what waits here for a partition. */
  fail(partition: PartitionKey, error: MillraceError): void {
    const key = partitionPk(partition);
    const part = this.#parts.get(key);
    if (!part) return;
    part.reject(error);
    this.#parts.delete(key);
    this.byteCount -= part.byteCount;
  }
}
