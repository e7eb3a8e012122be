/** Counts what DynamoDB would charge for what a transaction does. */
import type { Change } from '../head-transitions.ts';
import type { Item, ItemKey } from '../item.ts';
import { itemSizeBytes, readUnits, writeUnits } from '../item-size.ts';
import { type Meter, noMeter } from '../meter.ts';
import type { ItemQuery, ItemTransaction, ItemTransactions } from './item-transactions.ts';

/** What ports over items with transactions stand on. */
export interface MeteredItems {
  readonly items: ItemTransactions;
  readonly meter: Meter;
}

/** How a kind of item is read and written. */
export interface ItemCodec<T> {
  readonly from: (item: Item) => T;
  /** `before`: the item that is replaced. */
  readonly to: (value: T, before: Item | undefined) => Item;
}

const sizeOf = (key: ItemKey, item: Item | undefined): number => (item ? itemSizeBytes(key, item) : 0);

/** One conditional write of one item: `change` returns the new item, 'remove', or null when the condition does not hold. */
export function changeItem(
  transaction: ItemTransaction,
  meter: Meter,
  key: ItemKey,
  change: (item: Item | undefined) => Item | 'remove' | null,
  options: { readonly unitFactor?: 1 | 2 } = {},
): void {
  const before = transaction.get(key);
  const after = change(before);
  if (after === 'remove') transaction.remove(key);
  else if (after !== null) transaction.put(key, after);
  // To work out what nobody is told costs as much as a part of the write.
  if (meter === noMeter) return;
  const beforeBytes = sizeOf(key, before);
  const afterBytes = after === null || after === 'remove' ? 0 : itemSizeBytes(key, after);
  meter.count({ kind: 'write', units: (options.unitFactor ?? 1) * writeUnits(beforeBytes, afterBytes) });
}

/** Carries out one transition on one item, in a transaction of its own. */
export function carryOut<T>(
  { items, meter }: MeteredItems,
  key: ItemKey,
  codec: ItemCodec<T>,
  transition: (current: T | undefined) => Change<T>,
): Change<T> {
  return items.write((transaction) => changeBy(transaction, meter, { key, codec, transition }));
}

/** As `carryOut`, in a transaction that it may share: for what is done to many items at the same time. */
export function carryOutTogether<T>(
  { items, meter }: MeteredItems,
  key: ItemKey,
  codec: ItemCodec<T>,
  transition: (current: T | undefined) => Change<T>,
): Promise<Change<T>> {
  return items.writeTogether((transaction) => changeBy(transaction, meter, { key, codec, transition }));
}

interface ItemChange<T> {
  readonly key: ItemKey;
  readonly codec: ItemCodec<T>;
  readonly transition: (current: T | undefined) => Change<T>;
}

function changeBy<T>(transaction: ItemTransaction, meter: Meter, { key, codec, transition }: ItemChange<T>): Change<T> {
  let result: Change<T> | undefined;
  changeItem(transaction, meter, key, (item) => {
    result = transition(item && codec.from(item));
    return result.outcome === 'done' ? codec.to(result.item, item) : null;
  });
  return result!;
}

/** Reads one item. */
export function readItem(
  transaction: ItemTransaction,
  meter: Meter,
  key: ItemKey,
  options: { readonly consistent: boolean },
): Item | undefined {
  const item = transaction.get(key);
  meter.count({ kind: 'read', units: readUnits(sizeOf(key, item), options.consistent) });
  return item;
}

/** Reads a range of items: one request. */
export function queryItems(
  transaction: ItemTransaction,
  meter: Meter,
  query: ItemQuery,
  options: { readonly consistent: boolean },
): readonly { readonly sk: string; readonly item: Item }[] {
  const rows = transaction.query(query);
  const bytes = rows.reduce((sum, { sk, item }) => sum + itemSizeBytes({ pk: query.pk, sk }, item), 0);
  meter.count({ kind: 'read', units: readUnits(bytes, options.consistent) });
  return rows;
}
