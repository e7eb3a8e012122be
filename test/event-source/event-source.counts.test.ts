/** What a triggered batch and an idle day ask of the stores, counted exactly. */
import { describe, expect, it } from 'vitest';
import type { Ring } from '../../lib/event-source/router.ts';
import { requestDollars } from '../../lib/log/meter.ts';
import { asked } from '../client/group-cost-stage.ts';
import { idleDay } from './idle-day.ts';
import { type TriggerStage, triggerStage } from './trigger-stage.ts';

const WAYS = [
  { mode: 'push', path: 'inline' },
  { mode: 'push', path: 'segment' },
  { mode: 'pull', path: 'inline' },
  { mode: 'pull', path: 'segment' },
] as const;

/** From the ring until nobody works any more. */
async function handled(stage: TriggerStage, ring: Ring): Promise<void> {
  for (const request of (await stage.route([ring])).result.woken) await stage.work(request);
}

describe('a ring', () => {
  it('takes a query of the subscriptions of the topic, and a read of each lease', async () => {
    const stage = await triggerStage({ mode: 'push', path: 'inline' });
    const { usage, result } = await stage.route([await stage.commit(1)]);
    expect(result.woken).toHaveLength(1);
    expect(asked(usage)).toEqual({ readRequests: 2, readUnits: 2 });
  });

  it('takes one query for all partitions of a topic that one batch of the stream brings', async () => {
    const stage = await triggerStage({ mode: 'push', path: 'inline', partitionCount: 10 });
    const rings: Ring[] = [];
    for (let partition = 0; partition < 10; partition++) rings.push(await stage.commit(1, partition));
    const { usage, result } = await stage.route([...rings, ...rings]);
    expect(result.woken).toHaveLength(10);
    expect(asked(usage)).toEqual({ readRequests: 1 + 10, readUnits: 1 + 10 });
  });

  it('takes no more where a worker is busy, who asks for nothing more because of it', async () => {
    const stage = await triggerStage({ mode: 'push', path: 'inline' });
    const [first] = (await stage.route([await stage.commit(1)])).result.woken;
    stage.onCall = async () => {
      if (stage.batches.length > 1) return;
      const { usage, result } = await stage.route([await stage.commit(1)]);
      expect(result.routed.map(({ decision }) => decision.kind)).toEqual(['busy']);
      expect(asked(usage)).toEqual({ readRequests: 2, readUnits: 2 });
    };
    const { usage } = await stage.work(first!);
    expect(stage.batches).toEqual([1, 1]);
    // Beside what the ring and the commit within took: take, release and look for each, since the head after the first release told of the second.
    expect(usage.readRequests).toBe(1 + 1 + 2 + 1);
    expect(usage.writeRequests).toBe(2 + 2 + 1);
  });
});

describe.each(WAYS)('a batch ($mode, $path)', ({ mode, path }) => {
  const gets = path === 'segment' ? { gets: 1 } : {};

  it('takes one take, one commit that releases, one look at the head, and a GET only where it lies in a segment', async () => {
    const stage = await triggerStage({ mode, path });
    await handled(stage, await stage.commit(1));
    const [request] = (await stage.route([await stage.commit(10)])).result.woken;
    const { usage } = await stage.work(request!);
    expect(stage.batches).toEqual([1, 10]);
    expect(asked(usage)).toEqual({ ...gets, writeRequests: 2, writeUnits: 2, readRequests: 1, readUnits: 1 });
  });

  it('has its handler called before anything else is asked for than the take and its bytes', async () => {
    const stage = await triggerStage({ mode, path });
    const [request] = (await stage.route([await stage.commit(1)])).result.woken;
    const before = stage.meter.usage;
    let atCall = before;
    stage.onCall = () => {
      atCall = stage.meter.usage;
    };
    await stage.work(request!);
    expect(atCall.writeRequests - before.writeRequests).toBe(1);
    expect(atCall.readRequests - before.readRequests).toBe(0);
    expect(atCall.gets - before.gets).toBe(gets.gets ?? 0);
  });

  it('takes no more for more records', async () => {
    const stage = await triggerStage({ mode, path, options: { batchSize: 10_000 } });
    const [request] = (await stage.route([await stage.commit(10_000)])).result.woken;
    const { usage } = await stage.work(request!);
    expect(stage.batches).toEqual([10_000]);
    // So many records do not fit into a head.
    expect(asked(usage)).toEqual({ gets: 1, writeRequests: 2, writeUnits: 2, readRequests: 1, readUnits: 1 });
  });

  it('takes one write more for each further batch of the same call', async () => {
    const stage = await triggerStage({ mode, path, options: { batchSize: 2 } });
    const [request] = (await stage.route([await stage.commit(10)])).result.woken;
    const { usage } = await stage.work(request!);
    expect(stage.batches).toEqual([2, 2, 2, 2, 2]);
    expect(asked(usage)).toEqual({ ...gets, writeRequests: 2 + 4, writeUnits: 2 + 4, readRequests: 1, readUnits: 1 });
  });
});

describe('an idle day', () => {
  /** The query of the subscriptions, and one that finds no more; the topic; a query of the leases, about 25 of which are half a unit; each head. */
  const sweeps = (partitionCount: number, leaseUnits: number) => ({
    readRequests: 24 * (2 + 1 + 1 + partitionCount),
    readUnits: 24 * (2 + 1 + leaseUnits + partitionCount / 2),
  });

  it.each([
    { partitionCount: 1, leaseUnits: 0.5 },
    { partitionCount: 10, leaseUnits: 0.5 },
    { partitionCount: 1_000, leaseUnits: 18.5 },
  ])('takes 24 sweeps and nothing else, with $partitionCount partitions', async ({ partitionCount, leaseUnits }) => {
    const { usage, calls } = await idleDay({ partitionCount });
    expect(calls).toBe(0);
    expect(asked(usage)).toEqual(sweeps(partitionCount, leaseUnits));
  });

  it('costs less than five cents in a month with 1,000 partitions', async () => {
    const { usage } = await idleDay({ partitionCount: 1_000 });
    expect(30 * requestDollars(usage)).toBeLessThan(0.05);
  });

  it('takes the same when all that there is was handled the day before', async () => {
    const { usage, calls } = await idleDay({ partitionCount: 10, recordsPerPartition: 3 });
    expect(calls).toBe(0);
    expect(asked(usage)).toEqual(sweeps(10, 0.5));
  });

  it('takes a read of the topic and a query of the leases for each further subscription, and the heads once', async () => {
    const one = await idleDay({ partitionCount: 10 });
    const three = await idleDay({ partitionCount: 10, subscriptionCount: 3 });
    expect(three.usage.readRequests - one.usage.readRequests).toBe(24 * 2 * 2);
  });
});
