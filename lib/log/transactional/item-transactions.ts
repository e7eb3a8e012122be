/**
 * The port under the embedded stores: items under (pk, sk) with serializable transactions. Memory and SQLite implement it in a few lines each; everything above, from
 * transitions to metering, they share.
 */
import type { Item, ItemKey } from '../item.ts';

/** A range of sort keys of one partition key. */
export interface ItemQuery {
  readonly pk: string;
  /** Lowest sort key, inclusive. */
  readonly fromSk: string;
  /** Highest sort key, inclusive. */
  readonly toSk: string;
  readonly order: 'ascending' | 'descending';
  readonly limit: number;
}

/** Items as a transaction sees them: its own writes included. Sort keys compare by their UTF-8 bytes. */
export interface ItemTransaction {
  get(key: ItemKey): Item | undefined;
  put(key: ItemKey, item: Item): void;
  remove(key: ItemKey): void;
  query(query: ItemQuery): readonly { readonly sk: string; readonly item: Item }[];
}

/** Runs transactions one after another, over all processes that share the store. */
export interface ItemTransactions {
  /** All that `body` writes becomes durable together before this returns; an exception undoes all of it. */
  write<T>(body: (transaction: ItemTransaction) => T): T;
  /**
   * As `write`, but bodies that are given while promises of the same turn of the event loop go on may share a transaction, since what makes them durable costs more than they do. Each still stands or falls alone: where one throws, the
   * others take effect. A body may be run again, so it has no effect but on the items.
   */
  writeTogether<T>(body: (transaction: ItemTransaction) => T): Promise<T>;
  /** As `write`, for bodies that only read. */
  read<T>(body: (transaction: ItemTransaction) => T): T;
}
