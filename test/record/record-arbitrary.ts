import fc from 'fast-check';
import type { EncodeBatchOptions } from '../../lib/record/encode-batch.ts';
import type { RecordData } from '../../lib/record/record.ts';

const bytesOrNull = (maxLength: number) => fc.option(fc.uint8Array({ maxLength }), { nil: null });

/** Repeats a little so that compression has something to find. */
const repetitive = fc
  .tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 60 }))
  .map(([piece, times]) =>
    Uint8Array.from({ length: piece.length * times }, (_, index) => piece[index % piece.length]!),
  );

const timestamp = fc.oneof(
  fc.bigInt({ min: 1_700_000_000_000n, max: 1_700_000_100_000n }),
  fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n - 1n }),
);

/** Any record that the format can hold. */
export const recordArbitrary: fc.Arbitrary<RecordData> = fc.record({
  key: bytesOrNull(40),
  value: fc.oneof(bytesOrNull(300), repetitive),
  headers: fc.array(fc.record({ key: fc.string({ maxLength: 12, unit: 'grapheme' }), value: bytesOrNull(30) }), {
    maxLength: 4,
  }),
  timestampMs: timestamp,
});

const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const i32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

/** Any options but the compression. */
export const optionsArbitrary: fc.Arbitrary<EncodeBatchOptions> = fc.record({
  baseOffset: fc.bigInt({ min: 0n, max: 2n ** 62n }),
  partitionLeaderEpoch: i32,
  timestampType: fc.constantFrom('CreateTime' as const, 'LogAppendTime' as const),
  transactional: fc.boolean(),
  control: fc.boolean(),
  producerId: i64,
  producerEpoch: fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }),
  baseSequence: i32,
});
