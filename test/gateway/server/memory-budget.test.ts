import { describe, expect, it } from 'vitest';
import { MemoryBudget } from '../../../lib/gateway/server/memory-budget.ts';

describe('the memory for requests', () => {
  it('is given out in order, and what is given back goes to who waits', () => {
    const memory = new MemoryBudget(100, 0);
    const begun: string[] = [];
    const first = memory.take(60, () => begun.push('first'));
    const second = memory.take(50, () => begun.push('second'));
    memory.take(10, () => begun.push('third'));
    expect(begun).toEqual(['first']);
    first();
    first();
    expect(begun).toEqual(['first', 'second', 'third']);
    expect(memory.usedBytes).toBe(60);
    second();
    expect(memory.usedBytes).toBe(10);
  });

  it('does not let small ones wait for large ones while there is room', () => {
    const memory = new MemoryBudget(100, 10);
    const begun: string[] = [];
    memory.take(80, () => begun.push('first'));
    memory.take(80, () => begun.push('large'));
    expect(memory.isFull).toBe(false);
    const small = memory.take(10, () => begun.push('small'));
    memory.take(10, () => begun.push('small too'));
    memory.take(10, () => begun.push('small that waits'));
    expect(begun).toEqual(['first', 'small', 'small too']);
    small();
    expect(begun).toEqual(['first', 'small', 'small too', 'small that waits']);
  });

  it('lets one that is larger than all there is through alone', () => {
    const memory = new MemoryBudget(100, 0);
    const begun: string[] = [];
    const small = memory.take(1, () => begun.push('small'));
    memory.take(500, () => begun.push('large'));
    expect(begun).toEqual(['small']);
    small();
    expect(begun).toEqual(['small', 'large']);
  });

  it('forgets who went away while waiting', () => {
    const memory = new MemoryBudget(100, 0);
    const begun: string[] = [];
    const first = memory.take(100, () => begun.push('first'));
    const gone = memory.take(100, () => begun.push('gone'));
    memory.take(5, () => begun.push('third'));
    gone();
    first();
    expect(begun).toEqual(['first', 'third']);
    expect(memory.usedBytes).toBe(5);
  });

  it('is full when small ones have exceeded it, until they are given back', () => {
    const memory = new MemoryBudget(100, 0);
    const giveBack = memory.count(150);
    expect(memory.isFull).toBe(true);
    const begun: string[] = [];
    memory.take(0, () => begun.push('room'));
    expect(begun).toEqual([]);
    giveBack();
    expect(begun).toEqual(['room']);
    expect(memory.isFull).toBe(false);
  });
});
