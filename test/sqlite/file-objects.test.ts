import disk, { existsSync, promises as fs, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock as clock } from '../../lib/clock.ts';
import { UnansweredError } from '../../lib/errors.ts';
import { PACKED_BYTES_MAX } from '../../lib/sqlite/file-objects.ts';
import { type FileStoreOptions, openFileStore } from '../../lib/sqlite/sqlite-store.ts';
import { temporaryDirectories } from './temporary-directory.ts';

const temporaryDirectory = temporaryDirectories();

afterEach(() => {
  vi.restoreAllMocks();
});

/** Stands in a pack. */
const bytes = Uint8Array.of(1, 2, 3);
/** Stands as a file. */
const large = Buffer.alloc(PACKED_BYTES_MAX + 1, 'large');

async function opened(options: Partial<FileStoreOptions> = {}) {
  const directory = options.directory ?? temporaryDirectory();
  const store = await openFileStore({ directory, clock, ...options });
  return { directory, store, objects: store.objects, temporary: path.join(directory, 'tmp') };
}

const systemError = (code: string): Error => Object.assign(new TypeError(`${code}: injected`), { code });

describe('objects as files', () => {
  it('stand under their keys, with the bytes as they are', async () => {
    const { directory, objects } = await opened();
    await objects.put('shared/0/a/2026010100/01X', large);
    expect(large.equals(await fs.readFile(path.join(directory, 'objects/shared/0/a/2026010100/01X')))).toBe(true);
  });

  it('have names that every file system takes', async () => {
    const { directory, objects } = await opened();
    const keys = ['a*b/c', 'a%2Ab/c', 'a%b/c', 'dot./c', 'ü/c', 'a\\b/c', 'a:b/c', ' /c'];
    for (const [index, key] of keys.entries())
      expect(await objects.put(key, new Uint8Array(large.length + index))).toBe('created');
    expect(readdirSync(path.join(directory, 'objects'))).toHaveLength(keys.length);
    for (const name of readdirSync(path.join(directory, 'objects')))
      expect(name).toMatch(/^[A-Za-z0-9!_.'()=%-]*[^.]$/);
    const found = await objects.list('', null, 100);
    expect(new Map(found.map(({ key, sizeBytes }) => [key, sizeBytes]))).toEqual(
      new Map(keys.map((key, index) => [key, large.length + index])),
    );
  });

  it('are listed by the bytes of their whole keys, not directory by directory, those in packs between them', async () => {
    const { objects } = await opened();
    const keys = ['a!', 'a!b/c', 'a-b', 'a/b', 'a/c/d', 'a0', '\u{ffff}', '\u{10000}'];
    for (const [index, key] of [...keys.entries()].reverse()) await objects.put(key, index % 2 ? bytes : large);
    expect((await objects.list('', null, 100)).map(({ key }) => key)).toEqual(keys);
    expect((await objects.list('', 'a/b', 2)).map(({ key }) => key)).toEqual(['a/c/d', 'a0']);
    expect((await objects.list('a/', null, 100)).map(({ sizeBytes }) => sizeBytes)).toEqual([3, large.length]);
  });

  it('leave out files that no key names', async () => {
    const { directory, objects } = await opened();
    await objects.put('a/b', large);
    for (const stray of ['%zz', '%61', 'ends.']) writeFileSync(path.join(directory, 'objects', stray), '');
    expect(await objects.list('', null, 100)).toEqual([{ key: 'a/b', sizeBytes: large.length }]);
  });

  it.each(['', '/', 'a//b', '../a', 'a/..', './a', 'a/', '/a', 'a\0b', 'x'.repeat(1025)])(
    'are never reached by the key %j',
    async (key) => {
      const { objects } = await opened();
      const refused = { code: 'INVALID_REQUEST' };
      await expect(objects.put(key, bytes)).rejects.toMatchObject(refused);
      await expect(objects.get(key, 0, 1)).rejects.toMatchObject(refused);
      await expect(objects.size(key)).rejects.toMatchObject(refused);
      await expect(objects.remove([key])).rejects.toMatchObject(refused);
    },
  );

  it.each([
    [-1, 1],
    [0, 0],
    [0.5, 1],
    [0, Number.NaN],
    [Number.POSITIVE_INFINITY, 1],
  ])('are not read from %d for %d bytes', async (position, length) => {
    const { objects } = await opened();
    await expect(objects.get('a', position, length)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });

  it('are removed by at most 1,000 at a time, and leave no empty directory behind', async () => {
    const { directory, objects } = await opened();
    await objects.put('d/0/h1/a', large);
    await objects.put('d/0/h2/a', large);
    await objects.put('d/0/h2/b', large);
    await objects.remove(['d/0/h1/a', 'd/0/h2/a']);
    expect(readdirSync(path.join(directory, 'objects/d/0'))).toEqual(['h2']);
    const tooMany = Array.from({ length: 1001 }, (_, index) => `k/${index}`);
    await expect(objects.remove(tooMany)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });

  it('leave no temporary file behind, won or lost', async () => {
    const { objects, temporary } = await opened();
    await Promise.all([1, 2, 3, 4].map(() => objects.put('a/b', large)));
    expect(readdirSync(temporary)).toEqual([]);
  });

  it.each(['process', 'power'] as const)(
    'can be put, with sync=%s, although a removal has emptied their directory since it was made',
    async (sync) => {
      const { objects, directory } = await opened({ sync });
      await objects.put('d/h/a', large);
      const { linkSync } = disk;
      vi.spyOn(disk, 'linkSync').mockImplementationOnce((from, to) => {
        rmSync(path.join(directory, 'objects/d'), { recursive: true });
        linkSync(from, to);
      });
      expect(await objects.put('d/h/b', large)).toBe('created');
      expect(await objects.size('d/h/b')).toBe(large.length);
    },
  );

  it.each(['process', 'power'] as const)('do not show before they are whole, with sync=%s', async (sync) => {
    const { objects, directory } = await opened({ sync });
    const { linkSync } = disk;
    const shown: boolean[] = [];
    vi.spyOn(disk, 'linkSync').mockImplementation((from, to) => {
      shown.push(existsSync(path.join(directory, 'objects/a/b')));
      expect(disk.statSync(from).size).toBe(large.length);
      linkSync(from, to);
    });
    await objects.put('a/b', large);
    expect([...new Set(shown)]).toEqual([false]);
    expect(await objects.size('a/b')).toBe(large.length);
  });

  it('clear away what crashed processes left more than an hour ago, and nothing younger', async () => {
    const { store, directory, temporary } = await opened();
    await store.close();
    for (const [name, ageMinutes] of [
      ['old', 61],
      ['young', 59],
    ] as const) {
      writeFileSync(path.join(temporary, name), '');
      const seconds = clock.nowMs() / 1000 - ageMinutes * 60;
      utimesSync(path.join(temporary, name), seconds, seconds);
    }
    const again = await opened({ directory });
    expect(readdirSync(temporary)).toEqual(['young']);
    await again.store.close();
  });
});

describe('objects that survive a loss of power', () => {
  /** Names of what was synced, in order, beside the links. */
  async function syncsOf(sync: 'process' | 'power', keys: readonly string[]): Promise<readonly string[]> {
    const { objects, directory } = await opened({ sync });
    const done: string[] = [];
    const { open } = fs;
    vi.spyOn(fs, 'open').mockImplementation(async (file, flags, mode) => {
      const handle = await open(file, flags, mode);
      const name = path.relative(directory, String(file)).replace(/^tmp.*/, 'data');
      vi.spyOn(handle, 'sync').mockImplementation(async () => void done.push(`sync ${name}`));
      vi.spyOn(handle, 'datasync').mockImplementation(async () => void done.push(`sync ${name}`));
      return handle;
    });
    const { linkSync } = disk;
    vi.spyOn(disk, 'linkSync').mockImplementation((from, to) => {
      linkSync(from, to);
      done.push('link');
    });
    for (const key of keys) await objects.put(key, large);
    return done;
  }

  it('are on the disk, and then their directories, before the answer', async () => {
    if (process.platform === 'win32') return expect(await syncsOf('power', ['a/b/c'])).toEqual(['sync data', 'link']);
    expect(await syncsOf('power', ['a/b/c', 'a/b/d'])).toEqual([
      ...['sync data', 'sync objects/a', 'sync objects', 'link', 'sync objects/a/b'],
      ...['sync data', 'link', 'sync objects/a/b'],
    ]);
  });

  it('are on the disk too when another put them', async () => {
    expect((await syncsOf('power', ['a/b', 'a/b'])).slice(-2)).toEqual(['sync data', 'sync objects/a']);
  });

  it('wait for no disk when only the process must be survived', async () => {
    expect(await syncsOf('process', ['a/b'])).toEqual(['link']);
  });

  it('are unanswered when they are linked and their directory cannot be synced', async () => {
    const { objects, directory } = await opened({ sync: 'power' });
    const { open } = fs;
    vi.spyOn(fs, 'open').mockImplementation(async (file, flags, mode) => {
      const handle = await open(file, flags, mode);
      if (String(file) === path.join(directory, 'objects/a')) {
        vi.spyOn(handle, 'sync').mockRejectedValue(systemError('EIO'));
      }
      return handle;
    });
    await expect(objects.put('a/b', large)).rejects.toThrow(UnansweredError);
    expect(existsSync(path.join(directory, 'objects/a/b'))).toBe(true);
  });
});

describe('errors of the file system', () => {
  /** The next file that is opened, by this thread or another. */
  const failToOpen = (code: string) => {
    vi.spyOn(fs, 'open').mockRejectedValueOnce(systemError(code));
    vi.spyOn(disk, 'openSync').mockImplementationOnce(() => {
      throw systemError(code);
    });
  };

  it.each([
    ['process', 1],
    ['process', large.length],
    ['power', 1],
    ['power', large.length],
  ] as const)('are told, with sync=%s and %i bytes, when a file cannot be opened', async (sync, size) => {
    const { objects, temporary } = await opened({ sync });
    failToOpen('EMFILE');
    await expect(objects.put('a/b', Buffer.alloc(size))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(readdirSync(temporary)).toEqual([]);
    expect(await objects.size('a/b')).toBeNull();
  });

  it.each([
    ['ENOSPC', 'STORE_FULL', false],
    ['EDQUOT', 'STORE_FULL', false],
    ['EACCES', 'STORE_READ_ONLY', false],
    ['EPERM', 'STORE_READ_ONLY', false],
    ['EROFS', 'STORE_READ_ONLY', false],
    ['EMFILE', 'STORE_UNAVAILABLE', true],
    ['ENFILE', 'STORE_UNAVAILABLE', true],
    ['EIO', 'STORE_UNAVAILABLE', true],
  ] as const)('%s is %s while an object is written, without effect', async (code, expected, retriable) => {
    const { objects, directory, temporary } = await opened();
    failToOpen(code);
    const error = { code: expected, retriable, value: 'a/b', hint: expect.any(String) };
    await expect(objects.put('a/b', bytes)).rejects.toMatchObject(error);
    expect(existsSync(path.join(directory, 'objects/a/b'))).toBe(false);
    expect(readdirSync(temporary)).toEqual([]);
    expect(await objects.put('a/b', bytes)).toBe('created');
    await expect(objects.put('a/c', large)).rejects.toMatchObject({ ...error, value: 'a/c' });
    expect(readdirSync(temporary)).toEqual([]);
    expect(await objects.put('a/c', large)).toBe('created');
  });

  it.each([
    ['EMFILE', 'STORE_UNAVAILABLE', true],
    ['EACCES', 'ACCESS_DENIED', false],
    ['EIO', 'STORE_UNAVAILABLE', true],
  ] as const)('%s is %s while an object is read', async (code, expected, retriable) => {
    const { objects } = await opened();
    const contents = [
      ['a/b', bytes],
      ['a/c', large],
    ] as const;
    for (const [key, content] of contents) await objects.put(key, content);
    for (const [key, content] of contents) {
      failToOpen(code);
      await expect(objects.get(key, 0, 3)).rejects.toMatchObject({ code: expected, retriable, value: key });
      expect(await objects.get(key, 0, 3)).toEqual(Uint8Array.from(content.subarray(0, 3)));
    }
  });

  it.each(['process', 'power'] as const)(
    'goes on where a part of a file was written only, with sync=%s',
    async (sync) => {
      const { objects } = await opened({ sync });
      const { open } = fs;
      vi.spyOn(fs, 'open').mockImplementationOnce(async (file, flags, mode) => {
        const handle = await open(file, flags, mode);
        const write = handle.write.bind(handle);
        vi.spyOn(handle, 'write').mockImplementationOnce((() => write(large, 0, 1)) as never);
        return handle;
      });
      await objects.put('a/b', large);
      expect(large.equals((await objects.get('a/b', 0, large.length))!)).toBe(true);
    },
  );

  it('removes the temporary file when the disk fills while it is written', async () => {
    const { objects, temporary } = await opened({ sync: 'power' });
    const { open } = fs;
    vi.spyOn(fs, 'open').mockImplementationOnce(async (file, flags, mode) => {
      const handle = await open(file, flags, mode);
      vi.spyOn(handle, 'write').mockRejectedValue(systemError('ENOSPC'));
      return handle;
    });
    await expect(objects.put('a/b', large)).rejects.toMatchObject({ code: 'STORE_FULL' });
    expect(readdirSync(temporary)).toEqual([]);
    expect(await objects.size('a/b')).toBeNull();
  });

  it.each([
    ['EPERM', 'power'],
    ['ENOTSUP', 'power'],
    ['EPERM', 'process'],
  ] as const)('a file system without hard links (%s, sync=%s) is named as such', async (code, sync) => {
    const { objects } = await opened({ sync });
    vi.spyOn(disk, 'linkSync').mockImplementationOnce(() => {
      throw systemError(code);
    });
    await expect(objects.put('a/b', large)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      retriable: false,
      hint: expect.stringContaining('hard links'),
    });
  });

  it('a store whose directory was deleted is missing', async () => {
    const { directory, objects } = await opened();
    await fs.rm(directory, { recursive: true });
    for (const content of [bytes, large]) {
      await expect(objects.put('a/b', content)).rejects.toMatchObject({ code: 'STORE_MISSING' });
    }
  });

  it('a key that stands below another object is refused', async () => {
    const { objects } = await opened();
    await objects.put('a/b', large);
    await expect(objects.put('a/b/c', large)).rejects.toMatchObject({ code: 'INVALID_REQUEST', value: 'a/b/c' });
  });

  it('a directory where no object is has no size', async () => {
    const { directory, objects } = await opened();
    mkdirSync(path.join(directory, 'objects/a/b'), { recursive: true });
    expect(await objects.size('a/b')).toBeNull();
  });

  it('a read that meets a failing disk says so', async () => {
    const { objects } = await opened();
    await objects.put('a/b', large);
    vi.spyOn(fs, 'stat').mockRejectedValueOnce(systemError('EIO'));
    await expect(objects.size('a/b')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retriable: true });
    vi.spyOn(fs, 'unlink').mockRejectedValueOnce(systemError('EACCES'));
    await expect(objects.remove(['a/b'])).rejects.toMatchObject({ code: 'STORE_READ_ONLY' });
    vi.spyOn(fs, 'readdir').mockRejectedValueOnce(systemError('EMFILE'));
    await expect(objects.list('', null, 1)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retriable: true });
  });
});
