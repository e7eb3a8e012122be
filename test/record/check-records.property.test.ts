import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBatchHeader } from '../../lib/record/batch-header.ts';
import { checkRecords } from '../../lib/record/check-records.ts';
import { decodeBatch, decompressRecords } from '../../lib/record/decode-batch.ts';
import { encodeBatch } from '../../lib/record/encode-batch.ts';
import { sealBatch } from '../../lib/record/seal-batch.ts';
import { recordArbitrary } from './record-arbitrary.ts';

function check(bytes: Uint8Array) {
  const header = parseBatchHeader(bytes);
  const { payload, start } = decompressRecords(bytes, header);
  return checkRecords(payload, start, header);
}

describe('checkRecords', () => {
  it('takes whatever is encoded, and says what a decoder would', () => {
    fc.assert(
      fc.property(
        fc.array(recordArbitrary, { minLength: 1, maxLength: 20 }),
        fc.constantFrom('none' as const, 'zstd' as const),
        (records, compression) => {
          const times = records.map(({ timestampMs }) => timestampMs);
          expect(check(encodeBatch(records, { compression }))).toEqual({
            minTimestampMs: times.reduce((least, one) => (one < least ? one : least)),
            maxTimestampMs: times.reduce((most, one) => (one > most ? one : most)),
            firstWithoutKey: records.findIndex(({ key }) => key === null),
          });
        },
      ),
    );
  });

  it('takes nothing that could not be decoded, or has other offsets than 0, 1, 2 and so on', () => {
    let refused = 0;
    fc.assert(
      fc.property(
        fc.array(recordArbitrary, { minLength: 1, maxLength: 5 }),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 3 }),
        (records, damages) => {
          const bytes = encodeBatch(records);
          for (const [place, byte] of damages) bytes[61 + (place % (bytes.length - 61))] = byte;
          sealBatch(bytes);
          try {
            check(bytes);
          } catch (error) {
            refused += 1;
            expect(error).toMatchObject({ code: 'CORRUPT_MESSAGE' });
            return;
          }
          const decoded = [...decodeBatch(bytes)];
          expect(decoded.map(({ offset }) => offset)).toEqual(records.map((_, index) => BigInt(index)));
        },
      ),
      { numRuns: 1_000 },
    );
    expect(refused).toBeGreaterThan(100);
  });
});
