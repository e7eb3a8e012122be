/** The two waits of a rebalance: for all members to join, and for the leader to assign. See `classic-group.ts`. */
import {
  answerJoin,
  answerSync,
  type ClassicGroup,
  clearAssignments,
  currentJoin,
  currentSync,
  isCompleting,
  refuseWaiting,
  store,
  touch,
} from './classic-group.ts';
import { type ClassicMember, refusedSync, selectProtocol } from './classic-member.ts';

/** Static members who allow a rebalance no time are waited for this long at a time. */
const STATIC_WAIT_MS_MIN = 1_000;

/** Begins a rebalance, unless one has begun. */
export function prepareRebalance(group: ClassicGroup, nowMs: number): void {
  if (group.phase === 'preparing') {
    tryCompleteJoin(group, nowMs);
    return;
  }
  if (isCompleting(group)) {
    clearAssignments(group);
    for (const member of group.members.values()) answerSync(member, refusedSync('REBALANCE_IN_PROGRESS'));
  }
  const rebalanceMs = longestRebalanceMs(group);
  const isInitial = group.phase === 'empty';
  const delayMs = isInitial ? Math.min(group.settings.initialRebalanceDelayMs, rebalanceMs) : rebalanceMs;
  group.window = {
    endsMs: nowMs + delayMs,
    initial: isInitial ? { remainingMs: rebalanceMs - delayMs, hasNewMember: false } : null,
  };
  group.phase = 'preparing';
  group.syncByMs = null;
  if (isInitial && delayMs === 0) completeJoin(group, nowMs);
  else tryCompleteJoin(group, nowMs);
}

function longestRebalanceMs(group: ClassicGroup): number {
  return Math.max(0, ...[...group.members.values()].map(({ rebalanceMs }) => rebalanceMs));
}

/** Goes on to the next generation when everybody has joined; the first rebalance of an empty group waits for its time in any case. */
export function tryCompleteJoin(group: ClassicGroup, nowMs: number): void {
  if (group.phase !== 'preparing') return;
  const isWaiting = [...group.members.values()].some(({ join }) => join === null) || group.pending.size > 0;
  const isTimed = group.window?.initial != null && group.members.size > 0;
  if (!isWaiting && !isTimed) completeJoin(group, nowMs);
}

/** The time of a window is over. */
export function endWindow(group: ClassicGroup, nowMs: number): void {
  const window = group.window!;
  const { initial } = window;
  if (initial?.hasNewMember && initial.remainingMs > 0) {
    const delayMs = Math.min(group.settings.initialRebalanceDelayMs, initial.remainingMs);
    initial.hasNewMember = false;
    initial.remainingMs -= delayMs;
    window.endsMs = nowMs + delayMs;
  } else completeJoin(group, nowMs);
}

/** Everybody has joined, or has had the time: who is dynamic and did not is out, and the next generation begins. */
function completeJoin(group: ClassicGroup, nowMs: number): void {
  for (const member of [...group.members.values()]) {
    if (member.join === null && member.instanceId === null) dropMember(group, member);
  }
  if (group.members.size === 0) {
    becomeEmpty(group);
    return;
  }
  const joined = [...group.members.values()].filter(({ join }) => join !== null);
  if (joined.length === 0) {
    // Static members alone, none of whom has come back yet: they are waited for until their sessions end.
    group.window = { endsMs: nowMs + Math.max(longestRebalanceMs(group), STATIC_WAIT_MS_MIN), initial: null };
    return;
  }
  if (!joined.some(({ id }) => id === group.leader)) group.leader = joined[0]!.id;
  group.generation += 1;
  group.isInherited = false;
  group.protocol = selectProtocol(group.members.values());
  group.phase = 'completing';
  group.window = null;
  group.syncByMs = nowMs + longestRebalanceMs(group);
  for (const member of joined) {
    member.isNew = false;
    member.mustSync = true;
    touch(member, nowMs);
    answerJoin(member, currentJoin(group, member.id));
  }
}

function becomeEmpty(group: ClassicGroup): void {
  group.generation += 1;
  group.phase = 'empty';
  group.window = null;
  group.syncByMs = null;
  group.leader = null;
  group.protocol = null;
  store(group);
}

/** Takes a member out, whatever follows from that. */
export function dropMember(group: ClassicGroup, member: ClassicMember): void {
  group.members.delete(member.id);
  refuseWaiting(member, 'UNKNOWN_MEMBER_ID');
  if (group.leader === member.id) group.leader = group.members.keys().next().value ?? null;
}

/** Takes a member out, and the others begin a rebalance. */
export function removeMember(group: ClassicGroup, member: ClassicMember, nowMs: number): void {
  dropMember(group, member);
  prepareRebalance(group, nowMs);
}

/** The leader has assigned: everybody gets it once it is stored. */
export function beginStoring(group: ClassicGroup, assignments: ReadonlyMap<string, Uint8Array>): void {
  clearAssignments(group);
  for (const [memberId, assignment] of assignments) {
    const member = group.members.get(memberId);
    if (member !== undefined) member.assignment = assignment;
  }
  group.phase = 'storing';
  const { generation } = group;
  store(group, (error) => {
    if (error !== null || group.phase !== 'storing' || group.generation !== generation) return;
    group.phase = 'stable';
    for (const member of group.members.values()) answerSync(member, currentSync(group, member));
  });
}

/** When `tick` has something to do next; infinity for never. Monotonic. */
export function nextDeadlineMs(group: ClassicGroup): number {
  const deadlines = [group.window?.endsMs, group.syncByMs ?? undefined, ...group.pending.values()];
  for (const member of group.members.values()) if (mayExpire(member)) deadlines.push(member.deadlineMs);
  return Math.min(...deadlines.filter((deadline) => deadline !== undefined));
}

/** Whoever waits for an answer lives; but a new member may have gone away while it waits. */
function mayExpire({ join, sync, isNew }: ClassicMember): boolean {
  return isNew || (join === null && sync === null);
}

/** Does what is due: ends waits, and takes out those who were silent for too long. */
export function tick(group: ClassicGroup, nowMs: number): void {
  for (const [memberId, deadlineMs] of [...group.pending]) {
    if (deadlineMs > nowMs) continue;
    group.pending.delete(memberId);
    tryCompleteJoin(group, nowMs);
  }
  for (const member of [...group.members.values()]) {
    const isDead = mayExpire(member) && member.deadlineMs <= nowMs;
    if (isDead && group.members.get(member.id) === member) removeMember(group, member, nowMs);
  }
  if (group.window !== null && group.window.endsMs <= nowMs) endWindow(group, nowMs);
  if (group.syncByMs !== null && group.syncByMs <= nowMs) expireSyncs(group, nowMs);
}

function expireSyncs(group: ClassicGroup, nowMs: number): void {
  group.syncByMs = null;
  const late = [...group.members.values()].filter(({ mustSync }) => mustSync);
  for (const member of late) dropMember(group, member);
  if (late.length > 0) prepareRebalance(group, nowMs);
}
