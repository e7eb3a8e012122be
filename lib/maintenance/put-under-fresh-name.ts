import { MillraceError } from '../errors.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';

/** Names that are tried. */
const MAX_NAMES = 4;

/** Puts an object under a name that nobody has used, and returns the name. Throws what the store throws after ten attempts. */
export async function putUnderFreshName(
  deps: Pick<MaintenanceDeps, 'clock' | 'random'> & { readonly store: Pick<MaintenanceDeps['store'], 'objects'> },
  bytes: Uint8Array,
  fresh: () => { readonly name: string; readonly key: string },
): Promise<string> {
  let last = '';
  for (let attempt = 0; attempt < MAX_NAMES; attempt++) {
    const { name, key } = fresh();
    last = name;
    const { answer, unanswered } = await repeatRequest(deps, () => deps.store.objects.put(key, bytes));
    // What is there behind an attempt of ours that was not answered is ours; at a first attempt it is somebody else's.
    if (answer === 'created' || unanswered) return name;
  }
  throw new MillraceError('STORE_UNAVAILABLE', `there are objects of maintenance under every new name, as ${last}`, {
    value: last,
    hint: 'The random numbers of this machine are not random.',
    retriable: false,
  });
}
