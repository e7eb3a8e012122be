import { describe, expect, it } from 'vitest';
import { minuteOf } from '../../../lib/delay/due-minute.ts';
import { MillraceError } from '../../../lib/errors.ts';
import { rebuildLog } from '../../../lib/event-source/restore/rebuild-log.ts';
import type { RestoreDeps } from '../../../lib/event-source/restore/restore-deps.ts';
import { generationAbove } from '../../../lib/event-source/restore/restore-plan.ts';
import { idAt } from '../../log/log-stage.ts';
import { HOUR_MS, type MaintenanceStage, MINUTE_MS, START_MS } from '../../maintenance/maintenance-stage.ts';
import { besideLog, FUTURE_MS, lose } from './restore-stage.ts';

type Beside = Awaited<ReturnType<typeof besideLog>>;

const BILLING = generationAbove(7);

const RESTORED = {
  groups: { restored: 3, there: 0, offsets: 5 },
  subscriptions: { restored: 1, there: 0 },
  delayed: { restored: 4, there: 0, overdue: 1, gone: 1, misnamed: 0 },
};

const all = { fromMs: 0, toMs: 10 ** 15 - 1, after: null, limit: 100 };

/** All of it, in a form that can be compared. */
async function readBeside({ base }: MaintenanceStage, { first, second, topicId }: Beside) {
  const places = [first, second].map((partition) => ({ group: 'mailer', partition }));
  const due = async (partition: typeof first) =>
    (await base.dueRecords.query(partition, all)).map(({ dueMs, id, state }) => ({ dueMs, id, state }));
  return {
    names: await base.groups.list(null, 10),
    billing: await base.groups.get('billing'),
    kafka: await base.groups.get('kafka'),
    offsets: await base.offsets.readMany('billing', [first, second]),
    kafkaOffset: (await base.offsets.readMany('kafka', [first]))[0]?.committed,
    leases: await base.leases.readMany(places),
    subscription: await base.subscriptions.get({ topicId, group: 'mailer' }),
    due: [...(await due(first)), ...(await due(second))],
    minutes: (await base.dueMinutes.list(100)).map(({ minuteMs }) => minuteMs),
  };
}

function expectBeside(read: Awaited<ReturnType<typeof readBeside>>, { subscription, consumers }: Beside) {
  expect(read.names).toEqual(['billing', 'kafka', 'mailer']);
  expect(read.billing).toEqual({
    ...consumers,
    ...{ version: 0, generation: BILLING, assignor: null, members: [], assignment: new Map(), handovers: [] },
  });
  expect(read.kafka).toMatchObject({ kind: 'classic', members: [], coordination: null });
  expect(read.offsets).toMatchObject([
    { generation: BILLING, committed: 2n, metadata: 'at two', committedAtMs: 123 },
    { generation: BILLING, committed: null },
  ]);
  expect(read.kafkaOffset).toBe(1n);
  expect(read.leases).toMatchObject([
    { committed: 1n, attempts: 2, progress: '{"some":"thing"}', expiresAtMs: 0, notBeforeMs: START_MS + 5 },
    { committed: 0n, attempts: 0, progress: '', expiresAtMs: 0 },
  ]);
  expect(read.subscription).toEqual(subscription);
  expect(read.due).toEqual([
    { dueMs: START_MS - 60_000, id: idAt(1), state: 'waiting' },
    { dueMs: FUTURE_MS, id: idAt(2), state: 'waiting' },
    { dueMs: FUTURE_MS, id: idAt(3), state: 'waiting' },
    { dueMs: FUTURE_MS, id: idAt(5), state: 'cancelled' },
    { dueMs: FUTURE_MS + HOUR_MS, id: idAt(6), state: 'waiting' },
  ]);
  expect(read.minutes).toEqual([START_MS - 60_000, FUTURE_MS, FUTURE_MS + HOUR_MS].map(minuteOf));
}

