import { constants, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { claimedBytes, zstdDecompress } from '../../lib/record/zstd.ts';

const MiB = 1024 * 1024;
/** Bytes that compress somewhat. */
const bytesOf = (length: number) => Uint8Array.from({ length }, (_, index) => (index * index) % 251);
const framed = (length: number) => zstdCompressSync(bytesOf(length), { pledgedSrcSize: length });

describe('a frame of zstd', () => {
  it.each([255, 256, 257, 65_791, 65_792, 100_000, 3 * MiB])('claims the %i bytes that it holds', (length) => {
    expect(claimedBytes(framed(length))).toBe(length);
    expect(Buffer.compare(zstdDecompress(framed(length), 4 * MiB), bytesOf(length))).toBe(0);
  });

  it('may claim nothing', () => {
    const unclaimed = zstdCompressSync(bytesOf(MiB), { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } });
    expect(claimedBytes(unclaimed)).toBeUndefined();
    expect(Buffer.compare(zstdDecompress(unclaimed, 4 * MiB), bytesOf(MiB))).toBe(0);
  });

  it('is no frame when it begins otherwise, or ends within its header', () => {
    expect(claimedBytes(bytesOf(100))).toBeUndefined();
    expect(claimedBytes(framed(100_000).subarray(0, 9))).toBeUndefined();
  });

  it('is refused when it holds more than it claims', () => {
    const lying = Buffer.from(framed(3 * MiB));
    lying.writeUInt32LE(1, (lying[4]! & 0x20) === 0 ? 6 : 5);
    expect(() => zstdDecompress(lying, 4 * MiB)).toThrow(expect.objectContaining({ code: 'CORRUPT_MESSAGE' }));
  });

  it('is not believed when it claims more than data grows', () => {
    const lying = Buffer.from(framed(3 * MiB));
    expect(lying[4]! >> 6).toBe(2);
    lying.writeUInt32LE(0xffff_fff0, (lying[4]! & 0x20) === 0 ? 6 : 5);
    const before = process.memoryUsage().rss;
    expect(() => zstdDecompress(lying, 2 ** 31)).toThrow(expect.objectContaining({ code: 'CORRUPT_MESSAGE' }));
    expect(process.memoryUsage().rss - before).toBeLessThan(1024 * MiB);
  });
});
