import { describe, expect, it } from 'vitest';
import { limits } from '../../lib/limits.ts';
import { decodeSegment, parseIndex, parseTrailer, readSegmentIndex } from '../../lib/segment/decode-segment.ts';
import { encodeSegment } from '../../lib/segment/encode-segment.ts';
import { regionBytes, verifyRegion } from '../../lib/segment/region.ts';
import {
  encodeTrailer,
  SEGMENT_TRAILER_BYTES,
  type SegmentTrailer,
  trailerCrc,
} from '../../lib/segment/segment-format.ts';
import { sampleBatch, sampleSegment, TOPIC_A, WRITER } from './sample-segment.ts';

const refusal = (code: string, value: unknown = expect.anything()) =>
  expect.objectContaining({ code, value, hint: expect.any(String) });

/** An object of which every read is written down. */
function sourceOf(bytes: Uint8Array) {
  const reads: [position: number, length: number][] = [];
  const read = async (position: number, length: number) => {
    reads.push([position, length]);
    return bytes.slice(position, position + length);
  };
  return { size: bytes.length, read, reads };
}

/** A segment changed by somebody who knows how to make its CRC right again. */
function forge(
  level: 0 | 1,
  change: (index: DataView, trailer: SegmentTrailer) => Partial<SegmentTrailer> | undefined,
) {
  const { bytes } = encodeSegment(sampleSegment(level));
  const trailer = parseTrailer(bytes);
  const index = bytes.subarray(trailer.indexPosition, trailer.indexPosition + trailer.indexLength);
  const changed = { ...trailer, ...change(new DataView(index.buffer, index.byteOffset, index.length), trailer) };
  const named = bytes.subarray(changed.indexPosition, changed.indexPosition + changed.indexLength);
  const sealed = encodeTrailer({ ...changed, indexCrc: trailerCrc(changed, named) });
  bytes.set(sealed, bytes.length - SEGMENT_TRAILER_BYTES);
  return bytes;
}

describe.each([0, 1] as const)('a segment of level %d', (level) => {
  const { bytes, regions } = encodeSegment(sampleSegment(level));

  it('is read back', () => {
    expect(decodeSegment(bytes, { verifyRegions: true })).toEqual({
      level,
      formatVersion: 1,
      writerId: WRITER,
      regions,
    });
  });

  it('is read from an object in one read when the tail holds the index', async () => {
    const source = sourceOf(bytes);
    expect(await readSegmentIndex(source)).toEqual(decodeSegment(bytes));
    expect(source.reads).toEqual([[0, bytes.length]]);
  });

  it('is read from an object in two reads when it does not, and never in three', async () => {
    const { indexPosition, indexLength } = parseTrailer(bytes);
    for (let tailBytes = 0; tailBytes <= bytes.length + 1; tailBytes++) {
      const source = sourceOf(bytes);
      expect(await readSegmentIndex(source, { tailBytes })).toEqual(decodeSegment(bytes));
      expect(source.reads.slice(1)).toEqual(
        tailBytes < indexLength + SEGMENT_TRAILER_BYTES ? [[indexPosition, indexLength]] : [],
      );
    }
  });

  it('is found damaged when any bit of header, index or trailer is wrong', async () => {
    const { indexPosition } = parseTrailer(bytes);
    for (let position = 0; position < bytes.length; position++) {
      if (position === 8) position = indexPosition;
      for (let bit = 0; bit < 8; bit++) {
        const damaged = bytes.slice();
        damaged[position]! ^= 1 << bit;
        const code = expect.stringMatching(/^(CORRUPT_OBJECT|UNSUPPORTED_FORMAT)$/);
        expect(() => decodeSegment(damaged)).toThrow(expect.objectContaining({ code, value: expect.any(Number) }));
        // The header is not read from the end of an object.
        if (position < 8) continue;
        await expect(readSegmentIndex(sourceOf(damaged), { tailBytes: 100 })).rejects.toThrow(
          expect.objectContaining({ code, value: expect.any(Number) }),
        );
      }
    }
  });

  it('is found damaged when any bit of a region is wrong, if regions are verified', () => {
    const { indexPosition } = parseTrailer(bytes);
    for (let position = 8; position < indexPosition; position++) {
      const damaged = bytes.slice();
      damaged[position]! ^= 1 << (position % 8);
      const region = regions.find((candidate) => position < candidate.position + candidate.length)!;
      expect(() => decodeSegment(damaged, { verifyRegions: true })).toThrow(refusal('CORRUPT_OBJECT', region));
      expect(decodeSegment(damaged).regions).toEqual(regions);
    }
  });

  it('is found damaged when it is cut off anywhere, at either end', async () => {
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.slice(0, length);
      expect(() => decodeSegment(cut)).toThrow(refusal('CORRUPT_OBJECT'));
      await expect(readSegmentIndex(sourceOf(cut))).rejects.toThrow(refusal('CORRUPT_OBJECT'));
      expect(() => decodeSegment(bytes.slice(bytes.length - length))).toThrow(refusal('CORRUPT_OBJECT'));
    }
  });

  it('is found damaged when bytes were added', () => {
    for (const extra of [1, SEGMENT_TRAILER_BYTES, 100]) {
      expect(() => decodeSegment(Buffer.concat([bytes, new Uint8Array(extra)]))).toThrow(refusal('CORRUPT_OBJECT'));
      const doubled = Buffer.concat([bytes.subarray(0, 8), new Uint8Array(extra), bytes.subarray(8)]);
      expect(() => decodeSegment(doubled)).toThrow(refusal('CORRUPT_OBJECT'));
    }
  });
});

