import { describe, expect, it } from 'vitest';
import { limits } from '../../lib/limits.ts';
import { crc32c } from '../../lib/record/crc32c.ts';
import { encodeBatch } from '../../lib/record/encode-batch.ts';
import { type ChunkRegionInput, encodeSegment } from '../../lib/segment/encode-segment.ts';
import { encodeId } from '../../lib/segment/segment-id.ts';
import { chunkRegion, sampleBatch, sampleSegment, stampedBatches, TOPIC_A, TOPIC_B, WRITER } from './sample-segment.ts';

const one = (batches: readonly Uint8Array[]) => ({
  level: 0 as const,
  writerId: WRITER,
  regions: [{ topicId: TOPIC_A, partition: 0, batches }],
});
const chunkOf = (batches: readonly Uint8Array[], changes: Partial<ChunkRegionInput> = {}) => ({
  level: 1 as const,
  writerId: WRITER,
  regions: [{ ...chunkRegion({ topicId: TOPIC_A, partition: 0, batches }), ...changes }],
});
const refusal = (code: string) => expect.objectContaining({ code, hint: expect.any(String) });

/** A batch of about so many bytes. */
function batchOf(bytes: number, letter: string): Uint8Array {
  return encodeBatch([{ key: null, value: Buffer.alloc(bytes, letter), headers: [], timestampMs: 1n }]);
}

