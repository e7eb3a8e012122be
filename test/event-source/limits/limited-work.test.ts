import { afterEach, describe, expect, it } from 'vitest';
import { subscriptionOptions } from '../../../lib/event-source/subscription-options.ts';
import { decideWake } from '../../../lib/event-source/wake-decision.ts';
import { offsetsOf } from '../event-fixtures.ts';
import { HANDLED, WorkStage } from '../work-stage.ts';

let stage: WorkStage;
afterEach(() => stage.close());

const slotsOf = async (shard = 0) => (await stage.bench.store.limits.readSlots('billing', shard))!;
/** What a router decides about a partition, which hears of a commit, or of a ring for it. */
const decide = async (partition: number, isCalled: boolean) => {
  const lease = await stage.leaseOf(partition);
  const head = (await stage.bench.store.heads.read(stage.at(partition), { consistent: true }))!;
  return decideWake({ subscription: stage.subscription, lease, head, nowMs: stage.nowMs(), isCalled }).kind;
};

describe('a limit of calls', () => {
  it('costs a read and two writes, for one batch', async () => {
    stage = await WorkStage.open({ batchSize: 2, maximumConcurrency: 1 });
    await stage.send(2);
    const work = await stage.work({ store: stage.toldStore() });
    await work.next();
    await work.settle(HANDLED);
    expect(await work.next()).toBeNull();
    const limited = ['leases.take', 'limits.readSlots', 'limits.replaceSlots', 'limits.replaceSlots'];
    expect(stage.calls).toEqual([...limited, 'leases.update', 'heads.read']);
    expect(await slotsOf()).toMatchObject({ holders: [], waiting: [] });
  });

  it('costs no more for further batches of one worker, for a while', async () => {
    stage = await WorkStage.open({ batchSize: 1, maximumConcurrency: 1 });
    await stage.send(4);
    const work = await stage.work({ store: stage.toldStore() });
    while ((await work.next()) !== null) await work.settle(HANDLED);
    expect(stage.calls.filter((one) => one.startsWith('limits.'))).toHaveLength(3);
  });

  it('makes another partition wait, which is rung when a slot comes free', async () => {
    stage = await WorkStage.open({ maximumConcurrency: 1 }, 2);
    for (const partition of [0, 1]) await stage.send(1, partition);
    const first = await stage.work();
    expect(await first.next()).not.toBeNull();
    expect(await (await stage.work({ partition: 1 })).next()).toBeNull();
    const { notBeforeMs, expiresAtMs } = await stage.leaseOf(1);
    expect(expiresAtMs).toBe(0);
    // In case nobody tells it: not before a minute has passed.
    expect(notBeforeMs - stage.nowMs()).toBeGreaterThan(59_000);
    expect(stage.booked).toContain(notBeforeMs);
    // A commit does not wake it: there is still no slot. Whoever rings for it does.
    await stage.send(1, 1);
    expect(await decide(1, false)).toBe('later');
    expect(await decide(1, true)).toBe('wake');
    const before = await stage.stampOf(1);
    await first.settle(HANDLED);
    await first.next();
    expect(await stage.stampOf(1)).not.toBe(before);
    const rung = await stage.work({ partition: 1 });
    expect(offsetsOf((await rung.next())!)).toEqual([0, 1]);
  });

  it('is given back before the lease, so that the next worker of the partition does not wait for it', async () => {
    stage = await WorkStage.open({ maximumConcurrency: 1 });
    await stage.send(1);
    const store = { ...stage.bench.store };
    const { leases } = store;
    let holders: number | null = null;
    store.leases = {
      ...leases,
      async update(...args: Parameters<typeof leases.update>) {
        holders = (await slotsOf()).holders.length;
        return leases.update(...args);
      },
    };
    const work = await stage.work({ store });
    await work.next();
    await work.settle(HANDLED);
    await work.next();
    expect(holders).toBe(0);
  });

  it('is seen by who has just released its lease, if a slot came free while it had it', async () => {
    stage = await WorkStage.open({ maximumConcurrency: 1 }, 2);
    for (const partition of [0, 1]) await stage.send(1, partition);
    const first = await stage.work();
    await first.next();
    await first.settle(HANDLED);
    const store = { ...stage.bench.store };
    const { leases } = store;
    store.leases = {
      ...leases,
      async update(...args: Parameters<typeof leases.update>) {
        // It rings for the other, whose lease is held still: that ring is dropped.
        await first.next();
        return leases.update(...args);
      },
    };
    const second = await stage.work({ partition: 1, store });
    expect(offsetsOf((await second.next())!)).toEqual([0]);
  });

  it('lets others have their turn after a while, and waits for the next one', async () => {
    stage = await WorkStage.open({ batchSize: 1, maximumConcurrency: 1 }, 2);
    for (const partition of [0, 1]) await stage.send(3, partition);
    const first = await stage.work();
    await first.next();
    expect(await (await stage.work({ partition: 1 })).next()).toBeNull();
    await first.settle(HANDLED);
    expect(await first.next()).not.toBeNull();
    stage.passedMs += 6_000;
    await first.settle(HANDLED);
    const before = await stage.stampOf(1);
    expect(await first.next()).toBeNull();
    expect(await stage.stampOf(1)).not.toBe(before);
    expect((await slotsOf()).waiting).toMatchObject([{ partition: 0 }]);
    expect(await stage.leaseOf(0)).toMatchObject({ committed: 2n, expiresAtMs: 0 });
    const second = await stage.work({ partition: 1 });
    expect(await second.next()).not.toBeNull();
  });

  it('cuts what is called at once, and takes as many slots as it calls', async () => {
    const options = { ordering: 'none', batchSize: 2, parallelizationFactor: 3, maximumConcurrency: 4 } as const;
    stage = await WorkStage.open(options, 2);
    for (const partition of [0, 1]) await stage.send(6, partition);
    const first = await stage.work();
    expect((await first.next())!).toHaveLength(6);
    expect(first.callsAtOnce).toBe(3);
    const second = await stage.work({ partition: 1 });
    expect((await second.next())!).toHaveLength(2);
    expect(second.callsAtOnce).toBe(1);
    expect((await slotsOf()).holders).toMatchObject([{ calls: 3 }, { calls: 1 }]);
  });

  it('is renewed with the lease', async () => {
    stage = await WorkStage.open({ maximumConcurrency: 1 });
    await stage.send(1);
    const work = await stage.work();
    await work.next();
    stage.passedMs += 30_000;
    expect(await work.renew()).toBe(true);
    expect((await slotsOf()).holders[0]!.expiresAtMs - stage.nowMs()).toBeGreaterThan(59_000);
  });

  it('is free again when a worker died', async () => {
    stage = await WorkStage.open({ maximumConcurrency: 1 }, 2);
    for (const partition of [0, 1]) await stage.send(1, partition);
    await (await stage.work()).next();
    stage.passedMs += 63_000;
    expect(await (await stage.work({ partition: 1 })).next()).not.toBeNull();
  });

  it('holds for what waits in retry topics too', async () => {
    stage = await WorkStage.open({ maximumConcurrency: 1, recordsPerSecond: 1, retryDelaysMs: [1_000] });
    await stage.send(1);
    const main = await stage.work();
    await main.next();
    const { topicId } = (await stage.bench.store.topics.get('billing.retry-1'))!;
    const [retry] = await stage.bench.store.subscriptions.listOfTopic(topicId);
    const producer = stage.bench.millrace.producer();
    await producer.send({ topic: 'billing.retry-1', partition: 0, value: 'again' });
    await producer.close();
    const { subscription } = stage;
    stage.subscription = retry!;
    expect(await (await stage.work()).next()).toBeNull();
    expect((await slotsOf()).waiting).toMatchObject([{ group: 'billing.retry-1', topicId, partition: 0 }]);
    await main.settle(HANDLED);
    await main.next();
    // It has the slot, and waits for its turn.
    expect(await (await stage.work()).next()).toBeNull();
    expect((await stage.leaseOf()).notBeforeMs - stage.nowMs()).toBeLessThanOrEqual(1_000);
    stage.subscription = subscription;
  });

  it('is not left behind by a subscription that is deleted', async () => {
    stage = await WorkStage.open({ batchSize: 1, maximumConcurrency: 1, recordsPerSecond: 100 });
    await stage.send(2);
    const work = await stage.work();
    await work.next();
    stage.passedMs += 2_000;
    await work.settle(HANDLED);
    await stage.bench.subscriptions.delete('billing');
    expect(await work.next()).toBeNull();
    expect(await stage.bench.store.limits.readSlots('billing', 0)).toBeNull();
  });
});

