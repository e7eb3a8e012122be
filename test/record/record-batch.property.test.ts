import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchBuilder } from '../../lib/record/batch-builder.ts';
import { compressionTypes } from '../../lib/record/compression.ts';
import { decodeBatch, splitBatches } from '../../lib/record/decode-batch.ts';
import { encodeBatch } from '../../lib/record/encode-batch.ts';
import { stampBatch } from '../../lib/record/stamp-batch.ts';
import { optionsArbitrary, recordArbitrary } from './record-arbitrary.ts';

const records = fc.array(recordArbitrary, { minLength: 1, maxLength: 30 });

/** What reading must give, as plain data. */
function plain(bytes: Uint8Array | null): number[] | null {
  return bytes === null ? null : [...bytes];
}

describe.each(compressionTypes)('a batch with compression %s', (compression) => {
  it('reads back as it was written', () => {
    fc.assert(
      fc.property(records, optionsArbitrary, (written, options) => {
        const bytes = encodeBatch(written, { ...options, compression });
        const batch = decodeBatch(bytes);
        const maxTimestampMs = written.reduce(
          (max, record) => (record.timestampMs > max ? record.timestampMs : max),
          written[0]!.timestampMs,
        );
        expect(batch.header).toEqual({
          ...options,
          compression,
          sizeBytes: bytes.length,
          crc: expect.any(Number),
          hasDeleteHorizon: false,
          lastOffsetDelta: written.length - 1,
          recordCount: written.length,
          baseTimestampMs: written[0]!.timestampMs,
          maxTimestampMs,
        });
        const read = [...batch].map((record) => ({
          ...record,
          key: plain(record.key),
          value: plain(record.value),
          headers: record.headers.map(({ key, value }) => ({ key, value: plain(value) })),
        }));
        expect(read).toEqual(
          written.map((record, index) => ({
            offset: options.baseOffset! + BigInt(index),
            timestampMs: options.timestampType === 'LogAppendTime' ? maxTimestampMs : record.timestampMs,
            key: plain(record.key),
            value: plain(record.value),
            headers: record.headers.map(({ key, value }) => ({ key, value: plain(value) })),
          })),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('is the same from the builder, whose size without compression is exact', () => {
    fc.assert(
      fc.property(records, optionsArbitrary, (written, options) => {
        const builder = new BatchBuilder({ ...options, compression });
        for (const [index, record] of written.entries()) expect(builder.append(record)).toBe(index);
        const bytes = builder.build();
        expect(bytes).toEqual(encodeBatch(written, { ...options, compression }));
        if (compression === 'none') expect(builder.estimatedBytes).toBe(bytes.length);
        expect(builder.recordCount).toBe(written.length);
      }),
      { numRuns: 30 },
    );
  });
});

describe('several batches', () => {
  it('back to back are split where they were joined, and stay valid when stamped', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(records, fc.constantFrom(...compressionTypes)), { maxLength: 5 }), (batches) => {
        const parts = batches.map(([written, compression]) => encodeBatch(written, { compression }));
        const region = Buffer.concat(parts);
        let position = 0;
        let index = 0;
        let offset = 7n;
        for (const batch of splitBatches(region)) {
          expect(batch.position).toBe(position);
          expect(Buffer.compare(batch.bytes, parts[index]!)).toBe(0);
          stampBatch(batch.bytes, offset, 3);
          const { header } = decodeBatch(batch.bytes);
          expect(header.baseOffset).toBe(offset);
          expect(header.partitionLeaderEpoch).toBe(3);
          offset += BigInt(header.recordCount);
          position += parts[index++]!.length;
        }
        expect(index).toBe(parts.length);
      }),
      { numRuns: 100 },
    );
  });
});
