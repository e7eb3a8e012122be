import { describe, expect, it } from 'vitest';
import { tryMutant } from '../../simulate/try-mutant.ts';
import { administrationMutants } from './administration-mutants.ts';

const MUTANT_SEEDS = 300;

describe('the simulation of the administration of a subscription', () => {
  it('finds nothing in a copy that is as it should be', async () => {
    const same = 'const LEASE_MS = 15_000;';
    const nothing = { name: 'nothing', file: 'lib/event-source/dead-letter-marks.ts', from: same, to: `${same} ` };
    await expect(tryMutant(nothing, 'administration', 10)).resolves.toEqual({ caughtBy: null, seeds: 10 });
  });

  for (const mutant of administrationMutants) {
    it(`notices: ${mutant.name}`, async () => {
      const { caughtBy } = await tryMutant(mutant, 'administration', MUTANT_SEEDS);
      expect(caughtBy, `not noticed within ${MUTANT_SEEDS} seeds`).not.toBeNull();
    });
  }
});
