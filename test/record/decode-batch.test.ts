import { describe, expect, it } from 'vitest';
import { limits } from '../../lib/limits.ts';
import { parseBatchHeader } from '../../lib/record/batch-header.ts';
import { decodeControlRecord, encodeControlRecord } from '../../lib/record/control-record.ts';
import { decodeBatch, splitBatches, verifyBatch } from '../../lib/record/decode-batch.ts';
import { encodeBatch } from '../../lib/record/encode-batch.ts';
import { sealBatch } from '../../lib/record/seal-batch.ts';
import { stampBatch } from '../../lib/record/stamp-batch.ts';

const withCode = (code: string) => expect.objectContaining({ code });
const corrupt = withCode('CORRUPT_MESSAGE');

function intact(compression: 'none' | 'gzip' = 'none'): Uint8Array {
  const records = ['one', 'two', 'three'].map((text) => ({
    key: null,
    value: Buffer.from(text),
    headers: [],
    timestampMs: 5n,
  }));
  return encodeBatch(records, { compression });
}

/** A batch with one field overwritten and its CRC made right. */
function changed(position: number, ...bytes: number[]): Uint8Array {
  const batch = intact();
  batch.set(bytes, position);
  sealBatch(batch);
  return batch;
}

describe('parseBatchHeader', () => {
  it.each([
    ['a magic byte of 3', changed(16, 3), 'CORRUPT_MESSAGE'],
    ['the message format 1', changed(16, 1), 'UNSUPPORTED_FORMAT'],
    ['the message format 0', changed(16, 0), 'UNSUPPORTED_FORMAT'],
    ['a length below the header', changed(8, 0, 0, 0, 48), 'CORRUPT_MESSAGE'],
    ['a negative length', changed(8, 0xff, 0xff, 0xff, 0xff), 'CORRUPT_MESSAGE'],
    ['a length beyond the bytes', changed(8, 0, 0, 1, 0), 'CORRUPT_MESSAGE'],
    ['a length beyond the limit', changed(8, 0x7f, 0xff, 0xff, 0xff), 'MESSAGE_TOO_LARGE'],
    ['an unknown compression', changed(22, 5), 'UNSUPPORTED_COMPRESSION_TYPE'],
    ['a negative record count', changed(57, 0xff, 0xff, 0xff, 0xff), 'CORRUPT_MESSAGE'],
    ['a huge record count', changed(57, 0x7f, 0xff, 0xff, 0xff), 'CORRUPT_MESSAGE'],
    ['more records than fit', changed(57, 0, 0, 0, 9), 'CORRUPT_MESSAGE'],
    ['a last offset delta below the count', changed(23, 0, 0, 0, 1), 'CORRUPT_MESSAGE'],
    ['a negative last offset delta', changed(23, 0xff, 0xff, 0xff, 0xff), 'CORRUPT_MESSAGE'],
    ['no header', intact().subarray(0, 60), 'CORRUPT_MESSAGE'],
    ['nothing at all', new Uint8Array(0), 'CORRUPT_MESSAGE'],
  ])('refuses %s', (_, bytes, code) => {
    expect(() => parseBatchHeader(bytes)).toThrow(withCode(code));
    expect(() => decodeBatch(bytes)).toThrow(withCode(code));
  });

  it('reads a header at any position, and without the records when the limit allows it', () => {
    const bytes = Buffer.concat([Buffer.alloc(5), intact()]);
    expect(parseBatchHeader(bytes, 5)).toMatchObject({ recordCount: 3, sizeBytes: bytes.length - 5 });
    expect(parseBatchHeader(bytes.subarray(0, 66), 5, Number.POSITIVE_INFINITY).recordCount).toBe(3);
    expect(() => parseBatchHeader(bytes, 5, bytes.length - 1)).toThrow(corrupt);
  });

  it('says at which byte the damage is', () => {
    expect(() => parseBatchHeader(changed(57, 0x7f, 0xff, 0xff, 0xff))).toThrow(/record count .* byte 57/);
  });
});

