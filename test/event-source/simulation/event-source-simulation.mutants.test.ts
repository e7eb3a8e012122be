import { describe, expect, it } from 'vitest';
import { tryMutant } from '../../simulate/try-mutant.ts';
import { eventSourceMutants, functionMutants, limitMutants, replayMutants } from './mutants.ts';

/** Every mutant that has no test of its own is noticed within so many seeds; docs/correctness.md has the numbers. */
const MUTANT_SEEDS = 300;

const mutants = [...eventSourceMutants, ...limitMutants, ...functionMutants, ...replayMutants];

describe('the simulation of the event source', () => {
  it('finds nothing in a copy that is as it should be', async () => {
    const same = 'const isFree = current.expiresAtMs <= nowMs;';
    const nothing = { name: 'nothing', file: 'lib/event-source/lease-transitions.ts', from: same, to: `${same} ` };
    const tests = new Set(mutants.flatMap(({ test }) => test ?? []));
    await expect(tryMutant(nothing, 'event-source', 10)).resolves.toEqual({ caughtBy: null, seeds: 10 });
    for (const test of tests)
      await expect(tryMutant({ ...nothing, test }, 'event-source', 0)).resolves.toMatchObject({ caughtBy: null });
  });

  for (const mutant of mutants) {
    it(`notices: ${mutant.name}`, async () => {
      const { caughtBy } = await tryMutant(mutant, 'event-source', MUTANT_SEEDS);
      expect(caughtBy, `not noticed within ${MUTANT_SEEDS} seeds`).not.toBeNull();
    });
  }
});
