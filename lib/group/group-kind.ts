import { MillraceError } from '../errors.ts';
import type { Group } from './group.ts';

/** Throws INCONSISTENT_GROUP_PROTOCOL when a group is of another kind than what is to be done with it. */
export function checkKind({ name, kind }: Group, expected: Group['kind']): void {
  if (kind === expected) return;
  const isSubscription = kind === 'subscription';
  throw new MillraceError(
    'INCONSISTENT_GROUP_PROTOCOL',
    isSubscription ? `group ${name} is that of a subscription of a function` : `group ${name} is that of consumers`,
    {
      value: name,
      hint: isSubscription ? 'Seek or delete the subscription, or choose another group.' : 'Choose another name.',
    },
  );
}
