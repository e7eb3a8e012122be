import { describe, expect, it } from 'vitest';
import { type FetchCandidate, planFetch, shareBudget } from '../../lib/log/fetch-plan.ts';
import type { LocatedEntry } from '../../lib/log/locate.ts';
import { idAt } from './log-stage.ts';

const KB = 1024;

function reference(object: number, position: number, lengthBytes: number, hot = true, level: 0 | 1 = 0): LocatedEntry {
  const base = { id: idAt(object), recordCount: 1, maxTimestampMs: 0n, producer: null };
  const entry = { kind: 'reference', ...base, position, lengthBytes } as const;
  return { entry, baseOffset: 0n, endOffset: 1n, level, hot };
}

function inline(bytes: number): LocatedEntry {
  const base = { id: idAt(0), recordCount: 1, maxTimestampMs: 0n, producer: null };
  return {
    entry: { kind: 'inline', ...base, batches: new Uint8Array(bytes) },
    baseOffset: 0n,
    endOffset: 1n,
    level: 0,
    hot: true,
  };
}

const candidate = (entries: readonly LocatedEntry[], maxBytes = 1e9, domain = 'shared'): FetchCandidate => ({
  domain,
  entries,
  maxBytes,
});
const tens = (count: number) => Array.from({ length: count }, (_, index) => reference(1, index * 10, 10));

describe('the budget of a fetch', () => {
  it('is shared in turns, so that no partition starves another', () => {
    expect(shareBudget([candidate(tens(100)), candidate(tens(100)), candidate(tens(100))], 60)).toEqual([2, 2, 2]);
    expect(shareBudget([candidate(tens(1)), candidate(tens(100))], 60)).toEqual([1, 5]);
  });

  it('gives the first entry of all, whatever its size, and nothing beyond it then', () => {
    expect(shareBudget([candidate([reference(1, 0, 5_000)]), candidate(tens(3))], 100)).toEqual([1, 0]);
    expect(shareBudget([candidate([]), candidate([reference(1, 0, 5_000), reference(1, 0, 1)])], 100)).toEqual([0, 1]);
    expect(shareBudget([candidate(tens(2))], 0)).toEqual([1]);
  });

  it('bounds a partition by its own maximum behind its first entry', () => {
    expect(shareBudget([candidate(tens(9), 35), candidate(tens(9), 5)], 1e9)).toEqual([3, 1]);
  });

  it('never passes over an entry to reach a smaller one', () => {
    const entries = [reference(1, 0, 10), reference(1, 10, 1_000), reference(1, 2_000, 10)];
    expect(shareBudget([candidate(entries)], 100)).toEqual([1]);
  });

  it('is exact: what fills it fits', () => {
    expect(shareBudget([candidate(tens(5))], 30)).toEqual([3]);
    expect(shareBudget([candidate(tens(5))], 29)).toEqual([2]);
  });
});

describe('the ranges of a fetch', () => {
  const rangesOf = (candidates: readonly FetchCandidate[]) =>
    planFetch(candidates, 1e12).ranges.map(({ position, lengthBytes, pieces }) => [
      position,
      lengthBytes,
      pieces.length,
    ]);

  it('are one for neighbours in one object, of several partitions too', () => {
    const plan = planFetch([candidate([reference(1, 100, 50)]), candidate([reference(1, 8, 92)])], 1e9);
    expect(plan.ranges).toHaveLength(1);
    expect(plan.ranges[0]).toMatchObject({ id: idAt(1), position: 8, lengthBytes: 142 });
    expect(plan.ranges[0]!.pieces).toEqual([
      { candidate: 1, entryIndex: 0, position: 8, lengthBytes: 92 },
      { candidate: 0, entryIndex: 0, position: 100, lengthBytes: 50 },
    ]);
  });

  it('bridge a small gap, not a large one', () => {
    const far = (gap: number) => rangesOf([candidate([reference(1, 0, 10)]), candidate([reference(1, 10 + gap, 10)])]);
    expect(far(64 * KB)).toEqual([[0, 20 + 64 * KB, 2]]);
    expect(far(64 * KB + 1)).toHaveLength(2);
  });

  it('end at 8 MiB, but for an entry that is larger alone', () => {
    const half = 5 * KB * KB;
    expect(rangesOf([candidate([reference(1, 0, half), reference(1, half, half)])])).toHaveLength(2);
    expect(rangesOf([candidate([reference(1, 0, 3 * half)])])).toEqual([[0, 3 * half, 1]]);
  });

  it('are read once when two ask for the same', () => {
    expect(rangesOf([candidate([reference(1, 8, 100)]), candidate([reference(1, 8, 100)])])).toEqual([[8, 100, 2]]);
    expect(rangesOf([candidate([reference(1, 8, 100)]), candidate([reference(1, 20, 10)])])).toEqual([[8, 100, 2]]);
  });

  it('keep objects, levels and domains apart', () => {
    const plan = planFetch(
      [
        candidate([reference(1, 0, 10), reference(2, 10, 10)]),
        candidate([reference(1, 10, 10, false, 1)]),
        candidate([reference(1, 10, 10)], 1e9, 'own'),
      ],
      1e9,
    );
    expect(plan.ranges).toHaveLength(4);
  });

  it('are none for inline entries, which count for the budget all the same', () => {
    expect(planFetch([candidate([inline(10), inline(10)])], 15)).toEqual({ entryCounts: [1], ranges: [] });
  });

  it('leave out what the budget does not reach', () => {
    expect(planFetch([candidate(tens(9))], 40).ranges).toMatchObject([{ position: 0, lengthBytes: 40 }]);
  });
});
