import { describe, expect, it } from 'vitest';
import { tryMutant } from '../../../simulate/try-mutant.ts';
import { gatewayGroupMutants } from './mutants.ts';

/** Every mutant that has no test of its own is noticed within so many seeds. */
const MUTANT_SEEDS = 200;

describe('the simulation of gateways', () => {
  it('finds nothing in a copy that is as it should be', async () => {
    const same = 'readonly #committer: OffsetCommitter;';
    const nothing = { name: 'nothing', file: 'lib/gateway/groups/group-tenure.ts', from: same, to: `${same} ` };
    const tests = new Set(gatewayGroupMutants.flatMap(({ test }) => test ?? []));
    await expect(tryMutant(nothing, 'gateway-groups', 20)).resolves.toEqual({ caughtBy: null, seeds: 20 });
    for (const test of tests)
      await expect(tryMutant({ ...nothing, test }, 'gateway-groups', 0)).resolves.toMatchObject({ caughtBy: null });
  });

  for (const mutant of gatewayGroupMutants) {
    it(`notices: ${mutant.name}`, async () => {
      const { caughtBy } = await tryMutant(mutant, 'gateway-groups', MUTANT_SEEDS);
      expect(caughtBy, `not noticed within ${MUTANT_SEEDS} seeds`).not.toBeNull();
    });
  }
});
