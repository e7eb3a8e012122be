import { hasCode } from '../errors.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { readMaintenanceObject } from './maintenance-object.ts';
import { NamesFilter } from './names-filter.ts';

/** Names that a slice before has stored; null where there are none, or they cannot be read any more. Throws what the store throws after ten attempts. */
export async function storedNames(deps: MaintenanceDeps, object: string | null): Promise<NamesFilter | null> {
  const bytes = object === null ? null : await readMaintenanceObject(deps, object);
  if (bytes === null) return null;
  try {
    return NamesFilter.decode(bytes);
  } catch (error) {
    if (hasCode(error, 'CORRUPT_OBJECT')) return null;
    throw error;
  }
}
