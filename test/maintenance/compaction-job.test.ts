import { describe, expect, it } from 'vitest';
import { limits } from '../../lib/limits.ts';
import type { Chunk } from '../../lib/log/chunk.ts';
import { Fetcher } from '../../lib/log/fetcher.ts';
import { usageBetween } from '../../lib/log/meter.ts';
import type { PartitionKey } from '../../lib/log/partition-key.ts';
import { CHUNK_BYTES_MOST, COMPACTION_RULES, isSettled } from '../../lib/maintenance/compaction-plan.ts';
import { describeJobs } from '../../lib/maintenance/describe-jobs.ts';
import { collectFor, segments } from './collection-stage.ts';
import { AGE_MS, ALL, appendLarge, compact, level1, regionsOf, reportOf, valuesOf } from './compaction-stage.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, maintenanceStage } from './maintenance-stage.ts';

describe('compaction', () => {
  it('makes one object of small regions and of inline batches, and every record stands where it stood', async () => {
    const stage = maintenanceStage();
    const partitions = await stage.topic('orders', { partitionCount: 2 });
    await stage.append(partitions[0]!, ['a', 'b']);
    await stage.append(partitions[0]!, ['c', 'd'], { inline: true });
    await stage.append(partitions[1]!, ['e']);
    await stage.append(partitions[0]!, ['in the tail'], { roll: false, inline: true });
    const before = await Promise.all(partitions.map((partition) => valuesOf(stage, partition)));
    await compact(stage);
    expect(await reportOf(stage)).toMatchObject({ topics: 1, partitions: 2, chunks: 3, objects: 1 });
    const [key] = await level1(stage);
    expect(await regionsOf(stage, key!)).toMatchObject([
      { partition: 0, baseOffset: 0n, lastOffset: 1n, chunkVersion: 0, recordCount: 2 },
      { partition: 0, baseOffset: 2n, lastOffset: 3n, chunkVersion: 0, recordCount: 2 },
      { partition: 1, baseOffset: 0n, lastOffset: 0n, chunkVersion: 0, recordCount: 1 },
    ]);
    expect(await stage.chunks(partitions[0]!)).toMatchObject([
      { level: 1, version: 1, count: 2, base: 0n, end: 2n },
      { level: 1, version: 1, count: 2, base: 2n, end: 4n },
    ]);
    expect(await Promise.all(partitions.map((partition) => valuesOf(stage, partition)))).toEqual(before);
    expect(await stage.damages()).toEqual([]);
    // What was replaced is garbage, and what replaced it is not.
    await collectFor(stage, 3);
    expect(await segments(stage)).toHaveLength(1);
    expect(await Promise.all(partitions.map((partition) => valuesOf(stage, partition)))).toEqual(before);
    expect(await stage.damages()).toEqual([]);
  });

  it('rolls the tail of a partition to which hardly anybody writes, where it names objects', async () => {
    const stage = maintenanceStage();
    const [references, inline] = await stage.topic('orders', { partitionCount: 2 });
    await stage.append(references!, ['a', 'b'], { roll: false });
    await stage.append(inline!, ['c'], { roll: false, inline: true });
    await compact(stage, { waitMs: DAY_MS });
    expect((await stage.head(references!)).tail).toHaveLength(2);
    stage.clock.pass(DAY_MS);
    await stage.append(references!, ['young'], { roll: false });
    for (let pass = 0; pass < 2; pass++) {
      stage.clock.pass(6 * MINUTE_MS);
      await stage.run({ ...ALL, waitMs: DAY_MS });
    }
    expect(await stage.chunks(references!)).toMatchObject([{ base: 0n, end: 2n, level: 1 }]);
    expect((await stage.head(references!)).tail).toHaveLength(1);
    expect((await stage.head(inline!)).tail).toHaveLength(1);
    expect(await valuesOf(stage, references!)).toEqual(['0:a', '1:b', '2:young']);
  });

  it('leaves what is young alone, and what is too little until it is a day old', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a']);
    await compact(stage, { waitMs: DAY_MS });
    expect(await level1(stage)).toEqual([]);
    expect(await reportOf(stage)).toMatchObject({ waiting: 1 });
    stage.clock.pass(DAY_MS);
    await stage.append(partition!, ['b']);
    await stage.run({ ...ALL, waitMs: DAY_MS });
    stage.clock.pass(6 * MINUTE_MS);
    await stage.run({ ...ALL, waitMs: DAY_MS });
    expect(await stage.chunks(partition!)).toMatchObject([{ level: 1 }, { level: 0 }]);
    await stage.run({ ...ALL });
    expect(await stage.chunks(partition!)).toMatchObject([{ level: 1 }, { level: 0 }]);
    stage.clock.pass(limits.compactionAgeMs + 2 * MINUTE_MS);
    await stage.run(ALL);
    stage.clock.pass(6 * MINUTE_MS);
    await stage.run(ALL);
    expect(await stage.chunks(partition!)).toMatchObject([{ level: 1 }, { level: 1 }]);
    expect(await reportOf(stage)).toMatchObject({ waiting: 0 });
  });

  it('is worth it from eight megabytes on', async () => {
    const stage = maintenanceStage();
    const [small, enough] = await stage.topic('orders', { partitionCount: 2 });
    await appendLarge(stage, small!, [4, 3]);
    await appendLarge(stage, enough!, [4, 5]);
    await compact(stage, { waitMs: COMPACTION_RULES.waitMs });
    expect(await stage.chunks(small!)).toMatchObject([{ level: 0 }, { level: 0 }]);
    expect(await stage.chunks(enough!)).toMatchObject([{ level: 1 }, { level: 1 }]);
    expect(await reportOf(stage)).toMatchObject({ partitions: 2, waiting: 1 });
  });

  it('leaves chunks alone that no reader should have to take whole', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    await appendLarge(stage, partition!, [7, 9]);
    await appendLarge(stage, partition!, [2]);
    await compact(stage);
    const chunks = await stage.chunks(partition!);
    expect(chunks).toMatchObject([{ level: 1 }, { level: 0 }, { level: 1 }]);
    // Compaction by key has to have it rewritten all the same.
    expect(isSettled(chunks[1]!, true)).toBe(false);
    const fetcher = new Fetcher({ store: stage.base, clock: stage.clock, random: stage.random });
    const { tailBase } = await stage.head(partition!);
    for (let offset = 0n; offset < tailBase; offset++) {
      const target = { partition: partition!, domain: 'shared', offset, maxBytes: 1024 * 1024 };
      const [read] = await fetcher.fetch([target], { maxBytes: 1024 * 1024 });
      if (read!.outcome === 'failed') throw read!.error;
      expect(read!.batches.length).toBeLessThanOrEqual(CHUNK_BYTES_MOST);
    }
  });

  it('never mixes topics, nor isolation domains', async () => {
    const stage = maintenanceStage();
    const topics = [
      { name: 'a', domain: 'shared' },
      { name: 'b', domain: 'shared' },
      { name: 'c', domain: 'sales' },
    ];
    for (const { name, domain } of topics) {
      const [partition] = await stage.topic(name, { domain });
      await stage.append(partition!, [name], { domain });
    }
    await compact(stage);
    const keys = await level1(stage);
    expect(keys.map((key) => key.split('/')[0]).toSorted()).toEqual(['sales', 'shared', 'shared']);
    for (const key of keys) expect(await regionsOf(stage, key)).toHaveLength(1);
    expect(await stage.damages()).toEqual([]);
  });

  it('goes by slices however short they are, and each goes on where the one before was', async () => {
    const stage = maintenanceStage();
    const partitions = await stage.topic('orders', { partitionCount: 5 });
    for (const partition of partitions) await stage.append(partition, ['a']);
    await compact(stage, { deadlineMs: 0 });
    const done = async () => (await Promise.all(partitions.map((one) => stage.chunks(one)))).map(([one]) => one!.level);
    expect(await done()).toEqual([1, 0, 0, 0, 0]);
    const outcomes: string[] = [];
    for (let slice = 0; slice < 10 && outcomes.at(-1) !== 'done'; slice++) {
      outcomes.push((await stage.run({ ...ALL, deadlineMs: 0 }))[0]!.result.outcome);
    }
    expect(await done()).toEqual([1, 1, 1, 1, 1]);
    expect(outcomes.length).toBeLessThan(7);
    expect(await reportOf(stage)).toMatchObject({ partitions: 5, chunks: 5, objects: 5 });
  });

  it('finds where it was in a long log with a few queries, and what a killed one left in between', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    for (let n = 0; n < 260; n++) await stage.append(partition!, [`${n}`], { inline: true });
    // More than a page is left, so that the place is found by bisection.
    const run = compact(stage, { objectBytes: 100, deadlineMs: 0 });
    await run;
    for (let slice = 0; slice < 100; slice++) await stage.run({ ...ALL, objectBytes: 70, deadlineMs: 0 });
    const levels = async () => (await stage.chunks(partition!)).map(({ level }) => level).join('');
    expect(await levels()).toMatch(/^1{90,}0{101,}$/);
    const settled = (await levels()).indexOf('0');
    // Chunks in between that a killed one did not come to.
    const chunk = (await stage.chunks(partition!))[settled + 2]!;
    const reference = (await stage.chunks(partition!))[0]!.entries[0]!;
    await stage.base.chunks.replace(partition!, chunk.base, { version: 0, end: chunk.end, reference });
    const before = stage.meter.usage;
    await stage.run({ ...ALL, objectBytes: 1, deadlineMs: 0 });
    const { readRequests } = usageBetween(before, stage.meter.usage);
    expect(readRequests).toBeLessThan(30);
    expect((await levels()).indexOf('0')).toBeGreaterThan(settled);
  });
});

