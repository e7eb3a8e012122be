/** The port to immutable objects. */

/** `exists`: there was an object under the key, and it is unchanged. */
export type PutOutcome = 'created' | 'exists';

/** As `PutOutcome`; `missing`: there is nothing to copy, and nothing was written. */
export type CopyOutcome = PutOutcome | 'missing';

/** What is stored under a key. */
export interface ObjectSummary {
  readonly key: string;
  readonly sizeBytes: number;
}

/**
 * Immutable objects under keys that are never used twice.
 *
 * Reads see every put that was answered. An error thrown is one of: `UnansweredError` (the request may have taken effect, or may do so later),
 * retriable (answered, without effect: THROTTLED, STORE_UNAVAILABLE, CHECKSUM_MISMATCH), or final (STORE_MISSING, ACCESS_DENIED,
 * CREDENTIALS_EXPIRED, STORE_FULL, STORE_READ_ONLY). An implementation never repeats a request by itself.
 */
export interface ObjectStore {
  /** Writes an object if there is none under `key`; never overwrites. All of it is durable when this resolves. After `created` nobody looks at `bytes` any more; otherwise a request may still be sending them. */
  put(key: string, bytes: Uint8Array): Promise<PutOutcome>;
  /** Makes an object with the bytes of another one, as `put` does, on the side of the store: no bytes go through the caller. Costs what a put costs. */
  copy(fromKey: string, toKey: string): Promise<CopyOutcome>;
  /**
   * `lengthBytes` bytes from `position`, or null when there is no such object; fewer only at the end of the object. The result is the caller's own: where `into` is given, which has room
   * for them, a view of it. Nothing is written there once this has settled.
   */
  get(key: string, position: number, lengthBytes: number, into?: Uint8Array): Promise<Uint8Array | null>;
  /** Size of an object, or null when there is none. */
  size(key: string): Promise<number | null>;
  /** Deletes objects, up to 1,000; those that are not there are deleted already. */
  remove(keys: readonly string[]): Promise<void>;
  /** Objects whose key begins with `prefix`, in the order of their keys' bytes, above `after`, at most `limit` (1,000). Never on a read or write path. */
  list(prefix: string, after: string | null, limit: number): Promise<readonly ObjectSummary[]>;
}
