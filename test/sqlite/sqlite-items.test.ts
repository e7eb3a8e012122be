import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock as clock } from '../../lib/clock.ts';
import { openDatabase } from '../../lib/sqlite/open-database.ts';
import { SqliteItems } from '../../lib/sqlite/sqlite-items.ts';
import { itemTransactionsContract } from '../log/contract/item-transactions.contract.ts';

itemTransactionsContract('a file store', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-'));
  const file = path.join(directory, 'log.sqlite');
  const database = await openDatabase({ path: file, clock, sync: 'process', readOnly: false });
  const items = new SqliteItems({ database, path: file, readOnly: false });
  const close = () => {
    items.close();
    rmSync(directory, { recursive: true });
  };
  return { items, close };
});
