import { repeatRequest } from '../log/repeat-request.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import type { SubscriptionAdminDeps } from './subscription-parts.ts';

/** Removes a replay: first nobody works on it any more, then its progress goes, last the replay itself, so that it may be done again. */
export async function removeReplay(deps: SubscriptionAdminDeps, replay: FunctionSubscription): Promise<void> {
  const { subscriptions, offsets } = deps.store;
  const off = { ...replay, options: { ...replay.options, enabled: false } };
  await repeatRequest(deps, () => subscriptions.update(off));
  for (const { partition } of replay.replay!.ranges) {
    const key = { topicId: replay.topicId, partition };
    await repeatRequest(deps, () => offsets.remove(replay.group, key));
  }
  await repeatRequest(deps, () => deps.store.limits.remove(replay.group));
  await repeatRequest(deps, () => subscriptions.remove(replay));
}
