import { hasCode } from '../errors.ts';
import type { Head } from '../log/head.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';

/** The head as it is, null when the partition is gone. Throws what the store throws after ten attempts. */
export async function headNow(deps: MaintenanceDeps, partition: PartitionKey): Promise<Head | null> {
  const { heads } = deps.store;
  return (await repeatRequest(deps, () => heads.read(partition, { consistent: true }))).answer;
}

/**
 * Reads the index of a partition by its head. Where retention has passed since the head was read, what it has deleted looks like a gap; so where there is one, it is read again by a head that starts later. Null: the
 * partition is gone. Throws OBJECT_MISSING where there is a gap at or above the start, and what `read` throws.
 */
export async function besideRetention<T>(
  deps: MaintenanceDeps,
  { partition, head }: { readonly partition: PartitionKey; readonly head: Head | null },
  read: (head: Head) => Promise<T>,
): Promise<T | null> {
  let current = head;
  while (current !== null) {
    try {
      return await read(current);
    } catch (cause) {
      if (!hasCode(cause, 'OBJECT_MISSING')) throw cause;
      const later = await headNow(deps, partition);
      if (later !== null && later.start <= current.start) throw cause;
      current = later;
    }
  }
  return null;
}
