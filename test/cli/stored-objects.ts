import { systemClock } from '../../lib/clock.ts';
import type { ObjectStore } from '../../lib/log/object-store.ts';
import { openFileStore } from '../../lib/sqlite/sqlite-store.ts';

/** Objects of a file store that no command has open, wherever it keeps them, and what becomes of them behind Millrace's back. */
export class StoredObjects {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** In the order in which they were written. */
  async keys(): Promise<readonly string[]> {
    const found = await this.#with((objects) => objects.list('', null, 1_000));
    return found.map(({ key }) => key).sort((left, right) => (left.slice(-26) < right.slice(-26) ? -1 : 1));
  }

  bytes(key: string): Promise<Uint8Array> {
    return this.#with((objects) => bytesOf(objects, key));
  }

  remove(keys: readonly string[]): Promise<void> {
    return this.#with((objects) => objects.remove(keys));
  }

  /** Puts other bytes in the place of an object's. */
  change(key: string, change: (bytes: Uint8Array) => Uint8Array): Promise<void> {
    return this.#with(async (objects) => {
      const changed = change(await bytesOf(objects, key));
      await objects.remove([key]);
      await objects.put(key, changed);
    });
  }

  async #with<T>(action: (objects: ObjectStore) => Promise<T>): Promise<T> {
    const store = await openFileStore({ directory: this.#directory, clock: systemClock });
    try {
      return await action(store.objects);
    } finally {
      await store.close();
    }
  }
}

async function bytesOf(objects: ObjectStore, key: string): Promise<Uint8Array> {
  const sizeBytes = await objects.size(key);
  const bytes = sizeBytes === null ? null : await objects.get(key, 0, sizeBytes);
  if (bytes === null) throw new Error(`there is no object ${key}`);
  return bytes;
}
