/** What was read and did not fit into an answer: the next request asks for just that. Bounded; the oldest goes first. */
import type { FetchTarget } from '../log/fetcher.ts';
import { type PartitionKey, partitionPk } from '../log/partition-key.ts';

/** The ends of a partition when it was read. */
export interface PartitionEnds {
  readonly highWatermark: bigint;
  readonly logStartOffset: bigint;
}

interface Remainder extends PartitionEnds {
  readonly batches: readonly Uint8Array[];
  readonly byteCount: number;
}

/** Partitions whose ends are kept. */
const KEPT_ENDS = 10_000;

/** See the module comment. */
export class FetchRemainders {
  readonly #maxBytes: number;
  #byteCount = 0;
  /** By partition and offset, in the order in which they were kept. */
  readonly #kept = new Map<string, Remainder>();
  readonly #ends = new Map<string, PartitionEnds>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The record batches from an offset on, if they were kept: once. */
  take({ partition, offset }: FetchTarget): Remainder | null {
    const key = `${partitionPk(partition)}@${offset}`;
    const kept = this.#kept.get(key);
    if (kept === undefined) return null;
    this.#drop(key, kept);
    // Trimmed since: what is gone is gone for everybody.
    const start = this.endsOf(partition)?.logStartOffset ?? 0n;
    return offset < start ? null : kept;
  }

  /** Keeps record batches for whoever asks for this target. */
  keep({ partition, offset }: FetchTarget, batches: readonly Uint8Array[], ends: PartitionEnds): void {
    const byteCount = batches.reduce((sum, { length }) => sum + length, 0);
    if (byteCount > this.#maxBytes) return;
    const key = `${partitionPk(partition)}@${offset}`;
    const before = this.#kept.get(key);
    if (before) this.#drop(key, before);
    const { highWatermark, logStartOffset } = ends;
    this.#kept.set(key, { batches, byteCount, highWatermark, logStartOffset });
    this.#byteCount += byteCount;
    for (const [oldest, one] of this.#kept) {
      if (this.#byteCount <= this.#maxBytes) return;
      this.#drop(oldest, one);
    }
  }

  /** The ends of a partition, as the last read of it showed them. */
  endsOf(partition: PartitionKey): PartitionEnds | null {
    return this.#ends.get(partitionPk(partition)) ?? null;
  }

  /** What a read of a partition has shown. */
  saw(partition: PartitionKey, ends: PartitionEnds): void {
    const key = partitionPk(partition);
    this.#ends.delete(key);
    this.#ends.set(key, ends);
    if (this.#ends.size > KEPT_ENDS) this.#ends.delete(this.#ends.keys().next().value!);
  }

  #drop(key: string, { byteCount }: Remainder): void {
    this.#kept.delete(key);
    this.#byteCount -= byteCount;
  }
}
