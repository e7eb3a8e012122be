import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock as clock } from '../../lib/clock.ts';
import { type FileStoreOptions, openFileStore } from '../../lib/sqlite/sqlite-store.ts';
import { logStoreContract } from '../log/contract/log-store.contract.ts';
import { meteringContract } from '../log/contract/metering.contract.ts';

async function openFresh(options: Partial<FileStoreOptions> = {}) {
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-'));
  const store = await openFileStore({ directory, clock, ...options });
  const close = async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  };
  return { store, close };
}

logStoreContract('a file store', () => openFresh());
logStoreContract('a file store that survives a loss of power', () => openFresh({ sync: 'power' }));
meteringContract('a file store', (meter) => openFresh({ meter }));
