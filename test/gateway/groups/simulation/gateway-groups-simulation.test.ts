import { describe, expect, it } from 'vitest';
import { expectGoodRuns } from '../../../simulate/expect-good-runs.ts';
import { simulateGatewayGroups } from './simulate-gateway-groups.ts';

/** Enough for everything to come about often, in some seconds. */
const SEEDS = 80;

describe('simulated gateways', () => {
  it('keep every promise to a group, whoever comes, goes, stops, dies or is not heard', {
    timeout: 240_000,
  }, async () => {
    const counts = await expectGoodRuns(simulateGatewayGroups, 0, SEEDS);
    // A simulation in which nothing went wrong, or nothing right, would prove nothing.
    const common = ['delivered', 'commits', 'claims', 'group changes', 'faults', 'partitions given', 'join NONE'];
    for (const name of common) expect(counts.get(name), name).toBeGreaterThan(SEEDS);
    const rarer = [
      'lost',
      'repeated',
      'gateway crash',
      'gateway pause',
      'gateway stop',
      'client crash',
      'client pause',
    ];
    for (const name of [...rarer, 'beat NOT_COORDINATOR', 'commit NOT_COORDINATOR', 'beat UNKNOWN_MEMBER_ID']) {
      expect(counts.get(name), name).toBeGreaterThan(10);
    }
    for (const name of ['ClassicClientActor', 'ConsumerClientActor'])
      expect(counts.get(`runs with ${name}`), name).toBeGreaterThan(SEEDS / 4);
  });

  it('do the same, byte for byte, when a seed is run again, and something else for another', async () => {
    const digests = new Set<string>();
    for (let seed = 0; seed < 6; seed++) {
      const first = await simulateGatewayGroups(seed);
      const second = await simulateGatewayGroups(seed, { keepTrace: true });
      expect(second.digest, `seed ${seed}`).toBe(first.digest);
      digests.add(first.digest);
    }
    expect(digests.size).toBe(6);
  });
});
