import path from 'node:path';
import type { Clock } from '../clock.ts';
import { firstDueMinutes, transactionalDelays } from '../delay/transactional/transactional-delays.ts';
import type { EmbeddedStore } from '../event-source/event-source-store.ts';
import { transactionalEventSource } from '../event-source/transactional/transactional-event-source.ts';
import { transactionalGroupStore } from '../group/transactional/transactional-groups.ts';
import { type Meter, noMeter } from '../log/meter.ts';
import { transactionalStore } from '../log/transactional/transactional-store.ts';
import { transactionalMaintenance } from '../maintenance/transactional/transactional-jobs.ts';
import { parsePrefix } from '../segment/segment-key.ts';
import { Checkpoints } from './checkpoints.ts';
import { FileObjects } from './file-objects.ts';
import { makeDirectory } from './make-directory.ts';
import { openDatabase } from './open-database.ts';
import { PackedObjects } from './packed-objects.ts';
import { removeStaleFiles } from './publish-file.ts';
import { SqliteItems } from './sqlite-items.ts';
import { storeError } from './store-errors.ts';

/** How a file store is opened. */
export interface FileStoreOptions {
  /** Made when there is none. Holds `log.sqlite`, `objects.sqlite`, `objects/`, `packs/` and `tmp/`; must be on one local file system with hard links. */
  readonly directory: string;
  readonly clock: Clock;
  /** Told of every request, in the units that AWS charges; default: nobody. */
  readonly meter?: Meter;
  /** Prefix of all object keys; default none. */
  readonly prefix?: string;
  /**
   * What an acknowledged write survives. `process` (default): the end of the process at any moment, SIGKILL included, but not of the machine. `power`: also a
   * loss of power; each write then waits for the disk.
   */
  readonly sync?: 'process' | 'power';
  /** Refuses every write with STORE_READ_ONLY and changes nothing on the disk; default false. */
  readonly readOnly?: boolean;
}

/**
 * Opens a store in a directory: items in SQLite, objects in files. Several processes may use it at once.
 *
 * Throws INVALID_REQUEST when `directory` is a file or `prefix` is not one, UNSUPPORTED_FORMAT when a newer Millrace wrote the store, CORRUPT_OBJECT when
 * the database is damaged, STORE_MISSING when there is none to read, STORE_READ_ONLY, STORE_FULL, and STORE_UNAVAILABLE without node:sqlite.
 */
export async function openFileStore(options: FileStoreOptions): Promise<EmbeddedStore> {
  const { directory, clock, meter = noMeter, sync = 'process', readOnly = false } = options;
  const prefix = parsePrefix(options.prefix ?? '');
  const temporaryDirectory = path.join(directory, 'tmp');
  const objectDirectory = path.join(directory, 'objects');
  if (!readOnly) {
    await makeDirectories(directory, [objectDirectory, temporaryDirectory]);
    await removeStaleFiles(temporaryDirectory, clock);
  }
  const databasePath = path.join(directory, 'log.sqlite');
  const database = await openDatabase({ path: databasePath, clock, sync, readOnly });
  // With sync=power each commit waits for the disk anyway.
  const isApart = sync === 'process' && !readOnly;
  let checkpoints: Checkpoints | undefined;
  const onWritten = () => checkpoints?.wrote();
  const packs = await PackedObjects.open({ directory, clock, sync, readOnly, onWritten }).catch((error: unknown) => {
    database.close();
    throw storeError(error, 'opening the store', directory);
  });
  if (isApart) checkpoints = new Checkpoints([{ database, path: databasePath }, ...(packs ? [packs.database] : [])]);
  const items = new SqliteItems({ database, path: databasePath, readOnly, onWritten });
  const objects = new FileObjects({ directory: objectDirectory, temporaryDirectory, sync, readOnly, meter, packs });
  const log = transactionalStore({
    items,
    objects,
    clock,
    meter,
    prefix,
    async close() {
      objects.close();
      items.close();
      await checkpoints?.close();
    },
  });
  return {
    ...log,
    ...transactionalGroupStore(items, meter),
    ...transactionalMaintenance(items, meter),
    ...transactionalDelays({ items, meter }),
    ...transactionalEventSource(items, meter),
    changes: {
      count: () => items.changeCount(),
      dueMinutes: (limitPerShard) => firstDueMinutes({ items, meter: noMeter }, limitPerShard),
    },
  };
}

async function makeDirectories(directory: string, below: readonly string[]): Promise<void> {
  try {
    for (const made of below) await makeDirectory(made);
  } catch (error) {
    throw storeError(error, 'opening the store', directory);
  }
}
