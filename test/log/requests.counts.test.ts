/** What appends and fetches ask of the stores, counted exactly: the bill, before it comes. */
import { describe, expect, it } from 'vitest';
import { limits } from '../../lib/limits.ts';
import { noUsage, type StoreUsage } from '../../lib/log/meter.ts';
import { batchOf, idAt, type LogStage, large, logStage, START_MS } from './log-stage.ts';

/** What was asked since `before`; kinds of which nothing was asked are left out. */
function since(before: StoreUsage, stage: LogStage): Partial<StoreUsage> {
  const names = Object.keys(noUsage) as (keyof StoreUsage)[];
  const changed = names.map((name) => [name, stage.meter.usage[name] - before[name]] as const);
  return Object.fromEntries(changed.filter(([name, count]) => count !== 0 && !name.endsWith('Bytes')));
}

async function counted(stage: LogStage, action: () => Promise<unknown>): Promise<Partial<StoreUsage>> {
  const before = stage.meter.usage;
  await action();
  return since(before, stage);
}

const byReference = (stage: LogStage, number: number, domain = 'shared') => ({
  target: stage.target(number, { domain, inlineMaxBytes: 0 }),
  batches: batchOf(['value']),
});

describe('a flush', () => {
  it('takes one PUT for each isolation domain and one write unit for each partition', async () => {
    const stage = await logStage({ partitions: 12 });
    const appender = stage.appender();
    const flush = () =>
      Promise.all(
        Array.from({ length: 12 }, (_, number) =>
          appender.append(byReference(stage, number, ['red', 'blue', 'green'][number % 3])),
        ),
      );
    // The first to a partition reads where it ends.
    expect(await counted(stage, flush)).toEqual({
      puts: 3,
      writeRequests: 12,
      writeUnits: 12,
      readRequests: 12,
      readUnits: 12,
    });
    expect(await counted(stage, flush)).toEqual({ puts: 3, writeRequests: 12, writeUnits: 12 });
  });

  it('takes no more for more records', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    await appender.append(byReference(stage, 0));
    const flush = () => Promise.all(Array.from({ length: 5_000 }, () => appender.append(byReference(stage, 0))));
    expect(await counted(stage, flush)).toEqual({ puts: 1, writeRequests: 1, writeUnits: 1 });
  });

  it('takes no PUT when everything is small', async () => {
    const stage = await logStage({ partitions: 3 });
    const appender = stage.appender();
    const flush = () =>
      Promise.all(
        [0, 1, 2].map((number) => appender.append({ target: stage.target(number), batches: batchOf(['small']) })),
      );
    await flush();
    expect(await counted(stage, flush)).toEqual({ writeRequests: 3, writeUnits: 3 });
  });
});

describe('the steady state', () => {
  it('takes one unit a commit by reference, and two for a roll after sixteen', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    await appender.append(byReference(stage, 0));
    const commits = 800;
    const usage = await counted(stage, async () => {
      for (let count = 1; count < commits; count++) await appender.append(byReference(stage, 0));
      await appender.close();
    });
    const rolls = commits / limits.tailEntries;
    expect(usage).toEqual({
      puts: commits - 1,
      writeRequests: commits - 1 + 2 * rolls,
      writeUnits: commits - 1 + 2 * rolls,
    });
    expect(rolls).toBeLessThanOrEqual(commits / 8);
  });

  it('rolls inline commits by their bytes, and never reads', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    const append = () => appender.append({ target: stage.target(), batches: batchOf([large('x', 150)]) });
    await append();
    const usage = await counted(stage, async () => {
      for (let count = 0; count < 800; count++) await append();
      await appender.close();
    });
    const { entries } = (await stage.chunks())[5]!;
    // An entry is its 29 bytes and the batch; the ninth passes the 2 KB of the budget.
    expect(entries).toHaveLength(9);
    const rolls = Math.floor(801 / 9);
    expect(usage.writeRequests).toBe(800 + 2 * rolls);
    // Commits 1 to 3 of a tail leave the head under 1 KB, 4 to 7 under 2 KB, the others under 3 KB; a roll pays the chunk and the head at its largest.
    expect(usage.writeUnits).toBeLessThanOrEqual((800 + 2 * rolls) * 3);
    expect(usage).not.toHaveProperty('readRequests');
    expect(usage).not.toHaveProperty('puts');
  });

  it('reads the head once after more than five idle seconds, for what it knows has grown old', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    const append = () => appender.append(byReference(stage, 0));
    await append();
    stage.clock.pass(5_000);
    expect(await counted(stage, append)).toEqual({ puts: 1, writeRequests: 1, writeUnits: 1 });
    stage.clock.pass(5_001);
    expect(await counted(stage, append)).toEqual({
      puts: 1,
      writeRequests: 1,
      writeUnits: 1,
      readRequests: 1,
      readUnits: 1,
    });
  });

  it('asks for nothing while nothing happens', async () => {
    const stage = await logStage({ partitions: 5 });
    const appender = stage.appender();
    for (const number of [0, 1, 2, 3, 4]) await appender.append(byReference(stage, number));
    await appender.flush();
    const usage = await counted(stage, async () => {
      stage.clock.pass(3_600_000);
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
      await appender.flush();
      await appender.close();
    });
    expect(usage).toEqual({});
  });
});

