import { describe, expect, it } from 'vitest';
import { expectGoodRuns } from '../../simulate/expect-good-runs.ts';
import { simulateGatewayProduce } from './simulate-gateway-produce.ts';

/** Enough for everything to come about often, in some seconds. */
const SEEDS = 80;

describe('simulated gateways for producers', () => {
  it('append what an idempotent producer sends once, in its order, whatever is lost, late, repeated, or crashes', {
    timeout: 240_000,
  }, async () => {
    const counts = await expectGoodRuns(simulateGatewayProduce, 0, SEEDS);
    // A simulation in which nothing went wrong, or nothing right, would prove nothing.
    for (const name of ['acked', 'commits', 'rolls']) {
      expect(counts.get(name), name).toBeGreaterThan(SEEDS);
    }
    for (const name of [
      'request lost',
      'answer lost',
      'late',
      'twice',
      'gateway crash',
      'OUT_OF_ORDER_SEQUENCE_NUMBER',
    ]) {
      expect(counts.get(name), name).toBeGreaterThan(10);
    }
  });

  it('do the same, byte for byte, when a seed is run again, and something else for another', async () => {
    const digests = new Set<string>();
    for (let seed = 0; seed < 6; seed++) {
      const first = await simulateGatewayProduce(seed);
      const second = await simulateGatewayProduce(seed, { keepTrace: true });
      expect(second.digest, `seed ${seed}`).toBe(first.digest);
      digests.add(first.digest);
    }
    expect(digests.size).toBe(6);
  });
});
