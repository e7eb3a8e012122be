import { describe, expect, it } from 'vitest';
import { expectGoodRuns } from './expect-good-runs.ts';
import { type SimulationName, simulations } from './simulations.ts';

/** The first seeds belong to the tests that run always. */
const FIRST_SEED = 1_000;
const SEEDS_AT_ONCE = 1_000;
/** How many seeds of each, and what has to have happened at least once a seed. */
const RUNS = [
  ['log', 20_000, 'acked'],
  ['groups', 20_000, 'delivered'],
  ['gateway-groups', 4_000, 'delivered'],
  ['gateway-produce', 8_000, 'acked'],
  ['event-source', 4_000, 'handled'],
  ['maintenance', 3_000, 'chunks removed'],
  ['administration', 3_000, 'letters sent'],
  ['delays', 3_000, 'delivered'],
  ['whole', 8_000, 'given'],
] as const satisfies readonly (readonly [SimulationName, number, string])[];

it('runs every simulation for long', () => {
  expect(RUNS.map(([name]) => name).sort()).toEqual(Object.keys(simulations).sort());
});

describe.each(RUNS)('the simulation %s, for long', (name, seeds, event) => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + seeds; seed += SEEDS_AT_ONCE) {
    it(`keeps every promise in seeds ${seed} to ${seed + SEEDS_AT_ONCE - 1}`, async () => {
      const counts = await expectGoodRuns(simulations[name], seed, seed + SEEDS_AT_ONCE);
      expect(counts.get(event)).toBeGreaterThan(SEEDS_AT_ONCE);
    });
  }
});
