import { describe, expect, it } from 'vitest';
import { expectGoodRuns } from '../../simulate/expect-good-runs.ts';
import { simulateGroup } from './simulate-group.ts';

/** Enough for everything to come about hundreds of times, in some seconds. */
const SEEDS = 250;

describe('the simulated group', () => {
  it('keeps every promise, whoever comes, goes, stops, dies or is not heard', { timeout: 120_000 }, async () => {
    const counts = await expectGoodRuns(simulateGroup, 0, SEEDS);
    // A simulation in which nothing went wrong, or nothing right, would prove nothing.
    const common = ['delivered', 'commits', 'claims', 'group changes', 'faults', 'revoked', 'repeated'];
    for (const name of common) expect(counts.get(name), name).toBeGreaterThan(SEEDS);
    for (const name of ['lost', 'evictions', 'commits refused', 'crash', 'stop', 'close', 'seeks']) {
      expect(counts.get(name), name).toBeGreaterThan(10);
    }
  });

  it('does the same, byte for byte, when a seed is run again', async () => {
    for (let seed = 0; seed < 15; seed++) {
      const first = await simulateGroup(seed);
      const second = await simulateGroup(seed, { keepTrace: true });
      expect(second.digest, `seed ${seed}`).toBe(first.digest);
    }
  });

  it('does something else for another seed', async () => {
    const digests = new Set<string>();
    for (let seed = 0; seed < 10; seed++) digests.add((await simulateGroup(seed)).digest);
    expect(digests.size).toBe(10);
  });
});
