import { describe, expect, it } from 'vitest';
import { batchChecksum, summarizeBatches } from '../../lib/log/batch-summary.ts';
import { parseBatchHeader, writeBatchHeader } from '../../lib/record/batch-header.ts';
import { batchOf } from './log-stage.ts';

const one = batchOf(['a', 'b'], [5, 9]);
const two = batchOf(['c'], [7]);

describe('a summary', () => {
  it('adds up whole batches', () => {
    const sum = summarizeBatches(Buffer.concat([one, two]));
    const checksum = batchChecksum(parseBatchHeader(one).crc, 2) + batchChecksum(parseBatchHeader(two).crc, 1);
    expect(sum).toEqual({ batchCount: 2, recordCount: 3, maxTimestampMs: 9n, checksum, producer: null });
  });

  it('tells the producer of a batch that is alone', () => {
    const producer = { producerId: 7n, producerEpoch: 1, baseSequence: 3 };
    const idempotent = batchOf(['a'], [], producer);
    expect(summarizeBatches(idempotent).producer).toEqual(producer);
    expect(summarizeBatches(Buffer.concat([idempotent, one])).producer).toBeNull();
    expect(summarizeBatches(one).producer).toBeNull();
  });

  it('does not look at base offsets, which are outside of the checksum', () => {
    expect(summarizeBatches(batchOf(['a', 'b'], [5, 9], { baseOffset: 99n })).checksum).toBe(
      summarizeBatches(one).checksum,
    );
  });

  it('refuses what is no batch, half a batch, and a batch with gaps', () => {
    expect(() => summarizeBatches(new Uint8Array())).toThrow(expect.objectContaining({ code: 'CORRUPT_MESSAGE' }));
    expect(() => summarizeBatches(one.subarray(0, one.length - 1))).toThrow(
      expect.objectContaining({ code: 'CORRUPT_MESSAGE' }),
    );
    const thinned = one.slice();
    writeBatchHeader(thinned, { ...parseBatchHeader(one), lastOffsetDelta: 5 });
    expect(() => summarizeBatches(thinned)).toThrow(expect.objectContaining({ code: 'INVALID_RECORD' }));
    const emptied = one.slice();
    writeBatchHeader(emptied, { ...parseBatchHeader(one), recordCount: 0 });
    expect(() => summarizeBatches(emptied)).toThrow(expect.objectContaining({ code: 'INVALID_RECORD' }));
  });
});

describe('the checksum of a batch', () => {
  it('keeps the record count apart from the CRC', () => {
    expect(batchChecksum(0xffffffff, 0)).toBe(0xffffffffn);
    expect(batchChecksum(0, 1)).toBe(0x100000000n);
  });
});
