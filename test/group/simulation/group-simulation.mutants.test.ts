import { describe, expect, it } from 'vitest';
import { tryMutant } from '../../simulate/try-mutant.ts';
import { groupMutants } from './mutants.ts';

/** Every mutant that has no test of its own is noticed within so many seeds; docs/correctness.md has the numbers. */
const MUTANT_SEEDS = 500;

describe('the simulation of groups', () => {
  it('finds nothing in a copy that is as it should be', async () => {
    const same = 'readonly blindMs: number;';
    const nothing = { name: 'nothing', file: 'lib/group/silence.ts', from: same, to: `${same} ` };
    const tests = new Set(groupMutants.flatMap(({ test }) => test ?? []));
    await expect(tryMutant(nothing, 'groups', 20)).resolves.toEqual({ caughtBy: null, seeds: 20 });
    for (const test of tests)
      await expect(tryMutant({ ...nothing, test }, 'groups', 0)).resolves.toMatchObject({ caughtBy: null });
  });

  for (const mutant of groupMutants) {
    it(`notices: ${mutant.name}`, async () => {
      const { caughtBy } = await tryMutant(mutant, 'groups', MUTANT_SEEDS);
      expect(caughtBy, `not noticed within ${MUTANT_SEEDS} seeds`).not.toBeNull();
    });
  }
});
