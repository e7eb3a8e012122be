import { describe, expect, it } from 'vitest';
import { listOffset } from '../../../lib/log/list-offsets.ts';
import { parseBatchHeader } from '../../../lib/record/batch-header.ts';
import { segments } from '../collection-stage.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, START_MS } from '../maintenance-stage.ts';
import { AT_ONCE, type CleanStage, cleanStage, compacted, levels } from './clean-stage.ts';

describe('key compaction', () => {
  it('leaves the last record of each key at its offset, and what is recent as it is', async () => {
    const stage = cleanStage();
    const partition = await compacted(stage, [
      [['a=1', 'b=1'], ['a=2']],
      [
        ['c=1', 'a=3'],
        ['b=2', 'd=1'],
      ],
    ]);
    await stage.write(partition, [['a=4', 'c=2']]);
    await stage.write(partition, [['d=2']], { roll: false });
    await stage.clean();
    expect(await stage.read(partition)).toEqual(
      ['4 a=3', '3 c=1', '5 b=2', '6 d=1', '7 a=4', '8 c=2', '9 d=2'].toSorted(),
    );
    expect(await stage.head(partition)).toMatchObject({ cleanedEnd: 7n, start: 0n, next: 10n });
    expect(await levels(stage, partition)).toEqual(['1 v2', '1 v1', '0 v0']);
    expect(await stage.damages()).toEqual([]);
    expect(await stage.report()).toMatchObject({ topics: 1, partitions: 1, cleaned: 1, recordsRemoved: 3, objects: 1 });
  });

  it('works on topics alone whose policy says so', async () => {
    const stage = cleanStage();
    const partition = await compacted(stage, [[['a=1'], ['a=2']]], { 'cleanup.policy': 'delete' });
    await stage.clean();
    expect(await stage.read(partition)).toEqual(['0 a=1', '1 a=2']);
    expect(await stage.report()).toMatchObject({ topics: 0, partitions: 0 });
  });

  it('leaves a chunk of which nothing stays with an empty batch, so that readers come past it, wherever they are', async () => {
    const stage = cleanStage();
    const partition = await compacted(stage, [
      [
        ['a=1', 'b=1'],
        ['a=2', 'b=2'],
      ],
      [['a=3'], ['b=3']],
    ]);
    await stage.clean();
    for (let from = 0n; from <= 4n; from++) expect(await stage.read(partition, from)).toEqual(['4 a=3', '5 b=3']);
    expect(await stage.read(partition, 5n)).toEqual(['5 b=3']);
    expect(await stage.damages()).toEqual([]);
  });

  it('cleans what was added since, and of what was clean what it buries', async () => {
    const stage = cleanStage();
    const partition = await compacted(stage, [[['a=1', 'b=1', 'c=1']]]);
    await stage.clean();
    expect(await levels(stage, partition)).toEqual(['1 v1']);
    await stage.write(partition, [['b=2', 'b=3']]);
    await stage.compact();
    await stage.clean();
    expect(await stage.read(partition)).toEqual(['0 a=1', '2 c=1', '4 b=3']);
    expect(await stage.head(partition)).toMatchObject({ cleanedEnd: 5n });
  });

  it('asks for nothing of a partition that is clean but its head', async () => {
    const stage = cleanStage();
    await compacted(stage, [[['a=1'], ['a=2']]]);
    await stage.clean();
    const before = stage.faulty.calls.length;
    await stage.runClean();
    const asked = stage.faulty.calls.slice(before).map(({ operation }) => operation);
    const topics = ['topics.list', 'topics.get', 'heads.readMany', 'topics.list'];
    expect(asked).toEqual(['jobs.read', 'jobs.take', ...topics, 'jobs.update']);
  });

  it('takes as many rounds as its memory asks for, with the same result', async () => {
    const keys = Array.from({ length: 40 }, (_, index) => `k${index}`);
    const chunks = [0, 1, 2].map((version) => [keys.map((key) => `${key}=${version}`)]);
    const large = cleanStage();
    const small = cleanStage();
    const expected = await compacted(large, chunks);
    const partition = await compacted(small, chunks);
    await large.clean();
    // Ten keys.
    await small.clean({ mapBytes: 240 });
    expect(await small.read(partition)).toEqual(await large.read(expected));
    expect((await small.report()).cleaned).toBeGreaterThan(8);
    expect(await small.damages()).toEqual([]);
  });
});

