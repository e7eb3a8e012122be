import { describe, expect, it } from 'vitest';
import { tryMutant } from '../../simulate/try-mutant.ts';
import { gatewayProduceMutants } from './mutants.ts';

/** Every mutant that has no test of its own is noticed within so many seeds. */
const MUTANT_SEEDS = 200;

describe('the simulation of gateways for producers', () => {
  it('finds nothing in a copy that is as it should be', async () => {
    const same = 'const KEPT_BATCHES = 5;';
    const nothing = { name: 'nothing', file: 'lib/log/producer-states.ts', from: same, to: `${same} ` };
    const tests = new Set(gatewayProduceMutants.flatMap(({ test }) => test ?? []));
    await expect(tryMutant(nothing, 'gateway-produce', 20)).resolves.toEqual({ caughtBy: null, seeds: 20 });
    for (const test of tests)
      await expect(tryMutant({ ...nothing, test }, 'gateway-produce', 0)).resolves.toMatchObject({ caughtBy: null });
  });

  for (const mutant of gatewayProduceMutants) {
    it(`notices: ${mutant.name}`, async () => {
      const { caughtBy } = await tryMutant(mutant, 'gateway-produce', MUTANT_SEEDS);
      expect(caughtBy, `not noticed within ${MUTANT_SEEDS} seeds`).not.toBeNull();
    });
  }
});
