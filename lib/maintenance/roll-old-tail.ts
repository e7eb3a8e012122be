import { decodeEntry } from '../log/entry.ts';
import type { Head } from '../log/head.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { rollTail } from '../log/roll.ts';
import { idTimeMs } from '../segment/segment-id.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';

/** A chunk may take less than a tail has. */
const ROLLS_MOST = 16;

/** How old entries are. */
export interface TailAges {
  readonly nowMs: number;
  /** A tail is rolled when an object that it names is so old. */
  readonly waitMs: number;
  /** Younger entries stay in it. */
  readonly ageMs: number;
}

/** Whether a tail names an object, which cannot be deleted as long as it does, however little of it is meant. Throws CORRUPT_OBJECT. */
export function namesObjects({ tail }: Pick<Head, 'tail'>): boolean {
  return tail.some((bytes) => decodeEntry(bytes).kind === 'reference');
}

/** How many entries of a tail, from its first, go into a chunk although nobody writes any more. Throws CORRUPT_OBJECT. */
export function oldEntries({ tail }: Pick<Head, 'tail'>, { nowMs, waitMs, ageMs }: TailAges): number {
  const entries = tail.map((bytes) => decodeEntry(bytes));
  const isOlder = (id: string, thanMs: number) => idTimeMs(id) + thanMs <= nowMs;
  if (!entries.some(({ kind, id }) => kind === 'reference' && isOlder(id, waitMs))) return 0;
  const firstYoung = entries.findIndex(({ id }) => !isOlder(id, ageMs));
  return firstYoung < 0 ? entries.length : firstYoung;
}

/**
 * Rolls what is old in the tail of a partition to which hardly anybody writes: a writer rolls only a full one, and until then the objects that it names are kept whole. Returns the head behind that. A tail that names no
 * object stays: it costs nothing where it is. Throws what the store throws after ten attempts, CORRUPT_OBJECT.
 */
export async function rollOldTail(
  deps: MaintenanceDeps,
  partition: PartitionKey,
  head: Head,
  ages: TailAges,
): Promise<Head> {
  let current = head;
  for (let roll = 0; roll < ROLLS_MOST; roll++) {
    const count = oldEntries(current, ages);
    if (count === 0) break;
    const old = { ...current, tail: current.tail.slice(0, count) };
    const { answer: rolled } = await repeatRequest(deps, () => rollTail(deps.store, partition, old));
    // Somebody else is at it.
    if (rolled === null) break;
    current = rolled;
  }
  return current;
}
