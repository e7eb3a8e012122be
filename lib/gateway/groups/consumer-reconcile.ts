/** Brings a member one step nearer to its target: first it lets go, then it is given what others have let go of. See `consumer-group.ts`. */
import type { ConsumerGroup, ConsumerMember, Partitions } from './consumer-group.ts';

/** Whether anything changed. `owned`: what the member says that it has; null when it does not say. */
export function reconcile(
  group: ConsumerGroup,
  member: ConsumerMember,
  owned: Partitions | null,
  nowMs: number,
): boolean {
  switch (member.state) {
    case 'stable':
      return member.epoch < group.epoch && advance(group, member, { epoch: member.epoch, owned, nowMs });
    case 'unreleased':
      return advance(group, member, { epoch: member.epoch, owned, nowMs });
    case 'unrevoked': {
      if (owned === null || [...member.revoking].some((partition) => owned.has(partition))) return false;
      return advance(group, member, { epoch: member.epoch + 1, owned, nowMs });
    }
  }
}

function advance(
  group: ConsumerGroup,
  member: ConsumerMember,
  { epoch, owned, nowMs }: { readonly epoch: number; readonly owned: Partitions | null; readonly nowMs: number },
): boolean {
  const before = textOf(member);
  const { target } = member;
  const kept = [...member.assigned].filter((partition) => target.has(partition));
  const leaving = [...member.assigned].filter((partition) => !target.has(partition));
  const mustLetGo = leaving.filter((partition) => owned === null || owned.has(partition));
  if (mustLetGo.length > 0) {
    // It stays in its epoch until it has.
    setEpoch(member, Math.min(epoch, group.epoch));
    Object.assign(member, { state: 'unrevoked', assigned: new Set(kept), revoking: new Set(leaving) });
    member.revokeByMs = nowMs + member.rebalanceMs;
    return textOf(member) !== before;
  }
  const wanted = [...target].filter((partition) => !member.assigned.has(partition));
  const held = wanted.length === 0 ? new Set<string>() : heldByOthers(group, member);
  const free = wanted.filter((partition) => !held.has(partition));
  setEpoch(member, group.epoch);
  member.state = free.length < wanted.length ? 'unreleased' : 'stable';
  member.assigned = new Set([...kept, ...free]);
  member.revoking = new Set();
  member.revokeByMs = null;
  return textOf(member) !== before;
}

function setEpoch(member: ConsumerMember, epoch: number): void {
  if (epoch === member.epoch) return;
  member.previousEpoch = member.epoch;
  member.epoch = epoch;
}

function heldByOthers(group: ConsumerGroup, member: ConsumerMember): Partitions {
  const held = new Set<string>();
  for (const other of group.members.values()) {
    if (other === member) continue;
    for (const partition of other.assigned) held.add(partition);
    for (const partition of other.revoking) held.add(partition);
  }
  return held;
}

function textOf({ epoch, state, assigned, revoking }: ConsumerMember): string {
  return [epoch, state, ...assigned, '-', ...revoking].join();
}
