import type { Clock } from '../clock.ts';
import type { StoreChanges } from '../delay/delay-store.ts';
import type { EventSourceStore } from '../event-source/event-source-store.ts';
import type { Meter } from '../log/meter.ts';
import { memoryStore } from '../memory/memory-store.ts';
import { openFileStore } from '../sqlite/sqlite-store.ts';
import type { ConnectionTarget } from './connection-string.ts';
import { loadAws } from './load-aws.ts';

/** What every store is given. */
export interface OpenStoreDeps {
  readonly clock: Clock;
  readonly meter: Meter;
}

/** Opens the store that a connection string names. Throws what the store throws. */
export async function openStore(target: ConnectionTarget, deps: OpenStoreDeps): Promise<EventSourceStore> {
  switch (target.kind) {
    case 'memory':
      return memoryStore(deps);
    case 'file': {
      const { directory, sync, readOnly } = target;
      return openFileStore({ ...deps, directory, sync, readOnly });
    }
    case 'aws': {
      const { bucket, table, groups, prefix, region, endpoint } = target;
      const { connectAws } = await loadAws(() => import('../aws/index.ts'));
      return connectAws({ ...deps, bucket, logTable: table, groupsTable: groups, prefix, region, endpoint });
    }
  }
}

/** What tells that a store on this machine has changed; undefined for one that is elsewhere. */
export function changesOf(store: EventSourceStore): StoreChanges | undefined {
  return 'changes' in store ? (store.changes as StoreChanges) : undefined;
}
