import { MillraceError } from '../errors.ts';
import type { Attribute, Item, ItemKey } from '../log/item.ts';
import { compareUtf8 } from '../log/transactional/compare-utf8.ts';
import type { ItemQuery, ItemTransaction, ItemTransactions } from '../log/transactional/item-transactions.ts';

interface Row {
  readonly sk: string;
  item: Item;
}

/** An item as it was before a transaction changed it. */
interface Undo {
  readonly key: ItemKey;
  readonly item: Item | undefined;
}

/** A `slice` of a Buffer would be no copy. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function copyAttribute(value: Attribute): Attribute {
  if (typeof value === 'bigint' || typeof value === 'string') return value;
  return value instanceof Uint8Array ? copyOf(value) : value.map(copyOf);
}

/** Bytes are copied on the way in and out, so that nobody can change what is stored, or what another has read. */
function copyItem(item: Item): Item {
  const copy: Record<string, Attribute> = {};
  for (const name in item) copy[name] = copyAttribute(item[name]!);
  return copy;
}

/**
 * Items in memory: for each partition key its rows in the order of their sort keys, so that a partition costs the same however many there are.
 *
 * A transaction is a synchronous call, so one never sees another half done; an exception undoes what it wrote.
 */
export class MemoryItems implements ItemTransactions {
  readonly #partitions = new Map<string, Row[]>();
  #undo: Undo[] = [];
  #closed = false;
  #writeCount = 0;

  /** How often it was written. */
  get writeCount(): number {
    return this.#writeCount;
  }

  read<T>(body: (transaction: ItemTransaction) => T): T {
    return this.#run(body);
  }

  write<T>(body: (transaction: ItemTransaction) => T): T {
    this.#writeCount += 1;
    return this.#run(body);
  }

  async writeTogether<T>(body: (transaction: ItemTransaction) => T): Promise<T> {
    return this.write(body);
  }

  #run<T>(body: (transaction: ItemTransaction) => T): T {
    if (this.#closed) throw storeClosed();
    this.#undo = [];
    try {
      return body(this.#transaction);
    } catch (error) {
      for (const { key, item } of this.#undo.reverse()) this.#set(key, item);
      throw error;
    }
  }

  /** Forgets everything; any later transaction throws CLOSED. */
  close(): void {
    this.#closed = true;
    this.#partitions.clear();
  }

  readonly #transaction: ItemTransaction = {
    get: ({ pk, sk }) => {
      const rows = this.#partitions.get(pk);
      const row = rows?.[lowerBound(rows, sk)];
      return row?.sk === sk ? copyItem(row.item) : undefined;
    },
    put: (key, item) => {
      this.#undo.push({ key, item: this.#set(key, copyItem(item)) });
    },
    remove: (key) => {
      this.#undo.push({ key, item: this.#set(key, undefined) });
    },
    query: (query) => this.#query(query).map(({ sk, item }) => ({ sk, item: copyItem(item) })),
  };

  /** Stores an item, or removes it when undefined; returns the one before. */
  #set({ pk, sk }: ItemKey, item: Item | undefined): Item | undefined {
    let rows = this.#partitions.get(pk);
    const index = rows ? lowerBound(rows, sk) : 0;
    const row = rows?.[index];
    if (row?.sk === sk) {
      const before = row.item;
      if (item) row.item = item;
      else rows!.splice(index, 1);
      if (rows!.length === 0) this.#partitions.delete(pk);
      return before;
    }
    if (!item) return undefined;
    if (!rows) {
      rows = [];
      this.#partitions.set(pk, rows);
    }
    rows.splice(index, 0, { sk, item });
    return undefined;
  }

  #query({ pk, fromSk, toSk, order, limit }: ItemQuery): readonly Row[] {
    const rows = this.#partitions.get(pk);
    if (!rows) return [];
    const from = lowerBound(rows, fromSk);
    let to = lowerBound(rows, toSk);
    if (rows[to]?.sk === toSk) to++;
    if (order === 'ascending') return rows.slice(from, Math.min(to, from + limit));
    return rows.slice(Math.max(from, to - limit), Math.max(from, to)).reverse();
  }
}

/** Index of the first row whose sort key is not below `sk`. */
function lowerBound(rows: readonly Row[], sk: string): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareUtf8(rows[middle]!.sk, sk) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function storeClosed(): MillraceError {
  return new MillraceError('CLOSED', 'the store is closed', { hint: 'Open it again.' });
}
