import { describe, expect, it } from 'vitest';
import { simulateTriggers } from '../../bench/simulated-triggers.ts';

const SOME = { path: 'segment', records: 60, pauseMs: 500 } as const;

describe('the simulated way from a commit to a handler', () => {
  it.each(['push', 'pull'] as const)('is the same in each run (%s)', async (way) => {
    const first = await simulateTriggers({ ...SOME, way });
    expect(await simulateTriggers({ ...SOME, way })).toEqual(first);
    // A stream that is asked four times a second, and what follows.
    expect(first.p50Ms).toBeGreaterThan(100);
    expect(first.maxMs).toBeLessThan(2_000);
  });

  it('takes half of its pause for a poller', async () => {
    const { p50Ms, maxMs } = await simulateTriggers({ ...SOME, way: { pollMs: 5_000 } });
    expect(p50Ms).toBeGreaterThan(1_500);
    expect(p50Ms).toBeLessThan(3_500);
    expect(maxMs).toBeLessThan(6_000);
  });
});
