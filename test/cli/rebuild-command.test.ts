import { copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { parseNamedTopic } from '../../lib/cli/rebuild-command.ts';
import { cliStage } from './cli-stage.ts';

interface Reported {
  readonly topics: readonly { readonly topicId: string; readonly name: string; readonly domain: string }[];
}

/** A log whose tables are gone, with a topic that stands in objects of level 1, and one that does not. */
async function lost() {
  const stage = await cliStage();
  await stage.ok(['topic', 'create', 'clicks', '--partitions', '2', '-c', 'millrace.inline.max.bytes=0']);
  await stage.ok(['produce', 'clicks', '--partition', '0'], { stdin: 'a\nb\n' });
  await stage.ok(['topic', 'fork', 'clicks', 'kept']);
  const directory = join(stage.directory, 'store');
  for (const file of await readdir(directory)) if (file.startsWith('log.sqlite')) await rm(join(directory, file));
  return stage;
}

describe('millrace rebuild', () => {
  it('tells what can be restored, restores it under the names that it is told, and tells what is not', async () => {
    const stage = await lost();
    const { topics } = (await stage.json(['rebuild', '--dry-run'])) as Reported;
    const kept = topics.find(({ domain }) => domain.startsWith('t-'))!;
    const clicks = topics.find(({ domain }) => domain === 'shared')!;
    const told = await stage.ok(['rebuild', '--dry-run']);
    expect(told).toMatch(/^2 topics would be rebuilt from 1 object of level 1:\n/);
    expect(told).toContain(`  names and numbers of partitions that nobody tells: --topic `);
    expect(await stage.ok(['topic', 'list'])).not.toContain('recovered');
    const named = [`--topic`, `${kept.topicId}=kept:2`, `--topic`, `${clicks.topicId}=clicks:2`];
    const done = await stage.ok(['rebuild', ...named]);
    expect(done).toMatch(/^Rebuilt 2 topics from 1 object of level 1:\n/);
    expect(done).toMatch(/kept +0 +0 +2 +\d{11,} +2 +0 +0 +0/);
    expect(done).toMatch(/clicks +0 +\d{11,} +- +\d{11,} +0 +0 +0 +2/);
    expect(done).not.toContain('that nobody tells');
    expect(done).toContain('object of level 0 (');
    expect(await stage.ok(['consume', 'kept', '-e'])).toBe('a\nb\n');
    await stage.ok(['produce', 'kept'], { stdin: 'c\n' });
    expect((await stage.ok(['consume', 'kept', '-e'])).split('\n').toSorted()).toEqual(['', 'a', 'b', 'c']);
    expect(await stage.ok(['verify', '--deep'])).toContain('No damage');
    expect(await stage.ok(['rebuild', '--discard'])).toContain('Given up.');
    expect(await stage.failure(['rebuild', '--discard'])).toMatchObject({ status: 2, code: 'INVALID_REQUEST' });
  });

  it('takes names, settings and the order of what was not compacted from a copy of the tables, and leaves that alone', async () => {
    const stage = await cliStage();
    await stage.ok(['topic', 'create', 'clicks', '-c', 'retention.ms=5000000000']);
    await stage.ok(['produce', 'clicks'], { stdin: 'a\nb\n' });
    const [directory, saved] = [join(stage.directory, 'store'), join(stage.directory, 'saved')];
    await mkdir(saved);
    const files = (await readdir(directory)).filter((name) => name.startsWith('log.sqlite'));
    for (const file of files) await copyFile(join(directory, file), join(saved, file));
    await stage.ok(['produce', 'clicks'], { stdin: 'c\n' });
    for (const file of files) await rm(join(directory, file), { force: true });
    const told = await stage.ok(['rebuild', '--from', `file:${saved}`]);
    expect(told).toMatch(/clicks +0 +0 +2 +\d{11,} +2 +2 +0 +\d/);
    expect(told).not.toContain('settings of topics');
    expect(await stage.ok(['consume', 'clicks', '-e'])).toBe('a\nb\n');
    expect(await stage.ok(['topic', 'describe', 'clicks'])).toMatch(/retention.ms +5000000000/);
    expect(await stage.ok(['verify', '--deep'])).toContain('No damage');
    expect((await readdir(saved)).filter((name) => !name.startsWith('log.sqlite'))).toEqual([]);
    expect(await stage.failure(['rebuild', '--from', 'nowhere:'])).toMatchObject({ status: 2 });
    expect(await stage.failure(['rebuild', '--from', `file:${saved}/none`])).toMatchObject({ code: 'STORE_MISSING' });
  });

  it('brings groups, subscriptions and delayed records back from a copy of the tables', async () => {
    const stage = await cliStage();
    await stage.ok(['topic', 'create', 'clicks']);
    await stage.ok(['produce', 'clicks'], { stdin: 'a\nb\n' });
    expect(await stage.ok(['consume', 'clicks', '--group', 'readers', '-e'])).toBe('a\nb\n');
    await stage.ok(['produce', 'clicks'], { stdin: 'c\n' });
    await stage.ok(['produce', 'clicks', '--delay', '2h'], { stdin: 'later\n' });
    await stage.ok(['subscription', 'create', 'mailer', 'clicks', 'mailer', '--disabled']);
    const [directory, saved] = [join(stage.directory, 'store'), join(stage.directory, 'saved')];
    await mkdir(saved);
    await rename(join(directory, 'log.sqlite'), join(saved, 'log.sqlite'));
    for (const file of await readdir(directory)) if (file.startsWith('log.sqlite')) await rm(join(directory, file));
    const counts = /from older tables: 2 groups with [12] offsets?, 1 subscription, 1 delayed record\.\n/;
    const planned = await stage.ok(['rebuild', '--dry-run', '--from', `file:${saved}`]);
    expect(planned).toMatch(counts);
    expect(await stage.ok(['group', 'list'])).not.toContain('readers');
    const told = await stage.ok(['rebuild', '--from', `file:${saved}`]);
    expect(told).toMatch(counts);
    expect(told).toContain('  what groups have committed since older tables were saved');
    expect(await stage.ok(['consume', 'clicks', '--group', 'readers', '-e'])).toBe('c\n');
    expect(await stage.ok(['subscription', 'list'])).toMatch(/mailer +clicks +mailer +/);
    expect(await stage.json(['delayed', 'list'])).toMatchObject([{ topic: 'clicks' }]);
    expect(await stage.ok(['verify', '--deep'])).toContain('No damage');
  });

  it('goes on where an item of older tables is damaged, and names it', async () => {
    const stage = await cliStage();
    for (const topic of ['clicks', 'views']) {
      await stage.ok(['topic', 'create', topic]);
      await stage.ok(['produce', topic], { stdin: `${topic}\n` });
    }
    const [directory, saved] = [join(stage.directory, 'store'), join(stage.directory, 'saved')];
    await rename(directory, saved);
    const database = new DatabaseSync(join(saved, 'log.sqlite'));
    const { value } = database.prepare("SELECT value FROM items WHERE pk = 'T#clicks'").get()!;
    const bytes = (value as Uint8Array).map((byte, index) => (index === 9 ? byte ^ 1 : byte));
    database.prepare("UPDATE items SET value = ? WHERE pk = 'T#clicks'").run(bytes);
    database.close();
    const told = await stage.ok(['rebuild', '--from', `file:${saved}`]);
    expect(told).toMatch(/\nolder tables: topic clicks cannot be read: .*checksum.* \(CORRUPT_OBJECT\)\n/);
    expect(await stage.ok(['consume', 'views', '-e'])).toBe('views\n');
    expect(await stage.ok(['verify', '--deep'])).toContain('No damage');
  });

  it('is refused where the tables are in use', async () => {
    const stage = await cliStage();
    await stage.ok(['topic', 'create', 'clicks']);
    expect(await stage.failure(['rebuild'])).toMatchObject({ status: 2, code: 'INVALID_REQUEST' });
    expect(await stage.ok(['rebuild', '--dry-run'])).toContain('There are no objects of any log');
  });

  it('is refused for what names no topic', async () => {
    const stage = await cliStage();
    for (const args of [
      ['--topic', 'orders'],
      ['--discard', '--dry-run'],
      ['--topic', `${'0'.repeat(36)}=x`],
    ])
      expect(await stage.failure(['rebuild', ...args])).toMatchObject({ status: 2 });
    const id = '0b6f4d5e-6c1b-4f0e-9a53-6f6f0e8f5d11';
    expect([...parseNamedTopic(`${id}=orders:12`)]).toEqual([[id, { name: 'orders', partitionCount: 12 }]]);
    expect([...parseNamedTopic(`${id}=orders`)]).toEqual([[id, { name: 'orders' }]]);
    expect(() => parseNamedTopic(`${id}=b`, parseNamedTopic(`${id}=a`))).toThrow('names no topic');
  });
});
