import { describe, expect, it } from 'vitest';
import { expectGoodRuns } from '../../simulate/expect-good-runs.ts';
import { simulateEventSource } from './simulate-event-source.ts';

/** Enough for everything to come about often. */
const SEEDS = 120;

describe('the simulated event source', () => {
  it('keeps every promise, whatever is lost, late or repeated, and whoever dies', { timeout: 120_000 }, async () => {
    const counts = await expectGoodRuns(simulateEventSource, 0, SEEDS);
    // A simulation in which nothing went wrong, or nothing right, would prove nothing.
    for (const name of ['handled', 'takes', 'updates', 'wakes', 'booked', 'faults', 'calls', 'handled again']) {
      expect(counts.get(name), name).toBeGreaterThan(SEEDS);
    }
    for (const name of [
      'window ends',
      'dead',
      'seeks',
      'crash',
      'stop',
      'rings lost',
      'news fenced',
      'news crashed-before',
      'replays',
      'replays ended',
    ]) {
      expect(counts.get(name), name).toBeGreaterThan(10);
    }
  });

  it('does the same, byte for byte, when a seed is run again', async () => {
    for (let seed = 0; seed < 8; seed++) {
      const first = await simulateEventSource(seed);
      const second = await simulateEventSource(seed, { keepTrace: true });
      expect(second.digest, `seed ${seed}`).toBe(first.digest);
    }
  });
});
