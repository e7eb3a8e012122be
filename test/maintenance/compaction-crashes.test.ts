import { describe, expect, it } from 'vitest';
import { encodeEntry } from '../../lib/log/entry.ts';
import { freshUuid } from '../../lib/log/fresh-uuid.ts';
import { planChunk } from '../../lib/log/roll-plan.ts';
import { COMPACTION_RULES } from '../../lib/maintenance/compaction-plan.ts';
import { findUncompacted } from '../../lib/maintenance/find-uncompacted.ts';
import { rewritesSoFar } from '../../lib/maintenance/rewrites-so-far.ts';
import { runMaintenance } from '../../lib/maintenance/run-maintenance.ts';
import { firstIdAt } from '../../lib/segment/segment-id.ts';
import { scriptedFaults } from '../log/faulty-store.ts';
import { collectFor, segments } from './collection-stage.ts';
import { AGE_MS, ALL, compact, level1, reportOf, valuesOf } from './compaction-stage.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, maintenanceStage } from './maintenance-stage.ts';

describe('a compaction that takes long', () => {
  it.each([
    ['between objects', 1],
    ['between pieces of one object', COMPACTION_RULES.objectBytes],
  ])('stays the only one, %s of one partition', async (_, objectBytes) => {
    let getMs = 0;
    const rivals: string[] = [];
    const stage = maintenanceStage({
      async onCall({ operation }) {
        if (operation !== 'objects.get' || getMs === 0) return;
        stage.clock.pass(getMs);
        const rival = { store: stage.base, clock: stage.clock, random: stage.random };
        const [run] = await runMaintenance(rival, { ...ALL, deadlineMs: 0 });
        rivals.push(run!.result.outcome);
      },
    });
    const [partition] = await stage.topic('orders');
    for (let n = 0; n < 80; n++) await stage.append(partition!, [`${n}`]);
    for (const passMs of [AGE_MS, 6 * MINUTE_MS]) {
      await stage.run({ jobs: ['compaction'], evenIfNotDue: true });
      stage.clock.pass(passMs);
    }
    getMs = 1_000;
    const [run] = await stage.run({ ...ALL, objectBytes });
    expect(run!.result.outcome).toBe('done');
    expect(new Set(rivals)).toEqual(new Set(['busy']));
    expect(rivals).toHaveLength(80);
    expect(await reportOf(stage)).toMatchObject({ chunks: 80, partitions: 1 });
  });

  it('ends within one object when another has taken it', async () => {
    const stage = maintenanceStage({
      async onCall({ operation }) {
        if (operation !== 'objects.put') return;
        stage.clock.pass(HOUR_MS);
        const { jobs } = stage.base;
        const { epoch } = (await jobs.read('compaction'))!;
        const nowMs = stage.clock.nowMs();
        await jobs.take('compaction', { owner: 'rival', seen: epoch, nowMs, expiresAtMs: nowMs + MINUTE_MS });
      },
    });
    const [partition] = await stage.topic('orders');
    for (let n = 0; n < 5; n++) await stage.append(partition!, [`${n}`]);
    const [run] = await compact(stage, { objectBytes: 1 });
    expect(run!.result.outcome).toBe('lost');
    expect(await level1(stage)).toHaveLength(1);
    expect(await stage.damages()).toEqual([]);
  });
});

