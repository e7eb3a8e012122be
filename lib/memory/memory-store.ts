import type { Clock } from '../clock.ts';
import { firstDueMinutes, transactionalDelays } from '../delay/transactional/transactional-delays.ts';
import type { EmbeddedStore } from '../event-source/event-source-store.ts';
import { transactionalEventSource } from '../event-source/transactional/transactional-event-source.ts';
import { transactionalGroupStore } from '../group/transactional/transactional-groups.ts';
import { type Meter, noMeter } from '../log/meter.ts';
import { transactionalStore } from '../log/transactional/transactional-store.ts';
import { transactionalMaintenance } from '../maintenance/transactional/transactional-jobs.ts';
import { parsePrefix } from '../segment/segment-key.ts';
import { MemoryItems } from './memory-items.ts';
import { MemoryObjects } from './memory-objects.ts';

/** How a memory store is made. */
export interface MemoryStoreOptions {
  readonly clock: Clock;
  /** Told of every request, in the units that AWS charges; default: nobody. */
  readonly meter?: Meter;
  /** Prefix of all object keys; default none. */
  readonly prefix?: string;
}

/**
 * A store in the memory of this process, for tests and trials: everything is gone when it is closed.
 *
 * Throws INVALID_REQUEST when `prefix` is not one.
 */
export function memoryStore(options: MemoryStoreOptions): EmbeddedStore {
  const meter = options.meter ?? noMeter;
  const items = new MemoryItems();
  const objects = new MemoryObjects(meter);
  const log = transactionalStore({
    items,
    objects,
    clock: options.clock,
    meter,
    prefix: parsePrefix(options.prefix ?? ''),
    async close() {
      items.close();
      objects.close();
    },
  });
  return {
    ...log,
    ...transactionalGroupStore(items, meter),
    ...transactionalMaintenance(items, meter),
    ...transactionalDelays({ items, meter }),
    ...transactionalEventSource(items, meter),
    changes: {
      count: () => items.writeCount,
      dueMinutes: (limitPerShard) => firstDueMinutes({ items, meter: noMeter }, limitPerShard),
    },
  };
}
