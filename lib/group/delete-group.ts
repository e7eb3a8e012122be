import { MillraceError } from '../errors.ts';
import { changeGroup } from './change-group.ts';
import { noSuchGroup } from './find-group.ts';
import { finishGroupDeletion } from './finish-group-deletion.ts';
import type { Group } from './group.ts';
import type { GroupDeps } from './group-deps.ts';
import { checkKind } from './group-kind.ts';
import { parseGroupName } from './group-name.ts';

/** A group has members, so what was asked cannot be done to it. */
export function nonEmptyGroup(group: Group, what: string): MillraceError {
  const names = group.members.map(({ id, instanceId }) => instanceId ?? id);
  const shown = names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ');
  return new MillraceError('NON_EMPTY_GROUP', `group ${group.name} cannot be ${what}: it has members (${shown})`, {
    value: group.name,
    hint: 'Stop its members first; those that were killed leave when their session times out and somebody looks.',
  });
}

/**
 * Deletes a group that has no members, with its committed offsets. Who joins under the name later begins a new group.
 *
 * Throws INVALID_GROUP_ID, GROUP_ID_NOT_FOUND (the hint is the nearest name), NON_EMPTY_GROUP, INCONSISTENT_GROUP_PROTOCOL when it is of another kind.
 */
export async function deleteGroup(deps: GroupDeps, name: string, kind: Group['kind'] = 'sdk'): Promise<void> {
  parseGroupName(name);
  let found = false;
  const deleting = await changeGroup(deps, name, async (group) => {
    // Gone after it was there: deleted by us, or by another.
    if (group === null && found) return null;
    if (group === null) throw await noSuchGroup(deps, name);
    found = true;
    checkKind(group, kind);
    if (group.members.length > 0) throw nonEmptyGroup(group, 'deleted');
    return { ...group, state: 'deleting' };
  });
  if (deleting?.state === 'deleting') await finishGroupDeletion(deps, deleting);
}