describe('what stands beside a log that is rebuilt from a backup', () => {
  it('is there again: groups with their offsets, subscriptions with what their workers remember, delayed records', async () => {
    const beside = await besideLog();
    const { after, deps, request } = await lose(beside.stage);
    const planned = await rebuildLog(deps, { ...request, dryRun: true });
    expect(await after.base.groups.list(null, 10)).toEqual([]);
    expect(planned.beside).toEqual(RESTORED);
    const report = await rebuildLog(deps, request);
    expect(report.beside).toEqual(RESTORED);
    expect(report.damagedItems.count).toBe(0);
    expectBeside(await readBeside(after, beside), beside);
  });

  it('cannot be changed by whoever was at it before', async () => {
    const beside = await besideLog();
    const { after, deps, request } = await lose(beside.stage);
    await rebuildLog(deps, request);
    const { offsets, leases } = after.base;
    // Generations that were given since the backup was made.
    for (const generation of [7, 8, 1_000]) {
      const commit = { generation, sequence: 99, offset: 3n, metadata: '', atMs: 0 };
      expect(await offsets.commit('billing', beside.first, commit)).toMatchObject({ outcome: 'refused' });
      const claim = { topic: 'orders', generation, owner: 'm1', committed: null, atMs: 0 };
      expect(await offsets.claim('billing', beside.first, claim)).toMatchObject({ outcome: 'refused' });
    }
    for (const epoch of [1, 2, 1_000]) {
      const update = {
        ...{ owner: 'worker', epoch, sequence: 99, committed: 3n, attempts: 0, progress: '' },
        ...{ expiresAtMs: 0, notBeforeMs: 0, atMs: 0 },
      };
      expect(await leases.update('mailer', beside.first, update)).toMatchObject({ outcome: 'refused' });
    }
  });

  it('is as it is where it was never lost, and what waits is announced again', async () => {
    const beside = await besideLog();
    const { after, deps, request } = await lose(beside.stage);
    // The table of groups is there, and has gone on since the backup was made.
    const { groups, offsets, subscriptions, leases, dueRecords } = beside.stage.base;
    const kept = { groups, offsets, subscriptions, leases, dueRecords };
    await offsets.commit('billing', beside.first, { generation: 7, sequence: 5, offset: 3n, metadata: '', atMs: 5 });
    const store = { ...deps.store, ...kept };
    for (const groupsFrom of [undefined, beside.stage.base]) {
      const one = await lose(beside.stage);
      const report = await rebuildLog(
        { ...one.deps, store: { ...one.deps.store, ...kept } },
        { from: request.from, ...(groupsFrom && { groupsFrom }) },
      );
      expect(report.beside.groups).toEqual(groupsFrom ? { restored: 0, there: 3, offsets: 0 } : null);
      expect((await offsets.readMany('billing', [beside.first]))[0]).toMatchObject({ generation: 7, committed: 3n });
      const minutes = (await one.after.base.dueMinutes.list(100)).map(({ minuteMs }) => minuteMs);
      expect(minutes).toContain(FUTURE_MS);
      expect(minutes).toContain(FUTURE_MS + HOUR_MS);
    }
    // Under another name they would be given up as soon as somebody was told of them.
    const topics = new Map([[beside.topicId, { name: 'others' }]]);
    const renamed = await rebuildLog({ ...deps, store }, { from: request.from, topics });
    expect(renamed.beside.delayed).toMatchObject({ misnamed: 6 });
    expect(await after.base.dueMinutes.list(100)).toEqual([]);
  });

  it('goes by the names that topics have now', async () => {
    const beside = await besideLog();
    const { after, deps, request } = await lose(beside.stage);
    await rebuildLog(deps, { ...request, topics: new Map([[beside.topicId, { name: 'others', partitionCount: 2 }]]) });
    const read = await readBeside(after, beside);
    expect(read.billing!.topics).toMatchObject([{ name: 'others' }]);
    expect(read.offsets[0]).toMatchObject({ topic: 'others' });
    expect(read.subscription).toMatchObject({ topic: 'others' });
    const due = await after.base.dueRecords.query(beside.first, all);
    expect(due.flatMap((one) => (one.state === 'waiting' ? [one.topic] : []))).toEqual(['others', 'others', 'others']);
    expect(read.minutes).toHaveLength(3);
  });

  it('comes back but for what is damaged, which is named', async () => {
    const beside = await besideLog();
    const { first, second } = beside;
    const { after, deps, request } = await lose(beside.stage);
    const { base } = beside.stage;
    const corrupt = (what: string) => new MillraceError('CORRUPT_OBJECT', `${what} is damaged`);
    const groupsFrom: typeof request.groupsFrom = {
      ...base,
      groups: {
        ...base.groups,
        get: async (name) => {
          if (name === 'kafka') throw corrupt(name);
          return base.groups.get(name);
        },
      },
      leases: {
        ...base.leases,
        // The first page can be read, the second one cannot.
        list: async (group, after) => {
          if (after !== null || group === 'mailer') throw corrupt('an offset');
          return base.leases.list(group, after, 1);
        },
        readMany: async (places) => {
          if (places.some(({ partition }) => partition.partition === 1)) throw corrupt('an offset');
          return base.leases.readMany(places);
        },
      },
      subscriptions: {
        ...base.subscriptions,
        list: async () => {
          throw corrupt('a subscription');
        },
      },
      dueRecords: {
        ...base.dueRecords,
        query: async (partition, query) => {
          const page = await base.dueRecords.query(partition, query);
          if (page.some(({ dueMs }) => dueMs === FUTURE_MS)) throw corrupt('a delayed record');
          return page;
        },
      },
    };
    const report = await rebuildLog(deps, { ...request, groupsFrom });
    expect(report.beside).toEqual({
      groups: { restored: 2, there: 0, offsets: 2 },
      subscriptions: { restored: 1, there: 0 },
      delayed: { restored: 2, there: 0, overdue: 1, gone: 0, misnamed: 0 },
    });
    expect(report.damagedItems.first.map(({ what }) => what).toSorted()).toEqual([
      `delayed records of orders-0 that are due at ${FUTURE_MS}`,
      'group kafka',
      'the offset of group billing in orders-1',
      'the offset of group mailer in orders-1',
    ]);
    const read = await readBeside(after, beside);
    expect(read.offsets).toMatchObject([{ committed: 2n }, null]);
    expect(read.due.map(({ dueMs }) => dueMs)).toEqual([START_MS - 60_000, FUTURE_MS + HOUR_MS]);
    expect([first.partition, second.partition]).toEqual([0, 1]);
  });

  it('is refused before anything is written where the backup of it is not there', async () => {
    const beside = await besideLog();
    const { after, deps, request } = await lose(beside.stage);
    const groups = {
      ...beside.stage.base.groups,
      list: async () => {
        throw new MillraceError('STORE_MISSING', 'there is no table');
      },
    };
    const groupsFrom = { ...beside.stage.base, groups };
    await expect(rebuildLog(deps, { ...request, groupsFrom })).rejects.toMatchObject({ code: 'STORE_MISSING' });
    expect(await after.base.topics.list(null, 10)).toEqual([]);
    expect(await after.base.jobs.read('rebuild')).toBeNull();
  });

  it('is the same when it was interrupted at any request and is gone on with', async () => {
    const beside = await besideLog();
    const whole = await lose(beside.stage);
    const counted = killedAt(whole.deps.store, Number.POSITIVE_INFINITY);
    await rebuildLog({ ...whole.deps, store: counted.store }, whole.request);
    const count = counted.calls();
    expect(count).toBeGreaterThan(60);
    for (let at = 0; at < count; at++) {
      const { after, deps, request } = await lose(beside.stage);
      const killed = killedAt(deps.store, at);
      await expect(rebuildLog({ ...deps, store: killed.store }, request)).rejects.toThrow('killed');
      after.clock.pass(2 * MINUTE_MS);
      // The last request of all says that it is done, and may have taken effect.
      const isDone = (await after.base.topics.get('orders'))?.state === 'active';
      if (!isDone || (await isUnderWay(after))) await rebuildLog(deps, request);
      const read = await readBeside(after, beside);
      expectBeside(read, beside);
      beside.stage.clock.pass(-2 * MINUTE_MS);
    }
  });
});

async function isUnderWay({ base }: MaintenanceStage): Promise<boolean> {
  return ((await base.jobs.read('rebuild'))?.expiresAtMs ?? 0) > 0;
}

/** The store until its process is killed: from then on nothing is asked of it. */
function killedAt(store: RestoreDeps['store'], at: number) {
  let calls = 0;
  const port = <P extends object>(of: P): P =>
    new Proxy(of, {
      get(target, name) {
        const method = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return async (...given: unknown[]) => {
          if (calls++ >= at) throw new Error('killed');
          return Reflect.apply(method, target, given);
        };
      },
    });
  const ports = Object.entries(store).map(([name, value]) => {
    const isPort = typeof value === 'object' && value !== null && name !== 'serverClock';
    return [name, isPort ? port(value) : value];
  });
  return { store: Object.fromEntries(ports) as RestoreDeps['store'], calls: () => calls };
}
