import { inParallel } from '../log/in-parallel.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { Group } from './group.ts';
import type { GroupDeps } from './group-deps.ts';

/** Items that are removed at once. */
const PARALLEL = 16;
/** Offsets of one query. */
const PAGE = 500;

/** Removes what a group in the state `deleting` still has: offsets and heartbeats, then the group. May be run again after a crash, and by several at once. */
export async function finishGroupDeletion(deps: GroupDeps, group: Group): Promise<void> {
  const { groups, heartbeats, offsets } = deps.store;
  const { name } = group;
  for (;;) {
    const { answer: page } = await repeatRequest(deps, () => offsets.list(name, null, PAGE));
    if (page.length === 0) break;
    await inParallel(page, PARALLEL, async ({ partition }) => {
      await repeatRequest(deps, () => offsets.remove(name, partition));
    });
  }
  const { answer: observed } = await repeatRequest(deps, () => groups.observe(name, { consistent: true }));
  await inParallel(observed.heartbeats, PARALLEL, async ({ memberId }) => {
    await repeatRequest(deps, () => heartbeats.remove(name, memberId));
  });
  await repeatRequest(deps, () => groups.remove(name, group.groupId));
}
