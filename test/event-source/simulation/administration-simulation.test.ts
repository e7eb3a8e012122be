import { describe, expect, it } from 'vitest';
import { expectGoodRuns } from '../../simulate/expect-good-runs.ts';
import { simulateAdministration } from './simulate-administration.ts';

/** Enough for everything to come about often. */
const SEEDS = 40;

describe('the simulated administration of a subscription', () => {
  it('loses no dead letter and leaves nothing half done, whoever is killed', { timeout: 120_000 }, async () => {
    const counts = await expectGoodRuns(simulateAdministration, 0, SEEDS);
    for (const name of ['crash', 'faults', 'letters sent', 'news redriven', 'news waiting', 'refused']) {
      expect(counts.get(name), name).toBeGreaterThan(SEEDS / 2);
    }
    for (const command of ['create', 'update', 'pause', 'resume', 'seek', 'delete', 'redrive', 'discard']) {
      expect(counts.get(`did ${command}`), command).toBeGreaterThan(10);
    }
  });

  it('does the same, byte for byte, when a seed is run again', { timeout: 60_000 }, async () => {
    for (let seed = 0; seed < 4; seed++) {
      const first = await simulateAdministration(seed);
      const second = await simulateAdministration(seed, { keepTrace: true });
      expect(second.digest, `seed ${seed}`).toBe(first.digest);
    }
  });
});
