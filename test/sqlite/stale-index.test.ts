/** An index of packs that is older than they are: copied before them, or the younger loss of a machine that went down. */
import { copyFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../lib/clock.ts';
import { openFileStore } from '../../lib/sqlite/sqlite-store.ts';
import { temporaryDirectories } from './temporary-directory.ts';

const temporaryDirectory = temporaryDirectories();
const bytesOf = (text: string) => Buffer.from(text.repeat(1000));

type Objects = Awaited<ReturnType<typeof openFileStore>>['objects'];

async function during(directory: string, body: (objects: Objects) => Promise<unknown>): Promise<void> {
  const store = await openFileStore({ directory, clock });
  await body(store.objects);
  await store.close();
}

const index = (directory: string) => path.join(directory, 'objects.sqlite');

describe('an index that is older than its packs', () => {
  it('gets what stands in packs that it does not know of', async () => {
    const directory = temporaryDirectory();
    const copy = path.join(temporaryDirectory(), 'copy');
    const store = await openFileStore({ directory, clock });
    await store.objects.put('a/1', bytesOf('a'));
    await store.close();
    copyFileSync(index(directory), copy);
    await during(directory, (objects) => objects.put('b/1', bytesOf('b')));
    copyFileSync(copy, index(directory));
    await during(directory, async (objects) => {
      expect(await objects.get('a/1', 0, 1e6)).toEqual(new Uint8Array(bytesOf('a')));
      expect(await objects.get('b/1', 0, 1e6)).toEqual(new Uint8Array(bytesOf('b')));
      await objects.put('c/1', bytesOf('c'));
      expect((await objects.list('', null, 10)).map(({ key }) => key)).toEqual(['a/1', 'b/1', 'c/1']);
    });
  });

  it('gets what was appended to a pack behind what it knows, though all that it knows is removed', async () => {
    const directory = temporaryDirectory();
    const copy = path.join(temporaryDirectory(), 'copy');
    await during(directory, async (objects) => {
      await objects.put('a/1', bytesOf('a'));
      await objects.remove(['a/1']);
      const other = await openFileStore({ directory, clock });
      await other.close();
    });
    await during(directory, async (objects) => {
      await objects.put('a/2', bytesOf('a'));
      await objects.remove(['a/2']);
      // As a process would leave it that is killed.
      copyFileSync(index(directory), copy);
      copyFileSync(`${index(directory)}-wal`, `${copy}-wal`);
      await objects.put('b/1', bytesOf('b'));
    });
    for (const end of ['-wal', '-shm']) rmSync(`${index(directory)}${end}`, { force: true });
    copyFileSync(copy, index(directory));
    copyFileSync(`${copy}-wal`, `${index(directory)}-wal`);
    await during(directory, async (objects) => {
      expect((await objects.list('', null, 10)).map(({ key }) => key)).toEqual(['b/1']);
      expect(await objects.get('b/1', 0, 1e6)).toEqual(new Uint8Array(bytesOf('b')));
    });
  });

  it('is not what an index is that knows all: what was removed stays so, and packs are not looked through', async () => {
    const directory = temporaryDirectory();
    await during(directory, async (objects) => {
      await objects.put('a/1', bytesOf('a'));
      await objects.put('a/2', bytesOf('a'));
      await objects.remove(['a/2']);
    });
    const sizeBytes = statSync(path.join(directory, 'packs/0000000001.pack')).size;
    expect(sizeBytes).toBeGreaterThan(2 * bytesOf('a').length);
    await during(directory, async (objects) => {
      expect((await objects.list('', null, 10)).map(({ key }) => key)).toEqual(['a/1']);
    });
  });
});
