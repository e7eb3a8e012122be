import disk, { cpSync, existsSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../lib/clock.ts';
import { openFileStore } from '../../lib/sqlite/sqlite-store.ts';
import { changeIndex, filled, firstPack, loseIndex, makeStore } from './made-packs.ts';
import { objectsOpener } from './objects-opener.ts';
import { temporaryDirectories } from './temporary-directory.ts';

const open = objectsOpener();
const temporaryDirectory = temporaryDirectories();

const madeStore = (count: number, packBytes?: number) => makeStore(temporaryDirectory(), count, packBytes);

describe('an index', () => {
  it('that was deleted is made again from the packs', async () => {
    const directory = await madeStore(20, 500);
    loseIndex(directory);
    const { objects } = await open(directory);
    expect(await objects.list('k/', null, 100)).toHaveLength(20);
    for (let number = 0; number < 20; number++) {
      expect(await objects.get(`k/${number}`, 0, 200)).toEqual(filled(100, number));
    }
    expect(await objects.put('k/0', filled(1, 1))).toBe('exists');
    expect(await objects.put('new', filled(1, 1))).toBe('created');
  });

  it('that is made again leaves out what was not whole, and what follows is put', async () => {
    const directory = await madeStore(3);
    truncateSync(firstPack(directory), statSync(firstPack(directory)).size - 1);
    loseIndex(directory);
    const { objects } = await open(directory);
    expect((await objects.list('', null, 10)).map(({ key }) => key)).toEqual(['k/0', 'k/1']);
    expect(await objects.put('k/2', filled(100, 2))).toBe('created');
    expect(await objects.get('k/1', 0, 100)).toEqual(filled(100, 1));
  });

  it('that lost the row of a pack has it again, and the pack stays', async () => {
    const directory = await madeStore(3);
    changeIndex(directory, 'DELETE FROM packs');
    const { objects, packs } = await open(directory, { packBytes: 1 });
    for (const number of [0, 1, 2]) expect(await objects.get(`k/${number}`, 0, 200)).toEqual(filled(100, number));
    await objects.remove(['k/0', 'k/1']);
    expect(packs()).toEqual(['0000000001.pack']);
    await objects.remove(['k/2']);
    expect(packs()).toEqual([]);
  });

  it('never has a pack deleted that is damaged where it begins', async () => {
    const directory = await madeStore(20);
    const bytes = disk.readFileSync(firstPack(directory));
    bytes[0]! ^= 1;
    writeFileSync(firstPack(directory), bytes);
    loseIndex(directory);
    for (let turn = 0; turn < 2; turn++) {
      const { objects, packs } = await open(directory);
      expect(await objects.list('', null, 10)).toEqual([]);
      expect(packs()).toContain('0000000001.pack');
      objects.close();
    }
  });

  it('that is damaged says how it is made again', async () => {
    const directory = await madeStore(1);
    writeFileSync(path.join(directory, 'objects.sqlite'), 'no database, but long enough to have a header. '.repeat(30));
    await expect(open(directory)).rejects.toMatchObject({
      code: 'CORRUPT_OBJECT',
      hint: expect.stringContaining('made again from the packs'),
    });
  });

  it('that is missing is told to who may only read', async () => {
    const directory = await madeStore(1);
    loseIndex(directory);
    await expect(open(directory, { readOnly: true })).rejects.toMatchObject({
      code: 'CORRUPT_OBJECT',
      value: path.join(directory, 'objects.sqlite'),
      hint: expect.stringContaining('without readOnly'),
    });
  });

  it('goes with its packs when the directory is copied', async () => {
    const directory = await madeStore(5);
    const copy = temporaryDirectory();
    cpSync(directory, copy, { recursive: true });
    rmSync(directory, { recursive: true });
    const { objects } = await open(copy);
    for (let number = 0; number < 5; number++) {
      expect(await objects.get(`k/${number}`, 0, 200)).toEqual(filled(100, number));
    }
  });
});

describe('a store of format 1', () => {
  /** As a version without packs has made it: every object is a file. */
  async function oldStore(): Promise<string> {
    const directory = temporaryDirectory();
    const store = await openFileStore({ directory, clock });
    await store.close();
    loseIndex(directory);
    rmSync(path.join(directory, 'packs'), { recursive: true });
    const log = new DatabaseSync(path.join(directory, 'log.sqlite'));
    log.exec("UPDATE meta SET value = 1 WHERE name = 'format'");
    log.close();
    disk.mkdirSync(path.join(directory, 'objects/a'));
    writeFileSync(path.join(directory, 'objects/a/old'), filled(10, 1));
    return directory;
  }

  it('is opened, its files are found, and what is put is found too', async () => {
    const directory = await oldStore();
    const store = await openFileStore({ directory, clock });
    expect(await store.objects.get('a/old', 2, 100)).toEqual(filled(8, 1));
    expect(await store.objects.put('a/old', filled(1, 1))).toBe('exists');
    expect(await store.objects.copy('a/old', 'a/copy')).toBe('created');
    await store.objects.put('a/new', filled(5, 2));
    expect((await store.objects.list('a/', null, 10)).map(({ key }) => key)).toEqual(['a/copy', 'a/new', 'a/old']);
    await store.objects.remove(['a/old', 'a/copy']);
    expect(await store.objects.list('a/', null, 10)).toEqual([{ key: 'a/new', sizeBytes: 5 }]);
    await store.close();
    const log = new DatabaseSync(path.join(directory, 'log.sqlite'));
    expect(log.prepare('SELECT value FROM meta').get()).toEqual({ value: 2 });
    log.close();
  });

  it('is read without being changed', async () => {
    const directory = await oldStore();
    const store = await openFileStore({ directory, clock, readOnly: true });
    expect(await store.objects.get('a/old', 0, 100)).toEqual(filled(10, 1));
    await store.close();
    expect(existsSync(path.join(directory, 'objects.sqlite'))).toBe(false);
    expect(existsSync(path.join(directory, 'packs'))).toBe(false);
  });
});
