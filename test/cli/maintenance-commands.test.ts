import { describe, expect, it } from 'vitest';
import { cliStage } from './cli-stage.ts';

/** A topic that keeps ten bytes, with two batches of three records. */
async function filled() {
  const stage = await cliStage();
  await stage.ok(['topic', 'create', 'clicks', '-c', 'retention.bytes=10']);
  for (const stdin of ['a\nb\nc\n', 'd\ne\nf\n']) await stage.ok(['produce', 'clicks'], { stdin });
  return stage;
}

describe('millrace maintenance', () => {
  it('runs the jobs and tells what they did', async () => {
    const stage = await filled();
    const output = await stage.ok(['maintenance', 'run']);
    expect(output).toMatch(
      /^retention: done\n {2}looked at 1 partition of 1 topic\n {2}dropped 3 records, deleted 1 chunk and 0 topics/,
    );
    expect(output).toContain('nothing goes by its age yet');
    expect(await stage.ok(['consume', 'clicks', '-e'])).toBe('d\ne\nf\n');
    expect(await stage.ok(['verify', '--deep'])).toContain('No damage');
  });

  it('tells programs the same', async () => {
    const stage = await filled();
    const [run] = (await stage.json(['maintenance', 'run', 'retention'])) as [object];
    const report = { topics: 1, partitions: 1, recordsDropped: '3', damages: { count: 0, first: [] } };
    expect(run).toMatchObject({ job: 'retention', outcome: 'done', report });
  });

  it('does nothing that is not due when a schedule runs it', async () => {
    const stage = await filled();
    expect(await stage.ok(['maintenance', 'run', '--if-due'])).toContain('retention: done');
    // Without what the pass before has done.
    expect(await stage.ok(['maintenance', 'run', '--if-due', 'retention'])).toMatch(
      /^retention: not due before 20\d\d-\S+\n$/,
    );
  });

  it('goes on where the time was over', async () => {
    const stage = await filled();
    const interrupts = AbortSignal.abort('SIGINT');
    const { status, output } = await stage.run(['maintenance', 'run'], { interrupts });
    expect([status, output]).toEqual([0, expect.stringContaining('the time is over; the next run goes on')]);
    expect(await stage.ok(['maintenance', 'status'])).toMatch(/retention\s+unfinished since 20\d\d-\S+\s+never\s+now/);
    expect(await stage.ok(['maintenance', 'run'])).toContain('dropped 3 records');
  });

  it('tells how the jobs stand', async () => {
    const stage = await filled();
    expect(await stage.ok(['maintenance', 'status'])).toMatch(
      /^job\s+state\s+last success\s+due\nretention\s+idle\s+never\s+now\ncompaction\s+idle\s+never\s+now\nkey-compaction\s+idle\s+never\s+now\ncollection\s+idle\s+never\s+now\n$/,
    );
    await stage.ok(['maintenance', 'run']);
    expect(await stage.ok(['maintenance', 'status'])).toMatch(
      /retention\s+idle\s+20\d\d-\S+Z\s+20\d\d-\S+Z\ncompaction\s+idle\s.*\nkey-compaction\s+idle\s.*\ncollection\s+idle\s.*\n\nretention:\n {2}looked at/,
    );
    expect(await stage.json(['maintenance', 'status'])).toMatchObject([
      { job: 'retention', underWaySinceMs: null, takenUntilMs: null },
      { job: 'compaction', underWaySinceMs: null, takenUntilMs: null },
      { job: 'key-compaction', underWaySinceMs: null, takenUntilMs: null },
      { job: 'collection', waiting: [] },
    ]);
  });

  it('ends with 1 where something is damaged, and says what', async () => {
    const stage = await filled();
    await stage.ok(['topic', 'create', 'later', '-c', 'retention.bytes=10']);
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(`${stage.directory}/store/log.sqlite`);
    database.exec("UPDATE items SET value = X'01' WHERE sk = 'HEAD' AND pk LIKE 'P#%'");
    database.close();
    const { status, output, complaint } = await stage.run(['maintenance', 'run']);
    expect(status).toBe(1);
    expect(output).toContain('clicks/0 is left as it is: ');
    expect(output).toContain('later/0 is left as it is: ');
    expect(complaint).toContain('2 topics or partitions could not be worked on');
  });

  it('tells of a job whose item is damaged, and how the others stand', async () => {
    const stage = await filled();
    await stage.ok(['maintenance', 'run']);
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(`${stage.directory}/store/log.sqlite`);
    database.exec("UPDATE items SET value = X'0102030405060708' WHERE pk = 'JOBS' AND sk = 'compaction'");
    const { status, output, complaint } = await stage.run(['maintenance', 'run']);
    expect(status).toBe(1);
    expect(output).toMatch(/^retention: done\n.*\ncompaction: failed: [^\n]*checksum.*\ncollection: done\n/s);
    expect(complaint).toContain('CORRUPT_OBJECT');
    const told = await stage.ok(['maintenance', 'status']);
    expect(told).toMatch(/^compaction +damaged +never +now$/m);
    expect(told).toMatch(/^compaction does not run: its item cannot be read: .*checksum.* \(CORRUPT_OBJECT\)$/m);
    expect(told).toContain('\nretention:\n  looked at 1 partition');
    // As it is told to.
    database.exec("DELETE FROM items WHERE pk = 'JOBS' AND sk = 'compaction'");
    database.close();
    expect(await stage.ok(['maintenance', 'run'])).toContain('compaction: done');
  });

  it('runs a job that is named twice once', async () => {
    const stage = await filled();
    expect(await stage.json(['maintenance', 'run', 'retention', 'retention'])).toHaveLength(1);
  });

  it('refuses jobs that there are not', async () => {
    const stage = await cliStage();
    expect(await stage.failure(['maintenance', 'run', 'retentoin'])).toMatchObject({
      status: 2,
      hint: 'Jobs: retention, compaction, key-compaction, collection.',
    });
    expect(await stage.failure(['maintenance', 'run', '--for', 'x'])).toMatchObject({ status: 2 });
  });
});
