import { describe, expect, it } from 'vitest';
import { cleanJob } from '../../../lib/maintenance/clean/clean-job.ts';
import { describeJobs } from '../../../lib/maintenance/describe-jobs.ts';
import { runJob } from '../../../lib/maintenance/run-job.ts';
import { COLLECT, collectFor, segments } from '../collection-stage.ts';
import { MINUTE_MS } from '../maintenance-stage.ts';
import { cleanStage, compacted, levels } from './clean-stage.ts';

describe('what was replaced', () => {
  it('is deleted by collection a restore window later, and nothing that is named', async () => {
    const stage = cleanStage();
    const partition = await compacted(stage, [
      [['a=1'], ['b=1']],
      [['a=2'], ['c=1'], ['b=2']],
    ]);
    await collectFor(stage, 3);
    const [before] = (await segments(stage)).filter((key) => key.includes('/1/'));
    await stage.write(partition, [['a=3'], ['b=3']]);
    await stage.compact();
    await stage.clean();
    await collectFor(stage, 4);
    const left = await segments(stage);
    expect(left).not.toContain(before);
    expect(left).toHaveLength(2);
    expect(await stage.read(partition)).toEqual(['3 c=1', '5 a=3', '6 b=3']);
    const runs = await stage.run(COLLECT);
    expect(runs).toMatchObject([{ result: { outcome: 'done' } }]);
    expect(await stage.damages()).toEqual([]);
  });

  it('does not stay for the sake of a few chunks that have not changed', async () => {
    const stage = cleanStage();
    const many = Array.from({ length: 20 }, (_, index) => [[`a=${index}`, `b=${index}`]]);
    const partition = await compacted(stage, [[['cold=1']], ...many]);
    await stage.clean();
    expect((await levels(stage, partition)).at(0)).toBe('1 v2');
    await collectFor(stage, 3);
    expect(await segments(stage)).toHaveLength(1);
  });

  it('stays while most of it has not changed', async () => {
    const stage = cleanStage();
    const many = Array.from({ length: 20 }, (_, index) => [[`a${index}=1`, `b${index}=1`]]);
    const partition = await compacted(stage, [[['hot=1']], ...many, [['hot=2']]]);
    await stage.clean();
    const found = await levels(stage, partition);
    expect(found.filter((level) => level === '1 v2')).toHaveLength(1);
    expect(await stage.damages()).toEqual([]);
  });
});

describe('a round that takes long', () => {
  it('gives signs of life, and stores with them how far it has come', async () => {
    const stage = cleanStage();
    const chunks = Array.from({ length: 6 }, (_, index) => [[`a=${index}`, `b${index}=1`]]);
    const partition = await compacted(stage, chunks);
    await stage.runClean();
    stage.clock.pass(6 * MINUTE_MS);
    const before = stage.faulty.calls.length;
    await stage.runClean({ saveEveryMs: 0, readBytes: 1, objectBytes: 1 });
    const saved = stage.faulty.calls
      .slice(before)
      .filter(({ operation }) => operation === 'jobs.update')
      .map(({ arguments: [, args] }) => JSON.parse((args as { readonly state: string }).state).own.round?.doneBelow);
    expect(saved.filter((doneBelow) => doneBelow !== undefined)).toEqual(expect.arrayContaining(['2', '6', '10']));
    expect(saved.length).toBeGreaterThan(12);
    expect(await stage.head(partition)).toMatchObject({ cleanedEnd: 12n });
  });
});

describe('a slice that ends soon', () => {
  it('is gone on with until all is done, however short', async () => {
    const stage = cleanStage();
    const chunks = Array.from({ length: 30 }, (_, index) => [[`a=${index}`, `b${index}=1`], [`c=${index}`]]);
    const partition = await compacted(stage, chunks);
    await stage.runClean();
    stage.clock.pass(6 * MINUTE_MS);
    let slices = 0;
    for (; slices < 1_000; slices++) {
      let looks = 0;
      const clock = { ...stage.clock, monotonicMs: () => looks++, sleep: stage.clock.sleep.bind(stage.clock) };
      const deps = { ...stage.deps, clock: Object.assign(Object.create(stage.clock), clock) };
      const outcome = await runJob(deps, cleanJob(deps), { deadlineMs: 6, evenIfNotDue: true });
      if (outcome.outcome === 'done') break;
    }
    expect(slices).toBeLessThan(1_000);
    expect(await stage.read(partition)).toHaveLength(32);
    expect(await stage.head(partition)).toMatchObject({ cleanedEnd: 90n });
    expect((await describeJobs(stage.deps)).find(({ job }) => job === 'key-compaction')!.underWaySinceMs).toBeNull();
  });
});
