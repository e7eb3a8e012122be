import { describe, expect, it } from 'vitest';
import { tryMutant } from '../../simulate/try-mutant.ts';
import { delayMutants } from './mutants.ts';

/** Every mutant that has no test of its own is noticed within so many seeds; docs/correctness.md has the numbers. */
const MUTANT_SEEDS = 300;

describe('the simulation of delayed records', () => {
  it('finds nothing in a copy that is as it should be', async () => {
    const same = 'if (!mayBe) return waiting;';
    const nothing = { name: 'nothing', file: 'lib/delay/due-releaser.ts', from: same, to: `${same} ` };
    const tests = new Set(delayMutants.flatMap(({ test }) => test ?? []));
    await expect(tryMutant(nothing, 'delays', 10)).resolves.toEqual({ caughtBy: null, seeds: 10 });
    for (const test of tests)
      await expect(tryMutant({ ...nothing, test }, 'delays', 0)).resolves.toMatchObject({ caughtBy: null });
  });

  for (const mutant of delayMutants) {
    it(`notices: ${mutant.name}`, async () => {
      const { caughtBy } = await tryMutant(mutant, 'delays', MUTANT_SEEDS);
      expect(caughtBy, `not noticed within ${MUTANT_SEEDS} seeds`).not.toBeNull();
    });
  }
});