describe('an encoded segment', () => {
  it.each([[[5_000]], [[100, 70_000, 200, 4_100]], [[4_000, 4_050, 1_000_000]]])(
    'has the CRC of its regions though it reads no large batch again: %j',
    (sizes) => {
      const batches = sizes.map((bytes, place) => batchOf(bytes, 'abcd'[place]!));
      // What stands before the CRC is not under it.
      for (const [place, batch] of batches.entries()) batch.set([place, 2, 3], 5);
      const { bytes, regions } = encodeSegment(one(batches));
      const { position, length, crc } = regions[0]!;
      expect(crc).toBe(crc32c(bytes.subarray(position, position + length)));
    },
  );

  it('tells by the CRC of a region that a batch was changed after its own CRC was made', () => {
    const batch = batchOf(10_000, 'a');
    batch[9_000]! ^= 1;
    const { bytes, regions } = encodeSegment(one([batch]));
    const { position, length, crc } = regions[0]!;
    expect(crc).not.toBe(crc32c(bytes.subarray(position, position + length)));
  });

  it('is written over whatever its memory has held', () => {
    const filled = (bytes: number) => new Uint8Array(bytes).fill(0xdb);
    expect(encodeSegment(sampleSegment(0), filled).bytes).toEqual(encodeSegment(sampleSegment(0)).bytes);
  });

  it('has the bytes of the format, written out by hand', () => {
    const batch = sampleBatch({ recordCount: 2, baseTimestampMs: 1n, maxTimestampMs: 2n });
    const hex = (...parts: string[]) => Buffer.from(parts.join(''), 'hex');
    const u32 = (value: number) => value.toString(16).padStart(8, '0');
    const topic = TOPIC_A.replaceAll('-', '');
    const header = hex('4d4c5243', '01', '00', '01', '00');
    const stamped = stampedBatches([{ recordCount: 2, baseTimestampMs: 1n, maxTimestampMs: 2n }], 256n)[0]!;
    const index = hex(
      ...[topic, u32(5), u32(8), u32(batch.length), u32(1), u32(2)],
      ...['0000000000000001', '0000000000000002', u32(crc32c(stamped)), '0000000000000100', '0000000000000101'],
      u32(7),
    );
    const place = hex(u32(8 + batch.length), u32(76));
    const rest = Buffer.concat([encodeId(WRITER), hex('01', '00', '01', '00', '4d4c5243')]);
    const crc = hex(u32(crc32c(Buffer.concat([header, index, place, rest]))));
    const { bytes } = encodeSegment({
      level: 1,
      writerId: WRITER,
      regions: [chunkRegion({ topicId: TOPIC_A, partition: 5, batches: [stamped] }, 7)],
    });
    expect(Buffer.from(bytes).toString('hex')).toBe(
      Buffer.concat([header, stamped, index, place, crc, rest]).toString('hex'),
    );
  });

  it('holds its regions by topic id and partition, back to back, and sums up their batches', () => {
    const { bytes, regions } = encodeSegment(sampleSegment(0));
    expect(regions.map(({ crc: _, ...region }) => region)).toEqual([
      {
        ...{ topicId: TOPIC_A, partition: 9, position: 8, length: 136, batchCount: 2, recordCount: 2 },
        ...{ minTimestampMs: 1500n, maxTimestampMs: 9000n },
      },
      {
        ...{ topicId: TOPIC_A, partition: 10, position: 144, length: 148, batchCount: 2, recordCount: 3 },
        ...{ minTimestampMs: 1000n, maxTimestampMs: 1000n },
      },
      {
        ...{ topicId: TOPIC_B, partition: 0, position: 292, length: 82, batchCount: 1, recordCount: 3 },
        ...{ minTimestampMs: 5000n, maxTimestampMs: 5000n },
      },
    ]);
    expect(regions.map(({ position, length }) => crc32c(bytes.subarray(position, position + length)))).toEqual(
      regions.map((region) => region.crc),
    );
    expect(bytes.length).toBe(8 + 366 + 3 * 56 + 36);
  });

  it('tells the offsets at level 1, gaps and emptied batches included', () => {
    const { regions } = encodeSegment(sampleSegment(1));
    expect(regions).toMatchObject([
      { baseOffset: 0n, lastOffset: 1n },
      { baseOffset: 100n, lastOffset: 106n },
      { baseOffset: 7n, lastOffset: 9n },
    ]);
    const emptied = stampedBatches([{ recordCount: 0, lastOffsetDelta: 9 }], 20n);
    expect(encodeSegment(chunkOf(emptied)).regions).toMatchObject([
      { recordCount: 0, baseOffset: 20n, lastOffset: 29n },
    ]);
  });

  it('holds several chunks of a partition at level 1 in the order of their offsets, each with the offsets of its chunk', () => {
    const [first] = chunkOf(stampedBatches([{}], 5n), { baseOffset: 3n, lastOffset: 9n, chunkVersion: 2 }).regions;
    const [second] = chunkOf(stampedBatches([{}], 10n)).regions;
    const { regions } = encodeSegment({ ...chunkOf([]), regions: [second!, first!] });
    expect(regions).toMatchObject([
      { baseOffset: 3n, lastOffset: 9n, chunkVersion: 2, recordCount: 1 },
      { baseOffset: 10n, lastOffset: 10n, chunkVersion: 0 },
    ]);
  });

  it('takes the maximum for the minimum where a base timestamp is later, as with a delete horizon', () => {
    const { regions } = encodeSegment(one([sampleBatch({ baseTimestampMs: 9000n, maxTimestampMs: 10n })]));
    expect(regions).toMatchObject([{ minTimestampMs: 10n, maxTimestampMs: 10n }]);
  });
});