describe('a forged index, its CRC right, is refused', () => {
  const positionOfIndex = parseTrailer(encodeSegment(sampleSegment(0)).bytes).indexPosition;
  const entry = 56;

  it.each<[string, number, (index: DataView) => void]>([
    ['a negative partition', 16, (index) => index.setInt32(16, -1)],
    ['a region that begins inside the header', 20, (index) => index.setUint32(20, 0)],
    ['a region that overlaps the one before', entry + 20, (index) => index.setUint32(entry + 20, 143)],
    ['a gap between regions', entry + 20, (index) => index.setUint32(entry + 20, 145)],
    ['a region of 4 GiB', 24, (index) => index.setUint32(24, 0xffffffff)],
    ['no bytes', 28, (index) => index.setUint32(24, 0)],
    ['no batches', 28, (index) => index.setUint32(28, 0)],
    ['more batches than bytes hold', 28, (index) => index.setUint32(28, 0xffffffff)],
    ['more records than batches hold', 32, (index) => index.setUint32(32, 0xffffffff)],
    ['a least timestamp above the greatest', 36, (index) => index.setBigInt64(36, 9001n)],
    ['partitions out of order', entry, (index) => index.setInt32(entry + 16, 8)],
    ['a partition twice', entry, (index) => index.setInt32(entry + 16, 9)],
    ['topics out of order', entry, (index) => index.setUint8(0, 0xff)],
  ])('for %s', (_, position, change) => {
    const forged = forge(0, (index) => void change(index));
    expect(() => decodeSegment(forged)).toThrow(refusal('CORRUPT_OBJECT', positionOfIndex + position));
  });

  it.each<[string, number, (index: DataView) => void]>([
    ['a negative offset', 56, (index) => index.setBigInt64(56, -1n)],
    ['a last offset below the first', 56, (index) => index.setBigInt64(56, 2n)],
    ['more records than offsets', 32, (index) => index.setBigInt64(64, 0n)],
    [
      'chunks that overlap',
      76,
      (index) => {
        // The second region becomes another chunk of the first one's partition.
        index.setInt32(76 + 16, 9);
        index.setBigInt64(76 + 56, 1n);
      },
    ],
  ])('at level 1 for %s', (_, position, change) => {
    const forged = forge(1, (index) => void change(index));
    expect(() => decodeSegment(forged)).toThrow(refusal('CORRUPT_OBJECT', positionOfIndex + position));
  });

  it('for regions that end before the index begins', () => {
    const forged = forge(0, (index) => index.setUint32(2 * entry + 24, 81) as undefined);
    expect(() => decodeSegment(forged)).toThrow(refusal('CORRUPT_OBJECT', positionOfIndex - 1));
  });

  it.each<[string, (trailer: SegmentTrailer) => Partial<SegmentTrailer>]>([
    [
      'no regions',
      ({ indexPosition, indexLength }) => ({ indexPosition: indexPosition + indexLength, indexLength: 0 }),
    ],
    [
      'part of a region',
      ({ indexPosition, indexLength }) => ({ indexPosition: indexPosition + 1, indexLength: indexLength - 1 }),
    ],
    [
      'a region less',
      ({ indexPosition, indexLength }) => ({ indexPosition: indexPosition + 56, indexLength: indexLength - 56 }),
    ],
    ['an end elsewhere', ({ indexPosition }) => ({ indexPosition: indexPosition - 1 })],
    ['an index of 4 GiB', () => ({ indexLength: 0xffffffff })],
    ['another level than the header', () => ({ level: 1 })],
  ])('for %s', (_, change) => {
    const forged = forge(0, (__, trailer) => change(trailer));
    expect(() => decodeSegment(forged)).toThrow(refusal('CORRUPT_OBJECT'));
  });

  it('for other bytes than the trailer names', () => {
    const { bytes } = encodeSegment(sampleSegment(0));
    const trailer = parseTrailer(bytes);
    expect(() => parseIndex(bytes, trailer)).toThrow(refusal('CORRUPT_OBJECT'));
  });

  it('for more regions than a segment may have, before they are read', () => {
    const entries = limits.regionsPerSegment + 1;
    const trailer: SegmentTrailer = {
      ...{ indexPosition: 8, indexLength: entries * 56, indexCrc: 0, writerId: WRITER, formatVersion: 1, level: 0 },
    };
    const index = new Uint8Array(entries * 56);
    const sealed = { ...trailer, indexCrc: trailerCrc(trailer, index) };
    expect(() => parseIndex(index, sealed)).toThrow(
      expect.objectContaining({ message: expect.stringContaining('index of') }),
    );
  });
});

