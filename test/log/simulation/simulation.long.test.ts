import { describe, expect, it } from 'vitest';
import { expectGoodRuns } from './expect-good-runs.ts';
import { simulate } from './simulate.ts';

/** The first seeds belong to the test that runs always. */
const FIRST_SEED = 1_000;
const SEEDS = 20_000;
const SEEDS_AT_ONCE = 1_000;

describe('the simulated log, for long', () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += SEEDS_AT_ONCE) {
    it(`keeps every promise in seeds ${seed} to ${seed + SEEDS_AT_ONCE - 1}`, async () => {
      const counts = await expectGoodRuns(simulate, seed, seed + SEEDS_AT_ONCE);
      expect(counts.get('acked')).toBeGreaterThan(SEEDS_AT_ONCE);
    });
  }
});
