/** How the life of a member ends. */
import { MillraceError } from '../errors.ts';
import type { GroupMember } from './group.ts';
import type { CheckedMembershipOptions } from './membership-options.ts';

/** By its own count. */
export function sessionExpired({ group, sessionTimeoutMs }: CheckedMembershipOptions): MillraceError {
  return new MillraceError(
    'UNKNOWN_MEMBER_ID',
    `this member of group ${group} could not show a sign of life for ${sessionTimeoutMs} ms, so others may have its partitions`,
    {
      value: group,
      hint: 'Do not block the event loop; look at the store; or raise sessionTimeoutMs. It joins again by itself.',
    },
  );
}

/** By the count of another. */
export function takenForDead({ group }: CheckedMembershipOptions): MillraceError {
  return new MillraceError(
    'UNKNOWN_MEMBER_ID',
    `this member was taken out of group ${group}: it was silent for too long`,
    {
      value: group,
      hint: 'Do not block the event loop, or raise sessionTimeoutMs. It joins again by itself.',
    },
  );
}

/** By another who has its lasting name. */
export function fencedInstance({ group, groupInstanceId }: CheckedMembershipOptions, heir: GroupMember): MillraceError {
  return new MillraceError(
    'FENCED_INSTANCE_ID',
    `another process has joined group ${group} as ${groupInstanceId}: member ${heir.id}`,
    { value: groupInstanceId, hint: 'Give each process that runs at the same time an instance id of its own.' },
  );
}
