import { existsSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock as clock } from '../../lib/clock.ts';
import { Checkpoints, PAGES_MOST, TRANSACTIONS_BETWEEN } from '../../lib/sqlite/checkpoints.ts';
import { openDatabase } from '../../lib/sqlite/open-database.ts';
import { SqliteItems } from '../../lib/sqlite/sqlite-items.ts';
import { openFileStore } from '../../lib/sqlite/sqlite-store.ts';
import { temporaryDirectories } from './temporary-directory.ts';

const temporaryDirectory = temporaryDirectories();
const WAIT = { timeout: 20_000 };

async function opened(at?: string) {
  const directory = temporaryDirectory();
  const file = path.join(directory, 'log.sqlite');
  const database = await openDatabase({ path: file, clock, sync: 'process', readOnly: false });
  const checkpoints = new Checkpoints([{ database, path: at ?? file }]);
  const items = new SqliteItems({ database, path: file, readOnly: false, onWritten: () => checkpoints.wrote() });
  const write = (count: number) => {
    for (let n = 0; n < count; n++) items.write((transaction) => transaction.put({ pk: 'p', sk: `${n}` }, { n: 1n }));
  };
  const pages = () =>
    (database.prepare('PRAGMA wal_autocheckpoint').get() as Record<string, number>).wal_autocheckpoint;
  return { directory, file, database, checkpoints, items, write, pages };
}

/** Those that are begun during a test. */
function threadsFromNowOn(): readonly Worker[] {
  const threads: Worker[] = [];
  const add = (thread: Worker) => void threads.push(thread);
  process.on('worker', add);
  onTestFinished(() => void process.off('worker', add));
  return threads;
}

describe('checkpoints', () => {
  it('are made by another thread after so many transactions, and not by the writer any more', async () => {
    const { file, checkpoints, items, write, pages } = await opened();
    write(TRANSACTIONS_BETWEEN - 1);
    const before = statSync(file).size;
    await new Promise((resolve) => setImmediate(resolve));
    expect([pages(), statSync(file).size]).toEqual([1_000, before]);
    write(1);
    await vi.waitFor(() => expect(pages()).toBe(PAGES_MOST), WAIT);
    expect(statSync(file).size).toBeGreaterThan(before);
    items.close();
    await checkpoints.close();
  });

  it('leave everything there, and no log behind when the store is closed', async () => {
    const { file, checkpoints, items, write, pages } = await opened();
    write(TRANSACTIONS_BETWEEN);
    await vi.waitFor(() => expect(pages()).toBe(PAGES_MOST), WAIT);
    write(3 * TRANSACTIONS_BETWEEN);
    items.close();
    await checkpoints.close();
    await checkpoints.close();
    expect(existsSync(`${file}-wal`)).toBe(false);
    const database = new DatabaseSync(file, { readOnly: true });
    expect(database.prepare('SELECT count(*) AS count FROM items').get()).toEqual({ count: 3 * TRANSACTIONS_BETWEEN });
    database.close();
  });

  it('are left to the writer when the thread cannot open the database, and it is not begun again', async () => {
    const threads = threadsFromNowOn();
    const { checkpoints, items, write, pages } = await opened('/nowhere/log.sqlite');
    write(TRANSACTIONS_BETWEEN);
    await vi.waitFor(() => expect(threads).toHaveLength(1), WAIT);
    // Of a thread that has ended.
    await vi.waitFor(() => expect(threads[0]!.threadId).toBe(-1), WAIT);
    write(2 * TRANSACTIONS_BETWEEN);
    await new Promise((resolve) => setImmediate(resolve));
    expect([threads.length, pages()]).toEqual([1, 1_000]);
    items.close();
    await checkpoints.close();
  });

  it('are left to the writer again when the thread ends', async () => {
    const threads = threadsFromNowOn();
    const { checkpoints, items, write, pages } = await opened();
    write(TRANSACTIONS_BETWEEN);
    await vi.waitFor(() => expect(pages()).toBe(PAGES_MOST), WAIT);
    await threads[0]!.terminate();
    expect(pages()).toBe(1_000);
    write(2 * TRANSACTIONS_BETWEEN);
    expect(threads).toHaveLength(1);
    items.close();
    await checkpoints.close();
  });

  it('end in order although one is asked for when the store is closed', async () => {
    const { file, checkpoints, items, write } = await opened();
    write(TRANSACTIONS_BETWEEN);
    items.close();
    await checkpoints.close();
    expect(existsSync(`${file}-wal`)).toBe(false);
  });

  it('are part of a file store, which lets go of its directory when it is closed', async () => {
    const directory = temporaryDirectory();
    const store = await openFileStore({ directory, clock });
    const beat = { memberId: 'm', count: 0, generation: 0, atMs: 0 };
    for (let n = 0; n < TRANSACTIONS_BETWEEN; n++) await store.heartbeats.put('g', beat);
    await store.close();
    expect(existsSync(path.join(directory, 'log.sqlite-wal'))).toBe(false);
    rmSync(directory, { recursive: true });
  });
});
