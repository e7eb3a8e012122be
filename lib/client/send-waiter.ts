/** Those who wait for what becomes of their records. */

/** Where a record stands, once it is durable. */
export interface RecordMetadata {
  readonly topic: string;
  readonly partition: number;
  /** −1 with `acks: 0`, which does not wait for it. */
  readonly offset: bigint;
  /** As stored: the record's own, or the log's with `message.timestamp.type=LogAppendTime`. */
  readonly timestampMs: bigint;
}

/** Waits for one record or many, told apart by a number of its own choice; each is told of once. */
export interface SendWaiter {
  /** What a record takes beside its bytes until it is acknowledged, so that the bound of the buffer is one on real memory. */
  readonly bytesPerRecord: number;
  acknowledged(index: number, metadata: RecordMetadata): void;
  refused(index: number, error: unknown): void;
}

type Resolve<T> = (value: T) => void;
type Reject = (error: unknown) => void;

/** A promise with one `then`, who waits for it, and its places in the batch: 414 bytes measured; and a part of the segment that holds its bytes again. */
const ONE_SEND_BYTES = 480;
/** Its places in the batch and in the list: 39 bytes measured; where it stands, once it is told; and a part of the segment. */
const MANY_SENDS_BYTES = 192;

/** Waits for one record. */
export class OneSend implements SendWaiter {
  readonly bytesPerRecord = ONE_SEND_BYTES;
  readonly #resolve: Resolve<RecordMetadata>;
  readonly #reject: Reject;

  constructor(resolve: Resolve<RecordMetadata>, reject: Reject) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  acknowledged(_index: number, metadata: RecordMetadata): void {
    this.#resolve(metadata);
  }

  refused(_index: number, error: unknown): void {
    this.#reject(error);
  }
}

/** Waits for as many records as it is made for: until the last is told of, whatever became of the others. */
export class ManySends implements SendWaiter {
  readonly bytesPerRecord = MANY_SENDS_BYTES;
  readonly #resolve: Resolve<readonly RecordMetadata[]>;
  readonly #reject: Reject;
  readonly #metadata: RecordMetadata[];
  #left: number;
  /** Of those refused, the first in the caller's order. */
  #refusal: { readonly index: number; readonly error: unknown } | null = null;

  constructor(count: number, resolve: Resolve<readonly RecordMetadata[]>, reject: Reject) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#metadata = new Array(count);
    this.#left = count;
    if (count === 0) resolve([]);
  }

  acknowledged(index: number, metadata: RecordMetadata): void {
    this.#metadata[index] = metadata;
    this.#told();
  }

  refused(index: number, error: unknown): void {
    if (this.#refusal === null || index < this.#refusal.index) this.#refusal = { index, error };
    this.#told();
  }

  #told(): void {
    this.#left -= 1;
    if (this.#left > 0) return;
    if (this.#refusal === null) this.#resolve(this.#metadata);
    else this.#reject(this.#refusal.error);
  }
}
