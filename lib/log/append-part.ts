/**
 * A part: what one flush carries for one partition. It becomes one entry.
 *
 * open → uploading → ready → (uploading again, when the floor passed it) → settled
 */
import type { MillraceError } from '../errors.ts';
import { splitBatches } from '../record/decode-batch.ts';
import type { SegmentId } from '../segment/segment-id.ts';
import type { BatchSummary } from './batch-summary.ts';
import { type EntryProducer, encodeEntry } from './entry.ts';
import type { PartitionKey } from './partition-key.ts';
import type { SequencedBatch } from './producer-states.ts';

/** Where the records of a partition go. */
export interface AppendTarget {
  readonly partition: PartitionKey;
  /** Isolation domain of the topic. */
  readonly domain: string;
  /** A part at most this large travels inside the head; 0 never does. */
  readonly inlineMaxBytes: number;
}

/** Record batches to append to one partition. */
export interface AppendRequest {
  readonly target: AppendTarget;
  /** One or more whole record batches, back to back; their base offsets are not looked at. Nobody looks at the bytes once the request is settled. */
  readonly batches: Uint8Array;
  /** Append only if the high watermark is exactly this. */
  readonly expectedOffset?: bigint;
  /**
   * Append the one batch only if it is the next of its idempotent producer; one that is there already is answered with its place. OUT_OF_ORDER_SEQUENCE_NUMBER and
   * INVALID_PRODUCER_EPOCH refuse it alone.
   */
  readonly isSequenced?: boolean;
  /** The number of a batch that its producer has sent before it, and that was not appended: if the log does not know the producer, this one is out of order. */
  readonly missingSequence?: number | null;
  /**
   * Called when the request is given up, in the same turn and before the promise rejects: whoever queues more behind it can hold that back. A promise alone would tell it some
   * microtasks later, in which a batch of the queue could still be appended, and stand in the log without what it was sent behind.
   */
  readonly onGivenUp?: (error: MillraceError) => void;
}

/** Where appended record batches stand. */
export interface AppendResult {
  /** Offset of the first record. */
  readonly baseOffset: bigint;
  /** It was there already. */
  readonly isDuplicate?: true;
}

interface PendingRequest {
  readonly batches: Uint8Array;
  readonly batchCount: number;
  readonly recordCount: number;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: MillraceError) => void;
  readonly onGivenUp: ((error: MillraceError) => void) | undefined;
}

/** How far a part has come. */
export type PartState =
  | { readonly kind: 'open' }
  | { readonly kind: 'uploading' }
  | { readonly kind: 'ready'; readonly id: SegmentId; readonly entry: Uint8Array }
  | { readonly kind: 'failed'; readonly error: MillraceError }
  | { readonly kind: 'settled' };

/** See the module comment. */
export class AppendPart {
  readonly target: AppendTarget;
  readonly expectedOffset: bigint | null;
  /** Its one batch, when it is appended only as the next of its producer. */
  sequenced: SequencedBatch | null = null;
  /** Monotonic; nothing is attempted for it afterwards. */
  readonly deliverByMs: number;
  /** Monotonic; until then it may be found out what became of an attempt that was left unanswered. */
  readonly settleByMs: number;
  state: PartState = { kind: 'open' };
  byteCount = 0;
  recordCount = 0;
  #maxTimestampMs = -1n;
  checksum = 0n;
  #producer: EntryProducer | null = null;
  readonly #requests: PendingRequest[] = [];
  #changed = Promise.withResolvers<void>();

  constructor(target: AppendTarget, expectedOffset: bigint | null, deliverByMs: number, settleByMs = deliverByMs) {
    this.target = target;
    this.expectedOffset = expectedOffset;
    this.deliverByMs = deliverByMs;
    this.settleByMs = settleByMs;
  }

  /** Adds a request's record batches; `summary` is theirs. */
  add(
    { batches, isSequenced, missingSequence = null, onGivenUp }: AppendRequest,
    summary: BatchSummary,
  ): Promise<AppendResult> {
    const { promise, resolve, reject } = Promise.withResolvers<AppendResult>();
    const { batchCount, recordCount } = summary;
    this.#producer = this.#requests.length === 0 ? summary.producer : null;
    if (isSequenced) this.sequenced = { ...summary.producer!, recordCount, missingSequence };
    this.#requests.push({ batches, batchCount, recordCount, resolve, reject, onGivenUp });
    this.byteCount += batches.length;
    this.recordCount += summary.recordCount;
    this.checksum += summary.checksum;
    if (summary.maxTimestampMs > this.#maxTimestampMs) this.#maxTimestampMs = summary.maxTimestampMs;
    return promise;
  }

  /** One array for each record batch. */
  get batches(): readonly Uint8Array[] {
    return this.#requests.flatMap(({ batches, batchCount }) =>
      batchCount === 1 ? batches : [...splitBatches(batches)].map(({ bytes }) => bytes),
    );
  }

  get isInline(): boolean {
    return this.byteCount <= this.target.inlineMaxBytes;
  }

  get settled(): boolean {
    return this.state.kind === 'settled';
  }

  /** Resolves when the state is another one. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  uploading(): void {
    this.#become({ kind: 'uploading' });
  }

  /** The bytes stand in a segment. */
  uploaded(id: SegmentId, position: number, lengthBytes: number): void {
    const entry = encodeEntry({ kind: 'reference', id, position, lengthBytes, ...this.#entryFields() });
    this.#become({ kind: 'ready', id, entry });
  }

  /** The bytes travel in the entry. */
  inlined(id: SegmentId): void {
    // Then its batches may be somebody else's by now.
    if (this.settled) return;
    const batches = Buffer.concat(this.batches);
    this.#become({ kind: 'ready', id, entry: encodeEntry({ kind: 'inline', id, batches, ...this.#entryFields() }) });
  }

  uploadFailed(error: MillraceError): void {
    this.#become({ kind: 'failed', error });
  }

  committed(baseOffset: bigint): void {
    if (this.settled) return;
    this.#become({ kind: 'settled' });
    let offset = baseOffset;
    for (const request of this.#requests) {
      request.resolve({ baseOffset: offset });
      offset += BigInt(request.recordCount);
    }
  }

  /** It is in the log already. */
  duplicateOf(baseOffset: bigint): void {
    if (this.settled) return;
    this.#become({ kind: 'settled' });
    for (const request of this.#requests) request.resolve({ baseOffset, isDuplicate: true });
  }

  reject(error: MillraceError): void {
    if (this.settled) return;
    this.#become({ kind: 'settled' });
    for (const request of this.#requests) request.onGivenUp?.(error);
    for (const request of this.#requests) request.reject(error);
  }

  #entryFields() {
    return { recordCount: this.recordCount, maxTimestampMs: this.#maxTimestampMs, producer: this.#producer };
  }

  /** A part that is settled stays so, whatever comes of an upload that was under way. */
  #become(state: PartState): void {
    if (this.settled) return;
    this.state = state;
    const changed = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    changed.resolve();
  }
}