describe('a refused commit', () => {
  it('is paid: under a floor that rose, one unit, one look, one more PUT', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    await appender.append(byReference(stage, 0));
    await stage.base.heads.raiseFloor(stage.partition(), idAt(100_000));
    const usage = await counted(stage, () => appender.append(byReference(stage, 0)));
    expect(usage).toEqual({ puts: 2, writeRequests: 2, writeUnits: 2, readRequests: 1, readUnits: 1 });
  });

  it('is paid when another writer has rolled the tail past what was known', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    await appender.append(byReference(stage, 0));
    await stage.fill([batchOf(['other'])], 0, 0);
    await stage.roll();
    const usage = await counted(stage, () => appender.append(byReference(stage, 0)));
    expect(usage).toEqual({ puts: 1, writeRequests: 2, writeUnits: 2 });
  });

  it('is not sent at all when the expected offset is not the end', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    const strict = () => appender.append({ ...byReference(stage, 0), expectedOffset: 9n }).catch(() => {});
    expect(await counted(stage, strict)).toMatchObject({ readRequests: 1 });
    expect(await counted(stage, strict)).not.toHaveProperty('writeRequests');
  });
});

describe('a fetch', () => {
  const read = (stage: LogStage, numbers: readonly number[], offset = 0n, consistent = false) => {
    const targets = numbers.map((number) => ({
      partition: stage.partition(number),
      domain: 'shared',
      offset,
      maxBytes: 1e9,
    }));
    return stage.fetcher().fetch(targets, { maxBytes: 1e9, consistent });
  };

  it('takes half a read unit and no GET for what travels in the head, and one unit when it is consistent', async () => {
    const stage = await logStage();
    await stage.fill([batchOf(['a']), batchOf(['b'])]);
    expect(await counted(stage, () => read(stage, [0]))).toEqual({ readRequests: 1, readUnits: 0.5 });
    expect(await counted(stage, () => read(stage, [0], 0n, true))).toEqual({ readRequests: 1, readUnits: 1 });
    expect(await counted(stage, () => read(stage, [0], 2n))).toEqual({ readRequests: 1, readUnits: 0.5 });
  });

  it('takes one GET for all partitions of one flush', async () => {
    const stage = await logStage({ partitions: 20 });
    const appender = stage.appender();
    const numbers = Array.from({ length: 20 }, (_, number) => number);
    await Promise.all(numbers.map((number) => appender.append(byReference(stage, number))));
    expect(await counted(stage, () => read(stage, numbers))).toEqual({ readRequests: 20, readUnits: 10, gets: 1 });
  });

  it('takes one GET for each object otherwise, and as few for records in the middle of it', async () => {
    const stage = await logStage();
    await stage.fill(
      ['a', 'b', 'c'].map((value) => batchOf([value, value])),
      0,
      0,
    );
    expect(await counted(stage, () => read(stage, [0]))).toMatchObject({ gets: 3 });
    expect(await counted(stage, () => read(stage, [0], 5n))).toMatchObject({ gets: 1 });
  });

  it('takes two reads more for a rolled range, and one GET for a compacted one', async () => {
    const stage = await logStage();
    await stage.fill(
      ['a', 'b', 'c'].map((value) => batchOf([value])),
      0,
      0,
    );
    await stage.roll();
    await stage.fill([batchOf(['d'])], 0, 0);
    // The chunk that covers the offset; none can follow it below the tail.
    expect(await counted(stage, () => read(stage, [0]))).toMatchObject({ readRequests: 2, gets: 4 });
    await stage.compact((await stage.chunks())[0]!);
    expect(await counted(stage, () => read(stage, [0]))).toMatchObject({ readRequests: 2, gets: 2 });
  });

  it('never lists', async () => {
    const stage = await logStage();
    await stage.fill([batchOf(['a'])], 0, 0);
    await stage.roll();
    await read(stage, [0]);
    await read(stage, [0], 7n);
    expect(stage.meter.usage.lists).toBe(0);
  });
});

describe('a topic of 100,000 partitions', () => {
  it('costs an append only the heads that it touches', async () => {
    const stage = await logStage({ partitions: 100_000 });
    const appender = stage.appender();
    const append = () => Promise.all([7, 50_000, 99_999].map((number) => appender.append(byReference(stage, number))));
    expect(await counted(stage, append)).toEqual({
      puts: 1,
      writeRequests: 3,
      writeUnits: 3,
      readRequests: 3,
      readUnits: 3,
    });
    expect(await counted(stage, append)).toEqual({ puts: 1, writeRequests: 3, writeUnits: 3 });
    stage.clock.pass(START_MS / 1_000);
    expect(await counted(stage, () => appender.close())).toEqual({});
  });

  it('lets an appender forget the partitions that it is done with', async () => {
    const stage = await logStage({ partitions: 10_000 });
    const appender = stage.appender();
    for (let number = 0; number < 10_000; number++) await appender.append(byReference(stage, number));
    // What is forgotten is read again: the first partitions, not the last.
    expect(await counted(stage, () => appender.append(byReference(stage, 0)))).toMatchObject({ readRequests: 1 });
    expect(await counted(stage, () => appender.append(byReference(stage, 9_999)))).toEqual({
      puts: 1,
      writeRequests: 1,
      writeUnits: 1,
    });
  });
});
