/** What no test can provoke without a file system of its own: a disk that is really full, and one that may only be read. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../lib/clock.ts';
import { PACKED_BYTES_MAX } from '../../lib/sqlite/file-objects.ts';
import { openFileStore } from '../../lib/sqlite/sqlite-store.ts';
import { freshPartition, freshTopic, readHead } from '../log/contract/fresh.ts';

const mount = (...args: readonly string[]): void => void execFileSync('mount', args, { stdio: 'pipe' });

/** A file system of 1 MB, or null where this user may not mount one (root on Linux may). */
function mountSmall(): string | null {
  const at = mkdtempSync(path.join(tmpdir(), 'millrace-disk-'));
  try {
    mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at);
    return at;
  } catch {
    rmSync(at, { recursive: true });
    return null;
  }
}

const disk = mountSmall();

describe.runIf(disk !== null)('a disk of 1 MB', () => {
  const at = disk ?? '';
  let directory: string;

  beforeAll(() => {
    directory = path.join(at, 'store');
  });
  afterAll(() => {
    execFileSync('umount', ['-l', at]);
    rmSync(at, { recursive: true });
  });

  it('is full for an object, which is not there afterwards', async () => {
    const store = await openFileStore({ directory, clock });
    const full = { code: 'STORE_FULL', retriable: false };
    await expect(store.objects.put('a/b', new Uint8Array(2_000_000))).rejects.toMatchObject(full);
    expect(await store.objects.size('a/b')).toBeNull();
    await expect(store.objects.put('a/c', new Uint8Array(PACKED_BYTES_MAX + 1))).rejects.toMatchObject(full);
    expect(await store.objects.size('a/c')).toBeNull();
    expect(readdirSync(path.join(directory, 'tmp'))).toEqual([]);
    // What was begun takes no room.
    expect(await store.objects.put('a/b', new Uint8Array(100_000))).toBe('created');
    expect(await store.objects.get('a/b', 0, 200_000)).toEqual(new Uint8Array(100_000));
    await store.objects.remove(['a/b']);
    await store.close();
  });

  it('is full for items, and every acknowledged one is there afterwards', async () => {
    const store = await openFileStore({ directory, clock });
    const partition = await freshPartition(store);
    const ballast = path.join(at, 'ballast');
    writeFileSync(ballast, new Uint8Array(100_000));
    const acknowledged: string[] = [];
    const fill = async () => {
      for (let turn = 0; turn < 10_000; turn++) {
        const topic = freshTopic({ config: { note: 'x'.repeat(2000) } });
        await store.topics.create(topic);
        acknowledged.push(topic.name);
      }
    };
    await expect(fill()).rejects.toMatchObject({ code: 'STORE_FULL', retriable: false });
    await store.close();
    // A database is not even read without a file beside it.
    rmSync(ballast);
    const again = await openFileStore({ directory, clock, readOnly: true });
    for (const name of acknowledged) expect(await again.topics.get(name)).not.toBeNull();
    expect(await readHead(again, partition)).toMatchObject({ next: 0n });
    await again.close();
  });

  it('is full for another store', async () => {
    const other = openFileStore({ directory: path.join(at, 'other'), clock });
    await expect(other).rejects.toMatchObject({ code: 'STORE_FULL' });
  });

  it('may only be read: the store is opened to read, not to write, and no new one is made', async () => {
    rmSync(directory, { recursive: true });
    const store = await openFileStore({ directory, clock });
    const partition = await freshPartition(store);
    // As a crash would leave it, with its write-ahead log.
    const crashed = path.join(at, 'crashed');
    cpSync(directory, crashed, { recursive: true });
    await store.close();
    mount('-o', 'remount,ro', at);
    const readOnly = { code: 'STORE_READ_ONLY', retriable: false };
    for (const stored of [directory, crashed]) {
      const reader = await openFileStore({ directory: stored, clock, readOnly: true });
      expect(await readHead(reader, partition)).toMatchObject({ next: 0n });
      await reader.close();
      await expect(openFileStore({ directory: stored, clock })).rejects.toMatchObject(readOnly);
    }
    await expect(openFileStore({ directory: path.join(at, 'new'), clock })).rejects.toMatchObject(readOnly);
  });
});
