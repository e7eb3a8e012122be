/**
 * A function of a minute that is killed each time before it can leave. A pass was stored between sixteen partitions only, and a list between fifty thousand objects: whatever took longer than the function lived was begun
 * anew each time, and never came to its end.
 */
import { describe, expect, it } from 'vitest';
import type { Call } from '../log/faulty-store.ts';
import { COLLECT, collectionOf, orphan, segments } from './collection-stage.ts';
import { DAY_MS, HOUR_MS, type MaintenanceStage, MINUTE_MS, maintenanceStage } from './maintenance-stage.ts';

const KILLED_AFTER_MS = 50_000;

/** A store whose requests of one kind take long, once it is told so, and whoever runs then is killed after 50 s. */
function slowStage(operation: Call['operation'], requestMs: number) {
  const slow = { isOn: false, calls: 0, killAtMs: 0 };
  const stage = maintenanceStage({
    async onCall(call) {
      if (!slow.isOn) return;
      if (call.operation === operation) {
        slow.calls += 1;
        stage.clock.pass(requestMs);
      }
      if (stage.clock.monotonicMs() > slow.killAtMs) throw new Error('killed');
    },
  });
  return { stage, slow };
}

/** Runs it again and again; how many times it took until it was done. */
async function runsUntilDone(stage: MaintenanceStage, slow: { isOn: boolean; killAtMs: number }): Promise<number> {
  slow.isOn = true;
  for (let run = 1; run <= 30; run++) {
    slow.killAtMs = stage.clock.monotonicMs() + KILLED_AFTER_MS;
    const [{ result } = { result: null }] = await stage.run(COLLECT);
    if (result?.outcome === 'done') {
      slow.isOn = false;
      return run;
    }
    expect(result).toMatchObject({ outcome: 'failed', error: { cause: { message: 'killed' } } });
    // The job stays taken for a minute.
    stage.clock.pass(2 * MINUTE_MS);
  }
  throw new Error('it never came to its end');
}

/** Until the clock counts, and what was put is no longer fresh. */
async function trusted(stage: MaintenanceStage): Promise<void> {
  for (const passMs of [2 * HOUR_MS, 6 * MINUTE_MS]) {
    await stage.run(COLLECT);
    stage.clock.pass(passMs);
  }
}

describe('collection that is killed each time', () => {
  it('comes to the end of a partition that it cannot read in one life, and reads little twice', async () => {
    const { stage, slow } = slowStage('chunks.query', 9_000);
    const [partition, other] = await stage.topic('orders', { partitionCount: 2 });
    for (let n = 0; n < 1_450; n++) await stage.append(partition!, [`${n}`]);
    await stage.append(other!, ['x']);
    const named = await segments(stage);
    const lost = await orphan(stage, partition!);
    await trusted(stage);
    const runs = await runsUntilDone(stage, slow);
    expect(runs).toBeGreaterThan(2);
    // Fifteen pages of the one, one of the other; in each life some that were not stored, and one to go on from.
    expect(slow.calls).toBeLessThan(16 + 3 * runs);
    expect((await collectionOf(stage)).report).toMatchObject({ topics: 1, partitions: 2, condemned: 1 });
    stage.clock.pass(DAY_MS + HOUR_MS);
    for (let pass = 0; pass < 2; pass++) {
      await stage.run(COLLECT);
      stage.clock.pass(6 * MINUTE_MS);
    }
    expect(named).not.toContain(lost);
    expect(await segments(stage)).toEqual(named);
    expect(await stage.damages()).toEqual([]);
  });

  it('names nothing twice as damaged, and keeps what a partition may name that it could not read', async () => {
    const { stage, slow } = slowStage('chunks.query', 12_000);
    const [partition, broken] = await stage.topic('orders', { partitionCount: 2 });
    for (let n = 0; n < 650; n++) await stage.append(partition!, [`${n}`], { inline: true });
    await stage.append(broken!, ['a']);
    const [chunk] = await stage.chunks(broken!);
    const { base, end, version } = chunk!;
    const kept = await segments(stage);
    await stage.base.chunks.replace(broken!, base, { version, end, reference: new Uint8Array(3) });
    await orphan(stage, partition!);
    await trusted(stage);
    expect(await runsUntilDone(stage, slow)).toBeGreaterThan(1);
    expect((await collectionOf(stage)).report).toMatchObject({
      damages: { count: 1 },
      condemned: 1,
      keptForDamage: kept.length,
    });
  });

  it('comes to the end of a list that it cannot carry out in one life', async () => {
    const { stage, slow } = slowStage('objects.remove', 20_000);
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a']);
    const named = await segments(stage);
    for (let n = 0; n < 4_500; n++) await orphan(stage, partition!);
    await trusted(stage);
    await stage.run(COLLECT);
    stage.clock.pass(DAY_MS + HOUR_MS);
    await stage.run(COLLECT);
    stage.clock.pass(6 * MINUTE_MS);
    const runs = await runsUntilDone(stage, slow);
    expect(runs).toBeGreaterThan(1);
    expect(await segments(stage)).toEqual(named);
    expect((await collectionOf(stage)).report.deleted).toBe(4_500);
  });
});
