import { BatchBuilder } from '../record/batch-builder.ts';
import type { TimestampType } from '../record/batch-header.ts';
import type { CompressionType } from '../record/compression.ts';
import type { PreparedRecord } from './outgoing-record.ts';

/** Where a record stands, once it is durable. */
export interface RecordMetadata {
  readonly topic: string;
  readonly partition: number;
  /** −1 with `acks: 0`, which does not wait for it. */
  readonly offset: bigint;
  /** As stored: the record's own, or the log's with `message.timestamp.type=LogAppendTime`. */
  readonly timestampMs: bigint;
}

/** The two ends of a promise that a caller holds. */
export interface Acknowledge {
  readonly resolve: (metadata: RecordMetadata) => void;
  readonly reject: (error: unknown) => void;
}

/** What a batch needs to be encoded. */
export interface OpenBatchOptions {
  readonly topic: string;
  readonly partition: number;
  readonly compression: CompressionType;
  readonly compressionLevel: number | undefined;
  readonly timestampType: TimestampType;
}

/** What an open batch takes beside its records: the buffer that it starts with, and its objects. */
export const OPEN_BATCH_BYTES = 5 * 1024;

/** Records of one partition that travel together, and those who wait for each of them. */
export class OpenBatch {
  readonly #options: OpenBatchOptions;
  readonly #builder: BatchBuilder;
  /** One for each record; null where nobody waits. */
  readonly #acknowledges: (Acknowledge | null)[] = [];
  readonly #timestampsMs: bigint[] = [];
  /** Memory that was taken for it. */
  memoryBytes = OPEN_BATCH_BYTES;
  /** Whether it lingered long enough. */
  due = false;

  constructor(options: OpenBatchOptions) {
    this.#options = options;
    const { compression, compressionLevel, timestampType } = options;
    this.#builder = new BatchBuilder({ compression, compressionLevel, timestampType });
  }

  /** Encodes a record; nobody looks at it afterwards. Throws INVALID_RECORD, and the batch is as before. */
  add(record: PreparedRecord, timestampMs: bigint, memoryBytes: number, acknowledge: Acknowledge | null): void {
    const { key, value, headers } = record;
    this.#builder.append({ key, value, headers, timestampMs });
    this.#timestampsMs.push(timestampMs);
    this.#acknowledges.push(acknowledge);
    this.memoryBytes += memoryBytes;
  }

  /** Size before compression. */
  get encodedBytes(): number {
    return this.#builder.estimatedBytes;
  }

  get recordCount(): number {
    return this.#builder.recordCount;
  }

  /** The record batch, its base offset not set. */
  build(): Uint8Array {
    return this.#builder.build();
  }

  /** Tells everybody where their record stands. */
  acknowledge(baseOffset: bigint): void {
    const { topic, partition, timestampType } = this.#options;
    const logTimestampMs = timestampType === 'LogAppendTime' ? this.#builder.maxTimestampMs : null;
    let offset = baseOffset;
    for (let index = 0; index < this.#acknowledges.length; index++) {
      const timestampMs = logTimestampMs ?? this.#timestampsMs[index]!;
      this.#acknowledges[index]?.resolve({ topic, partition, offset, timestampMs });
      offset += 1n;
    }
  }

  /** Tells everybody that their record failed. */
  fail(error: unknown): void {
    for (const acknowledge of this.#acknowledges) acknowledge?.reject(error);
  }
}