describe('collection beside compaction', () => {
  it('gets on while compaction has more to do than there is time', async () => {
    let getMs = 0;
    const stage = maintenanceStage({
      onCall({ operation }) {
        if (operation === 'objects.get') stage.clock.pass(getMs);
      },
    });
    const partitions = await stage.topic('orders', { partitionCount: 100 });
    for (const partition of partitions) await stage.append(partition, ['a']);
    for (const passMs of [AGE_MS, 6 * MINUTE_MS]) {
      await stage.run({ evenIfNotDue: true });
      stage.clock.pass(passMs);
    }
    getMs = 1_000;
    const deadlineMs = stage.clock.monotonicMs() + MINUTE_MS;
    const runs = await stage.run({ evenIfNotDue: true, waitMs: 0, deadlineMs });
    expect(runs.map(({ job, result }) => `${job} ${result.outcome}`)).toEqual([
      'retention done',
      'compaction unfinished',
      'key-compaction done',
      'collection done',
    ]);
    // Alone it has all of it.
    const alone = await stage.run({ ...ALL, deadlineMs: stage.clock.monotonicMs() + 90_000 });
    expect(alone[0]!.result.outcome).toBe('done');
  });

  it('has its turn where nobody has set a time by which all has to be over', async () => {
    let getMs = 0;
    let passesMeanwhile = 0;
    const stage = maintenanceStage({
      async onCall({ operation, arguments: [name] }) {
        if (operation === 'objects.get') stage.clock.pass(getMs);
        if (operation !== 'jobs.take' || name !== 'compaction' || getMs === 0) return;
        const { succeededAtMs } = (await describeJobs(stage.deps)).find(({ job }) => job === 'collection')!;
        if (succeededAtMs! >= stage.clock.nowMs() - HOUR_MS) passesMeanwhile += 1;
      },
    });
    const partitions = await stage.topic('orders', { partitionCount: 100 });
    for (const partition of partitions) await stage.append(partition, ['a', 'b']);
    for (const passMs of [AGE_MS, 6 * MINUTE_MS, 2 * HOUR_MS]) {
      await stage.run({ evenIfNotDue: true });
      stage.clock.pass(passMs);
    }
    getMs = 1_000;
    const runs = await stage.run({ evenIfNotDue: true, waitMs: 0 });
    expect(runs.map(({ result }) => result.outcome)).toEqual(['done', 'done', 'done', 'done']);
    // Once it is done, compaction goes on alone.
    expect(passesMeanwhile).toBe(1);
    expect(await reportOf(stage)).toMatchObject({ chunks: 100, partitions: 100 });
  });

  it('rests while nothing is written or rewritten, and deletes what was replaced', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a', 'b']);
    const keys = await segments(stage);
    for (let hour = 0; hour < 24; hour += 6) {
      await stage.run();
      stage.clock.pass(6 * HOUR_MS + MINUTE_MS);
    }
    expect(await segments(stage)).toEqual(keys);
    for (let hour = 0; hour < 60; hour += 6) {
      await stage.run();
      stage.clock.pass(6 * HOUR_MS + MINUTE_MS);
    }
    expect(await segments(stage)).toEqual(await level1(stage));
    expect(await valuesOf(stage, partition!)).toEqual(['0:a', '1:b']);
    // Nor is anything left of a topic that is gone.
    await stage.admin.deleteTopic('orders');
    await collectFor(stage, 3);
    expect(await segments(stage)).toEqual([]);
  });

  it('does not rest over what a compaction has rewritten behind its back', async () => {
    let isArmed = false;
    const stage = maintenanceStage({
      async onCall({ operation }) {
        if (!isArmed || operation !== 'objects.put') return;
        isArmed = false;
        // A whole pass and another, between the announcement and what it announces.
        for (let pass = 0; pass < 3; pass++) {
          await stage.run({ jobs: ['retention', 'collection'] });
          stage.clock.pass(6 * HOUR_MS + MINUTE_MS);
        }
      },
    });
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a', 'b']);
    for (const passMs of [AGE_MS, 6 * HOUR_MS]) {
      await stage.run({ jobs: ['compaction'], evenIfNotDue: true });
      stage.clock.pass(passMs);
    }
    await collectFor(stage, 1);
    isArmed = true;
    await stage.run({ ...ALL, takeMs: DAY_MS });
    expect(isArmed).toBe(false);
    for (let hour = 0; hour < 60; hour += 6) {
      await stage.run({ jobs: ['retention', 'collection'] });
      stage.clock.pass(6 * HOUR_MS + MINUTE_MS);
    }
    expect(await segments(stage)).toEqual(await level1(stage));
    expect(await valuesOf(stage, partition!)).toEqual(['0:a', '1:b']);
  });

  it('deletes what was rewritten once retention has dropped it', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders', { config: { 'retention.ms': String(2 * DAY_MS) } });
    await stage.append(partition!, ['a']);
    await compact(stage);
    expect(await level1(stage)).toHaveLength(1);
    for (let hour = 0; hour < 6 * 24; hour += 6) {
      await stage.run();
      stage.clock.pass(6 * HOUR_MS + MINUTE_MS);
    }
    expect(await stage.head(partition!)).toMatchObject({ start: 1n, next: 1n });
    expect(await segments(stage)).toEqual([]);
  });
});

