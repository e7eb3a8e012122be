import type { TopicRoute } from '../log/topic-directory.ts';
import { BatchBuilder } from '../record/batch-builder.ts';
import type { TimestampType } from '../record/batch-header.ts';
import type { CompressionType } from '../record/compression.ts';
import type { PreparedRecord } from './outgoing-record.ts';
import type { CheckedProducerOptions } from './producer-options.ts';
import type { SendWaiter } from './send-waiter.ts';

/** What a batch needs to be encoded. */
export interface OpenBatchOptions {
  readonly topic: string;
  readonly partition: number;
  readonly compression: CompressionType;
  readonly compressionLevel: number | undefined;
  readonly timestampType: TimestampType;
}

/** The topic decides the compression, or leaves it to the producer. */
export function batchOptions(
  { name, config }: TopicRoute,
  partition: number,
  { compression, compressionLevel }: Pick<CheckedProducerOptions, 'compression' | 'compressionLevel'>,
): OpenBatchOptions {
  const common = { topic: name, partition, timestampType: config.messageTimestampType };
  return config.compressionType === 'producer'
    ? { ...common, compression: compression ?? 'none', compressionLevel }
    : { ...common, compression: config.compressionType, compressionLevel: undefined };
}

/** What an open batch takes beside its records: the buffer that it starts with, and its objects. */
export const OPEN_BATCH_BYTES = 5 * 1024;

/** Records of one partition that travel together, and those who wait for each of them. */
export class OpenBatch {
  readonly #options: OpenBatchOptions;
  readonly #builder: BatchBuilder;
  /** Of each record, without what it came with: that need not outlive the encoding. Empty when nobody waits. */
  readonly #waiters: SendWaiter[] = [];
  /** The waiter's number of the record. */
  readonly #indexes: number[] = [];
  readonly #timestampsMs: bigint[] = [];
  #recordCount = 0;
  #maxTimestampMs = 0n;
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
  add(record: PreparedRecord, timestampMs: bigint, memoryBytes: number): void {
    const { key, value, headers } = record;
    this.#builder.append({ key, value, headers, timestampMs });
    this.memoryBytes += memoryBytes;
    this.#recordCount += 1;
    this.#timestampsMs.push(timestampMs);
  }

  /** Somebody waits for the record that was added last. */
  await(waiter: SendWaiter, index: number): void {
    this.#waiters.push(waiter);
    this.#indexes.push(index);
  }

  /** Size before compression. */
  get encodedBytes(): number {
    return this.#builder.estimatedBytes;
  }

  get recordCount(): number {
    return this.#recordCount;
  }

  /** The record batch, its base offset not set. Nothing can be added any more. */
  finish(): Uint8Array {
    this.#maxTimestampMs = this.#builder.maxTimestampMs;
    return this.#builder.finish();
  }

  /** Tells everybody where their record stands. */
  acknowledge(baseOffset: bigint): void {
    const { topic, partition, timestampType } = this.#options;
    const logTimestampMs = timestampType === 'LogAppendTime' ? this.#maxTimestampMs : null;
    let offset = baseOffset;
    for (let index = 0; index < this.#waiters.length; index++) {
      const timestampMs = logTimestampMs ?? this.#timestampsMs[index]!;
      this.#waiters[index]!.acknowledged(this.#indexes[index]!, { topic, partition, offset, timestampMs });
      offset += 1n;
    }
  }

  /** Tells everybody that their record failed. */
  fail(error: unknown): void {
    for (const [at, waiter] of this.#waiters.entries()) waiter.refused(this.#indexes[at]!, error);
  }
}
