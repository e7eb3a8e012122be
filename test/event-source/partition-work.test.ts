import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../lib/clock.ts';
import type { FunctionSubscription } from '../../lib/event-source/function-subscription.ts';
import { decideWake } from '../../lib/event-source/wake-decision.ts';
import { offsetsOf } from './event-fixtures.ts';
import { HANDLED, type WorkChanges, WorkStage } from './work-stage.ts';

let stage: WorkStage;
beforeEach(async () => {
  stage = await WorkStage.open({ batchSize: 2 });
});
afterEach(() => stage.close());

describe('the work on a partition', () => {
  it('is a take, a commit that releases, and a read of the head, when one batch is all there is', async () => {
    await stage.send(2);
    const work = await stage.work({ store: stage.toldStore() });
    expect(offsetsOf((await work.next())!)).toEqual([0, 1]);
    expect(stage.calls).toEqual(['leases.take']);
    await work.settle(HANDLED);
    expect(await work.next()).toBeNull();
    expect(stage.calls).toEqual(['leases.take', 'leases.update', 'heads.read']);
    expect(await stage.leaseOf()).toMatchObject({ committed: 2n, expiresAtMs: 0, attempts: 0, progress: '' });
  });

  it('keeps its lease while a slow destination takes what is given up, and commits what it has taken', async () => {
    await stage.send(250);
    const progress: [number, bigint | null][] = [];
    const sink: WorkChanges['sink'] = {
      async send(_, records) {
        progress.push([records.length, (await stage.leaseOf()).committed]);
        stage.passedMs += 25_000;
      },
    };
    const work = await stage.work({ sink, sizeOf: () => 2_000 });
    expect(await work.next()).toBeNull();
    expect(progress).toEqual([
      [100, 0n],
      [100, 100n],
      [50, 200n],
    ]);
    expect(await stage.leaseOf()).toMatchObject({ committed: 250n, expiresAtMs: 0 });
  });

  it('sends nothing more away once its lease is lost', async () => {
    await stage.send(250);
    let sent = 0;
    const sink: WorkChanges['sink'] = {
      async send(_, records) {
        sent += records.length;
        stage.passedMs += 25_000;
        await stage.bench.subscriptions.seek('billing', { to: { offset: 0n } });
      },
    };
    const work = await stage.work({ sink, sizeOf: () => 2_000 });
    expect(await work.next()).toBeNull();
    expect(sent).toBe(100);
    expect(stage.news.map(({ kind }) => kind)).toContain('fenced');
  });

  it('commits before each further batch', async () => {
    await stage.send(5);
    const work = await stage.work();
    const seen: number[][] = [];
    for (let batch = await work.next(); batch !== null; batch = await work.next()) {
      seen.push(offsetsOf(batch));
      await work.settle(HANDLED);
    }
    expect(seen).toEqual([[0, 1], [2, 3], [4]]);
  });

  it('finds what was committed while it had the lease', async () => {
    await stage.send(1);
    const work = await stage.work();
    await work.next();
    await stage.send(1);
    await work.settle(HANDLED);
    expect(offsetsOf((await work.next())!)).toEqual([1]);
  });

  it('rings when its time is over and something is left', async () => {
    await stage.send(4);
    const work = await stage.work();
    await work.next();
    stage.passedMs = 60_000;
    await work.settle(HANDLED);
    expect(await work.next()).toBeNull();
    expect(await stage.leaseOf()).toMatchObject({ committed: 2n, expiresAtMs: 0 });
    const before = (await stage.bench.store.bells.list()).length;
    expect(before).toBe(1);
    expect(stage.news.map(({ kind }) => kind)).toContain('time-limit');
  });

  it('finishes after one batch, and rings if there is more', async () => {
    await stage.send(3);
    const [created] = await stage.bench.store.bells.list();
    const work = await stage.work();
    await work.next();
    await work.settle(HANDLED);
    await work.finish();
    expect(work.isOver).toBe(true);
    const [rung] = await stage.bench.store.bells.list();
    expect(rung!.stamp).not.toBe(created!.stamp);
    const rest = await stage.work();
    await rest.next();
    await rest.settle(HANDLED);
    await rest.finish();
    expect((await stage.bench.store.bells.list())[0]!.stamp).toBe(rung!.stamp);
  });

  it('leaves a partition to whoever has it, and comes back when that one’s time is over', async () => {
    await stage.send(1);
    const first = await stage.work();
    await first.next();
    const second = await stage.work();
    expect(await second.next()).toBeNull();
    expect(stage.booked).toHaveLength(1);
    expect(stage.booked[0]).toBeGreaterThan(clock.nowMs() + 50_000);
  });

  it('changes nothing any more once somebody has sought', async () => {
    await stage.send(2);
    const work = await stage.work();
    await work.next();
    await stage.bench.subscriptions.seek('billing', { to: 'TRIM_HORIZON' });
    await work.settle(HANDLED);
    expect(await work.next()).toBeNull();
    expect(await stage.leaseOf()).toMatchObject({ committed: 0n });
    expect(stage.news.map(({ kind }) => kind)).toContain('fenced');
  });

  it('waits for what failed: first the wake-up, then the release', async () => {
    await stage.send(1);
    const work = await stage.work();
    await work.next();
    await work.settle({ kind: 'answered', failed: new Map([[0n, { error: 'no' }]]) });
    expect(await work.next()).toBeNull();
    // Once before the release, and once behind it, since another clock may be ahead.
    expect(stage.booked).toEqual([stage.booked[0], stage.booked[0]]);
    expect(await stage.leaseOf()).toMatchObject({ committed: 0n, expiresAtMs: 0, notBeforeMs: stage.booked[0] });
  });

  it('counts a batch as failed whose worker ended twice without a word', async () => {
    await stage.send(1);
    for (let time = 0; time < 2; time++) {
      const dead = await stage.work();
      await dead.next();
      const { owner, generation } = await stage.leaseOf();
      const release = { owner, epoch: generation, sequence: 9, committed: null, attempts: time + 1, progress: '' };
      await stage.bench.store.leases.update('billing', stage.at(), {
        ...release,
        expiresAtMs: 0,
        notBeforeMs: 0,
        atMs: 1,
      });
    }
    const work = await stage.work();
    expect(await work.next()).toBeNull();
    expect(stage.news.map(({ kind }) => kind)).toContain('crashed-before');
    expect((await stage.leaseOf()).progress).toContain('ended without an answer');
  });

  it('goes on at the log start offset when the log was trimmed', async () => {
    await stage.send(4);
    await stage.bench.millrace.topics.trimPartition('orders', 0, 3n);
    const work = await stage.work();
    expect(offsetsOf((await work.next())!)).toEqual([3]);
    expect(stage.news.filter(({ kind }) => kind === 'skipped')).toMatchObject([{ from: 0n, to: 3n }]);
  });
});