describe('the record with the largest time', () => {
  const largest = async (stage: CleanStage, partition: { topicId: string; partition: number }) => {
    const deps = { store: stage.base, clock: stage.clock, random: stage.random };
    return (await listOffset(deps, { partition, domain: 'shared' }, { at: 'max-timestamp' }))?.offset;
  };

  it('is the one that is left, when the one that had it went out of its batch', async () => {
    const stage = cleanStage();
    const [partition] = await stage.topic('table', { config: AT_ONCE });
    await stage.write(partition!, [['a=1', 'b=1']], { nowMs: START_MS + 9_000 });
    await stage.write(partition!, [['c=1']], { nowMs: START_MS + 5_000 });
    await stage.write(partition!, [['b=2', 'a=2'], ['d=1']], { nowMs: START_MS + 1_000 });
    await stage.compact();
    expect(await largest(stage, partition!)).toBe(0n);
    await stage.clean();
    expect(await largest(stage, partition!)).toBe(2n);
    await stage.write(partition!, [['e=1']], { nowMs: START_MS + 6_000, roll: false });
    expect(await largest(stage, partition!)).toBe(6n);
  });

  it('is the one that is left, when its batch lost only that', async () => {
    const stage = cleanStage();
    const [partition] = await stage.topic('table', { config: AT_ONCE });
    await stage.write(partition!, [['a=1'], ['z=1']], { nowMs: START_MS + 9_000 });
    await stage.write(partition!, [['b=1']], { nowMs: START_MS + 4_000 });
    await stage.write(partition!, [['a=2', 'z=2']], { nowMs: START_MS + 1_000 });
    await stage.compact();
    await stage.clean();
    expect(await largest(stage, partition!)).toBe(2n);
  });
});