describe('what is in the way of compaction', () => {
  it('is left as it is, with all behind it: an object that is missing', async () => {
    const stage = maintenanceStage();
    const [damaged, sound] = await stage.topic('orders', { partitionCount: 2 });
    for (const value of ['a', 'b', 'c']) await stage.append(damaged!, [value]);
    await stage.append(sound!, ['d']);
    const keys = await segments(stage);
    const [, second] = await stage.chunks(damaged!);
    const lost = keys.find((key) => second!.minId === key.slice(-26))!;
    const bytes = (await stage.base.objects.get(lost, 0, 1e9))!;
    await stage.base.objects.remove([lost]);
    await compact(stage);
    expect((await reportOf(stage)).damages).toMatchObject({
      count: 1,
      first: [{ topic: 'orders', partition: 0, code: 'OBJECT_MISSING' }],
    });
    expect(await stage.chunks(damaged!)).toMatchObject([{ level: 1 }, { level: 0 }, { level: 0 }]);
    expect(await stage.chunks(sound!)).toMatchObject([{ level: 1 }]);
    await collectFor(stage, 3);
    await stage.base.objects.put(lost, bytes);
    await stage.run(ALL);
    expect((await reportOf(stage)).damages.count).toBe(0);
    expect(await stage.chunks(damaged!)).toMatchObject([{ level: 1 }, { level: 1 }, { level: 1 }]);
    expect(await valuesOf(stage, damaged!)).toEqual(['0:a', '1:b', '2:c']);
  });

  it('is left as it is: a batch of which a byte is wrong', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a']);
    const [key] = await segments(stage);
    const bytes = (await stage.base.objects.get(key!, 0, 1e9))!;
    bytes[100]! ^= 1;
    await stage.base.objects.remove([key!]);
    await stage.base.objects.put(key!, bytes);
    await compact(stage);
    expect((await reportOf(stage)).damages).toMatchObject({ count: 1, first: [{ code: 'CORRUPT_OBJECT' }] });
    expect(await stage.chunks(partition!)).toMatchObject([{ level: 0, version: 0 }]);
    expect(await level1(stage)).toEqual([]);
  });

  it('is no damage where retention has passed meanwhile', async () => {
    const stage = maintenanceStage({
      async onCall({ operation }) {
        if (operation !== 'objects.get') return;
        const head = await stage.head(partition!);
        await stage.base.heads.advanceStart(partition!, { start: head.next, floor: head.floor });
        await stage.base.objects.remove(await segments(stage));
      },
    });
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a']);
    await compact(stage);
    expect(await reportOf(stage)).toMatchObject({ damages: { count: 0 }, chunks: 0, objects: 0 });
  });

  it.each([
    ['before its turn comes', 'objects.get', 1],
    ['while its chunks are gathered', 'chunks.query', 0],
  ] as const)('is no gap where retention has deleted chunks %s', async (_, moment, dropped) => {
    let isArmed = false;
    const stage = maintenanceStage({
      async onCall({ operation, arguments: [key, query] }) {
        const isGathering = (query as { toBase?: bigint } | undefined)?.toBase === 0n;
        if (!isArmed || operation !== moment) return;
        if (moment === 'chunks.query' && !isGathering) return;
        isArmed = false;
        const partition = moment === 'chunks.query' ? (key as PartitionKey) : partitions[dropped]!;
        const [{ maxId }] = (await stage.chunks(partition)) as [Chunk];
        await stage.base.heads.advanceStart(partition, { start: 1n, floor: maxId });
        await stage.base.chunks.remove(partition, 0n, { endAtMost: 1n, maxIdAtMost: maxId });
      },
    });
    const partitions = await stage.topic('orders', { partitionCount: 2 });
    for (const partition of partitions) for (const value of ['a', 'b']) await stage.append(partition, [value]);
    for (const passMs of [AGE_MS, 6 * MINUTE_MS]) {
      await stage.run({ jobs: ['compaction'], evenIfNotDue: true });
      stage.clock.pass(passMs);
    }
    isArmed = true;
    await stage.run({ ...ALL, objectBytes: 1 });
    expect(isArmed).toBe(false);
    expect(await reportOf(stage)).toMatchObject({ damages: { count: 0 }, chunks: 3 });
    expect(await stage.chunks(partitions[dropped]!)).toMatchObject([{ base: 1n, level: 1 }]);
  });

  it('is nothing of a partition that is deleted meanwhile', async () => {
    const stage = maintenanceStage({
      async onCall({ operation }) {
        if (operation === 'heads.raiseFloor') await stage.base.heads.remove(partition!);
      },
    });
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a']);
    await compact(stage);
    expect(await level1(stage)).toEqual([]);
    expect(await stage.chunks(partition!)).toMatchObject([{ level: 0 }]);
  });
});