describe('decodeBatch', () => {
  it('compares the CRC unless told not to', () => {
    const bytes = intact();
    bytes[70]! ^= 1;
    expect(() => decodeBatch(bytes)).toThrow(corrupt);
    expect(() => verifyBatch(bytes, parseBatchHeader(bytes))).toThrow(corrupt);
    expect(decodeBatch(bytes, { verify: false }).recordCount).toBe(3);
  });

  it('gives views of the batch itself when nothing is compressed', () => {
    const bytes = intact();
    expect(decodeBatch(bytes).value(0)!.buffer).toBe(bytes.buffer);
  });

  it('reads any record in any order', () => {
    const batch = decodeBatch(intact('gzip'));
    const text = (index: number) => Buffer.from(batch.value(index)!).toString();
    expect([text(2), text(0), text(1), batch.offset(2)]).toEqual(['three', 'one', 'two', 2n]);
  });

  it.each([-1, 3, 0.5, Number.NaN])('refuses the index %d', (index) => {
    expect(() => decodeBatch(intact()).value(index)).toThrow(withCode('INVALID_REQUEST'));
  });

  it('goes on after a damaged record', () => {
    // Record 1 stands at 61 + 10; its offset delta is its fourth byte.
    const batch = decodeBatch(changed(74, 0x7f));
    expect(() => batch.value(1)).toThrow(corrupt);
    expect(Buffer.from(batch.value(2)!).toString()).toBe('three');
    expect(() => batch.record(1)).toThrow(corrupt);
  });

  it('reads a batch that compaction has thinned, and one that it has emptied', () => {
    const thinned = decodeBatch(changed(23, 0, 0, 0, 9));
    expect(thinned.offset(2)).toBe(2n);
    expect(thinned.header.lastOffsetDelta).toBe(9);
    const empty = intact().slice(0, 61);
    empty.set([0, 0, 0, 49], 8);
    empty.set([0, 0, 0, 0], 57);
    sealBatch(empty);
    expect([...decodeBatch(empty)]).toEqual([]);
  });

  it('refuses bytes after the batch, and after its records', () => {
    expect(() => decodeBatch(Buffer.concat([intact(), Buffer.alloc(1)]))).toThrow(corrupt);
    const longer = Buffer.concat([intact(), Buffer.alloc(8)]);
    longer.writeInt32BE(longer.length - 12, 8);
    sealBatch(longer);
    expect(() => decodeBatch(longer)).toThrow(/follow the last record/);
  });

  it('refuses what decompresses to more than the caller allows', () => {
    expect(() => decodeBatch(intact('gzip'), { maxDecompressedBytes: 10 })).toThrow(withCode('MESSAGE_TOO_LARGE'));
    expect(decodeBatch(intact('gzip'), { maxDecompressedBytes: limits.decompressedBatchBytes * 9 }).recordCount).toBe(
      3,
    );
  });
});

describe('splitBatches', () => {
  it('refuses a last batch that is cut off, after giving those before', () => {
    const region = Buffer.concat([intact(), intact().subarray(0, 80)]);
    const batches = splitBatches(region);
    expect(batches.next().value).toMatchObject({ position: 0 });
    expect(() => batches.next()).toThrow(corrupt);
  });
});

describe('stampBatch', () => {
  it('leaves the epoch as it is unless one is given', () => {
    const bytes = encodeBatch([{ key: null, value: null, headers: [], timestampMs: 0n }], { partitionLeaderEpoch: 8 });
    stampBatch(bytes, 2n ** 40n);
    expect(decodeBatch(bytes).header).toMatchObject({ baseOffset: 2n ** 40n, partitionLeaderEpoch: 8 });
    expect(() => stampBatch(bytes.subarray(0, 60), 0n)).toThrow(corrupt);
  });
});

describe('control records', () => {
  it.each(['COMMIT', 'ABORT'] as const)('tell of a %s', (type) => {
    const bytes = encodeBatch([encodeControlRecord({ type, coordinatorEpoch: 7 }, 5n)], {
      control: true,
      transactional: true,
    });
    const batch = decodeBatch(bytes);
    expect(batch.header).toMatchObject({ control: true, transactional: true });
    expect(decodeControlRecord(batch.record(0))).toEqual({ type, coordinatorEpoch: 7 });
    expect(Buffer.from(batch.key(0)!).toString('hex')).toBe(type === 'COMMIT' ? '00000001' : '00000000');
  });

  it('of other types or cut short are refused by name', () => {
    const value = new Uint8Array(6);
    expect(() => decodeControlRecord({ key: Uint8Array.of(0, 0, 0, 2), value })).toThrow(
      withCode('UNSUPPORTED_FORMAT'),
    );
    expect(() => decodeControlRecord({ key: Uint8Array.of(0, 0, 0), value })).toThrow(corrupt);
    expect(() => decodeControlRecord({ key: null, value })).toThrow(corrupt);
    expect(() => decodeControlRecord({ key: Uint8Array.of(0xff, 0, 0, 1), value })).toThrow(corrupt);
    expect(() => decodeControlRecord({ key: Uint8Array.of(0, 0, 0, 1), value: new Uint8Array(5) })).toThrow(corrupt);
  });
});
