import { repeatRequest } from '../log/repeat-request.ts';
import { nonEmptyGroup } from './delete-group.ts';
import { findGroup } from './find-group.ts';
import type { GroupDeps } from './group-deps.ts';
import { removeMembers } from './membership-changes.ts';
import { Silence } from './silence.ts';

/** How to wait. */
export interface RemoveSilentOptions {
  /** Told at every look: members that are left, and for how long nobody of them can have beaten yet. */
  readonly onWait?: (members: number, silentMs: number, sessionMs: number) => void;
}

const LOOK_MS = 1_000;
/** Looks that may be missed before silence is not counted on. */
const BLIND_MS = 10_000;

/**
 * Waits until every member of a group has been silent for its session, and takes them out: members that were killed stay until somebody notices. As soon as one beats, NON_EMPTY_GROUP.
 *
 * Throws INVALID_GROUP_ID, GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP.
 */
export async function removeSilentMembers(
  deps: GroupDeps,
  name: string,
  { onWait }: RemoveSilentOptions = {},
): Promise<void> {
  let group = await findGroup(deps, name);
  const silence = new Silence(BLIND_MS);
  const beganMs = deps.clock.monotonicMs();
  const counts = new Map<string, number>();
  while (group.members.length > 0) {
    const nowMs = deps.clock.monotonicMs();
    const { answer } = await repeatRequest(deps, () => deps.store.groups.observe(name, { consistent: true }));
    if (answer.group === null) return;
    group = answer.group;
    // Those of a gateway have no heartbeats here: it hears them, and takes them out itself.
    if (group.kind !== 'sdk' && group.members.length > 0) throw nonEmptyGroup(group, 'emptied');
    silence.note(answer, nowMs);
    const isAlive = answer.heartbeats.some(
      ({ memberId, count }) =>
        (counts.get(memberId) ?? count) !== count && group.members.some(({ id }) => id === memberId),
    );
    if (isAlive) throw nonEmptyGroup(group, 'emptied');
    for (const { memberId, count } of answer.heartbeats) counts.set(memberId, count);
    const dead = silence.deadMembers(answer, null, nowMs);
    if (dead.length > 0) {
      const context = { deps, group: name, acknowledged: new Map() };
      group = (await removeMembers(context, new Set(dead), nowMs + BLIND_MS)) ?? group;
    }
    if (group.members.length === 0) return;
    onWait?.(group.members.length, nowMs - beganMs, Math.max(...group.members.map(({ sessionMs }) => sessionMs)));
    await deps.clock.sleep(LOOK_MS);
  }
}
