import { describe, expect, it } from 'vitest';
import { murmur2 } from '../../lib/client/murmur2.ts';
import { partitionForKey, StickyPartition } from '../../lib/client/partitioner.ts';
import { systemRandom } from '../../lib/clock.ts';

describe('murmur2', () => {
  // From Kafka's UtilsTest.testMurmur2.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('hashes %s as the Java client does', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash);
  });

  it('looks only at its own part of a shared buffer', () => {
    expect(murmur2(Buffer.from('xxabcxx').subarray(2, 5))).toBe(479470107);
  });
});

describe('the partition of a key', () => {
  it('is the hash without its sign, by the number of partitions', () => {
    expect(partitionForKey(Buffer.from('abc'), 10)).toBe(479470107 % 10);
    expect(partitionForKey(Buffer.from('foobar'), 7)).toBe((-790332482 & 0x7fffffff) % 7);
  });

  it('exists for the empty key', () => {
    expect(partitionForKey(new Uint8Array(0), 3)).toBeLessThan(3);
  });
});

describe('the partition without a key', () => {
  const stickyOf = (fractions: number[]) =>
    new StickyPartition({ ...systemRandom, fraction: () => fractions.shift()! }, 100);

  it("stays for a batch's worth of bytes", () => {
    const sticky = stickyOf([0.1, 0.9]);
    const chosen = Array.from({ length: 4 }, () => sticky.next(50, 10));
    expect(chosen).toEqual([1, 1, 9, 9]);
  });

  it('changes when its partition is not there any more', () => {
    const sticky = stickyOf([0.9, 0.9]);
    expect(sticky.next(1, 10)).toBe(9);
    expect(sticky.next(1, 5)).toBe(4);
  });
});
