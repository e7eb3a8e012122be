import { MillraceError } from '../errors.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { nearestName } from '../nearest-name.ts';
import type { Group } from './group.ts';
import type { GroupDeps } from './group-deps.ts';
import { parseGroupName } from './group-name.ts';

/** Names of one listing. */
const PAGE = 1_000;

/** Names of all groups in the order of their bytes, also of those that are being deleted; one request for 1,000. */
export async function listGroups(deps: GroupDeps): Promise<readonly string[]> {
  const names: string[] = [];
  for (;;) {
    const after = names.at(-1) ?? null;
    const { answer } = await repeatRequest(deps, () => deps.store.groups.list(after, PAGE));
    if (answer.length === 0) return names;
    names.push(...answer);
  }
}

/** There is no such group; the hint is the nearest name. */
export async function noSuchGroup(deps: GroupDeps, name: string): Promise<MillraceError> {
  const nearest = nearestName(name, await listGroups(deps));
  return new MillraceError('GROUP_ID_NOT_FOUND', `there is no group ${name}`, {
    value: name,
    hint:
      nearest === undefined
        ? 'A group is made by its first member, or by a seek that names topics.'
        : `Did you mean ${nearest}?`,
  });
}

/** A group that is there and not being deleted, by a consistent read. Throws INVALID_GROUP_ID, and GROUP_ID_NOT_FOUND with the nearest name. */
export async function findGroup(deps: GroupDeps, name: string): Promise<Group> {
  parseGroupName(name);
  const { answer: group } = await repeatRequest(deps, () => deps.store.groups.get(name));
  if (group === null || group.state === 'deleting') throw await noSuchGroup(deps, name);
  return group;
}
