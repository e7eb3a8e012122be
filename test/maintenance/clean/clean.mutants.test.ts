import { describe, expect, it } from 'vitest';
import { tryMutant } from '../../simulate/try-mutant.ts';
import { cleanMutants } from './mutants.ts';

describe('tests of key compaction', () => {
  it('find nothing in a copy that is as it should be', async () => {
    const same = 'const CHUNKS_MOST = 10_000;';
    const nothing = { name: 'nothing', file: 'lib/maintenance/clean/clean-partition.ts', from: same, to: `${same} ` };
    for (const test of new Set(cleanMutants.flatMap((mutant) => mutant.test ?? [])))
      await expect(tryMutant({ ...nothing, test }, 'maintenance', 0)).resolves.toMatchObject({ caughtBy: null });
  });

  for (const mutant of cleanMutants) {
    it(`notice: ${mutant.name}`, async () => {
      expect((await tryMutant(mutant, 'maintenance', 0)).caughtBy).not.toBeNull();
    });
  }
});
