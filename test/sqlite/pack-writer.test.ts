import disk, { statSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { filled, firstPack, systemError } from './made-packs.ts';
import { objectsOpener } from './objects-opener.ts';
import { temporaryDirectories } from './temporary-directory.ts';

const open = objectsOpener();
const temporaryDirectory = temporaryDirectories();

afterEach(() => {
  vi.restoreAllMocks();
});

describe('objects in packs that survive a loss of power', () => {
  it('are on the disk, and the entry of their pack, before they are named', async () => {
    const { directory, objects } = await open(temporaryDirectory(), { sync: 'power' });
    const index = new DatabaseSync(path.join(directory, 'objects.sqlite'), { readOnly: true });
    const named = () => index.prepare('SELECT count(*) AS count FROM packed').get()!.count;
    const done: string[] = [];
    const { fsyncSync, fdatasync } = disk;
    vi.spyOn(disk, 'fsyncSync').mockImplementation((descriptor) => {
      done.push(`directory, ${named()} named`);
      fsyncSync(descriptor);
    });
    vi.spyOn(disk, 'fdatasync').mockImplementation((descriptor, callback) => {
      done.push(`pack, ${named()} named`);
      fdatasync(descriptor, callback);
    });
    await objects.put('a', filled(3, 1));
    await objects.put('b', filled(3, 1));
    const directorySyncs = process.platform === 'win32' ? [] : ['directory, 0 named'];
    expect(done).toEqual([...directorySyncs, 'pack, 0 named', 'pack, 1 named']);
    expect(named()).toBe(2);
    index.close();
  });

  it('wait for the disk together', async () => {
    const { objects } = await open(temporaryDirectory(), { sync: 'power' });
    const fdatasync = vi.spyOn(disk, 'fdatasync');
    await Promise.all(Array.from({ length: 20 }, (_, number) => objects.put(`k/${number}`, filled(3, number))));
    expect(fdatasync).toHaveBeenCalledTimes(1);
  });

  it('are not named when any sync of their pack has failed, and go to another pack then', async () => {
    const { objects, packs } = await open(temporaryDirectory(), { sync: 'power' });
    let fail: (() => void) | undefined;
    const fdatasync = vi.spyOn(disk, 'fdatasync').mockImplementationOnce((_, callback) => {
      fail = () => callback(systemError('EIO'));
    });
    const first = objects.put('a', filled(3, 1));
    await vi.waitFor(() => expect(fail).toBeDefined());
    // The kernel would say to the second that all is well.
    const second = objects.put('b', filled(3, 1));
    fail!();
    for (const put of [first, second]) {
      await expect(put).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retriable: true });
    }
    expect(fdatasync).toHaveBeenCalledTimes(1);
    expect(await objects.list('', null, 10)).toEqual([]);
    expect(await objects.put('a', filled(3, 1))).toBe('created');
    expect(packs()).toContain('0000000002.pack');
    expect(await objects.get('a', 0, 3)).toEqual(filled(3, 1));
  });

  it('wait for no disk when only the process must be survived', async () => {
    const { objects } = await open(temporaryDirectory());
    const fsync = [vi.spyOn(disk, 'fsyncSync'), vi.spyOn(disk, 'fdatasync')];
    await objects.put('a', filled(3, 1));
    for (const spy of fsync) expect(spy).not.toHaveBeenCalled();
  });

  it('are on the disk before a pack that is written anew goes', async () => {
    const { objects, packs } = await open(temporaryDirectory(), { sync: 'power', packBytes: 500, wasteBytes: 100 });
    for (let number = 0; number < 6; number++) await objects.put(`k/${number}`, filled(100, number));
    const done: string[] = [];
    const { fdatasync, rmSync: remove } = disk;
    vi.spyOn(disk, 'fdatasync').mockImplementation((descriptor, callback) => {
      done.push('sync');
      fdatasync(descriptor, callback);
    });
    vi.spyOn(disk, 'rmSync').mockImplementation((file, options) => {
      done.push('delete');
      remove(file, options);
    });
    await objects.remove(['k/0', 'k/1', 'k/2']);
    expect(done).toEqual(['sync', 'delete']);
    expect(packs()).not.toContain('0000000001.pack');
    expect(await objects.get('k/3', 0, 100)).toEqual(filled(100, 3));
  });
});

describe('errors while a pack is written', () => {
  it('leave nothing behind when the disk fills, and the next object stands where that one would have', async () => {
    const { directory, objects } = await open(temporaryDirectory());
    await objects.put('a', filled(10, 1));
    const { size } = statSync(firstPack(directory));
    const { writeSync } = disk;
    vi.spyOn(disk, 'writevSync').mockImplementationOnce((descriptor, _, position) => {
      writeSync(descriptor, filled(5, 9), 0, 5, position);
      throw systemError('ENOSPC');
    });
    await expect(objects.put('b', filled(10, 2))).rejects.toMatchObject({ code: 'STORE_FULL', value: 'b' });
    expect(await objects.size('b')).toBeNull();
    expect(statSync(firstPack(directory)).size).toBe(size);
    expect(await objects.put('b', filled(20, 3))).toBe('created');
    expect(await objects.get('b', 0, 100)).toEqual(filled(20, 3));
    expect(await objects.get('a', 0, 100)).toEqual(filled(10, 1));
  });

  it('are none where the kernel has taken a part only', async () => {
    const { objects } = await open(temporaryDirectory());
    const { writevSync, writeSync } = disk;
    vi.spyOn(disk, 'writevSync').mockImplementationOnce((descriptor, [header], position) => {
      return writevSync(descriptor, [(header as Uint8Array).subarray(0, 7)], position);
    });
    vi.spyOn(disk, 'writeSync').mockImplementationOnce(((
      descriptor: number,
      bytes: Uint8Array,
      at: number,
      _: number,
      position: number,
    ) => {
      return writeSync(descriptor, bytes, at, 3, position);
    }) as never);
    await objects.put('a', filled(10, 1));
    await objects.put('b', filled(10, 2));
    expect(await objects.get('a', 0, 100)).toEqual(filled(10, 1));
    expect(await objects.get('b', 0, 100)).toEqual(filled(10, 2));
  });

  it('leave no descriptor and no file behind where a pack cannot be begun', async () => {
    if (process.platform === 'win32') return;
    const { objects, packs } = await open(temporaryDirectory(), { sync: 'power' });
    const closed = vi.spyOn(disk, 'closeSync');
    vi.spyOn(disk, 'fsyncSync').mockImplementationOnce(() => {
      throw systemError('EIO');
    });
    await expect(objects.put('a', filled(1, 1))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    // Of the pack, and of the directory.
    expect(closed).toHaveBeenCalledTimes(2);
    expect(packs()).toEqual([]);
    expect(await objects.put('a', filled(1, 1))).toBe('created');
  });
});
