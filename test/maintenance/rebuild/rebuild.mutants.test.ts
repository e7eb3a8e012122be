import { describe, expect, it } from 'vitest';
import { tryMutant } from '../../simulate/try-mutant.ts';
import { rebuildMutants } from './mutants.ts';

describe('tests of rebuilding', () => {
  it('find nothing in a copy that is as it should be', async () => {
    const same = 'const GAPS_TOLD = 20;';
    const nothing = {
      name: 'nothing',
      file: 'lib/maintenance/rebuild/rebuild-partition.ts',
      from: same,
      to: `${same} `,
    };
    for (const test of new Set(rebuildMutants.flatMap((mutant) => mutant.test ?? [])))
      await expect(tryMutant({ ...nothing, test }, 'maintenance', 0)).resolves.toMatchObject({ caughtBy: null });
  });

  for (const mutant of rebuildMutants) {
    it(`notice: ${mutant.name}`, async () => {
      expect((await tryMutant(mutant, 'maintenance', 0)).caughtBy).not.toBeNull();
    });
  }
});
