import { describe, expect, it } from 'vitest';
import { MemoryItems } from '../../lib/memory/memory-items.ts';
import { itemTransactionsContract } from '../log/contract/item-transactions.contract.ts';

itemTransactionsContract('a memory store', async () => {
  const items = new MemoryItems();
  return { items, close: () => items.close() };
});

describe('items in memory', () => {
  it('take a hundred thousand partitions, and a search of them all for each would not end in time', () => {
    const items = new MemoryItems();
    const key = (number: number) => ({ pk: `P#${number}`, sk: 'HEAD' });
    const count = 100_000;
    for (let number = 0; number < count; number++) {
      items.write((transaction) => transaction.put(key(number), { next: BigInt(number) }));
    }
    for (let number = 0; number < count; number++) {
      const item = items.read((transaction) => transaction.get(key(number)));
      if (item?.next !== BigInt(number)) expect(item).toEqual({ next: BigInt(number) });
    }
    expect(items.read((transaction) => transaction.get(key(count)))).toBeUndefined();
  });
});
