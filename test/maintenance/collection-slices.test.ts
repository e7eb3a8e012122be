import { describe, expect, it } from 'vitest';
import { runMaintenance } from '../../lib/maintenance/run-maintenance.ts';
import { encodeSegment } from '../../lib/segment/encode-segment.ts';
import { firstIdAt } from '../../lib/segment/segment-id.ts';
import { segmentKey, shardOf } from '../../lib/segment/segment-key.ts';
import { batchOf } from '../log/log-stage.ts';
import { COLLECT, collectionOf, orphan, segments } from './collection-stage.ts';
import { DAY_MS, HOUR_MS, type MaintenanceStage, MINUTE_MS, maintenanceStage } from './maintenance-stage.ts';

/** In two shards: of each a hundred are judged before the time is asked for, and then one is done before the other. */
const SHARDS = { a: 110, b: 160 } as const;
const ORPHANS = SHARDS.a + SHARDS.b;

/** Objects of level 1 of a topic that is gone: each has to be looked into. */
async function putOrphans(stage: MaintenanceStage): Promise<void> {
  const [partition] = await stage.topic('gone');
  const batches = [batchOf(['x'])];
  const left: Record<string, number> = { ...SHARDS };
  for (let n = 0; left.a! + left.b! > 0; n++) {
    const id = `${firstIdAt(stage.clock.nowMs()).slice(0, 20)}${String(n).padStart(6, '0')}`;
    const key = segmentKey({ prefix: '', domain: 'shared', level: 1, id });
    const shard = shardOf(id);
    if ((left[shard] ?? 0) === 0) continue;
    left[shard]! -= 1;
    const region = { ...partition!, batches, baseOffset: 0n, lastOffset: 0n, chunkVersion: 0 };
    const { bytes } = encodeSegment({ level: 1, writerId: id, regions: [region] });
    await stage.base.objects.put(key, bytes);
  }
  await stage.admin.deleteTopic('gone');
}

/** Until the clock counts, and what was put is no longer fresh. */
async function trusted(stage: MaintenanceStage): Promise<void> {
  for (const passMs of [2 * HOUR_MS, 6 * MINUTE_MS]) {
    await stage.run(COLLECT);
    stage.clock.pass(passMs);
  }
}

describe('what is condemned', () => {
  it('stays for a restore window, although the clock was set back while it was condemned', async () => {
    let isArmed = false;
    const stage = maintenanceStage({
      onCall({ operation }) {
        if (!isArmed || operation !== 'objects.list') return;
        isArmed = false;
        stage.clock.wallMs -= 365 * DAY_MS;
      },
    });
    const [partition] = await stage.topic('orders');
    const lost = await orphan(stage, partition!);
    await trusted(stage);
    isArmed = true;
    await stage.run(COLLECT);
    expect([isArmed, (await collectionOf(stage)).report.condemned]).toEqual([false, 1]);
    stage.clock.wallMs += 365 * DAY_MS;
    for (let hour = 0; hour < 23; hour++) {
      stage.clock.pass(HOUR_MS);
      await stage.run(COLLECT);
      expect(await segments(stage)).toEqual([lost]);
    }
    stage.clock.pass(3 * HOUR_MS);
    await stage.run(COLLECT);
    stage.clock.pass(6 * MINUTE_MS);
    await stage.run(COLLECT);
    expect(await segments(stage)).toEqual([]);
  });
});

describe('the item of the job', () => {
  it.each([Number.POSITIVE_INFINITY, 0])(
    'stays small, however many isolation domains have garbage',
    async (deadlineMs) => {
      const stage = maintenanceStage();
      const [partition] = await stage.topic('orders');
      for (let n = 0; n < 60; n++) await orphan(stage, partition!, `domain-${n}`);
      await trusted(stage);
      let largest = 0;
      for (let slice = 0; slice < 5_000; slice++) {
        const [run] = await stage.run({ ...COLLECT, deadlineMs, saveEveryMs: 0 });
        largest = Math.max(largest, (await stage.base.jobs.read('collection'))!.state.length);
        if (run!.result.outcome === 'done') break;
      }
      const { own } = JSON.parse((await stage.base.jobs.read('collection'))!.state);
      expect(own.lists).toMatchObject([{ objects: 60, parts: [expect.any(String)] }]);
      expect(largest).toBeLessThan(6_000);
      stage.clock.pass(DAY_MS + HOUR_MS);
      await stage.run(COLLECT);
      stage.clock.pass(6 * MINUTE_MS);
      await stage.run(COLLECT);
      expect(await segments(stage)).toEqual([]);
    },
  );
});

describe('a collection that takes long', () => {
  it.each([
    ['objects are looked into', 'objects.get', 500],
    ['the chunks of one partition are read', 'chunks.query', 30_000],
  ] as const)('stays the only one, while %s', async (_, operation, requestMs) => {
    let isSlow = false;
    const rivals = new Set<string>();
    const stage = maintenanceStage({
      async onCall(call) {
        if (!isSlow || call.operation !== operation) return;
        stage.clock.pass(requestMs);
        const rival = { store: stage.base, clock: stage.clock, random: stage.random };
        const [run] = await runMaintenance(rival, { ...COLLECT, deadlineMs: 0 });
        rivals.add(run!.result.outcome);
      },
    });
    await putOrphans(stage);
    const [partition] = await stage.topic('orders');
    for (let n = 0; n < 250; n++) await stage.append(partition!, [`${n}`], { inline: true });
    await trusted(stage);
    isSlow = true;
    const [run] = await stage.run(COLLECT);
    expect(run!.result.outcome).toBe('done');
    expect([...rivals]).toEqual(['busy']);
    expect((await collectionOf(stage)).report.condemned).toBe(ORPHANS);
  });

  it('ends where another has taken it, while the chunks of one partition are read', async () => {
    let isSlow = false;
    const stage = maintenanceStage({
      async onCall({ operation }) {
        if (!isSlow || operation !== 'chunks.query') return;
        isSlow = false;
        stage.clock.pass(HOUR_MS);
        const { jobs } = stage.base;
        const { epoch } = (await jobs.read('collection'))!;
        const nowMs = stage.clock.nowMs();
        await jobs.take('collection', { owner: 'rival', seen: epoch, nowMs, expiresAtMs: nowMs + MINUTE_MS });
      },
    });
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a'], { inline: true });
    await trusted(stage);
    isSlow = true;
    expect((await stage.run(COLLECT))[0]!.result.outcome).toBe('lost');
  });

  it.each([20, 150, 290, 300, 310])('forgets nothing when it is killed at the %ith request', async (killAt) => {
    let calls = Number.NEGATIVE_INFINITY;
    const stage = maintenanceStage({
      onCall({ operation }) {
        if (operation !== 'objects.get') return;
        calls += 1;
        stage.clock.pass(calls > 0 ? 1_000 : 0);
        if (calls === killAt) throw new Error('killed');
      },
    });
    await putOrphans(stage);
    await trusted(stage);
    calls = 0;
    const [killed] = await stage.run(COLLECT);
    expect(killed!.result.outcome).toBe('failed');
    calls = Number.NEGATIVE_INFINITY;
    stage.clock.pass(2 * MINUTE_MS);
    const [run] = await stage.run(COLLECT);
    expect(run!.result.outcome).toBe('done');
    stage.clock.pass(DAY_MS + HOUR_MS);
    await stage.run(COLLECT);
    stage.clock.pass(6 * MINUTE_MS);
    await stage.run(COLLECT);
    expect(await segments(stage)).toEqual([]);
    expect((await collectionOf(stage)).report.deleted).toBe(ORPHANS);
  });
});
