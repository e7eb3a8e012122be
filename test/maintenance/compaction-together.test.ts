import { describe, expect, it } from 'vitest';
import { Appender } from '../../lib/log/appender.ts';
import { decodeEntry } from '../../lib/log/entry.ts';
import type { PartitionKey } from '../../lib/log/partition-key.ts';
import { rollTail } from '../../lib/log/roll.ts';
import type { StampedRegion } from '../../lib/segment/region.ts';
import { batchOf, large } from '../log/log-stage.ts';
import { collectFor, segments } from './collection-stage.ts';
import { ALL, compact, level1, regionsOf, reportOf, valuesOf } from './compaction-stage.ts';
import { type MaintenanceStage, MINUTE_MS, maintenanceStage } from './maintenance-stage.ts';

/** Segments that have a record for each of these partitions, in chunks of four. */
async function appendTogether(stage: MaintenanceStage, partitions: readonly PartitionKey[], count: number) {
  const appender = new Appender({ store: stage.base, clock: stage.clock, random: stage.random });
  for (let n = 0; n < count; n++) {
    const batches = batchOf([large(`${n}`, 500)], [stage.clock.nowMs()]);
    const targets = partitions.map((partition) => ({ partition, domain: 'shared', inlineMaxBytes: 0 }));
    await Promise.all(targets.map((target) => appender.append({ target, batches: batches.slice() })));
    if (n % 4 < 3) continue;
    for (const partition of partitions) await rollTail(stage.base, partition, await stage.head(partition));
  }
  await appender.close();
}

/** A stage that counts GETs of each object. */
function countingStage() {
  const gets = new Map<string, number>();
  const stage = maintenanceStage({
    onCall({ operation, arguments: [key] }) {
      if (operation === 'objects.get') gets.set(key as string, (gets.get(key as string) ?? 0) + 1);
    },
  });
  return { stage, gets };
}

const valuesOfAll = (stage: MaintenanceStage, partitions: readonly PartitionKey[]) =>
  Promise.all(partitions.map((partition) => valuesOf(stage, partition)));

describe('partitions that share segments', () => {
  it('are read together, each segment once', async () => {
    const { stage, gets } = countingStage();
    const partitions = await stage.topic('orders', { partitionCount: 5 });
    await appendTogether(stage, partitions, 12);
    const before = await valuesOfAll(stage, partitions);
    gets.clear();
    await compact(stage);
    expect([...gets.values()]).toEqual(Array(12).fill(1));
    expect(await reportOf(stage)).toMatchObject({ partitions: 5, chunks: 15, objects: 1, damages: { count: 0 } });
    expect(await valuesOfAll(stage, partitions)).toEqual(before);
    expect(await stage.damages()).toEqual([]);
  });

  it('are written in objects of bounded size, in the order of time, and segments at their edges are read twice', async () => {
    const { stage, gets } = countingStage();
    const partitions = await stage.topic('orders', { partitionCount: 5 });
    await appendTogether(stage, partitions, 16);
    const before = await valuesOfAll(stage, partitions);
    gets.clear();
    await compact(stage, { objectBytes: 10_000 });
    const keys = (await level1(stage)).toSorted((a, b) => (a.slice(-26) < b.slice(-26) ? -1 : 1));
    expect(keys.length).toBeGreaterThan(2);
    const bases = [];
    for (const key of keys) {
      const [first] = (await regionsOf(stage, key)) as readonly StampedRegion[];
      expect(await stage.base.objects.size(key)).toBeLessThanOrEqual(11_000);
      bases.push(Number(first!.baseOffset));
    }
    expect(bases.toSorted((a, b) => a - b)).toEqual(bases);
    expect(Math.max(...gets.values())).toBeLessThanOrEqual(2);
    expect(await valuesOfAll(stage, partitions)).toEqual(before);
  });

  it('are worked on until the time is over, an object at a time, and gone on with', async () => {
    const { stage } = countingStage();
    const partitions = await stage.topic('orders', { partitionCount: 5 });
    await appendTogether(stage, partitions, 16);
    const before = await valuesOfAll(stage, partitions);
    await compact(stage, { objectBytes: 10_000, deadlineMs: 0 });
    expect(await level1(stage)).toHaveLength(1);
    for (let slice = 0; slice < 10; slice++) await stage.run({ ...ALL, objectBytes: 10_000, deadlineMs: 0 });
    for (const partition of partitions)
      expect((await stage.chunks(partition)).map(({ level }) => level)).toEqual([1, 1, 1, 1]);
    expect(await valuesOfAll(stage, partitions)).toEqual(before);
    expect(await stage.damages()).toEqual([]);
    await collectFor(stage, 3);
    expect(await segments(stage)).toEqual(await level1(stage));
  });

  it('are stopped one by one where an object is missing, and one that has no part of it goes on', async () => {
    const { stage } = countingStage();
    const partitions = await stage.topic('orders', { partitionCount: 3 });
    await appendTogether(stage, partitions, 4);
    await appendTogether(stage, partitions.slice(0, 2), 4);
    await appendTogether(stage, partitions, 4);
    const [, second] = await stage.chunks(partitions[0]!);
    const lost = (await segments(stage)).find((key) => key.endsWith(second!.maxId))!;
    await stage.base.objects.remove([lost]);
    await compact(stage, { objectBytes: 8_000 });
    const { damages } = await reportOf(stage);
    expect(damages).toMatchObject({ count: 2, first: [{ partition: 0 }, { partition: 1 }] });
    const levels = async (at: number) => (await stage.chunks(partitions[at]!)).map(({ level }) => level);
    expect(await levels(0)).toEqual([1, 0, 0]);
    expect(await levels(1)).toEqual([1, 0, 0]);
    expect(await levels(2)).toEqual([1, 1]);
  });

  it('are gone on with where retention has dropped a chunk meanwhile', async () => {
    let isArmed = false;
    const stage = maintenanceStage({
      async onCall({ operation }) {
        if (!isArmed || operation !== 'objects.get') return;
        isArmed = false;
        const [first] = await stage.chunks(partitions[0]!);
        const { maxId, base, end, entries } = first!;
        await stage.base.heads.advanceStart(partitions[0]!, { start: end, floor: maxId });
        await stage.base.chunks.remove(partitions[0]!, base, { endAtMost: end, maxIdAtMost: maxId });
        const ids = entries.map((bytes) => decodeEntry(bytes).id);
        const gone = (await segments(stage)).filter((key) => ids.includes(key.slice(-26)));
        await stage.base.objects.remove(gone);
      },
    });
    const partitions = await stage.topic('orders', { partitionCount: 2 });
    await stage.append(partitions[0]!, ['a', 'b']);
    await appendTogether(stage, partitions, 8);
    for (const passMs of [20 * MINUTE_MS, 6 * MINUTE_MS]) {
      await stage.run({ jobs: ['compaction'], evenIfNotDue: true });
      stage.clock.pass(passMs);
    }
    isArmed = true;
    await stage.run(ALL);
    expect(isArmed).toBe(false);
    expect(await reportOf(stage)).toMatchObject({ chunks: 4, damages: { count: 0 } });
    for (const partition of partitions)
      expect((await stage.chunks(partition)).map(({ level }) => level)).toEqual([1, 1]);
    expect(await stage.damages()).toEqual([]);
  });
});
