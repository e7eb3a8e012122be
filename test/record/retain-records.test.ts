import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BATCH_HEADER_BYTES } from '../../lib/record/batch-header.ts';
import { compressionTypes } from '../../lib/record/compression.ts';
import { decodeBatch } from '../../lib/record/decode-batch.ts';
import { encodeBatch } from '../../lib/record/encode-batch.ts';
import type { RecordData } from '../../lib/record/record.ts';
import { emptyBatch, retainRecords } from '../../lib/record/retain-records.ts';
import { optionsArbitrary, recordArbitrary } from './record-arbitrary.ts';

const records = fc.array(recordArbitrary, { minLength: 1, maxLength: 20 });
const I64_MAX = 2n ** 63n - 1n;

function plainRecord(timestampMs: bigint): RecordData {
  return { key: Buffer.from('key'), value: null, headers: [], timestampMs };
}

describe.each(compressionTypes)('some records of a batch with compression %s', (compression) => {
  it('read back as they were, at their offsets, and the batch covers what it covered', () => {
    const horizon = fc.option(fc.bigInt({ min: 0n, max: 2n ** 62n }), { nil: null });
    fc.assert(
      fc.property(
        records,
        optionsArbitrary,
        fc.infiniteStream(fc.boolean()),
        horizon,
        (written, options, dice, horizonMs) => {
          const batch = decodeBatch(encodeBatch(written, { ...options, compression }));
          const kept = written.map((_, index) => index).filter(() => dice.next().value);
          if (kept.length === 0) return;
          const rewritten = decodeBatch(retainRecords(batch, kept, horizonMs));
          expect([...rewritten]).toEqual(kept.map((index) => batch.record(index)));
          const { sizeBytes, crc, baseTimestampMs, maxTimestampMs, recordCount, hasDeleteHorizon, ...same } =
            batch.header;
          const timesMs = kept.map((index) => batch.timestampMs(index));
          expect(rewritten.header).toMatchObject({
            ...same,
            recordCount: kept.length,
            maxTimestampMs: timesMs.reduce((most, time) => (time > most ? time : most)),
          });
          const isFar = timesMs.some((time) => time - (horizonMs ?? 0n) < -(2n ** 63n));
          expect(rewritten.header.hasDeleteHorizon).toBe(horizonMs !== null && !isFar);
          if (horizonMs !== null && !isFar) expect(rewritten.header.baseTimestampMs).toBe(horizonMs);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('a delete horizon', () => {
  const batch = decodeBatch(encodeBatch([plainRecord(10n), plainRecord(20n)]));

  it('stays when the batch is rewritten once more', () => {
    const once = decodeBatch(retainRecords(batch, [0, 1], 5_000n));
    const twice = decodeBatch(retainRecords(once, [1], 9_000n));
    expect(twice.header).toMatchObject({ hasDeleteHorizon: true, baseTimestampMs: 5_000n, maxTimestampMs: 20n });
    expect([...twice]).toEqual([batch.record(1)]);
  });

  it('is left out when a timestamp is too far from it for 64 bits: better a tombstone that stays than one of another time', () => {
    const old = decodeBatch(encodeBatch([plainRecord(-(2n ** 62n)), plainRecord(-5n)]));
    const rewritten = decodeBatch(retainRecords(old, [0, 1], I64_MAX));
    expect(rewritten.header).toMatchObject({ hasDeleteHorizon: false, baseTimestampMs: -(2n ** 62n) });
    expect([...rewritten]).toEqual([...old]);
  });
});

describe('timestamps that are too far apart for 64 bits', () => {
  it('go on counting from where they did', () => {
    const middle = [plainRecord(0n), plainRecord(-(2n ** 62n) - 9n), plainRecord(2n ** 62n + 9n)];
    const batch = decodeBatch(encodeBatch(middle));
    const rewritten = decodeBatch(retainRecords(batch, [1, 2], null));
    expect(rewritten.header).toMatchObject({ hasDeleteHorizon: false, baseTimestampMs: 0n });
    expect([...rewritten]).toEqual([batch.record(1), batch.record(2)]);
  });
});

describe('an emptied batch', () => {
  it('is a header that says offsets and producer', () => {
    const options = { baseOffset: 70n, producerId: 9n, producerEpoch: 2, baseSequence: 40, partitionLeaderEpoch: 3 };
    const { header } = decodeBatch(
      encodeBatch([plainRecord(7n), plainRecord(8n)], { ...options, compression: 'zstd' }),
    );
    const bytes = emptyBatch(header);
    expect(bytes).toHaveLength(BATCH_HEADER_BYTES);
    const emptied = decodeBatch(bytes);
    expect([...emptied]).toEqual([]);
    expect(emptied.header).toMatchObject({
      ...options,
      lastOffsetDelta: 1,
      compression: 'none',
      recordCount: 0,
      baseTimestampMs: -1n,
      maxTimestampMs: 8n,
      hasDeleteHorizon: false,
    });
  });
});
