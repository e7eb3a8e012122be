import { describe, expect, it } from 'vitest';
import { expectGoodRuns } from './expect-good-runs.ts';
import { mutants } from './mutants.ts';
import { tryMutant } from './try-mutant.ts';

/** The first seeds belong to the test that runs always. */
const FIRST_SEED = 1_000;
const SEEDS = 20_000;
const SEEDS_AT_ONCE = 1_000;
/** Every mutant that has no test of its own is noticed within so many seeds; docs/correctness.md has the numbers. */
const MUTANT_SEEDS = 400;

describe('the simulated log, for long', () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += SEEDS_AT_ONCE) {
    it(`keeps every promise in seeds ${seed} to ${seed + SEEDS_AT_ONCE - 1}`, async () => {
      const counts = await expectGoodRuns(seed, seed + SEEDS_AT_ONCE);
      expect(counts.get('acked')).toBeGreaterThan(SEEDS_AT_ONCE);
    });
  }
});

describe('the simulation', () => {
  it('finds nothing in a copy that is as it should be', async () => {
    const same = 'readonly #limit: number;';
    const nothing = { name: 'nothing', file: 'lib/log/gate.ts', from: same, to: `${same} ` };
    const tests = new Set(mutants.flatMap(({ test }) => test ?? []));
    await expect(tryMutant(nothing, 20)).resolves.toEqual({ caughtBy: null, seeds: 20 });
    for (const test of tests)
      await expect(tryMutant({ ...nothing, test }, 0)).resolves.toMatchObject({ caughtBy: null });
  });

  for (const mutant of mutants) {
    it(`notices: ${mutant.name}`, async () => {
      const { caughtBy } = await tryMutant(mutant, MUTANT_SEEDS);
      expect(caughtBy, `not noticed within ${MUTANT_SEEDS} seeds`).not.toBeNull();
    });
  }
});
