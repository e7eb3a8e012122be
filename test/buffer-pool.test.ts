import { describe, expect, it } from 'vitest';
import { BufferPool } from '../lib/buffer-pool.ts';

const MIB = 1024 * 1024;

describe('a pool of buffers', () => {
  it('gives what was given back to who comes next, at its length', () => {
    const pool = new BufferPool({ keptBytes: MIB });
    const first = pool.take(10_000);
    first.bytes.fill(7);
    first.giveBack();
    const next = pool.take(9_000);
    expect(next.bytes).toHaveLength(9_000);
    expect(next.bytes.buffer).toBe(first.bytes.buffer);
    expect(next.bytes[0]).toBe(7);
  });

  it('gives nobody what another has', () => {
    const pool = new BufferPool({ keptBytes: MIB });
    const buffers = Array.from({ length: 8 }, () => pool.take(5_000).bytes.buffer);
    expect(new Set(buffers).size).toBe(8);
  });

  it('gives a buffer that is given back twice to one only', () => {
    const pool = new BufferPool({ keptBytes: MIB });
    const twice = pool.take(5_000);
    twice.giveBack();
    twice.giveBack();
    expect(pool.keptBytes).toBe(5_120);
    const next = pool.take(5_000);
    twice.giveBack();
    expect(pool.take(5_000).bytes.buffer).not.toBe(next.bytes.buffer);
  });

  it.each([0, 1, 4_096, 4_097, 5_120, 5_121, 65_536, 65_537, 524_288, 524_300, 3 * MIB + 1, 8 * MIB])(
    'wastes no more than a fifth of a block, or a page, for %i bytes',
    (bytes) => {
      const pool = new BufferPool({ keptBytes: 100 * MIB });
      const taken = pool.take(bytes);
      expect(taken.bytes).toHaveLength(bytes);
      taken.giveBack();
      expect(pool.keptBytes).toBeGreaterThanOrEqual(bytes);
      expect(pool.keptBytes * 0.8).toBeLessThanOrEqual(Math.max(bytes, 4_096));
    },
  );

  it('keeps no more than it may, and lets go of sizes that nobody asks for any more', () => {
    const pool = new BufferPool({ keptBytes: 100_000 });
    const large = pool.take(65_536);
    const small = Array.from({ length: 10 }, () => pool.take(8_192));
    large.giveBack();
    for (const { giveBack } of small) giveBack();
    expect(pool.keptBytes).toBe(10 * 8_192);
    pool.take(200_000).giveBack();
    expect(pool.keptBytes).toBe(10 * 8_192);
  });

  it('tells of what is given back before anybody can have it again', () => {
    const pool = new BufferPool({ keptBytes: MIB, onGivenBack: (block) => block.fill(0xdb) });
    const { bytes, giveBack } = pool.take(6_000);
    bytes.fill(1);
    giveBack();
    expect(bytes.every((byte) => byte === 0xdb)).toBe(true);
  });
});
