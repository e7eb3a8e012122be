import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { firstIdAt } from '../../lib/segment/segment-id.ts';
import { segmentKey } from '../../lib/segment/segment-key.ts';
import { openFileStore } from '../../lib/sqlite/sqlite-store.ts';
import { cliStage } from './cli-stage.ts';

const OLD_MS = Date.now() - 48 * 3_600_000;

/** A topic with an object that the log names, one that nothing names, and one that somebody else has put there. */
async function filled() {
  const stage = await cliStage();
  await stage.ok(['topic', 'create', 'clicks', '-c', 'millrace.inline.max.bytes=0']);
  await stage.ok(['produce', 'clicks'], { stdin: 'a\nb\n' });
  const lost = segmentKey({ prefix: '', domain: 'shared', level: 0, id: firstIdAt(OLD_MS) });
  const foreign = join('shared', 'notes.txt');
  for (const key of [lost, foreign]) {
    const file = join(stage.directory, 'store', 'objects', key);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, 'some bytes');
  }
  return { ...stage, lost };
}

/** As if the clock had been looked at an hour ago. */
async function trustClock(directory: string) {
  const store = await openFileStore({ directory: join(directory, 'store'), clock: systemClock });
  const stored = (await store.jobs.read('collection'))!;
  const state = JSON.parse(stored.state);
  state.own.seenTime.seenMs -= 3_600_000;
  for (const list of state.own.lists) list.atMs -= 7_200_000;
  await store.jobs.update('collection', { ...stored, sequence: stored.sequence + 1, state: JSON.stringify(state) });
  await store.close();
}

describe('millrace gc', () => {
  it('tells what becomes of each object, and changes nothing', async () => {
    const stage = await filled();
    const output = await stage.ok(['gc', '--dry-run']);
    expect(output).toMatch(/^fate\s+objects\s+bytes\s+why\n/);
    expect(output).toMatch(/named\s+1\s/);
    expect(output).toMatch(/unnamed\s+1\s+10\s+nothing names it: the next pass condemns it/);
    expect(output).toMatch(/foreign\s+1\s+10\s/);
    const lines = (await stage.ok(['gc', '--dry-run', '--objects'])).split('\n');
    expect(lines).toContain(`${stage.lost} 10 unnamed`);
    const objects = (await stage.ok(['gc', '--dry-run', '--json']))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(objects).toContainEqual({ key: stage.lost, sizeBytes: 10, fate: 'unnamed', deletedAtMs: null });
    expect(await stage.ok(['maintenance', 'status'])).toMatch(/collection\s+idle\s+never\s+now/);
  });

  it('condemns what nothing names, and deletes it behind the restore window', async () => {
    const stage = await filled();
    expect(await stage.ok(['gc'])).toContain('a clock counts once');
    await trustClock(stage.directory);
    expect(await stage.ok(['gc'])).toMatch(
      /condemned 1 object \(10 bytes\), deleted 0\n {2}1 object waits to be deleted, the first since 20/,
    );
    expect(await stage.ok(['gc', '--dry-run', '--objects'])).toMatch(new RegExp(`${stage.lost} 10 condemned until 20`));
    await trustClock(stage.directory);
    expect(await stage.ok(['gc', '--restore-window', '3'])).toContain('deleted 0');
    await trustClock(stage.directory);
    expect(await stage.ok(['maintenance', 'run', '--restore-window', '5'])).toContain('deleted 0\n');
    expect(await stage.ok(['maintenance', 'run', '--restore-window', '2'])).toContain('deleted 1\n');
    expect(await stage.ok(['gc', '--dry-run', '--objects'])).not.toContain(stage.lost);
    expect(await stage.ok(['verify', '--deep'])).toContain('No damage');
    expect(await stage.ok(['consume', 'clicks', '-e'])).toBe('a\nb\n');
  });

  it('is refused where it says nothing', async () => {
    const stage = await cliStage();
    expect(await stage.failure(['gc', '--objects'])).toMatchObject({ status: 2 });
    // The last one has no date as text.
    for (const hours of ['-1', '87601', '99999999999999'])
      expect(await stage.failure(['gc', '--restore-window', hours])).toMatchObject({ status: 2 });
    const only = ['maintenance', 'run', 'retention', '--restore-window', '1'];
    expect(await stage.failure(only)).toMatchObject({ status: 2 });
    await stage.ok(['topic', 'create', 'empty']);
    expect(await stage.ok(['gc', '--dry-run'])).toBe('There are no objects.\n');
  });
});
