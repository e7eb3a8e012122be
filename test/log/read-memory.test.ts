import { describe, expect, it } from 'vitest';
import { ReadBuffers, ReadMemory } from '../../lib/log/read-memory.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

describe('buffers for reading', () => {
  it.each([
    [16 * KIB, 64 * KIB],
    [64 * KIB, 64 * KIB],
    [64 * KIB + 1, 128 * KIB],
    [3 * MIB, 4 * MIB],
    [4 * MIB, 4 * MIB],
  ])('for %i bytes have %i, and are used again', (wanted, size) => {
    const buffers = new ReadBuffers();
    const first = buffers.take(wanted);
    expect(first.length).toBe(size);
    buffers.giveBack(first);
    expect(buffers.freeBytes).toBe(size);
    expect(buffers.take(wanted)).toBe(first);
    expect(buffers.freeBytes).toBe(0);
  });

  it.each([0, 1, 16 * KIB - 1, 4 * MIB + 1, 9 * MIB])('for %i bytes are of just that size, and not kept', (wanted) => {
    const buffers = new ReadBuffers();
    const buffer = buffers.take(wanted);
    expect(buffer.length).toBe(wanted);
    buffers.giveBack(buffer);
    expect(buffers.freeBytes).toBe(0);
  });

  it('are had by one at a time', () => {
    const buffers = new ReadBuffers();
    const taken = [1, 2, 3].map(() => buffers.take(MIB));
    expect(new Set(taken.map(({ buffer }) => buffer)).size).toBe(3);
    for (const one of taken) buffers.giveBack(one);
    const again = [1, 2, 3, 4].map(() => buffers.take(MIB));
    expect(new Set(again.map(({ buffer }) => buffer)).size).toBe(4);
  });

  it('are let go of above 16 MiB that nobody has', () => {
    const buffers = new ReadBuffers();
    for (const one of Array.from({ length: 9 }, () => buffers.take(4 * MIB))) buffers.giveBack(one);
    expect(buffers.freeBytes).toBe(16 * MIB);
  });
});

describe('memory of an answer', () => {
  it('is what was asked for, counted as the buffers that it is in, and given back as a whole', () => {
    const buffers = new ReadBuffers();
    const memory = new ReadMemory(buffers);
    const [one, other] = [memory.take(100 * KIB), memory.take(3 * MIB)];
    expect([one.length, other.length, memory.byteCount]).toEqual([100 * KIB, 3 * MIB, 4 * MIB + 128 * KIB]);
    expect([one.subarray(5, 9), other, new Uint8Array(4)].map((bytes) => memory.holds(bytes))).toEqual([
      true,
      true,
      false,
    ]);
    memory.giveBack();
    expect([memory.byteCount, buffers.freeBytes]).toEqual([0, 4 * MIB + 128 * KIB]);
    expect(memory.holds(one)).toBe(false);
  });

  it('is given back once, however often that is said', () => {
    const buffers = new ReadBuffers();
    const memory = new ReadMemory(buffers);
    memory.take(MIB);
    memory.giveBack();
    const other = new ReadMemory(buffers);
    const taken = other.take(MIB);
    memory.giveBack();
    expect(buffers.freeBytes).toBe(0);
    expect(new ReadMemory(buffers).take(MIB).buffer).not.toBe(taken.buffer);
  });

  it('can be taken again behind that', () => {
    const memory = new ReadMemory(new ReadBuffers());
    memory.take(MIB);
    memory.giveBack();
    memory.take(MIB);
    expect(memory.byteCount).toBe(MIB);
  });
});
