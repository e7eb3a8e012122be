import { describe, expect, it } from 'vitest';
import { expectGoodRuns } from '../../simulate/expect-good-runs.ts';
import { simulateMaintenance } from './simulate-maintenance.ts';

/** Enough for everything to come about dozens of times, in some seconds. */
const SEEDS = 80;

describe('the simulation of maintenance', () => {
  it('keeps every promise: nothing goes early, and all goes in the end', { timeout: 300_000 }, async () => {
    const counts = await expectGoodRuns(simulateMaintenance, 0, SEEDS);
    // A simulation in which nothing went wrong, or nothing right, would prove nothing.
    const common = ['acked', 'rolls', 'replacements', 'faults', 'starts raised', 'chunks removed', 'objects removed'];
    for (const name of [...common, 'retention done', 'compaction done', 'collection done'])
      expect(counts.get(name), name).toBeGreaterThan(SEEDS);
    const rare = ['retention unfinished', 'compaction unfinished', 'collection unfinished', 'collection busy'];
    for (const name of ['crashes', 'stops', 'compacted objects removed', ...rare])
      expect(counts.get(name), name).toBeGreaterThan(5);
    for (const name of ['forks acknowledged', 'forked partitions', 'fork TOPIC_BUSY', 'topics deleted'])
      expect(counts.get(name), name).toBeGreaterThan(SEEDS / 4);
    expect((counts.get('collection lost') ?? 0) + (counts.get('retention lost') ?? 0)).toBeGreaterThan(5);
  });

  it('does the same, byte for byte, when a seed is run again', async () => {
    for (let seed = 0; seed < 10; seed++) {
      const first = await simulateMaintenance(seed);
      const second = await simulateMaintenance(seed, { keepTrace: true });
      expect(second.digest, `seed ${seed}`).toBe(first.digest);
    }
  });

  it('does something else for another seed', async () => {
    const digests = new Set<string>();
    for (let seed = 0; seed < 10; seed++) digests.add((await simulateMaintenance(seed)).digest);
    expect(digests.size).toBe(10);
  });
});
