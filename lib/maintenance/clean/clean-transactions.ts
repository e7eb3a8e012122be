/**
 * Which transactional batches and markers a cleaning may drop, seen batch by batch in the order of their offsets. Source: Kafka's `CleanedTransactionMetadata`.
 *
 * Records of an aborted transaction go at once. A marker stays as long as a batch of its transaction does, so that no reader takes one transaction for another.
 */
import type { BatchHeader } from '../../record/batch-header.ts';
import { decodeControlRecord } from '../../record/control-record.ts';
import type { DecodedBatch } from '../../record/decoded-batch.ts';

/** A transaction that was aborted, by the offsets of its first batch and of its marker. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/** See the top of this file. */
export class CleanTransactions {
  /** By their first offsets, the next one last. */
  readonly #coming: AbortedTransaction[];
  readonly #committed = new Set<bigint>();
  /** Under way, by producer, with whether a batch of it was seen. */
  readonly #aborted = new Map<bigint, boolean>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#coming = aborted.toSorted((a, b) => (a.firstOffset < b.firstOffset ? 1 : -1));
  }

  /** Whether a batch of records is of an aborted transaction. */
  isAborted(header: BatchHeader): boolean {
    this.#begin(header);
    const { transactional, producerId } = header;
    if (!transactional) return false;
    if (this.#aborted.has(producerId)) this.#aborted.set(producerId, true);
    else this.#committed.add(producerId);
    return this.#aborted.has(producerId);
  }

  /** Whether nothing is left of the transaction that a control batch ends. Throws what `decodeControlRecord` does. */
  isNeedless(batch: DecodedBatch): boolean {
    const { header } = batch;
    this.#begin(header);
    // It was emptied before.
    if (batch.recordCount === 0) return true;
    const { type } = decodeControlRecord({ key: batch.key(0), value: batch.value(0) });
    if (type === 'COMMIT') return !this.#committed.delete(header.producerId);
    const hasBatches = this.#aborted.get(header.producerId) ?? false;
    this.#aborted.delete(header.producerId);
    return !hasBatches;
  }

  #begin({ baseOffset, lastOffsetDelta }: BatchHeader): void {
    const lastOffset = baseOffset + BigInt(lastOffsetDelta);
    for (let next = this.#coming.at(-1); next !== undefined && next.firstOffset <= lastOffset; ) {
      this.#coming.pop();
      if (!this.#aborted.has(next.producerId)) this.#aborted.set(next.producerId, false);
      next = this.#coming.at(-1);
    }
  }
}
