import { describe, expect, it } from 'vitest';
import { expectGoodRuns } from '../../simulate/expect-good-runs.ts';
import { simulateDelays } from './simulate-delays.ts';

/** Enough for everything to come about often. */
const SEEDS = 50;

describe('the simulation of delayed records', () => {
  it('keeps every promise, whatever is lost, late or repeated, and whoever dies', { timeout: 120_000 }, async () => {
    const counts = await expectGoodRuns(simulateDelays, 0, SEEDS);
    // A simulation in which nothing went wrong, or nothing right, would prove nothing.
    for (const name of ['stored', 'acknowledged', 'delivered', 'releases', 'faults', 'told cancelled']) {
      expect(counts.get(name), name).toBeGreaterThan(SEEDS);
    }
    for (const name of ['ghosts', 'crash', 'stop', 'jump', 'refused', 'fences', 'told delivered', 'told unknown']) {
      expect(counts.get(name), name).toBeGreaterThan(0);
    }
  });

  it('is the same for a seed, byte for byte', async () => {
    const [first, second] = [await simulateDelays(7), await simulateDelays(7)];
    expect(second.digest).toBe(first.digest);
    expect((await simulateDelays(8)).digest).not.toBe(first.digest);
  });
});
