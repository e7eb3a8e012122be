import { repeatRequest } from '../log/repeat-request.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';

/** Objects of one listing. */
const PAGE = 1_000;

/**
 * The isolation domain that follows `after` in the order of keys, of those that have objects; null behind the last. Topics that are gone have left theirs. What is no key of a segment is passed over.
 *
 * One listing for each domain; for every 1,000 objects of others one more.
 */
export async function nextDomain(deps: MaintenanceDeps, after: string | null): Promise<string | null> {
  const { prefix, objects } = deps.store;
  const root = prefix === '' ? '' : `${prefix}/`;
  // '0' is what follows '/'.
  let from = after === null ? null : `${root}${after}0`;
  for (;;) {
    const { answer } = await repeatRequest(deps, () => objects.list(root, from, PAGE));
    if (answer.length === 0) return null;
    for (const { key } of answer) {
      const domain = key.slice(root.length).split('/', 1)[0]!;
      if (isDomain(domain)) return domain;
    }
    const last = answer.at(-1)!.key;
    const folder = last.slice(root.length).split('/', 1)[0]!;
    // A folder that is not ours is passed as a whole; a lone file by itself.
    from = last.length > root.length + folder.length ? `${root}${folder}0` : last;
  }
}

function isDomain(text: string): boolean {
  return /^[a-z0-9-]{1,64}$/.test(text);
}
