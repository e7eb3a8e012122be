import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../lib/clock.ts';
import { MillraceError } from '../../lib/errors.ts';
import { openDatabase, STORE_LAYOUT } from '../../lib/sqlite/open-database.ts';
import { SqliteItems } from '../../lib/sqlite/sqlite-items.ts';
import { type FileStoreOptions, openFileStore } from '../../lib/sqlite/sqlite-store.ts';
import { freshPartition, freshTopic, readHead } from '../log/contract/fresh.ts';
import { temporaryDirectories } from './temporary-directory.ts';

const temporaryDirectory = temporaryDirectories();

const open = (directory: string, options: Partial<FileStoreOptions> = {}) =>
  openFileStore({ directory, clock, ...options });

/** Makes a store with one partition and closes it. */
async function madeStore() {
  const directory = temporaryDirectory();
  const store = await open(directory);
  const partition = await freshPartition(store);
  await store.objects.put('k/a', Uint8Array.of(1, 2, 3));
  await store.close();
  return { directory, partition, database: path.join(directory, 'log.sqlite') };
}

function changeDatabase(file: string, sql: string): void {
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
}

describe('opening a file store', () => {
  it('makes the directory, and finds everything again', async () => {
    const directory = path.join(temporaryDirectory(), 'a', 'b');
    const first = await open(directory);
    const partition = await freshPartition(first);
    await first.objects.put('k/a', Uint8Array.of(1, 2, 3));
    await first.close();
    const second = await open(directory);
    expect(await readHead(second, partition)).toMatchObject({ next: 0n });
    expect(await second.objects.get('k/a', 0, 10)).toEqual(Uint8Array.of(1, 2, 3));
    await second.close();
  });

  it('keeps its prefix, and refuses what is none', async () => {
    const store = await open(temporaryDirectory(), { prefix: 'a/b' });
    expect(store.prefix).toBe('a/b');
    await store.close();
    await expect(open(temporaryDirectory(), { prefix: '../b' })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });

  it('says CLOSED to whoever calls it afterwards', async () => {
    const store = await open(temporaryDirectory());
    await store.close();
    await expect(store.topics.get('a')).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(store.objects.size('a')).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(store.objects.remove(['a'])).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(store.objects.list('a', null, 1)).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it.each([
    ['process', 1],
    ['power', 2],
  ] as const)('with sync %s asks SQLite for synchronous = %d and a write-ahead log', async (sync, expected) => {
    const database = await openDatabase({
      path: path.join(temporaryDirectory(), 'log.sqlite'),
      clock,
      sync,
      readOnly: false,
    });
    expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: expected });
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    database.close();
  });

  it('refuses a store of a newer format, changes nothing in it, and says the way out', async () => {
    const { directory, database } = await madeStore();
    changeDatabase(database, `UPDATE meta SET value = ${STORE_LAYOUT.format + 1} WHERE name = 'format'`);
    const error = await open(directory).catch((caught: MillraceError) => caught);
    expect(error).toMatchObject({ code: 'UNSUPPORTED_FORMAT', retriable: false, value: database });
    expect((error as MillraceError).hint).toMatch(/use that version or later/);
    changeDatabase(database, `UPDATE meta SET value = ${STORE_LAYOUT.format} WHERE name = 'format'`);
    await (await open(directory)).close();
  });

  it.each([["DELETE FROM meta WHERE name = 'format'"], ["UPDATE meta SET value = 0 WHERE name = 'format'"]])(
    'calls a store without a format damaged: %s',
    async (sql) => {
      const { directory, database } = await madeStore();
      changeDatabase(database, sql);
      await expect(open(directory)).rejects.toMatchObject({ code: 'CORRUPT_OBJECT', value: database });
    },
  );

  it('calls a file that is none of SQLite damaged', async () => {
    const directory = temporaryDirectory();
    writeFileSync(
      path.join(directory, 'log.sqlite'),
      'this is not a database, and it is long enough to have a header. '.repeat(20),
    );
    await expect(open(directory)).rejects.toMatchObject({ code: 'CORRUPT_OBJECT', retriable: false });
    await expect(open(directory, { readOnly: true })).rejects.toMatchObject({ code: 'CORRUPT_OBJECT' });
  });

  it('calls an item whose bytes have changed damaged, when it is read', async () => {
    const { directory, partition, database } = await madeStore();
    changeDatabase(database, `UPDATE items SET value = CAST(value || 'x' AS BLOB)`);
    const store = await open(directory);
    await expect(readHead(store, partition)).rejects.toMatchObject({ code: 'CORRUPT_OBJECT' });
    await store.close();
  });

  it('calls a damaged database damaged, when the damage is met', async () => {
    const { directory, partition, database } = await madeStore();
    const bytes = readFileSync(database);
    // All pages behind the first, which holds the schema.
    bytes.fill(0xff, 4096);
    writeFileSync(database, bytes);
    const met = open(directory).then(async (store) => {
      try {
        return await readHead(store, partition);
      } finally {
        await store.close();
      }
    });
    await expect(met).rejects.toMatchObject({ code: 'CORRUPT_OBJECT', retriable: false });
  });

  it('says that a directory is a file', async () => {
    const file = path.join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    for (const directory of [file, path.join(file, 'below')]) {
      await expect(open(directory)).rejects.toMatchObject({ code: 'INVALID_REQUEST', value: directory });
    }
  });

  it('waits for another process that is writing, and says THROTTLED when it takes too long', async () => {
    const { directory, database } = await madeStore();
    const store = await open(directory);
    const other = new DatabaseSync(database);
    other.exec('BEGIN IMMEDIATE');
    await expect(store.topics.create(freshTopic())).rejects.toMatchObject({ code: 'THROTTLED', retriable: true });
    other.exec('ROLLBACK');
    other.close();
    expect(await store.topics.create(freshTopic())).toMatchObject({ outcome: 'done' });
    await store.close();
  });

  it('says STORE_FULL when the database may not grow, and keeps what was acknowledged', async () => {
    const file = path.join(temporaryDirectory(), 'log.sqlite');
    const database = await openDatabase({ path: file, clock, sync: 'process', readOnly: false });
    database.exec('PRAGMA max_page_count = 20');
    const items = new SqliteItems({ database, path: file, readOnly: false });
    const put = (number: number) =>
      items.write((transaction) => {
        transaction.put({ pk: 'p', sk: `${number}` }, { value: new Uint8Array(3000).fill(number) });
        transaction.put({ pk: 'q', sk: `${number}` }, { value: new Uint8Array(3000) });
      });
    let acknowledged = 0;
    const fill = () => {
      for (; acknowledged < 100; acknowledged++) put(acknowledged);
    };
    expect(fill).toThrow(expect.objectContaining({ code: 'STORE_FULL', retriable: false }));
    const all = { fromSk: '', toSk: '~', order: 'ascending', limit: 1000 } as const;
    for (const pk of ['p', 'q']) {
      expect(items.read((transaction) => transaction.query({ pk, ...all }))).toHaveLength(acknowledged);
    }
    expect(acknowledged).toBeGreaterThan(1);
    items.close();
    items.close();
  });

  it('undoes a transaction whose body throws', async () => {
    const file = path.join(temporaryDirectory(), 'log.sqlite');
    const database = await openDatabase({ path: file, clock, sync: 'process', readOnly: false });
    const items = new SqliteItems({ database, path: file, readOnly: false });
    const refused = new MillraceError('INVALID_REQUEST', 'no');
    expect(() =>
      items.write((transaction) => {
        transaction.put({ pk: 'p', sk: 's' }, { a: 1n });
        throw refused;
      }),
    ).toThrow(refused);
    expect(items.read((transaction) => transaction.get({ pk: 'p', sk: 's' }))).toBeUndefined();
    items.close();
  });
});

describe('opening a file store to read', () => {
  it('reads everything and refuses every write', async () => {
    const { directory, partition } = await madeStore();
    const store = await open(directory, { readOnly: true });
    expect(await readHead(store, partition)).toMatchObject({ next: 0n });
    expect(await store.objects.list('k/', null, 10)).toEqual([{ key: 'k/a', sizeBytes: 3 }]);
    const readOnly = { code: 'STORE_READ_ONLY', retriable: false };
    await expect(store.heads.raiseFloor(partition, '7'.repeat(26))).rejects.toMatchObject(readOnly);
    await expect(store.topics.create(freshTopic())).rejects.toMatchObject(readOnly);
    await expect(store.objects.put('k/b', Uint8Array.of(1))).rejects.toMatchObject(readOnly);
    await expect(store.objects.remove(['k/a'])).rejects.toMatchObject(readOnly);
    expect(await store.objects.size('k/a')).toBe(3);
    await store.close();
  });

  it('sees what a writer adds meanwhile', async () => {
    const { directory } = await madeStore();
    const [writer, reader] = [await open(directory), await open(directory, { readOnly: true })];
    const partition = await freshPartition(writer);
    expect(await readHead(reader, partition)).toMatchObject({ next: 0n });
    await reader.close();
    await writer.close();
  });

  it('makes nothing where there is nothing', async () => {
    const directory = path.join(temporaryDirectory(), 'none');
    await expect(open(directory, { readOnly: true })).rejects.toMatchObject({ code: 'STORE_MISSING' });
    expect(existsSync(directory)).toBe(false);
    mkdirSync(directory);
    new DatabaseSync(path.join(directory, 'log.sqlite')).close();
    changeDatabase(path.join(directory, 'log.sqlite'), 'CREATE TABLE other (a)');
    await expect(open(directory, { readOnly: true })).rejects.toMatchObject({ code: 'STORE_MISSING' });
    expect(readdirSync(directory)).toEqual(['log.sqlite']);
  });
});
