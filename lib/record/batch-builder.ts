import { checkEncodeBatchOptions, type EncodeBatchOptions, finishBatch } from './encode-batch.ts';
import type { RecordData } from './record.ts';
import { RecordWriter } from './record-writer.ts';

const INITIAL_BYTES = 4096;

/** Writers of finished batches, grown to what batches need: growing one costs as much as filling it. At most 2 MiB in a process. */
const spare: RecordWriter[] = [];
const SPARE_COUNT = 16;
/** Larger ones are not kept. */
const SPARE_BYTES = 128 * 1024;

/**
 * Builds a batch record by record, knowing its size so far.
 *
 * A record is encoded when it is appended: what it was made of may be changed or forgotten at once.
 */
export class BatchBuilder {
  #writer = spare.pop() ?? new RecordWriter(INITIAL_BYTES);
  readonly #options: EncodeBatchOptions;

  /** Throws INVALID_REQUEST for options outside their range, UNSUPPORTED_COMPRESSION_TYPE, INVALID_CONFIG for a wrong level. */
  constructor(options: EncodeBatchOptions = {}) {
    checkEncodeBatchOptions(options);
    this.#options = options;
  }

  /**
   * Appends a record and returns its index in the batch.
   *
   * Throws INVALID_RECORD, and MESSAGE_TOO_LARGE when the batch would exceed `limits.batchBytes`; the builder is as before then.
   */
  append(record: RecordData): number {
    return this.#writer.append(record);
  }

  get recordCount(): number {
    return this.#writer.recordCount;
  }

  /** Bytes of the batch as it stands, before compression: exact without one, mostly an upper bound with one. */
  get estimatedBytes(): number {
    return this.#writer.position;
  }

  /** The largest timestamp so far, 0 before the first record. */
  get maxTimestampMs(): bigint {
    return this.#writer.recordCount === 0 ? 0n : this.#writer.maxTimestampMs;
  }

  /** The batch, in bytes of the caller's own; the builder may go on. Throws INVALID_RECORD when it is empty. */
  build(): Uint8Array {
    return finishBatch(this.#writer, this.#options);
  }

  /** As `build`, and the builder is empty afterwards: another one may go on with its buffer. */
  finish(): Uint8Array {
    const batch = this.build();
    const writer = this.#writer;
    this.#writer = new RecordWriter(0);
    if (writer.bytes.length <= SPARE_BYTES && spare.length < SPARE_COUNT) {
      writer.reset();
      spare.push(writer);
    }
    return batch;
  }
}