describe('a compaction that is killed', () => {
  it('leaves nothing behind but within one window of chunks', async () => {
    const stage = maintenanceStage({
      plan: {
        next: (operation, [, base]) => (operation === 'chunks.replace' && base === 0n ? 'dropped' : null),
        unused: () => [],
      },
    });
    const [partition] = await stage.topic('orders');
    for (let n = 0; n < 40; n++) await stage.append(partition!, [`${n}`]);
    const [run] = await compact(stage);
    expect(run!.result.outcome).toBe('failed');
    const levels = (await stage.chunks(partition!)).map(({ level }) => level).join('');
    expect(levels).toBe(`0${'1'.repeat(15)}${'0'.repeat(24)}`);
  });

  it.each([
    ['the newest', [118], 120],
    ['below the newest hundred', [18], 25],
    ['several, about the end of the newest hundred', [15, 19, 22], 31],
    ['none', [], 25],
  ] as const)('is gone on with at the first chunk that it has left: among others %s', async (_, holes, end) => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    for (let n = 0; n < 120; n++) await stage.append(partition!, [`${n}`], { inline: true });
    const id = firstIdAt(stage.clock.nowMs());
    for (let base = 0; base < end; base++) {
      if ((holes as readonly number[]).includes(base)) continue;
      const offset = BigInt(base);
      const entry = { recordCount: 1, maxTimestampMs: 0n, producer: null, position: 0, lengthBytes: 100 };
      const reference = encodeEntry({ kind: 'reference', id, ...entry });
      await stage.base.chunks.replace(partition!, offset, { version: 0, end: offset + 1n, reference });
    }
    const found = await findUncompacted(stage.deps, partition!, await stage.head(partition!));
    expect(found).toBe(BigInt(holes[0] ?? end));
  });

  it.each(['objects.put', 'chunks.replace'] as const)(
    'at %s leaves nothing behind once the next one was there',
    async (operation) => {
      const stage = maintenanceStage({
        plan: scriptedFaults({ [operation]: Array(operation === 'objects.put' ? 10 : 20).fill('lost') }),
      });
      const [partition] = await stage.topic('orders');
      for (const value of ['a', 'b']) await stage.append(partition!, [value]);
      const [run] = await compact(stage);
      expect(run!.result.outcome).toBe('failed');
      // Collection knows that there may be something for it, and does not rest until it is over.
      const { state } = (await stage.base.jobs.read('compaction'))!;
      expect(JSON.parse(state)).toMatchObject({ own: { rewrites: 1 } });
      expect(await rewritesSoFar(stage.deps)).toBe(null);
      await collectFor(stage, 3);
      stage.clock.pass(HOUR_MS);
      await stage.run(ALL);
      await collectFor(stage, 3);
      expect(await segments(stage)).toHaveLength(1);
      expect(await valuesOf(stage, partition!)).toEqual(['0:a', '1:b']);
      expect(await stage.damages()).toEqual([]);
    },
  );
});

describe('a chunk that an eventually consistent read does not show yet', () => {
  it('is found all the same', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a']);
    await compact(stage);
    const before = await stage.chunks(partition!);
    await stage.append(partition!, ['b']);
    const { store } = stage.deps;
    const query: typeof store.chunks.query = async (key, asked) =>
      asked.consistent ? store.chunks.query(key, asked) : before;
    const deps = { ...stage.deps, store: { ...store, chunks: { ...store.chunks, query } } };
    expect(await findUncompacted(deps, partition!, await stage.head(partition!))).toBe(1n);
  });
});

describe('what compaction could not work on', () => {
  it('stays in the report until it can, though nothing is written', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a']);
    const topic = (await stage.base.topics.get('orders'))!;
    const config = { 'cleanup.policy': 'nonsense' };
    await stage.base.topics.create({ ...topic, name: 'spoilt', topicId: freshUuid(stage.random), config });
    for (let hour = 0; hour < 60; hour += 6) {
      await stage.run({ jobs: ['retention', 'compaction'] });
      stage.clock.pass(6 * HOUR_MS + MINUTE_MS);
    }
    expect(await reportOf(stage)).toMatchObject({ damages: { count: 1, first: [{ topic: 'spoilt' }] } });
  });

  it('leaves a chunk alone whose roll has still to trim the tail', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a']);
    await stage.append(partition!, ['b'], { roll: false });
    const half = planChunk(await stage.head(partition!))!;
    await stage.base.chunks.put(partition!, half);
    await compact(stage, { waitMs: DAY_MS, worthBytes: 0 });
    expect((await stage.chunks(partition!)).map(({ base, level }) => [base, level])).toEqual([
      [0n, 1],
      [1n, 0],
    ]);
    expect(await stage.damages()).toEqual([]);
  });
});
