import { backoffMs } from '../log/backoff.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { finishGroupDeletion } from './finish-group-deletion.ts';
import type { Group } from './group.ts';
import type { GroupDeps } from './group-deps.ts';

/** From the group as it is (null: there is none) to the group to write, or null to leave it. Asked again whenever somebody else was faster, so it must find its own work done. */
export type GroupDecision = (group: Group | null) => Promise<Group | null> | Group | null;

/**
 * Changes a group: reads it, decides, writes it IF it is still the one that was read, and begins again otherwise. An unanswered write is repeated; that it took effect shows in what
 * is read next. A group that is being deleted is deleted first.
 *
 * Returns the group as it is then, null when there is none. Throws what the decision throws, and what the store throws after ten attempts.
 */
export async function changeGroup(deps: GroupDeps, name: string, decide: GroupDecision): Promise<Group | null> {
  const { groups } = deps.store;
  for (let attempt = 1; ; attempt++) {
    const { answer: current } = await repeatRequest(deps, () => groups.get(name));
    if (current?.state === 'deleting') {
      await finishGroupDeletion(deps, current);
      continue;
    }
    const next = await decide(current);
    if (next === null) return current;
    const write = () => (current === null ? groups.create(next) : groups.update(next));
    const { answer } = await repeatRequest(deps, write);
    if (answer.outcome === 'done') return answer.item;
    await deps.clock.sleep(backoffMs(Math.min(attempt, 4), deps.random));
  }
}
