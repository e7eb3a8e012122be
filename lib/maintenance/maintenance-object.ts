/**
 * Objects that maintenance keeps for itself, under `<prefix>/_maintenance/<epoch, 10 digits>-<uuid>`. No isolation domain can be called so, and no grant to read records covers it. Written once under a name that nobody has
 * used, named by the state of the job that wrote it, and deleted when that names it no more.
 */
import { freshUuid } from '../log/fresh-uuid.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { putUnderFreshName } from './put-under-fresh-name.ts';

const FOLDER = '_maintenance/';
const EPOCH_DIGITS = 10;
/** S3: keys of one removal, and objects of one listing. */
const PAGE = 1_000;

function folderOf(deps: MaintenanceDeps): string {
  const { prefix } = deps.store;
  return prefix === '' ? FOLDER : `${prefix}/${FOLDER}`;
}

/** Writes an object and returns its name. Throws what the store throws after ten attempts. */
export async function writeMaintenanceObject(deps: MaintenanceDeps, epoch: number, bytes: Uint8Array): Promise<string> {
  return putUnderFreshName(deps, bytes, () => {
    const name = `${String(epoch).padStart(EPOCH_DIGITS, '0')}-${freshUuid(deps.random)}`;
    return { name, key: `${folderOf(deps)}${name}` };
  });
}

/** The bytes of an object, null when there is none. Throws what the store throws after ten attempts. */
export async function readMaintenanceObject(deps: MaintenanceDeps, name: string): Promise<Uint8Array | null> {
  const key = `${folderOf(deps)}${name}`;
  const { answer: size } = await repeatRequest(deps, () => deps.store.objects.size(key));
  if (size === null) return null;
  return (await repeatRequest(deps, () => deps.store.objects.get(key, 0, size))).answer;
}

/** Deletes those that takes before this one have left, but for what is still named. */
export async function removeMaintenanceObjects(
  deps: MaintenanceDeps,
  epoch: number,
  named: ReadonlySet<string>,
): Promise<void> {
  const folder = folderOf(deps);
  let after: string | null = null;
  for (;;) {
    const { answer } = await repeatRequest(deps, () => deps.store.objects.list(folder, after, PAGE));
    if (answer.length === 0) return;
    const left = answer.filter(({ key }) => isLeft(key.slice(folder.length), epoch, named)).map(({ key }) => key);
    if (left.length > 0) await repeatRequest(deps, () => deps.store.objects.remove(left));
    after = answer.at(-1)!.key;
  }
}

/** What a take writes that comes after ours is not ours to judge. */
function isLeft(name: string, epoch: number, named: ReadonlySet<string>): boolean {
  return Number(name.slice(0, EPOCH_DIGITS)) <= epoch && !named.has(name);
}
