import disk, { existsSync, promises as fs, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PACKED_BYTES_MAX } from '../../lib/sqlite/file-objects.ts';
import { packHeader } from '../../lib/sqlite/pack-format.ts';
import { changeIndex, filled, firstPack, loseIndex, makeStore, systemError } from './made-packs.ts';
import { objectsOpener } from './objects-opener.ts';
import { temporaryDirectories } from './temporary-directory.ts';

const open = objectsOpener();
const temporaryDirectory = temporaryDirectories();

afterEach(() => {
  vi.restoreAllMocks();
});

const large = Buffer.alloc(PACKED_BYTES_MAX + 1, 'large');
const madeStore = (count: number, packBytes?: number) => makeStore(temporaryDirectory(), count, packBytes);

describe('small objects', () => {
  it('stand in a pack, one behind the other, each behind its header', async () => {
    const { directory, objects, packs } = await open(temporaryDirectory());
    expect(await objects.put('a/b', filled(3, 1))).toBe('created');
    expect(await objects.put('a/c', filled(2, 2))).toBe('created');
    expect(packs()).toEqual(['0000000001.pack']);
    expect(await fs.readFile(firstPack(directory))).toEqual(
      Buffer.concat([packHeader('a/b', 3), filled(3, 1), packHeader('a/c', 2), filled(2, 2)]),
    );
    expect(readdirSync(path.join(directory, 'objects'))).toEqual([]);
  });

  it('have at most 4 MiB; larger ones stand as files', async () => {
    const { directory, objects } = await open(temporaryDirectory());
    await objects.put('at-most', large.subarray(1));
    await objects.put('above', large);
    expect(readdirSync(path.join(directory, 'objects'))).toEqual(['above']);
    for (const [key, content] of [
      ['at-most', large.subarray(1)],
      ['above', large],
    ] as const) {
      expect(content.equals((await objects.get(key, 0, large.length * 2))!)).toBe(true);
      expect(await objects.size(key)).toBe(content.length);
    }
  });

  it.each([
    [0, 10, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    [3, 2, [3, 4]],
    [8, 100, [8, 9]],
    [10, 1, []],
    [99, 5, []],
  ])('are read from %d for %d bytes, into a buffer too', async (position, length, expected) => {
    const { objects } = await open(temporaryDirectory());
    for (const key of ['before', 'k', 'behind'])
      await objects.put(
        key,
        Uint8Array.from({ length: 10 }, (_, at) => at),
      );
    expect(await objects.get('k', position, length)).toEqual(Uint8Array.from(expected));
    const into = filled(200, 77);
    const bytes = (await objects.get('k', position, length, into.subarray(50)))!;
    expect(bytes).toEqual(Uint8Array.from(expected));
    expect(bytes.buffer).toBe(into.buffer);
    const untouched = filled(200, 77);
    untouched.set(expected, 50);
    expect(into).toEqual(untouched);
  });

  it('are put once, whoever puts them and whatever their size', async () => {
    const { directory, objects } = await open(temporaryDirectory());
    const { objects: others } = await open(directory);
    expect(await objects.put('small-first', filled(3, 1))).toBe('created');
    expect(await objects.put('small-first', filled(3, 2))).toBe('exists');
    expect(await others.put('small-first', filled(3, 2))).toBe('exists');
    expect(await others.put('small-first', large)).toBe('exists');
    expect(await others.get('small-first', 0, 10)).toEqual(filled(3, 1));
    expect(await objects.put('large-first', large)).toBe('created');
    expect(await others.put('large-first', filled(3, 1))).toBe('exists');
    expect(await objects.put('large-first', filled(3, 1))).toBe('exists');
    expect(await others.size('large-first')).toBe(large.length);
  });

  it('have one winner when small and large ones are put by two handles at once', async () => {
    const { directory, objects } = await open(temporaryDirectory());
    const { objects: others } = await open(directory);
    for (let turn = 0; turn < 8; turn++) {
      const contents = [filled(5, 1), large, filled(5, 2)];
      const key = `k/${turn}`;
      const puts = [objects.put(key, contents[0]!), others.put(key, large), others.put(key, contents[2]!)];
      const outcomes = await Promise.all(turn % 2 ? puts.reverse() : puts);
      if (turn % 2) outcomes.reverse();
      expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1);
      const winner = contents[outcomes.indexOf('created')]!;
      expect(Buffer.from(winner).equals((await objects.get(key, 0, large.length))!)).toBe(true);
      expect(await objects.list(key, null, 10)).toEqual([{ key, sizeBytes: winner.length }]);
    }
  });

  it('have one winner too when the file shows while it is being linked', async () => {
    const { directory, objects } = await open(temporaryDirectory());
    const { objects: others } = await open(directory);
    const { open: openFile } = fs;
    vi.spyOn(fs, 'open').mockImplementationOnce(async (...args) => {
      // Behind the look of the large one for a small one.
      await others.put('k', filled(3, 1));
      return openFile(...args);
    });
    expect(await objects.put('k', large)).toBe('exists');
    expect(existsSync(path.join(directory, 'objects/k'))).toBe(false);
  });

  it('go on behind a pack that is full', async () => {
    const { objects, packs } = await open(temporaryDirectory(), { packBytes: 300 });
    for (let number = 0; number < 10; number++) await objects.put(`k/${number}`, filled(100, number));
    expect(packs().length).toBeGreaterThan(3);
    for (let number = 0; number < 10; number++) {
      expect(await objects.get(`k/${number}`, 0, 100)).toEqual(filled(100, number));
    }
  });

  it('are copied, and live on when the first is removed', async () => {
    const { objects } = await open(temporaryDirectory());
    await objects.put('a', filled(10, 1));
    expect(await objects.copy('a', 'b')).toBe('created');
    expect(await objects.copy('a', 'b')).toBe('exists');
    await objects.remove(['a']);
    expect(await objects.get('b', 0, 100)).toEqual(filled(10, 1));
    expect(await objects.copy('a', 'c')).toBe('missing');
  });

  it('are not copied when their pack was cut short', async () => {
    const directory = await madeStore(1);
    truncateSync(firstPack(directory), 60);
    const { objects } = await open(directory);
    await expect(objects.copy('k/0', 'b')).rejects.toMatchObject({ code: 'CORRUPT_OBJECT' });
    expect(await objects.size('b')).toBeNull();
    expect(((await objects.get('k/0', 0, 100)) ?? []).length).toBeLessThan(100);
  });

  it('are no longer there for whoever reads when their pack was lost', async () => {
    const directory = await madeStore(1);
    rmSync(firstPack(directory));
    const { objects } = await open(directory);
    expect(await objects.get('k/0', 0, 100)).toBeNull();
  });

  it('are listed between files, in the order of their bytes', async () => {
    const { objects } = await open(temporaryDirectory());
    const keys = ['a!', 'a/b', 'a/c/d', 'a0', 'b', '\u{ffff}', '\u{10000}'];
    for (const [index, key] of keys.entries()) await objects.put(key, index % 2 === 0 ? large : filled(index, 0));
    const listed = async (prefix: string, after: string | null, limit: number) => {
      return (await objects.list(prefix, after, limit)).map(({ key }) => key);
    };
    expect(await listed('', null, 100)).toEqual(keys);
    expect(await listed('a/', null, 100)).toEqual(['a/b', 'a/c/d']);
    expect(await listed('a', 'a/b', 2)).toEqual(['a/c/d', 'a0']);
    expect(await listed('a', 'a0', 2)).toEqual([]);
    expect(await listed('b', 'a', 1)).toEqual(['b']);
    expect(await listed('', null, 0)).toEqual([]);
  });

  it('say CLOSED to whoever comes later', async () => {
    const { objects } = await open(temporaryDirectory());
    await objects.put('a', filled(1, 1));
    objects.close();
    await expect(objects.put('b', filled(1, 1))).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(objects.get('a', 0, 1)).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('a pack', () => {
  it('goes when nothing is left in it, once it is not written any more', async () => {
    const { objects, packs } = await open(temporaryDirectory(), { packBytes: 100 });
    for (const key of ['a', 'b', 'c']) await objects.put(key, filled(100, 1));
    expect(packs()).toHaveLength(3);
    await objects.remove(['a']);
    expect(packs()).toEqual(['0000000002.pack', '0000000003.pack']);
    await objects.remove(['c']);
    expect(packs()).toEqual(['0000000002.pack', '0000000003.pack']);
    await objects.put('d', filled(100, 1));
    await objects.remove(['b']);
    expect(packs()).toEqual(['0000000004.pack']);
    expect(await objects.get('d', 0, 100)).toEqual(filled(100, 1));
  });

  it('is given up under the hands of who writes it, and that one begins another', async () => {
    const { directory, objects, packs } = await open(temporaryDirectory());
    const { objects: others } = await open(directory);
    await objects.put('a', filled(10, 1));
    await others.remove(['a']);
    expect(packs()).toEqual([]);
    expect(await objects.put('b', filled(10, 2))).toBe('created');
    expect(packs()).toEqual(['0000000002.pack']);
    expect(await others.get('b', 0, 10)).toEqual(filled(10, 2));
    expect(await objects.put('a', filled(10, 3))).toBe('created');
  });

  it('is read to the end by who has begun, although it is gone', async () => {
    const { directory, objects, packs } = await open(temporaryDirectory(), { packBytes: 1 });
    const { objects: others } = await open(directory);
    await objects.put('a', filled(1000, 1));
    await objects.put('b', filled(1, 1));
    const reading = others.get('a', 0, 1000);
    await objects.remove(['a']);
    expect(packs()).toHaveLength(1);
    expect(await reading).toEqual(filled(1000, 1));
    expect(await others.get('a', 0, 1000)).toBeNull();
  });

  it('of which little is left is written anew, and every handle reads on', async () => {
    const small = { packBytes: 1000, wasteBytes: 400 };
    const { directory, objects, packs } = await open(temporaryDirectory(), small);
    const { objects: others } = await open(directory, small);
    for (let number = 0; number < 12; number++) await objects.put(`k/${number}`, filled(100, number));
    expect(await others.get('k/1', 0, 100)).toEqual(filled(100, 1));
    const before = packs();
    await others.remove(['k/0', 'k/2', 'k/3', 'k/4', 'k/5']);
    expect(packs()).not.toContain(before[0]);
    for (const reader of [objects, others]) {
      for (const number of [1, 6, 7, 8, 9, 10, 11]) {
        expect(await reader.get(`k/${number}`, 0, 200)).toEqual(filled(100, number));
      }
      expect(await reader.list('k/', null, 100)).toHaveLength(7);
    }
    objects.close();
    loseIndex(directory);
    const again = await open(directory, small);
    expect(await again.objects.get('k/1', 0, 200)).toEqual(filled(100, 1));
  });

  it('is not given up while what could not be read of it is left', async () => {
    const directory = await madeStore(8);
    truncateSync(firstPack(directory), statSync(firstPack(directory)).size - 10);
    const { objects, packs } = await open(directory, { wasteBytes: 100 });
    await objects.remove([0, 1, 2, 3, 4, 5].map((number) => `k/${number}`));
    expect(packs()).toContain('0000000001.pack');
    expect(await objects.get('k/6', 0, 100)).toEqual(filled(100, 6));
    expect(await objects.get('k/7', 0, 90)).toEqual(filled(90, 7));
  });

  it('is written anew by what is put meanwhile too', async () => {
    const small = { packBytes: 2000, wasteBytes: 400 };
    const { directory, objects } = await open(temporaryDirectory(), small);
    const { objects: others } = await open(directory, small);
    for (let number = 0; number < 14; number++) await objects.put(`k/${number}`, filled(100, number));
    const work: Promise<unknown>[] = [];
    for (let number = 0; number < 10; number++) {
      work.push(others.remove([`k/${number}`]), objects.put(`n/${number}`, filled(100, number)));
    }
    work.push(others.remove(['k/10']), objects.remove(['k/11']));
    await Promise.all(work);
    for (const [key, number] of [12, 13].map((one) => [`k/${one}`, one] as const)) {
      expect(await objects.get(key, 0, 100)).toEqual(filled(100, number));
    }
    for (let number = 0; number < 10; number++) {
      for (const reader of [objects, others])
        expect(await reader.get(`n/${number}`, 0, 100)).toEqual(filled(100, number));
    }
    expect((await others.list('', null, 100)).map(({ key }) => key)).toHaveLength(12);
  });

  it('that cannot be deleted now goes with the next removal; what was removed is removed', async () => {
    const { objects, packs } = await open(temporaryDirectory(), { packBytes: 1 });
    for (const key of ['a', 'b', 'c']) await objects.put(key, filled(10, 1));
    vi.spyOn(disk, 'rmSync').mockImplementationOnce(() => {
      throw systemError('EBUSY');
    });
    await objects.remove(['a']);
    expect(await objects.size('a')).toBeNull();
    expect(packs()).toHaveLength(3);
    await objects.remove(['b']);
    expect(packs()).toEqual(['0000000003.pack']);
  });

  it('of a process that ended between giving it up and deleting it goes at the next opening, and nothing in it is back', async () => {
    const directory = await madeStore(2);
    changeIndex(directory, 'DELETE FROM packed; UPDATE packs SET objects = -1');
    const { objects, packs } = await open(directory);
    expect(packs()).toEqual([]);
    expect(await objects.list('', null, 10)).toEqual([]);
  });

  it('in which nothing was named goes at the next opening', async () => {
    const directory = await madeStore(1);
    changeIndex(directory, 'DELETE FROM packed; UPDATE packs SET objects = 0, bytes = 0');
    expect((await open(directory)).packs()).toEqual([]);
  });

  it('has a number that no other had, whatever stands in the directory', async () => {
    const { directory, objects, packs } = await open(temporaryDirectory());
    writeFileSync(firstPack(directory), 'something');
    expect(await objects.put('a', filled(1, 1))).toBe('created');
    expect(packs()).toEqual(['0000000001.pack', '0000000002.pack']);
    expect(disk.readFileSync(firstPack(directory), 'utf8')).toBe('something');
  });
});
