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
