import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { MillraceError } from '../errors.ts';
import { commitError, storeError } from './store-errors.ts';

/**
 * Transactions of one connection. One that writes takes SQLite's one write lock when it begins, so what it read is what it changes, over all processes.
 *
 * What a body throws undoes it. Throws what `storeError` makes of SQLite's errors, `UnansweredError` for a commit of which nobody knows, and CLOSED.
 */
export class SqliteTransactions {
  readonly #path: string;
  readonly #beginRead: StatementSync;
  readonly #beginWrite: StatementSync;
  readonly #commit: StatementSync;
  readonly #rollback: StatementSync;
  #closed = false;

  /** `path` is for messages. */
  constructor({ database, path }: { readonly database: DatabaseSync; readonly path: string }) {
    this.#path = path;
    this.#beginRead = database.prepare('BEGIN');
    this.#beginWrite = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
    this.#rollback = database.prepare('ROLLBACK');
  }

  /** All that is read is of one moment. */
  read<T>(body: () => T): T {
    return this.#run(this.#beginRead, body);
  }

  write<T>(body: () => T): T {
    return this.#run(this.#beginWrite, body);
  }

  /** Any later transaction throws CLOSED. */
  close(): void {
    this.#closed = true;
  }

  #run<T>(begin: StatementSync, body: () => T): T {
    if (this.#closed) throw new MillraceError('CLOSED', 'the store is closed', { hint: 'Open it again.' });
    let result: T;
    try {
      begin.run();
      result = body();
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
