import { describe, expect, it } from 'vitest';
import { BufferPool } from '../../lib/buffer-pool.ts';
import { ReadMemory } from '../../lib/log/read-memory.ts';

const MIB = 1024 * 1024;
const poolOf = () => new BufferPool({ keptBytes: 16 * MIB });

describe('memory of an answer', () => {
  it('is what was asked for, counted to the end of its buffers, and given back as a whole', () => {
    const pool = poolOf();
    const memory = new ReadMemory(pool);
    const [one, other] = [memory.take(MIB), memory.take(3 * MIB - 1)];
    expect([one.length, other.length, memory.byteCount]).toEqual([MIB, 3 * MIB - 1, 4 * MIB]);
    expect([one.subarray(5, 9), other, new Uint8Array(4)].map((bytes) => memory.holds(bytes))).toEqual([
      true,
      true,
      false,
    ]);
    memory.giveBack();
    expect([memory.byteCount, pool.keptBytes, memory.holds(one)]).toEqual([0, 4 * MIB, false]);
  });

  it('is given back once, however often that is said', () => {
    const pool = poolOf();
    const memory = new ReadMemory(pool);
    memory.take(MIB);
    memory.giveBack();
    const other = new ReadMemory(pool);
    const taken = other.take(MIB);
    memory.giveBack();
    expect(pool.keptBytes).toBe(0);
    expect(new ReadMemory(pool).take(MIB).buffer).not.toBe(taken.buffer);
  });

  it('can be taken again behind that', () => {
    const memory = new ReadMemory(poolOf());
    memory.take(MIB);
    memory.giveBack();
    memory.take(MIB);
    expect(memory.byteCount).toBe(MIB);
  });
});
