import { condemnedKeys } from './carry-out-lists.ts';
import { encodeCondemned, KEYS_PER_PART } from './condemned-list.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { writeMaintenanceObject } from './maintenance-object.ts';

/** Keys of a list that is being made, as far as they are not in a full part yet. A part that is not full is written anew with more, so that a list has few of them however many isolation domains and saves there are. */
export class CondemnedKeys {
  readonly #deps: MaintenanceDeps;
  readonly #epoch: number;
  #keys: string[] = [];
  /** How many of them, from the first, are in the last part. */
  #storedCount = 0;

  constructor(deps: MaintenanceDeps, epoch: number) {
    this.#deps = deps;
    this.#epoch = epoch;
  }

  /** Whether no more should be added before they are stored. */
  get isFull(): boolean {
    return this.#keys.length >= KEYS_PER_PART;
  }

  add(keys: readonly string[]): void {
    for (const key of keys) this.#keys.push(key);
  }

  clear(): void {
    this.#keys = [];
    this.#storedCount = 0;
  }

  /** Makes them durable and returns the names of all parts, given those so far. Throws what the store throws after ten attempts. */
  async store(parts: readonly string[]): Promise<readonly string[]> {
    let all = parts;
    while (this.#keys.length > this.#storedCount) {
      const some = this.#keys.slice(0, KEYS_PER_PART);
      const part = await writeMaintenanceObject(this.#deps, this.#epoch, encodeCondemned(some));
      all = [...(this.#storedCount > 0 ? all.slice(0, -1) : all), part];
      const isFull = some.length === KEYS_PER_PART;
      if (isFull) this.#keys.splice(0, KEYS_PER_PART);
      this.#storedCount = isFull ? 0 : some.length;
    }
    return all;
  }

  /** Goes on with the part that the slice before has written last. */
  async reopen(parts: readonly string[]): Promise<void> {
    const last = parts.at(-1);
    const keys = last === undefined ? [] : await condemnedKeys(this.#deps, last);
    if (keys.length >= KEYS_PER_PART) return;
    this.#keys = [...keys];
    this.#storedCount = keys.length;
  }
}
