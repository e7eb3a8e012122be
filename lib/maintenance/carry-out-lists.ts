import { asMillraceError } from '../errors.ts';
import { isDamage } from '../log/entry-check.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { parseSegmentKey } from '../segment/segment-key.ts';
import { type CondemnedList, decodeCondemned } from './condemned-list.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { readMaintenanceObject } from './maintenance-object.ts';

/** S3: keys of one removal. */
const PAGE = 1_000;

/** Whether what a list condemns may be deleted: a table that is restored to any moment of the window finds all that it names. */
export function isRipe({ atMs }: CondemnedList, nowMs: number, restoreWindowMs: number): boolean {
  return atMs + restoreWindowMs <= nowMs;
}

/** How lists are carried out. */
export interface CarryOutRequest {
  readonly nowMs: number;
  readonly restoreWindowMs: number;
  /** Whether there is no more time. */
  readonly isOver: () => boolean;
  /** Told of each thousand objects that are gone, with what is left of all lists. */
  readonly onPage: (page: CarriedOutPage) => Promise<void>;
}

/** Objects that are gone. */
export interface CarriedOutPage {
  readonly lists: readonly CondemnedList[];
  readonly deleted: number;
  /** Of the list that has come to its end by it; else 0. */
  readonly bytes: number;
}

/**
 * Deletes what ripe lists condemn, a thousand objects at a time; false: the time was over before all were gone. Some at least are deleted, so that slices come to an end however short they are. What was deleted and not
 * stored is deleted again, which does no harm.
 *
 * Requests: 2 reads for each part, a removal for 1,000 objects. Throws what the store throws after ten attempts.
 */
export async function carryOutLists(
  deps: MaintenanceDeps,
  lists: readonly CondemnedList[],
  { nowMs, restoreWindowMs, isOver, onPage }: CarryOutRequest,
): Promise<boolean> {
  let all = lists;
  let hasMoved = false;
  for (let list = all.find((one) => isRipe(one, nowMs, restoreWindowMs)); list !== undefined; ) {
    const keys = await condemnedKeys(deps, list.parts[0]!);
    let at: CondemnedList | undefined = list;
    while (at !== undefined && at.parts.length === list.parts.length) {
      if (hasMoved && isOver()) return false;
      hasMoved = true;
      const from = at.done ?? 0;
      const deleted = await removeAll(deps, keys.slice(from, from + PAGE));
      const before: CondemnedList = at;
      at = leftOf(before, from + PAGE, keys.length);
      all = all.flatMap((one) => (one === before ? (at ?? []) : one));
      await onPage({ lists: all, deleted, bytes: at === undefined ? before.bytes : 0 });
    }
    list = all.find((one) => isRipe(one, nowMs, restoreWindowMs));
  }
  return true;
}

/** What is left of a list of whose first part so many keys were carried out; nothing behind the last part. */
function leftOf({ done: _, ...list }: CondemnedList, done: number, keyCount: number): CondemnedList | undefined {
  if (done < keyCount) return { ...list, done };
  const [, ...parts] = list.parts;
  return parts.length === 0 ? undefined : { ...list, parts };
}

async function removeAll(deps: MaintenanceDeps, keys: readonly string[]): Promise<number> {
  const { prefix, objects } = deps.store;
  const some = keys.map((key) => (prefix === '' ? key : `${prefix}/${key}`));
  if (some.length > 0) await repeatRequest(deps, () => objects.remove(some));
  return some.length;
}

/** What a part condemns: keys without the store's prefix. None where it is gone or damaged: what it named is condemned anew by the next pass. Throws what the store throws after ten attempts. */
export async function condemnedKeys(deps: MaintenanceDeps, part: string): Promise<readonly string[]> {
  const bytes = await readMaintenanceObject(deps, part);
  if (bytes === null) return [];
  try {
    const keys = decodeCondemned(bytes);
    // Nothing but segments is ever deleted.
    for (const key of keys) parseSegmentKey(key);
    return keys;
  } catch (cause) {
    const error = asMillraceError(cause);
    if (!isDamage(error) && error.code !== 'INVALID_REQUEST') throw error;
    return [];
  }
}
