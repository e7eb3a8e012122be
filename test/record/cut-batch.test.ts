import { describe, expect, it } from 'vitest';
import { parseBatchHeader } from '../../lib/record/batch-header.ts';
import { compressionTypes } from '../../lib/record/compression.ts';
import { cutBatch } from '../../lib/record/cut-batch.ts';
import { decodeBatch } from '../../lib/record/decode-batch.ts';
import { encodeBatch } from '../../lib/record/encode-batch.ts';
import { retainRecords } from '../../lib/record/retain-records.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const records = [7, 9, 3, 8].map((timestampMs, index) => ({
  key: index === 2 ? null : bytesOf(`k${index}`),
  value: bytesOf(`value ${index}`.repeat(20)),
  headers: [{ key: 'h', value: bytesOf(String(index)) }],
  timestampMs: BigInt(timestampMs),
}));
const fields = { baseOffset: 100n, producerId: 5n, producerEpoch: 2, baseSequence: 40, transactional: true } as const;

describe('a cut batch', () => {
  it.each(compressionTypes)('has the first records as they were, compressed by %s', (compression) => {
    const whole = encodeBatch(records, { ...fields, compression });
    for (const count of [1, 2, 3]) {
      const cut = cutBatch(whole, 100n + BigInt(count))!;
      expect([...decodeBatch(cut)]).toEqual([...decodeBatch(whole)].slice(0, count));
      expect(parseBatchHeader(cut)).toMatchObject({
        ...{ ...fields, compression, recordCount: count, lastOffsetDelta: count - 1, sizeBytes: cut.length },
        ...{ maxTimestampMs: count === 1 ? 7n : 9n, baseTimestampMs: parseBatchHeader(whole).baseTimestampMs },
      });
    }
  });

  it('is the batch itself when it lies below the end as a whole', () => {
    const whole = encodeBatch(records, fields);
    expect(cutBatch(whole, 104n)).toBe(whole);
    expect(cutBatch(whole, 200n)).toBe(whole);
  });

  it('is nothing when no record lies below the end', () => {
    expect(cutBatch(encodeBatch(records, fields), 100n)).toBeNull();
  });

  it('covers all offsets up to the end where records were removed, with nothing in it if need be', () => {
    const thinned = retainRecords(decodeBatch(encodeBatch(records, fields)), [1, 3], null);
    const cut = cutBatch(thinned, 103n)!;
    expect([...decodeBatch(cut)].map(({ offset }) => offset)).toEqual([101n]);
    expect(parseBatchHeader(cut)).toMatchObject({ baseOffset: 100n, lastOffsetDelta: 2, recordCount: 1 });
    const none = cutBatch(thinned, 101n)!;
    expect(parseBatchHeader(none)).toMatchObject({ baseOffset: 100n, lastOffsetDelta: 0, recordCount: 0 });
    expect([...decodeBatch(none)]).toEqual([]);
  });

  it('keeps the time of the log, where that stands for all records', () => {
    const cut = cutBatch(encodeBatch(records, { ...fields, timestampType: 'LogAppendTime' }), 101n)!;
    expect(decodeBatch(cut).timestampMs(0)).toBe(9n);
    expect(parseBatchHeader(cut)).toMatchObject({ timestampType: 'LogAppendTime', maxTimestampMs: 9n });
  });
});
