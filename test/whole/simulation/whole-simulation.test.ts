import { describe, expect, it } from 'vitest';
import { expectGoodRuns } from '../../simulate/expect-good-runs.ts';
import { simulateWhole } from './simulate-whole.ts';

/** Enough for everything to come about dozens of times, in some seconds. */
const SEEDS = 100;

describe('the simulation of everything together', () => {
  it('keeps every promise, by what clients tell', { timeout: 240_000 }, async () => {
    const counts = await expectGoodRuns(simulateWhole, 0, SEEDS);
    // A simulation in which nothing went wrong, or nothing right, would prove nothing.
    const maintenance = ['retention done', 'compaction done', 'collection done'];
    for (const name of ['acked', 'read', 'given', 'committed', 'commits', 'rolls', 'faults', ...maintenance])
      expect(counts.get(name), name).toBeGreaterThan(SEEDS);
    const rare = [
      ...['refused', 'unsent', 'unknown', 'gone', 'trimmed', 'replacements', 'revoked', 'lost'],
      ...['crashes', 'killed', 'stopped', 'left', 'spoilt', 'damage met', 'heads removed'],
      ...['compaction unfinished', 'collection unfinished', 'compaction busy'],
    ];
    for (const name of rare) expect(counts.get(name), name).toBeGreaterThan(5);
  });

  it('does the same, byte for byte, when a seed is run again', async () => {
    for (let seed = 0; seed < 10; seed++) {
      const first = await simulateWhole(seed);
      const second = await simulateWhole(seed, { keepTrace: true });
      expect(second.digest, `seed ${seed}`).toBe(first.digest);
    }
  });

  it('does something else for another seed', async () => {
    const digests = new Set<string>();
    for (let seed = 0; seed < 10; seed++) digests.add((await simulateWhole(seed)).digest);
    expect(digests.size).toBe(10);
  });
});