describe('a tombstone', () => {
  it('stays for its time from the first cleaning that met it, and goes with the next one behind that', async () => {
    const stage = cleanStage();
    const retention = { 'delete.retention.ms': String(HOUR_MS) };
    const partition = await compacted(
      stage,
      [
        [
          ['a=1', 'b=1'],
          ['a', 'c'],
        ],
      ],
      retention,
    );
    await stage.clean();
    expect(await stage.read(partition)).toEqual(['1 b=1', '2 a', '3 c']);
    await stage.write(partition, [['d=1']]);
    await stage.compact();
    await stage.clean();
    expect(await stage.read(partition)).toEqual(['1 b=1', '2 a', '3 c', '4 d=1']);
    stage.clock.pass(2 * HOUR_MS);
    await stage.clean();
    await stage.write(partition, [['e=1']]);
    await stage.compact();
    await stage.clean();
    expect(await stage.read(partition)).toEqual(['1 b=1', '4 d=1', '5 e=1']);
    expect(await stage.damages()).toEqual([]);
  });

  it('begins to wait only when what it buries is gone from all other chunks', async () => {
    const isReplacement = ({ operation }: { readonly operation: string }) => operation === 'chunks.replace';
    let deadly = Number.POSITIVE_INFINITY;
    const stage = cleanStage({
      onCall: (call) => {
        if (isReplacement(call) && deadly-- <= 0) throw new Error('died');
      },
    });
    const partition = await compacted(stage, [[['a=1', 'x=1']], [['b=1', 'y']], [['c=1', 'x=2', 'a'], ['b']]]);
    const before = await levels(stage, partition);
    await stage.runClean();
    stage.clock.pass(6 * MINUTE_MS);
    // The chunk of x=1 and a=1 is replaced first, and then nobody is left who could go on.
    deadly = 1;
    await stage.runClean();
    expect(await levels(stage, partition)).toEqual(['1 v2', ...before.slice(1)]);
    deadly = Number.POSITIVE_INFINITY;
    // Until others may have the job.
    stage.clock.pass(2 * MINUTE_MS);
    await stage.runClean();
    const replaced = stage.faulty.calls.filter(isReplacement).map(({ arguments: [, base] }) => base);
    expect(replaced.slice(3)).toEqual([0n, 2n, 2n, 4n]);
    expect(await stage.read(partition)).toEqual(['3 y', '4 c=1', '5 x=2', '6 a', '7 b']);
  });

  it('waits by the later of two clocks: what is trusted may be old', async () => {
    const stage = cleanStage();
    const retention = { 'delete.retention.ms': String(HOUR_MS) };
    const partition = await compacted(stage, [[['a=1'], ['a']]], retention);
    await stage.runClean();
    // The time of the run before is what is trusted now: ten hours ago.
    stage.clock.pass(10 * HOUR_MS);
    const nowMs = stage.clock.nowMs();
    await stage.runClean();
    const [chunk] = await stage.chunks(partition);
    const key = (await segments(stage)).findLast((name) => name.includes('/1/'))!;
    const batch = (await stage.base.objects.get(key, 8, 1_000))!;
    expect(chunk!.version).toBe(2);
    const header = parseBatchHeader(batch);
    expect(header).toMatchObject({ hasDeleteHorizon: true, recordCount: 1 });
    expect(Number(header.baseTimestampMs)).toBeGreaterThanOrEqual(nowMs + HOUR_MS);
  });
});

describe('a part that is not due', () => {
  it('is below the least share', async () => {
    const stage = cleanStage();
    const partition = await compacted(
      stage,
      [
        [
          ['a=1', 'b=1', 'c=1', 'd=1'],
          ['e=1', 'f=1'],
        ],
      ],
      {
        'min.cleanable.dirty.ratio': '0.5',
      },
    );
    await stage.clean();
    expect(await stage.head(partition)).toMatchObject({ cleanedEnd: 6n });
    await stage.write(partition, [['a=2']]);
    await stage.compact();
    await stage.clean();
    expect(await stage.head(partition)).toMatchObject({ cleanedEnd: 6n });
    await stage.write(partition, [['a=3', 'b=3', 'c=3', 'd=3'], ['a=4'], ['a=5']]);
    await stage.compact();
    await stage.clean();
    expect(await stage.read(partition)).toEqual(['4 e=1', '5 f=1', '8 b=3', '9 c=3', '10 d=3', '12 a=5']);
  });

  it('is due by its age, though it is small', async () => {
    const stage = cleanStage();
    const config = { 'min.cleanable.dirty.ratio': '1', 'max.compaction.lag.ms': String(2 * DAY_MS) };
    const partition = await compacted(stage, [[['a=1'], ['a=2']]], config);
    await stage.clean();
    expect(await stage.read(partition)).toHaveLength(2);
    stage.clock.pass(2 * DAY_MS);
    await stage.clean();
    expect(await stage.read(partition)).toEqual(['1 a=2']);
  });

  it('is younger than the least lag', async () => {
    const stage = cleanStage();
    const partition = await compacted(stage, [[['a=1'], ['a=2']]], { 'min.compaction.lag.ms': String(2 * HOUR_MS) });
    await stage.clean();
    expect(await stage.head(partition)).toMatchObject({ cleanedEnd: 0n });
    stage.clock.pass(2 * HOUR_MS);
    await stage.clean();
    expect(await stage.read(partition)).toEqual(['1 a=2']);
  });

  it('is not judged while no time can be trusted', async () => {
    const stage = cleanStage();
    const partition = await compacted(stage, [[['a=1'], ['a=2']]]);
    await stage.runClean();
    expect(await stage.read(partition)).toHaveLength(2);
    expect(await stage.report()).toMatchObject({ clockMs: 0 });
  });
});

