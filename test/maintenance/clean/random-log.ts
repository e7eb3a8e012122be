/** Random logs for key compaction: few keys, many of them again, tombstones, every codec. */
import fc from 'fast-check';
import { compressionTypes } from '../../../lib/record/compression.ts';
import { encodeBatch } from '../../../lib/record/encode-batch.ts';
import type { RecordData } from '../../../lib/record/record.ts';

const record = ({ keys, nullKeys = false, fromMs = 1_000_000n }: RandomLogOptions): fc.Arbitrary<RecordData> =>
  fc.record({
    key: fc.oneof(
      { weight: 12, arbitrary: fc.nat(keys - 1).map((key) => Buffer.from(`key-${key}`)) },
      { weight: nullKeys ? 1 : 0, arbitrary: fc.constant(null) },
    ),
    value: fc.oneof(
      { weight: 2, arbitrary: fc.string({ maxLength: 30 }).map((text) => Buffer.from(text)) },
      { weight: 1, arbitrary: fc.constant(null) },
    ),
    headers: fc.array(fc.record({ key: fc.string({ maxLength: 3 }), value: fc.constantFrom(null, Buffer.from('h')) }), {
      maxLength: 2,
    }),
    timestampMs: fc.bigInt({ min: fromMs, max: fromMs + 100_000n }),
  });

/** What a log is made of. */
export interface RandomLogOptions {
  readonly keys: number;
  readonly nullKeys?: boolean;
  readonly minBatches?: number;
  readonly maxBatches?: number;
  /** Timestamps begin with it. */
  readonly fromMs?: bigint;
}

/** Batches back to back from offset 0 on, of producers with sequences and of such without. */
export function randomLog(options: RandomLogOptions): fc.Arbitrary<Uint8Array[]> {
  const batch = fc.record({
    records: fc.array(record(options), { minLength: 1, maxLength: 6 }),
    compression: fc.constantFrom(...compressionTypes),
    producer: fc.option(fc.nat(3), { nil: null }),
    timestampType: fc.constantFrom('CreateTime' as const, 'CreateTime' as const, 'LogAppendTime' as const),
  });
  return fc.array(batch, { minLength: options.minBatches ?? 1, maxLength: options.maxBatches ?? 25 }).map((batches) => {
    let baseOffset = 0n;
    const sequences = [0, 0, 0, 0];
    return batches.map(({ records, compression, producer, timestampType }) => {
      const bytes = encodeBatch(records, {
        baseOffset,
        compression,
        timestampType,
        ...(producer !== null && {
          producerId: BigInt(producer) + 1_000n,
          producerEpoch: 0,
          baseSequence: sequences[producer]!,
        }),
      });
      if (producer !== null) sequences[producer]! += records.length;
      baseOffset += BigInt(records.length);
      return bytes;
    });
  });
}