describe('a segment of another time', () => {
  const { bytes } = encodeSegment(sampleSegment(0));

  it.each([
    ['version', 4, 2],
    ['flag', 5, 1],
    ['level', 6, 2],
    ['reserved byte', 7, 1],
  ])('with an unknown %s is unsupported, not corrupt, by header and by trailer', (_, position, value) => {
    for (const at of [position, bytes.length - SEGMENT_TRAILER_BYTES + 28 + position - 4]) {
      const other = bytes.slice();
      other[at] = value;
      expect(() => decodeSegment(other)).toThrow(refusal('UNSUPPORTED_FORMAT', at));
    }
  });
});

describe('the reader of an index', () => {
  const { bytes } = encodeSegment(sampleSegment(0));

  it('asks for nothing when the size is impossible', async () => {
    for (const size of [0, 160, limits.segmentBytes + 1, Number.NaN]) {
      const source = { ...sourceOf(bytes), size };
      await expect(readSegmentIndex(source)).rejects.toThrow(refusal('CORRUPT_OBJECT'));
      expect(source.reads).toEqual([]);
    }
  });

  it('finds out that the object is shorter than it was said to be', async () => {
    await expect(readSegmentIndex({ ...sourceOf(bytes), size: bytes.length + 10 })).rejects.toThrow(
      refusal('CORRUPT_OBJECT'),
    );
  });

  it('names the position in the object, not in the part that it read', async () => {
    const damaged = bytes.slice();
    damaged[bytes.length - 1]! ^= 1;
    await expect(readSegmentIndex(sourceOf(damaged), { tailBytes: 50 })).rejects.toThrow(
      refusal('CORRUPT_OBJECT', bytes.length - 4),
    );
  });

  it('passes on what the store throws', async () => {
    const failure = new Error('no such store');
    const read = () => Promise.reject(failure);
    await expect(readSegmentIndex({ size: bytes.length, read })).rejects.toBe(failure);
  });
});

describe('a region', () => {
  const { bytes, regions } = encodeSegment({
    level: 0,
    writerId: WRITER,
    regions: [{ topicId: TOPIC_A, partition: 3, batches: [sampleBatch()] }],
  });
  const region = regions[0]!;

  it('is a view of its object, and verified by length and CRC', () => {
    const view = regionBytes(bytes, region);
    expect(view.buffer).toBe(bytes.buffer);
    expect(view).toEqual(sampleBatch());
    expect(() => verifyRegion(view, region)).not.toThrow();
    expect(() => verifyRegion(view.subarray(1), region)).toThrow(refusal('CORRUPT_OBJECT', region));
    expect(() =>
      verifyRegion(
        view.map((byte) => byte ^ 1),
        region,
      ),
    ).toThrow(/00000000000a\/3 at byte 8/);
  });

  it('is not read beyond the end of its object', () => {
    expect(() => regionBytes(bytes.subarray(0, 20), region)).toThrow(refusal('CORRUPT_OBJECT', region));
  });
});
