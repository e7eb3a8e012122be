import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { MillraceError } from '../errors.ts';
import type { Item, ItemKey } from '../log/item.ts';
import type { ItemQuery, ItemTransaction, ItemTransactions } from '../log/transactional/item-transactions.ts';
import { decodeItem, encodeItem } from './item-codec.ts';
import { SqliteTransactions } from './sqlite-transactions.ts';

/** What `SqliteItems` needs of its database, see `sqlite-schema.ts`. */
export interface SqliteItemsOptions {
  readonly database: DatabaseSync;
  /** For messages. */
  readonly path: string;
  readonly readOnly: boolean;
  /** Told of each transaction that wrote. */
  readonly onWritten?: () => void;
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
  readonly #options: SqliteItemsOptions;
  readonly #transactions: SqliteTransactions;
  readonly #transaction: ItemTransaction;
  #closed = false;
  #writeCount = 0;
  #together: AwaitedWrite[] = [];
  readonly #dataVersion: StatementSync;

  constructor(options: SqliteItemsOptions) {
    const { database } = options;
    this.#options = options;
    this.#transactions = new SqliteTransactions(options);
    this.#transaction = itemTransaction(database);
    this.#dataVersion = database.prepare('PRAGMA data_version');
  }

  read<T>(body: (transaction: ItemTransaction) => T): T {
    return this.#transactions.read(() => body(this.#transaction));
  }

  write<T>(body: (transaction: ItemTransaction) => T): T {
    const { readOnly, path, onWritten } = this.#options;
    if (readOnly) {
      throw new MillraceError('STORE_READ_ONLY', 'the store was opened to be read only', {
        value: path,
        hint: 'Open it without readOnly.',
      });
    }
    this.#writeCount += 1;
    const result = this.#transactions.write(() => body(this.#transaction));
    onWritten?.();
    return result;
  }

  writeTogether<T>(body: (transaction: ItemTransaction) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#together.push({ body, resolve, reject });
      // Behind everything that has come in by now: whoever was told of the same upload, or is called by another socket, has asked by then. Not before the event loop
      // turns, either: where objects are written at once, who appends in a loop would keep timers, sockets and signals from their turn.
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
    this.#transactions.close();
    this.#options.database.close();
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
