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

/**
 * Deletes the objects of one part of a list and returns how many. A part that is gone, or damaged, condemns nothing: what it named is condemned anew by the next pass. May be done again after a crash.
 *
 * Requests: 2 reads, a removal for 1,000 objects. Throws what the store throws after ten attempts.
 */
export async function carryOutPart(deps: MaintenanceDeps, part: string): Promise<number> {
  const { prefix } = deps.store;
  const keys = (await condemnedKeys(deps, part)).map((key) => (prefix === '' ? key : `${prefix}/${key}`));
  for (let from = 0; from < keys.length; from += PAGE) {
    const some = keys.slice(from, from + PAGE);
    await repeatRequest(deps, () => deps.store.objects.remove(some));
  }
  return keys.length;
}

/** What a part condemns: keys without the store's prefix; none where it is gone or damaged. Throws what the store throws after ten attempts. */
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