describe('a rate of records', () => {
  it('costs a write for a batch, and nothing else while it is not reached', async () => {
    stage = await WorkStage.open({ batchSize: 2, recordsPerSecond: 100 });
    await stage.send(2);
    const work = await stage.work({ store: stage.toldStore() });
    await work.next();
    await work.settle(HANDLED);
    await work.next();
    expect(stage.calls).toEqual(['leases.take', 'limits.reserve', 'leases.update', 'heads.read']);
    expect((await stage.leaseOf()).progress).toBe('');
  });

  it('gives a burst, then lets go with a place of its own, and is not woken by commits', async () => {
    stage = await WorkStage.open({ batchSize: 10, recordsPerSecond: 4 });
    await stage.send(10);
    const work = await stage.work();
    expect(offsetsOf((await work.next())!)).toEqual([0, 1, 2, 3]);
    await work.settle(HANDLED);
    expect(await work.next()).toBeNull();
    const { notBeforeMs, progress } = await stage.leaseOf();
    expect(JSON.parse(progress)).toMatchObject({ r: [4, expect.any(Number), 4] });
    expect(notBeforeMs - stage.nowMs()).toBeGreaterThan(800);
    expect(notBeforeMs - stage.nowMs()).toBeLessThanOrEqual(1_000);
    expect(stage.booked).toContain(notBeforeMs);
    await stage.send(1);
    expect(await decide(0, false)).toBe('later');
    expect(await decide(0, true)).toBe('later');
    // Its place has come: no further request is needed.
    stage.passedMs += 1_100;
    const next = await stage.work({ store: stage.toldStore() });
    expect(offsetsOf((await next.next())!)).toEqual([4, 5, 6, 7]);
    expect(stage.calls).not.toContain('limits.reserve');
  });

  it('gives no more than was reserved, whatever has come since', async () => {
    stage = await WorkStage.open({ batchSize: 10, recordsPerSecond: 4 });
    await stage.send(5);
    const work = await stage.work();
    await work.next();
    await work.settle(HANDLED);
    expect(await work.next()).toBeNull();
    await stage.send(5);
    stage.passedMs = Math.ceil((await stage.leaseOf()).notBeforeMs - stage.nowMs()) + 10;
    expect(offsetsOf((await (await stage.work()).next())!)).toEqual([4]);
  });

  it('asks for another place when its own has passed long ago', async () => {
    stage = await WorkStage.open({ batchSize: 10, recordsPerSecond: 4 });
    await stage.send(10);
    const work = await stage.work();
    await work.next();
    await work.settle(HANDLED);
    await work.next();
    stage.passedMs += 5_000;
    const next = await stage.work({ store: stage.toldStore() });
    expect(await next.next()).toHaveLength(4);
    expect(stage.calls).toContain('limits.reserve');
  });

  it('is shared by all partitions', async () => {
    stage = await WorkStage.open({ recordsPerSecond: 0.1 }, 2);
    for (const partition of [0, 1]) await stage.send(2, partition);
    expect(await (await stage.work()).next()).toHaveLength(1);
    expect(await (await stage.work({ partition: 1 })).next()).toBeNull();
    // One in ten seconds.
    expect((await stage.leaseOf(1)).notBeforeMs - stage.nowMs()).toBeGreaterThan(9_000);
  });

  it('is slept for where that is short, with the lease', async () => {
    stage = await WorkStage.open({ batchSize: 10, recordsPerSecond: 50 });
    await stage.send(60);
    const work = await stage.work({ maySleepMs: 1_000 });
    const given: number[] = [];
    for (let batch = await work.next(); batch !== null; batch = await work.next()) {
      given.push(batch.length);
      await work.settle(HANDLED);
    }
    expect(given.reduce((sum, one) => sum + one, 0)).toBe(60);
    expect(stage.booked).toEqual([]);
  });

  it('is another one when it is changed, at once', async () => {
    stage = await WorkStage.open({ recordsPerSecond: 0.001 });
    await stage.send(2);
    const work = await stage.work();
    await work.next();
    await work.settle(HANDLED);
    expect(await work.next()).toBeNull();
    expect(await decide(0, false)).toBe('later');
    stage.subscription = await stage.bench.subscriptions.update('billing', { recordsPerSecond: 10 });
    expect(await decide(0, false)).toBe('wake');
    expect(await (await stage.work()).next()).toHaveLength(1);
  });

  it('counts only what is really given of a batch whose keys are uneven', async () => {
    const options = { ordering: 'key', batchSize: 1, parallelizationFactor: 3, recordsPerSecond: 4 } as const;
    stage = await WorkStage.open(options);
    const producer = stage.bench.millrace.producer();
    for (let n = 0; n < 3; n++) await producer.send({ topic: 'orders', partition: 0, key: 'same', value: `${n}` });
    await producer.close();
    const work = await stage.work();
    for (let n = 0; n < 3; n++) {
      expect(offsetsOf((await work.next())!)).toEqual([n]);
      await work.settle(HANDLED);
    }
  });

  it('does not wait a window anew for each second of a batch', async () => {
    stage = await WorkStage.open({ batchSize: 10, recordsPerSecond: 2, maxBatchingWindowMs: 60_000 });
    await stage.send(4);
    const work = await stage.work();
    expect(await work.next()).toHaveLength(2);
  });
});

describe('the option recordsPerSecond', () => {
  it.each([0.0001, -1, 100_001, Number.NaN, '5'])('cannot be %s', (recordsPerSecond) => {
    const options = { recordsPerSecond: recordsPerSecond as number };
    expect(() => subscriptionOptions(options, 'billing')).toThrow(/recordsPerSecond/);
  });
});
