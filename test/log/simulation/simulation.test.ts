import { describe, expect, it } from 'vitest';
import { expectGoodRuns } from '../../simulate/expect-good-runs.ts';
import { simulate } from './simulate.ts';

/** Enough for every outcome to come about hundreds of times, in a few seconds. */
const SEEDS = 300;

describe('the simulated log', () => {
  it('keeps every promise, whatever is lost, late, repeated or crashed', { timeout: 120_000 }, async () => {
    const counts = await expectGoodRuns(simulate, 0, SEEDS);
    // A simulation in which nothing went wrong, or nothing right, would prove nothing.
    const common = ['acked', 'NOT_COMMITTED', 'OFFSET_MISMATCH', 'commits', 'rolls', 'replacements', 'fetches'];
    for (const name of common) expect(counts.get(name), name).toBeGreaterThan(SEEDS);
    expect(counts.get('COMMIT_UNKNOWN')).toBeGreaterThan(5);
  });

  it('does the same, byte for byte, when a seed is run again', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const first = await simulate(seed);
      const second = await simulate(seed, { keepTrace: true });
      expect(second.digest, `seed ${seed}`).toBe(first.digest);
    }
  });

  it('does something else for another seed', async () => {
    const digests = new Set<string>();
    for (let seed = 0; seed < 10; seed++) digests.add((await simulate(seed)).digest);
    expect(digests.size).toBe(10);
  });
});
