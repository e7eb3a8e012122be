import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { MillraceError } from '../errors.ts';
import type { Item, ItemKey } from '../log/item.ts';
import type { ItemQuery, ItemTransaction, ItemTransactions } from '../log/transactional/item-transactions.ts';
import { decodeItem, encodeItem } from './item-codec.ts';
import { commitError, storeError } from './store-errors.ts';

/** What `SqliteItems` needs of its database, see `sqlite-schema.ts`. */
export interface SqliteItemsOptions {
  readonly database: DatabaseSync;
  /** For messages. */
  readonly path: string;
  readonly readOnly: boolean;
  /** Told of each transaction that wrote. Default: SQLite makes checkpoints as it does by itself. */
  readonly checkpoints?: { wrote(): void };
}

/** A body that waits for its transaction, with the way to tell what came of it. */
interface AwaitedWrite {
  readonly body: (transaction: ItemTransaction) => unknown;
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Items in the table `items` of SQLite.
 *
 * A write takes SQLite's one write lock when it begins, so what it read is what it changes, over all processes. Statements are prepared once.
 */
export class SqliteItems implements ItemTransactions {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #readOnly: boolean;
  readonly #checkpoints: { wrote(): void } | undefined;
  readonly #beginRead: StatementSync;
  readonly #beginWrite: StatementSync;
  readonly #commit: StatementSync;
  readonly #rollback: StatementSync;
  readonly #transaction: ItemTransaction;
  #closed = false;
  #writeCount = 0;
  #together: AwaitedWrite[] = [];
  readonly #dataVersion: StatementSync;

  constructor({ database, path, readOnly, checkpoints }: SqliteItemsOptions) {
    this.#checkpoints = checkpoints;
    this.#database = database;
    this.#path = path;
    this.#readOnly = readOnly;
    this.#beginRead = database.prepare('BEGIN');
    this.#beginWrite = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
    this.#rollback = database.prepare('ROLLBACK');
    this.#transaction = itemTransaction(database);
    this.#dataVersion = database.prepare('PRAGMA data_version');
  }

  read<T>(body: (transaction: ItemTransaction) => T): T {
    return this.#run(this.#beginRead, body);
  }

  write<T>(body: (transaction: ItemTransaction) => T): T {
    if (this.#readOnly) {
      throw new MillraceError('STORE_READ_ONLY', 'the store was opened to be read only', {
        value: this.#path,
        hint: 'Open it without readOnly.',
      });
    }
    this.#writeCount += 1;
    const result = this.#run(this.#beginWrite, body);
    this.#checkpoints?.wrote();
    return result;
  }

  writeTogether<T>(body: (transaction: ItemTransaction) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#together.push({ body, resolve, reject });
      // Behind everything that has come in by now: whoever was told of the same upload, or is called by another socket, has asked by then.
      if (this.#together.length === 1) setImmediate(() => this.#writeAll(this.#together.splice(0)));
    });
  }

  #writeAll(writes: readonly AwaitedWrite[]): void {
    let hasThrown = false;
    try {
      const results = this.write((transaction) => {
        hasThrown = true;
        const all = writes.map(({ body }) => body(transaction));
        hasThrown = false;
        return all;
      });
      for (const [index, { resolve }] of writes.entries()) resolve(results[index] as never);
    } catch (error) {
      // What one body throws is not for the others: nothing was written, and each is tried by itself.
      if (hasThrown && writes.length > 1) for (const one of writes) this.#writeAll([one]);
      else for (const { reject } of writes) reject(error);
    }
  }

  /** A number that is another one whenever this process, or another, has written. Source: SQLite, "PRAGMA data_version", which tells of other connections only. */
  changeCount(): number {
    if (this.#closed) return this.#writeCount;
    const row = this.#dataVersion.get() as { readonly data_version: number };
    return row.data_version + this.#writeCount;
  }

  /** Any later transaction throws CLOSED. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#database.close();
  }

  #run<T>(begin: StatementSync, body: (transaction: ItemTransaction) => T): T {
    if (this.#closed) throw new MillraceError('CLOSED', 'the store is closed', { hint: 'Open it again.' });
    let result: T;
    try {
      begin.run();
      result = body(this.#transaction);
    } catch (error) {
      this.#undo();
      throw storeError(error, 'transaction', this.#path);
    }
    try {
      this.#commit.run();
    } catch (error) {
      this.#undo();
      throw commitError(error, this.#path);
    }
    return result;
  }

  #undo(): void {
    try {
      this.#rollback.run();
    } catch {
      // There is nothing to roll back when the begin failed, or when SQLite has rolled back by itself, as it does after some errors.
    }
  }
}

function itemTransaction(database: DatabaseSync): ItemTransaction {
  const get = database.prepare('SELECT value FROM items WHERE pk = ? AND sk = ?');
  const put = database.prepare(
    'INSERT INTO items (pk, sk, value) VALUES (?, ?, ?) ON CONFLICT (pk, sk) DO UPDATE SET value = excluded.value',
  );
  const remove = database.prepare('DELETE FROM items WHERE pk = ? AND sk = ?');
  const range = 'SELECT sk, value FROM items WHERE pk = ? AND sk >= ? AND sk <= ? ORDER BY sk';
  const queries = {
    ascending: database.prepare(`${range} ASC LIMIT ?`),
    descending: database.prepare(`${range} DESC LIMIT ?`),
  };
  return {
    get: ({ pk, sk }: ItemKey): Item | undefined => {
      const row = get.get(pk, sk);
      return row && decodeItem(row.value as Uint8Array);
    },
    put: ({ pk, sk }, item) => {
      put.run(pk, sk, encodeItem(item));
    },
    remove: ({ pk, sk }) => {
      remove.run(pk, sk);
    },
    query: ({ pk, fromSk, toSk, order, limit }: ItemQuery) =>
      queries[order]
        .all(pk, fromSk, toSk, limit)
        .map((row) => ({ sk: row.sk as string, item: decodeItem(row.value as Uint8Array) })),
  };
}