describe('a subscription that is changed while a worker works', () => {
  /** Gives out one batch of four records, of which the handler takes two seconds. */
  const workedOnce = async (changes: WorkChanges = {}) => {
    await stage.send(4);
    const work = await stage.work(changes);
    expect(offsetsOf((await work.next())!)).toEqual([0, 1]);
    stage.passedMs += 2_000;
    await work.settle(HANDLED);
    return work;
  };

  it('is read again before a batch when the last time was over a second ago, and not otherwise', async () => {
    const work = await workedOnce({ store: stage.toldStore() });
    await work.next();
    await work.settle(HANDLED);
    expect(await work.next()).toBeNull();
    expect(stage.calls).toEqual(['leases.take', 'leases.update', 'subscriptions.get', 'leases.update', 'heads.read']);
  });

  it('is read first when the wake-up came late', async () => {
    await stage.send(1);
    await stage.bench.subscriptions.pause('billing');
    const work = await stage.work({ readAtMs: clock.nowMs() - 6_000 });
    expect(await work.next()).toBeNull();
    expect(await stage.leaseOf()).toMatchObject({ expiresAtMs: 0, attempts: 0 });
  });

  it('is paused after the batch that is being handled', async () => {
    const work = await workedOnce();
    await stage.bench.subscriptions.pause('billing');
    expect(await work.next()).toBeNull();
    expect(work.isOver).toBe(true);
    expect(await stage.leaseOf()).toMatchObject({ committed: 2n, expiresAtMs: 0 });
  });

  it('goes on when it is resumed just before the lease is released', async () => {
    const store = { ...stage.bench.store };
    const work = await workedOnce({ store });
    await stage.bench.subscriptions.pause('billing');
    const { leases } = store;
    let isResumed = false;
    store.leases = {
      ...leases,
      async update(...args) {
        // The ring of this finds the lease held, and is dropped.
        if (!isResumed && args[2].expiresAtMs === 0) await stage.bench.subscriptions.resume('billing');
        isResumed ||= args[2].expiresAtMs === 0;
        return leases.update(...args);
      },
    };
    expect(offsetsOf((await work.next())!)).toEqual([2, 3]);
    expect(isResumed).toBe(true);
  });

  it('is deleted after the batch that is being handled', async () => {
    const work = await workedOnce();
    await stage.bench.subscriptions.delete('billing');
    expect(await work.next()).toBeNull();
    expect(work.isOver).toBe(true);
    expect(await stage.bench.store.leases.readMany([{ group: 'billing', partition: stage.at() }])).toEqual([null]);
  });

  it('has new options from the next batch on', async () => {
    const work = await workedOnce();
    await stage.bench.subscriptions.update('billing', { batchSize: 1, target: 'bill-anew' });
    expect(offsetsOf((await work.next())!)).toEqual([2]);
    expect(work.subscription).toMatchObject({ target: 'bill-anew', options: { batchSize: 1 } });
  });

  it('is handed over to another worker when the function is to be called in another way', async () => {
    const work = await workedOnce();
    await stage.bench.subscriptions.update('billing', { mode: 'pull' });
    const [before] = await stage.bench.store.bells.list();
    expect(await work.next()).toBeNull();
    expect((await stage.bench.store.bells.list())[0]!.stamp).not.toBe(before!.stamp);
    expect(await stage.leaseOf()).toMatchObject({ committed: 2n, expiresAtMs: 0 });
  });

  it('does not wait any longer by old options', async () => {
    await stage.bench.subscriptions.update('billing', { maxBatchingWindowMs: 300_000, batchSize: 10 });
    stage.subscription = await stage.bench.subscriptions.get('billing');
    await stage.send(2);
    const work = await stage.work();
    expect(await work.next()).toBeNull();
    const lease = await stage.leaseOf();
    const head = (await stage.bench.store.heads.read(stage.at(), { consistent: true }))!;
    const decide = (of: FunctionSubscription) =>
      decideWake({ subscription: of, lease, head, nowMs: clock.nowMs() }).kind;
    expect(decide(stage.subscription)).toBe('later');
    expect(decide(await stage.bench.subscriptions.update('billing', { maxBatchingWindowMs: 0 }))).toBe('wake');
  });
});
