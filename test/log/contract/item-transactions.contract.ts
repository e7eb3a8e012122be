import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceError } from '../../../lib/errors.ts';
import type { Item } from '../../../lib/log/item.ts';
import type { ItemQuery, ItemTransactions } from '../../../lib/log/transactional/item-transactions.ts';
import { freshName } from './fresh.ts';

/** How a suite gets the transactions it tests. */
export type OpenItems = () => Promise<{ readonly items: ItemTransactions; readonly close: () => void | Promise<void> }>;

/** Registers the tests of the port `ItemTransactions`. */
export function itemTransactionsContract(name: string, open: OpenItems): void {
  describe(`the items of ${name}`, () => {
    let items: ItemTransactions;
    let close: () => void | Promise<void>;

    beforeAll(async () => ({ items, close } = await open()));
    afterAll(() => close());

    const item: Item = { n: -5n, t: 'é', b: Uint8Array.of(1, 2), l: [Uint8Array.of(3), new Uint8Array(0)] };

    const store = (pk: string, sks: readonly string[]): void =>
      items.write((transaction) => {
        for (const sk of sks) transaction.put({ pk, sk }, { t: sk });
      });

    const sksOf = (query: Partial<ItemQuery> & { readonly pk: string }): readonly string[] => {
      const range = { fromSk: '', toSk: '\u{10ffff}', order: 'ascending', limit: 100 } as const;
      return items.read((transaction) => transaction.query({ ...range, ...query }).map(({ sk }) => sk));
    };

    it('come back with every attribute, and not under another key', () => {
      const pk = freshName();
      items.write((transaction) => transaction.put({ pk, sk: 's' }, item));
      items.read((transaction) => {
        expect(transaction.get({ pk, sk: 's' })).toEqual(item);
        expect(transaction.get({ pk, sk: 't' })).toBeUndefined();
        expect(transaction.get({ pk: `${pk}x`, sk: 's' })).toBeUndefined();
      });
    });

    it('are replaced and removed as a whole', () => {
      const key = { pk: freshName(), sk: 's' };
      const read = () => items.read((transaction) => transaction.get(key));
      items.write((transaction) => transaction.put(key, item));
      items.write((transaction) => transaction.put(key, { other: 1n }));
      expect(read()).toEqual({ other: 1n });
      items.write((transaction) => transaction.remove(key));
      expect(read()).toBeUndefined();
      items.write((transaction) => transaction.remove(key));
      expect(sksOf({ pk: key.pk })).toEqual([]);
    });

    it('are seen by their own transaction as it has left them so far', () => {
      const pk = freshName();
      store(pk, ['a', 'b']);
      items.write((transaction) => {
        transaction.put({ pk, sk: 'c' }, { n: 1n });
        transaction.put({ pk, sk: 'a' }, { n: 2n });
        transaction.remove({ pk, sk: 'b' });
        expect(transaction.get({ pk, sk: 'a' })).toEqual({ n: 2n });
        expect(transaction.get({ pk, sk: 'b' })).toBeUndefined();
        const range = { pk, fromSk: 'a', toSk: 'z', order: 'ascending', limit: 10 } as const;
        expect(transaction.query(range)).toEqual([
          { sk: 'a', item: { n: 2n } },
          { sk: 'c', item: { n: 1n } },
        ]);
      });
    });

    it('are as before when the transaction throws, whatever it wrote, and the error is passed on', () => {
      const pk = freshName();
      store(pk, ['a', 'b']);
      const error = new MillraceError('INVALID_REQUEST', 'no');
      const failing = () =>
        items.write((transaction) => {
          transaction.put({ pk, sk: 'a' }, { n: 1n });
          transaction.put({ pk, sk: 'a' }, { n: 2n });
          transaction.remove({ pk, sk: 'b' });
          transaction.put({ pk, sk: 'c' }, { n: 1n });
          throw error;
        });
      expect(failing).toThrow(error);
      items.read((transaction) => {
        expect(transaction.get({ pk, sk: 'a' })).toEqual({ t: 'a' });
        expect(transaction.get({ pk, sk: 'b' })).toEqual({ t: 'b' });
        expect(transaction.get({ pk, sk: 'c' })).toBeUndefined();
      });
      items.write((transaction) => transaction.put({ pk, sk: 'a' }, { n: 3n }));
      expect(failing).toThrow(error);
      expect(items.read((transaction) => transaction.get({ pk, sk: 'a' }))).toEqual({ n: 3n });
    });

    it('give what the body returns', () => {
      expect(items.write(() => 5)).toBe(5);
      expect(items.read(() => 6)).toBe(6);
    });

    describe('written together', () => {
      it('are all there, each with what its body returns, and later ones see earlier ones', async () => {
        const pk = freshName();
        const add = (sk: string) =>
          items.writeTogether((transaction) => {
            const before = transaction.get({ pk, sk: 'sum' })?.n ?? 0n;
            transaction.put({ pk, sk }, { t: sk });
            transaction.put({ pk, sk: 'sum' }, { n: (before as bigint) + 1n });
            return before;
          });
        expect(await Promise.all([add('a'), add('b'), add('c')])).toEqual([0n, 1n, 2n]);
        expect(sksOf({ pk })).toEqual(['a', 'b', 'c', 'sum']);
        expect(await add('d')).toBe(3n);
      });

      it('do not suffer from one that throws, and its own writes are undone', async () => {
        const pk = freshName();
        const error = new MillraceError('INVALID_REQUEST', 'no');
        const put = (sk: string) => items.writeTogether((transaction) => transaction.put({ pk, sk }, { t: sk }));
        const failing = items.writeTogether((transaction) => {
          transaction.put({ pk, sk: 'b' }, { t: 'b' });
          throw error;
        });
        const outcomes = await Promise.allSettled([put('a'), failing, put('c')]);
        expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
        expect(outcomes[1]).toMatchObject({ reason: error });
        expect(sksOf({ pk })).toEqual(['a', 'c']);
        await put('d');
        expect(sksOf({ pk })).toEqual(['a', 'c', 'd']);
      });
    });

    it('are found by ranges of sort keys with both ends, the nearest first', () => {
      const pk = freshName();
      store(pk, ['d', 'a', 'c', 'b', 'e']);
      store(`${pk}x`, ['b']);
      expect(sksOf({ pk })).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(sksOf({ pk, fromSk: 'b', toSk: 'd' })).toEqual(['b', 'c', 'd']);
      expect(sksOf({ pk, fromSk: 'bb', toSk: 'cc' })).toEqual(['c']);
      expect(sksOf({ pk, fromSk: 'd', toSk: 'b' })).toEqual([]);
      expect(sksOf({ pk, order: 'descending' })).toEqual(['e', 'd', 'c', 'b', 'a']);
      expect(sksOf({ pk, limit: 2 })).toEqual(['a', 'b']);
      expect(sksOf({ pk, limit: 2, toSk: 'd', order: 'descending' })).toEqual(['d', 'c']);
      expect(sksOf({ pk: freshName() })).toEqual([]);
    });

    it('are in the order of the UTF-8 bytes of their sort keys', () => {
      const pk = freshName();
      const sorted = ['', '\0', 'A', 'a', 'a\0', 'aa', '\u007f', '\u0080', '\u{e000}', '\u{ffff}', '\u{10000}'];
      store(pk, [...sorted].reverse());
      expect(sksOf({ pk })).toEqual(sorted);
      expect(sksOf({ pk, fromSk: 'a\0' })).toEqual(sorted.slice(4));
    });
  });
}