describe('compaction', () => {
  it('rewrites for a topic that is compacted by key what it leaves alone otherwise, and by its largest lag', async () => {
    const stage = cleanStage();
    const large = [`a=${'x'.repeat(5_000_000)}`];
    const [keyed] = await stage.topic('table', { config: AT_ONCE });
    const [plain] = await stage.topic('plain');
    for (const partition of [keyed!, plain!]) await stage.write(partition, [large]);
    await stage.compact();
    expect(await levels(stage, keyed!)).toEqual(['1 v1']);
    expect(await levels(stage, plain!)).toEqual(['0 v0']);
    const [soon] = await stage.topic('soon', { config: { ...AT_ONCE, 'max.compaction.lag.ms': String(HOUR_MS) } });
    await stage.write(soon!, [['a=1']]);
    stage.clock.pass(HOUR_MS);
    for (const _ of [1, 2]) {
      stage.clock.pass(6 * MINUTE_MS);
      await stage.run({ jobs: ['compaction'], evenIfNotDue: true });
    }
    expect(await levels(stage, soon!)).toEqual(['1 v1']);
  });
});

describe('what cannot be cleaned', () => {
  it('is left as it is and named, and all else goes on', async () => {
    const stage = cleanStage();
    const partition = await compacted(stage, [[['a=1'], ['a=2']]]);
    const [other] = await stage.topic('z', { config: AT_ONCE });
    await stage.write(other!, [['a=1'], ['a=2']]);
    const [object] = (await segments(stage)).filter((key) => key.includes('/1/'));
    await stage.compact();
    await stage.base.objects.remove([object!]);
    await stage.clean();
    const { damages } = await stage.report();
    expect(damages).toMatchObject({ count: 1, first: [{ topic: 'table', partition: 0, code: 'OBJECT_MISSING' }] });
    expect(await stage.read(other!)).toEqual(['1 a=2']);
    expect(await stage.head(partition)).toMatchObject({ cleanedEnd: 0n });
  });

  it('is a partition with transactions, since nobody knows which were aborted', async () => {
    const stage = cleanStage();
    const [partition] = await stage.topic('table', { config: AT_ONCE });
    await stage.write(partition!, [['a=1'], ['a=2']], { transactional: true, producerId: 1n, producerEpoch: 0 });
    await stage.compact();
    await stage.clean();
    const { damages } = await stage.report();
    expect(damages.first).toMatchObject([{ topic: 'table', code: 'UNSUPPORTED_FORMAT' }]);
    expect(await stage.read(partition!)).toHaveLength(2);
  });
});

describe('a log that is compacted and deleted', () => {
  it('loses by its age what is left, and is cleaned from its beginning on', async () => {
    const stage = cleanStage();
    const config = { 'cleanup.policy': 'compact,delete', 'retention.ms': String(DAY_MS) };
    const partition = await compacted(stage, [[['a=1', 'b=1'], ['a=2']]], config);
    await stage.clean();
    stage.clock.pass(DAY_MS);
    await stage.write(partition, [['c=1', 'b=2'], ['c=2']]);
    for (const _ of [1, 2]) {
      await stage.run({ jobs: ['retention'], evenIfNotDue: true });
      stage.clock.pass(6 * MINUTE_MS);
    }
    await stage.run({ jobs: ['retention'], evenIfNotDue: true });
    expect(await stage.head(partition)).toMatchObject({ start: 3n });
    await stage.compact();
    await stage.clean();
    expect(await stage.read(partition, 3n)).toEqual(['4 b=2', '5 c=2']);
    expect(await stage.head(partition)).toMatchObject({ cleanedEnd: 6n });
    expect(await stage.damages()).toEqual([]);
  });
});
