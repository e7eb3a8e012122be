import type { Clock } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import type { LogStore } from '../log/log-store.ts';
import type { Meter } from '../log/meter.ts';
import { memoryStore } from '../memory/memory-store.ts';
import { openFileStore } from '../sqlite/sqlite-store.ts';
import type { ConnectionTarget } from './connection-string.ts';

/** What every store is given. */
export interface OpenStoreDeps {
  readonly clock: Clock;
  readonly meter: Meter;
}

/** Opens the store that a connection string names. Throws what the store throws. */
export async function openStore(target: ConnectionTarget, deps: OpenStoreDeps): Promise<LogStore> {
  switch (target.kind) {
    case 'memory':
      return memoryStore(deps);
    case 'file': {
      const { directory, sync, readOnly } = target;
      return openFileStore({ ...deps, directory, sync, readOnly });
    }
    case 'aws':
      throw new MillraceError('STORE_UNAVAILABLE', 'this version has no AWS store', { retriable: false });
  }
}
