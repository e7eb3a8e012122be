import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../lib/clock.ts';
import { openDatabase } from '../../lib/sqlite/open-database.ts';
import { SqliteItems } from '../../lib/sqlite/sqlite-items.ts';
import { itemTransactionsContract } from '../log/contract/item-transactions.contract.ts';
import { temporaryDirectories } from './temporary-directory.ts';

const temporaryDirectory = temporaryDirectories();

async function openItems(directory: string): Promise<SqliteItems> {
  const file = path.join(directory, 'log.sqlite');
  const database = await openDatabase({ path: file, clock, sync: 'process', readOnly: false });
  return new SqliteItems({ database, path: file, readOnly: false });
}

itemTransactionsContract('a file store', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-'));
  const items = await openItems(directory);
  const close = () => {
    items.close();
    rmSync(directory, { recursive: true });
  };
  return { items, close };
});

describe('a transaction that writes', () => {
  const key = { pk: 'p', sk: 's' };

  it('keeps other writers out from its beginning, so that what it read is what it changes', async () => {
    const directory = temporaryDirectory();
    const [first, second] = [await openItems(directory), await openItems(directory)];
    first.write((transaction) => {
      expect(transaction.get(key)).toBeUndefined();
      const other = () => second.write((others) => others.put(key, { n: 2n }));
      expect(other).toThrow(expect.objectContaining({ code: 'THROTTLED', retriable: true }));
      transaction.put(key, { n: 1n });
    });
    expect(second.read((transaction) => transaction.get(key))).toEqual({ n: 1n });
    second.write((transaction) => transaction.put(key, { n: 3n }));
    expect(first.read((transaction) => transaction.get(key))).toEqual({ n: 3n });
    first.close();
    second.close();
  });

  it('lets readers see what was before, until it is done', async () => {
    const directory = temporaryDirectory();
    const [writer, reader] = [await openItems(directory), await openItems(directory)];
    writer.write((transaction) => transaction.put(key, { n: 1n }));
    writer.write((transaction) => {
      transaction.put(key, { n: 2n });
      expect(reader.read((other) => other.get(key))).toEqual({ n: 1n });
    });
    expect(reader.read((other) => other.get(key))).toEqual({ n: 2n });
    writer.close();
    reader.close();
  });
});

describe('transactions that write together', () => {
  const key = (sk: string) => ({ pk: 'p', sk });

  it('are one for whoever has been waiting for the same promise', async () => {
    const directory = temporaryDirectory();
    const [items, reader] = [await openItems(directory), await openItems(directory)];
    const seen: (readonly string[])[] = [];
    const look = () => {
      const range = { pk: 'p', fromSk: '', toSk: 'z', order: 'ascending', limit: 9 } as const;
      seen.push(reader.read((transaction) => transaction.query(range).map(({ sk }) => sk)));
    };
    const upload = Promise.resolve();
    const lane = async (sk: string, steps: number) => {
      for (let step = 0; step < steps; step++) await upload;
      await items.writeTogether((transaction) => transaction.put(key(sk), { t: sk }));
      look();
    };
    await Promise.all([lane('a', 1), lane('b', 3), lane('c', 7)]);
    expect(seen).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ]);
    items.close();
    reader.close();
  });

  it('let timers, sockets and signals have their turn, however soon each is followed by another', async () => {
    const items = await openItems(temporaryDirectory());
    let hasTurned = false;
    setImmediate(() => {
      hasTurned = true;
    });
    for (let n = 0; n < 5; n++) {
      await items.writeTogether((transaction) => transaction.put({ pk: 'p', sk: `${n}` }, { n: 1n }));
    }
    expect(hasTurned).toBe(true);
    items.close();
  });

  it('are refused together while another process writes, and by a store that was closed', async () => {
    const directory = temporaryDirectory();
    const items = await openItems(directory);
    const file = path.join(directory, 'log.sqlite');
    const other = await openDatabase({ path: file, clock, sync: 'process', readOnly: false });
    const put = (sk: string) => items.writeTogether((transaction) => transaction.put(key(sk), { t: sk }));
    other.exec('BEGIN IMMEDIATE');
    const [first, second] = await Promise.allSettled([put('a'), put('b')]);
    expect(first).toMatchObject({ reason: { code: 'THROTTLED', retriable: true } });
    // The wait for the lock blocks everything, so there is one for both.
    expect(second).toHaveProperty('reason', (first as PromiseRejectedResult).reason);
    other.exec('ROLLBACK');
    await Promise.all([put('a'), put('b')]);
    items.close();
    other.close();
    await expect(put('c')).rejects.toMatchObject({ code: 'CLOSED' });
  });
});
