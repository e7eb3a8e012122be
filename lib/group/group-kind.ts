import { MillraceError } from '../errors.ts';
import type { Group, GroupKind } from './group.ts';

/** Throws INCONSISTENT_GROUP_PROTOCOL when what is to be done is for groups of consumers and this one is that of a subscription, or the other way round. */
export function checkKind(group: Group, expected: GroupKind): void {
  if ((group.kind === 'subscription') !== (expected === 'subscription')) throw otherKind(group);
}

/** The group as one that members of this kind may join: one without members becomes what they need. Throws INCONSISTENT_GROUP_PROTOCOL when it has members of another kind, or is that of a subscription. */
export function asKind(group: Group, kind: Exclude<GroupKind, 'subscription'>): Group {
  if (group.kind === kind) return group;
  if (group.kind === 'subscription' || group.members.length > 0) throw otherKind(group);
  return { ...group, kind, assignor: null, assignment: new Map(), handovers: [], coordination: null };
}

const MEMBERS: Readonly<Record<Exclude<GroupKind, 'subscription'>, string>> = {
  sdk: 'consumers of Millrace',
  classic: 'Kafka clients',
  consumer: "Kafka clients with the protocol 'consumer'",
};

function otherKind({ name, kind, members }: Group): MillraceError {
  if (kind === 'subscription') {
    return new MillraceError('INCONSISTENT_GROUP_PROTOCOL', `group ${name} is that of a subscription of a function`, {
      value: name,
      hint: 'Seek or delete the subscription, or choose another group.',
    });
  }
  return new MillraceError('INCONSISTENT_GROUP_PROTOCOL', `group ${name} is that of ${MEMBERS[kind]}`, {
    value: name,
    hint: members.length > 0 ? 'Choose another name, or stop its members first.' : 'Choose another name.',
  });
}
