import { MillraceError } from '../errors.ts';
import type { Meter } from '../log/meter.ts';
import type { CopyOutcome, ObjectStore, ObjectSummary, PutOutcome } from '../log/object-store.ts';
import { compareUtf8 } from '../log/transactional/compare-utf8.ts';
import { checkRange, checkRemoval, OBJECTS_PER_REQUEST, parseObjectKey } from '../log/transactional/object-requests.ts';

/** Objects in memory. Bytes are copied on the way in and out. */
export class MemoryObjects implements ObjectStore {
  readonly #meter: Meter;
  readonly #objects = new Map<string, Uint8Array>();
  /** All keys in order, until the next change. */
  #sortedKeys: readonly string[] | null = null;
  #closed = false;

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  async put(key: string, bytes: Uint8Array): Promise<PutOutcome> {
    this.#checkOpen();
    parseObjectKey(key);
    this.#meter.count({ kind: 'put', bytes: bytes.length });
    if (this.#objects.has(key)) return 'exists';
    // A `slice` of a Buffer would be no copy.
    this.#objects.set(key, new Uint8Array(bytes));
    this.#sortedKeys = null;
    return 'created';
  }

  async copy(fromKey: string, toKey: string): Promise<CopyOutcome> {
    this.#checkOpen();
    parseObjectKey(fromKey);
    parseObjectKey(toKey);
    this.#meter.count({ kind: 'put', bytes: 0 });
    const bytes = this.#objects.get(fromKey);
    if (bytes === undefined) return 'missing';
    if (this.#objects.has(toKey)) return 'exists';
    // Nobody ever changes them.
    this.#objects.set(toKey, bytes);
    this.#sortedKeys = null;
    return 'created';
  }

  async get(key: string, position: number, lengthBytes: number, into?: Uint8Array): Promise<Uint8Array | null> {
    this.#checkOpen();
    parseObjectKey(key);
    checkRange(position, lengthBytes);
    const bytes = this.#objects.get(key)?.subarray(position, position + lengthBytes) ?? null;
    this.#meter.count({ kind: 'get', bytes: bytes?.length ?? 0 });
    if (bytes === null || into === undefined) return bytes?.slice() ?? null;
    into.set(bytes);
    return into.subarray(0, bytes.length);
  }

  async size(key: string): Promise<number | null> {
    this.#checkOpen();
    parseObjectKey(key);
    this.#meter.count({ kind: 'get', bytes: 0 });
    return this.#objects.get(key)?.length ?? null;
  }

  async remove(keys: readonly string[]): Promise<void> {
    this.#checkOpen();
    checkRemoval(keys);
    if (keys.length === 0) return;
    this.#meter.count({ kind: 'delete', bytes: 0 });
    for (const key of keys) this.#objects.delete(key);
    this.#sortedKeys = null;
  }

  async list(prefix: string, after: string | null, limit: number): Promise<readonly ObjectSummary[]> {
    this.#checkOpen();
    this.#meter.count({ kind: 'list', bytes: 0 });
    this.#sortedKeys ??= [...this.#objects.keys()].sort(compareUtf8);
    const found = this.#sortedKeys.filter(
      (key) => key.startsWith(prefix) && (after === null || compareUtf8(key, after) > 0),
    );
    return found
      .slice(0, Math.min(limit, OBJECTS_PER_REQUEST))
      .map((key) => ({ key, sizeBytes: this.#objects.get(key)!.length }));
  }

  /** Forgets everything; any later call throws CLOSED. */
  close(): void {
    this.#closed = true;
    this.#objects.clear();
    this.#sortedKeys = null;
  }

  #checkOpen(): void {
    if (this.#closed) throw new MillraceError('CLOSED', 'the store is closed', { hint: 'Open it again.' });
  }
}
