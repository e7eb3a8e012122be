/**
 * The database files of a file store.
 *
 * | table | columns | |
 * |---|---|---|
 * | meta | name, value | one row: `format`, the version of the layout |
 * | items | pk, sk, value | keys as in DynamoDB; the value as in `item-codec.ts` |
 *
 * They are WITHOUT ROWID: rows lie in the order of their keys, so a range of chunks is one walk. What stands in the other database is in `object-index.ts`.
 */
import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { Clock } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import { loadSqlite } from './load-sqlite.ts';
import { sqliteCode, storeError } from './store-errors.ts';

/** What stands in a database. */
export interface DatabaseLayout {
  /** That this version writes, and the newest that it reads; it makes an older one its own. */
  readonly format: number;
  /** Statements that make the tables beside `meta` where there are none. */
  readonly tables: string;
}

/** Of the order. 2: small objects stand in packs, where a version that knows format 1 would not look for them. */
export const STORE_LAYOUT: DatabaseLayout = {
  format: 2,
  tables: `CREATE TABLE IF NOT EXISTS items (
    pk TEXT NOT NULL, sk TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (pk, sk)
  ) WITHOUT ROWID;`,
};

/** How long a transaction waits for another process's before it is refused as THROTTLED. The event loop waits with it. */
const BUSY_TIMEOUT_MS = 1000;
const OPEN_ATTEMPTS = 40;
const OPEN_RETRY_MS = 50;
const SQLITE_BUSY = 5;
const SQLITE_CANTOPEN = 14;

/** How a database is opened. */
export interface OpenDatabaseOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly sync: 'process' | 'power';
  readonly readOnly: boolean;
  /** Default: the order's. */
  readonly layout?: DatabaseLayout;
}

/**
 * Opens a database, and makes it when there is none (not with `readOnly`).
 *
 * Throws UNSUPPORTED_FORMAT for a newer layout, CORRUPT_OBJECT, STORE_MISSING, STORE_READ_ONLY, STORE_FULL, THROTTLED.
 */
export async function openDatabase(options: OpenDatabaseOptions): Promise<DatabaseSync> {
  for (let attempt = 1; ; attempt++) {
    try {
      return tryOpen(options);
    } catch (error) {
      // Switching to a write-ahead log does not wait for the lock, so two processes that make one store at once would hit each other.
      if (sqliteCode(error) !== SQLITE_BUSY || attempt === OPEN_ATTEMPTS) {
        throw storeError(causeOf(error, options.path), 'opening the store', options.path);
      }
      await options.clock.sleep(OPEN_RETRY_MS);
    }
  }
}

function tryOpen(options: OpenDatabaseOptions): DatabaseSync {
  const { layout = STORE_LAYOUT } = options;
  const database = options.readOnly ? connectToRead(options.path) : connect(options.path, false);
  try {
    const format = readFormat(database);
    if (format !== null) checkFormat(format, options.path, layout);
    if (!options.readOnly) database.exec('PRAGMA journal_mode = WAL');
    if (options.sync === 'power') database.exec('PRAGMA synchronous = FULL; PRAGMA fullfsync = ON');
    else database.exec('PRAGMA synchronous = NORMAL');
    if (format === null && options.readOnly) throw storeMissing(options.path);
    if (format === null) createTables(database, layout);
    // SQLite opens a file that may only be read all the same; a write that is undone tells now what the first write would tell later.
    if (!options.readOnly) database.exec('BEGIN IMMEDIATE; UPDATE meta SET value = value; ROLLBACK');
    if (!options.readOnly && format !== null && format < layout.format) raiseFormat(database, layout);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** SQLite says that it cannot open a file, not why: the file system knows. */
function causeOf(error: unknown, file: string): unknown {
  if (sqliteCode(error) !== SQLITE_CANTOPEN) return error;
  try {
    accessSync(path.dirname(file), constants.W_OK);
    return error;
  } catch (cause) {
    return cause;
  }
}

function connect(location: string | URL, readOnly: boolean): DatabaseSync {
  const { DatabaseSync } = loadSqlite();
  const database = new DatabaseSync(location, { readOnly });
  database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  return database;
}

function connectToRead(file: string): DatabaseSync {
  if (!existsSync(file)) throw storeMissing(file);
  const database = connect(file, true);
  try {
    readFormat(database);
    return database;
  } catch (error) {
    database.close();
    const isSettled = !existsSync(`${file}-wal`);
    if (sqliteCode(error) !== SQLITE_CANTOPEN || !isSettled) throw error;
    // A write-ahead log needs a shared file beside it even to be read. Where none can be made and there is no log, nobody can be writing either.
    const url = pathToFileURL(file);
    url.searchParams.set('immutable', '1');
    return connect(url, true);
  }
}

/** The layout of a database, or null when it has no tables yet. */
function readFormat(database: DatabaseSync): number | null {
  const table = database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'meta'").get();
  if (!table) return null;
  const row = database.prepare("SELECT value FROM meta WHERE name = 'format'").get();
  return Number(row?.value ?? Number.NaN);
}

function checkFormat(format: number, file: string, layout: DatabaseLayout): void {
  if (format >= 1 && format <= layout.format) return;
  if (format > layout.format) {
    throw new MillraceError('UNSUPPORTED_FORMAT', `the store has format ${format}, this is format ${layout.format}`, {
      value: file,
      hint: 'It was written by a newer Millrace: use that version or later, or name another directory.',
    });
  }
  throw new MillraceError('CORRUPT_OBJECT', 'the store does not say its format', {
    value: file,
    hint: 'The database file was damaged or is none of Millrace; name another directory or restore it from a backup.',
  });
}

function createTables(database: DatabaseSync, { format, tables }: DatabaseLayout): void {
  database.exec(`
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS meta (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    ${tables}
    INSERT OR IGNORE INTO meta (name, value) VALUES ('format', ${format});
    COMMIT;
  `);
}

/** Whoever does not know the new layout must not open it from now on. */
function raiseFormat(database: DatabaseSync, { format }: DatabaseLayout): void {
  database.exec(`UPDATE meta SET value = ${format} WHERE name = 'format' AND value < ${format}`);
}

function storeMissing(file: string): MillraceError {
  return new MillraceError('STORE_MISSING', 'there is no store to read', {
    value: file,
    hint: 'Name the directory of a store, or open it to write, which makes one.',
  });
}
