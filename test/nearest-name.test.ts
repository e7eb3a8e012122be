import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearestName } from '../lib/nearest-name.ts';

describe('editDistance', () => {
  it('counts insertions, removals, replacements and swaps of neighbours', () => {
    expect(editDistance('retention', 'retention', 9)).toBe(0);
    expect(editDistance('retenton', 'retention', 9)).toBe(1);
    expect(editDistance('retention', 'retenton', 9)).toBe(1);
    expect(editDistance('retenzion', 'retention', 9)).toBe(1);
    expect(editDistance('retnetion', 'retention', 9)).toBe(1);
    expect(editDistance('', 'abc', 9)).toBe(3);
    expect(editDistance('kitten', 'sitting', 9)).toBe(3);
  });

  it('stops at its limit', () => {
    expect(editDistance('abcdef', 'uvwxyz', 2)).toBe(3);
    expect(editDistance('a', 'abcdef', 2)).toBe(3);
  });

  it('is symmetric, zero only for equal words, and never more than the longer word', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });
    fc.assert(
      fc.property(word, word, (one, other) => {
        const distance = editDistance(one, other, 20);
        expect(distance).toBe(editDistance(other, one, 20));
        expect(distance === 0).toBe(one === other);
        expect(distance).toBeLessThanOrEqual(Math.max(one.length, other.length));
      }),
      { numRuns: 500 },
    );
  });
});

describe('nearestName', () => {
  const names = ['retention.ms', 'retention.bytes', 'cleanup.policy'];

  it('finds the word that was meant', () => {
    expect(nearestName('retention.m', names)).toBe('retention.ms');
    expect(nearestName('retention.byte', names)).toBe('retention.bytes');
    expect(nearestName('RETENTION_MS', names)).toBe('retention.ms');
    expect(nearestName('clean.policy', names)).toBe('cleanup.policy');
  });

  it('proposes nothing that is far off', () => {
    expect(nearestName('flush', names)).toBeUndefined();
    expect(nearestName('', names)).toBeUndefined();
    expect(nearestName('x', ['y', 'zz'])).toBeUndefined();
    expect(nearestName('retention.ms', [])).toBeUndefined();
  });

  it('takes the first of those that are equally near', () => {
    expect(nearestName('orderz', ['orders', 'order1'])).toBe('orders');
  });

  it('finishes with very long words', () => {
    expect(nearestName('x'.repeat(1_000_000), ['x'.repeat(255)])).toBe('x'.repeat(255));
  });
});
