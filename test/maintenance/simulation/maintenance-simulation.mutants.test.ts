import { describe, expect, it } from 'vitest';
import { tryMutant } from '../../simulate/try-mutant.ts';
import { maintenanceMutants } from './mutants.ts';

/** Every mutant that has no test of its own is noticed within so many seeds; docs/correctness.md has the numbers. */
const MUTANT_SEEDS = 400;

describe('the simulation of maintenance', () => {
  it('finds nothing in a copy that is as it should be', async () => {
    const same = 'const PARALLEL = 16;';
    const nothing = { name: 'nothing', file: 'lib/maintenance/read-names.ts', from: same, to: `${same} ` };
    const tests = new Set(maintenanceMutants.flatMap(({ test }) => test ?? []));
    await expect(tryMutant(nothing, 'maintenance', 20)).resolves.toEqual({ caughtBy: null, seeds: 20 });
    for (const test of tests)
      await expect(tryMutant({ ...nothing, test }, 'maintenance', 0)).resolves.toMatchObject({ caughtBy: null });
  });

  for (const mutant of maintenanceMutants) {
    it(`notices: ${mutant.name}`, async () => {
      const { caughtBy } = await tryMutant(mutant, 'maintenance', MUTANT_SEEDS);
      expect(caughtBy, `not noticed within ${MUTANT_SEEDS} seeds`).not.toBeNull();
    });
  }
});
