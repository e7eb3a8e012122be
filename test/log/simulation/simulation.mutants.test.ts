import { describe, expect, it } from 'vitest';
import { tryMutant } from '../../simulate/try-mutant.ts';
import { mutants } from './mutants.ts';

/** Every mutant that has no test of its own is noticed within so many seeds; docs/correctness.md has the numbers. */
const MUTANT_SEEDS = 400;

describe('the simulation', () => {
  it('finds nothing in a copy that is as it should be', async () => {
    const same = 'readonly #limit: number;';
    const nothing = { name: 'nothing', file: 'lib/log/gate.ts', from: same, to: `${same} ` };
    const tests = new Set(mutants.flatMap(({ test }) => test ?? []));
    await expect(tryMutant(nothing, 'log', 20)).resolves.toEqual({ caughtBy: null, seeds: 20 });
    for (const test of tests)
      await expect(tryMutant({ ...nothing, test }, 'log', 0)).resolves.toMatchObject({ caughtBy: null });
  });

  for (const mutant of mutants) {
    it(`notices: ${mutant.name}`, async () => {
      const { caughtBy } = await tryMutant(mutant, 'log', MUTANT_SEEDS);
      expect(caughtBy, `not noticed within ${MUTANT_SEEDS} seeds`).not.toBeNull();
    });
  }
});