describe('a segment is refused', () => {
  it('without regions, and with a region without batches', () => {
    expect(() => encodeSegment({ ...one([]), regions: [] })).toThrow(refusal('INVALID_REQUEST'));
    expect(() => encodeSegment(one([]))).toThrow(refusal('INVALID_REQUEST'));
  });

  it('with a partition twice', () => {
    const input = one([sampleBatch()]);
    expect(() => encodeSegment({ ...input, regions: [...input.regions, ...input.regions] })).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST', value: { topicId: TOPIC_A, partition: 0 } }),
    );
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 31])('with the partition %d', (partition) => {
    const regions = [{ topicId: TOPIC_A, partition, batches: [sampleBatch()] }];
    expect(() => encodeSegment({ ...one([]), regions })).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST', value: partition }),
    );
  });

  it.each(['', 'orders', TOPIC_B.toUpperCase(), TOPIC_A.replaceAll('-', ''), `${TOPIC_A}\n`])(
    'with the topic id %j',
    (topicId) => {
      const regions = [{ topicId, partition: 0, batches: [sampleBatch()] }];
      expect(() => encodeSegment({ ...one([]), regions })).toThrow(
        expect.objectContaining({ code: 'INVALID_REQUEST', value: topicId }),
      );
    },
  );

  it('with a writer that has no id', () => {
    expect(() => encodeSegment({ ...one([sampleBatch()]), writerId: 'me' })).toThrow(refusal('INVALID_REQUEST'));
  });

  it('with a batch that is not whole, or followed by another', () => {
    const batch = sampleBatch();
    expect(() => encodeSegment(one([batch.subarray(0, 60)]))).toThrow(
      expect.objectContaining({ code: 'CORRUPT_MESSAGE' }),
    );
    expect(() => encodeSegment(one([batch.subarray(0, -1)]))).toThrow(
      expect.objectContaining({ code: 'CORRUPT_MESSAGE' }),
    );
    expect(() => encodeSegment(one([Buffer.concat([batch, batch])]))).toThrow(refusal('INVALID_REQUEST'));
  });

  it('at level 0 with batches that take other offsets than they have records', () => {
    const gap = sampleBatch({ recordCount: 2, lastOffsetDelta: 2 });
    const emptied = sampleBatch({ recordCount: 0, lastOffsetDelta: 0 });
    expect(() => encodeSegment(one([gap]))).toThrow(refusal('INVALID_REQUEST'));
    expect(() => encodeSegment(one([emptied]))).toThrow(refusal('INVALID_REQUEST'));
  });

  it('at level 1 with offsets that do not ascend, that are missing, or that end beyond 63 bits', () => {
    const at = (baseOffset: bigint, recordCount = 1) => sampleBatch({ baseOffset, recordCount });
    expect(() => encodeSegment(chunkOf([at(5n, 2), at(6n)]))).toThrow(refusal('INVALID_REQUEST'));
    expect(() => encodeSegment(chunkOf([at(-1n)]))).toThrow(refusal('INVALID_REQUEST'));
    expect(() => encodeSegment(chunkOf([at(2n ** 63n - 1n, 2)]))).toThrow(refusal('INVALID_REQUEST'));
    expect(encodeSegment(chunkOf([at(5n, 2), at(7n)])).regions).toMatchObject([{ baseOffset: 5n, lastOffset: 7n }]);
  });

  it('at level 1 with chunks that overlap, with batches outside of their chunk, and with a version that is none', () => {
    const batches = stampedBatches([{ recordCount: 3 }], 5n);
    const refused = refusal('INVALID_REQUEST');
    const [region] = chunkOf(batches).regions;
    const [next] = chunkOf(stampedBatches([{}], 9n), { baseOffset: 7n }).regions;
    expect(() => encodeSegment({ ...chunkOf([]), regions: [next!, region!] })).toThrow(refused);
    for (const changes of [
      { baseOffset: 6n },
      { lastOffset: 6n },
      { chunkVersion: -1 },
      { chunkVersion: 0.5 },
      { lastOffset: 2n ** 63n },
    ])
      expect(() => encodeSegment(chunkOf(batches, changes))).toThrow(refused);
  });

  it('above the size limit, before anything is allocated, even if no batch is whole', () => {
    // One array many times over: the sum of the lengths is what is checked first.
    const batches = Array.from({ length: 5 }, () => new Uint8Array(limits.segmentBytes / 4));
    expect(() => encodeSegment(one(batches))).toThrow(refusal('MESSAGE_TOO_LARGE'));
  });

  it('above the limit of regions', () => {
    const batches = [sampleBatch()];
    const regions = Array.from({ length: limits.regionsPerSegment + 1 }, (_, partition) => ({
      ...{ topicId: TOPIC_A, partition, batches },
    }));
    expect(() => encodeSegment({ ...one([]), regions })).toThrow(refusal('MESSAGE_TOO_LARGE'));
  });
});
