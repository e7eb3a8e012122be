import { describe, expect, it } from 'vitest';
import { BufferMemory } from '../../lib/client/buffer-memory.ts';
import { VirtualClock } from './virtual-clock.ts';

const clockedMemory = (totalBytes: number) => {
  const clock = new VirtualClock({ jumps: false });
  const memory = new BufferMemory(clock, totalBytes);
  const told: string[] = [];
  const wait = (name: string, bytes: number, waitMs = 1000) =>
    memory.wait({
      bytes,
      deadlineMs: clock.monotonicMs() + waitMs,
      admit: () => told.push(`${name} admitted`),
      expire: () => told.push(`${name} expired`),
    });
  return { clock, memory, told, wait };
};

describe('buffer memory', () => {
  it('gives what there is and no more', () => {
    const { memory } = clockedMemory(100);
    expect(memory.tryTake(60)).toBe(true);
    expect(memory.tryTake(41)).toBe(false);
    expect(memory.tryTake(40)).toBe(true);
    expect(memory.usedBytes).toBe(100);
  });

  it('admits in the order of arrival, the large before the small behind it', () => {
    const { memory, told, wait } = clockedMemory(100);
    memory.take(100);
    wait('large', 80);
    wait('small', 10);
    memory.release(50);
    expect(told).toEqual([]);
    expect(memory.tryTake(1)).toBe(false);
    memory.release(50);
    expect(told).toEqual(['large admitted', 'small admitted']);
    expect(memory.usedBytes).toBe(90);
  });

  it('tells who waited too long, and nobody else', async () => {
    const { clock, memory, told, wait } = clockedMemory(100);
    memory.take(100);
    wait('first', 50, 1000);
    await clock.advance(500);
    wait('second', 50, 1000);
    await clock.advance(500);
    expect(told).toEqual(['first expired']);
    memory.release(50);
    expect(told).toEqual(['first expired', 'second admitted']);
  });

  it('admits the small ones when the large one before them gave up', async () => {
    const { clock, memory, told, wait } = clockedMemory(100);
    memory.take(90);
    wait('large', 80, 100);
    wait('small', 10, 1000);
    await clock.advance(100);
    expect(told).toEqual(['large expired', 'small admitted']);
  });

  it('leaves no timer behind when nobody waits', async () => {
    const { clock, memory, wait } = clockedMemory(100);
    memory.take(100);
    wait('one', 50);
    await clock.advance(1);
    expect(clock.sleeperCount).toBe(1);
    memory.release(100);
    await clock.advance(1);
    expect(clock.sleeperCount).toBe(0);
  });

  it('says when there is room', async () => {
    const { memory, wait } = clockedMemory(100);
    await memory.room();
    memory.take(100);
    wait('one', 100);
    let hasRoom = false;
    const room = memory.room().then(() => {
      hasRoom = true;
    });
    memory.release(100);
    await Promise.resolve();
    expect(hasRoom).toBe(false);
    memory.release(100);
    await room;
    expect(memory.usedBytes).toBe(0);
  });
});
