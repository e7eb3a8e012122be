/**
 * Subscriptions by their names alone. Their items lie under the ids of their topics, and the group of a subscription's name knows its topic: two reads, however many subscriptions there are.
 *
 * Always true: the group is made before the subscription, and names its topic; the subscription is removed before the group.
 */
import { repeatRequest } from '../log/repeat-request.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import { retryGroups } from './retry-topics.ts';
import { MAX_RETRY_DELAYS } from './subscription-options.ts';
import type { SubscriptionDeps } from './subscription-parts.ts';
import { allSubscriptions } from './sweeper.ts';

/** A subscription, or one of what belongs to one; null when there is none. Only where something was interrupted, or is going on, are all of them listed. */
export async function findSubscription(deps: SubscriptionDeps, name: string): Promise<FunctionSubscription | null> {
  const { answer: group } = await repeatRequest(deps, () => deps.store.groups.get(name));
  if (group?.kind !== 'subscription' || group.state === 'deleting') return null;
  for (const { topicId } of group.topics) {
    const { answer: found } = await repeatRequest(deps, () => deps.store.subscriptions.get({ topicId, group: name }));
    if (found !== null) return found;
  }
  return findInListing(deps, name);
}

/** The same in the list of all of them: one query for 500. */
export async function findInListing(deps: SubscriptionDeps, name: string): Promise<FunctionSubscription | null> {
  return (await allSubscriptions(deps)).find(({ group }) => group === name) ?? null;
}

/** The subscriptions of what failed in this one, by tier: one read for each tier that there may be, and one for each that there is. */
export async function findRetries(deps: SubscriptionDeps, name: string): Promise<readonly FunctionSubscription[]> {
  const found = await Promise.all(retryGroups(name, MAX_RETRY_DELAYS).map((one) => findSubscription(deps, one)));
  return found.filter((one) => one?.retry?.of === name) as readonly FunctionSubscription[];
}
