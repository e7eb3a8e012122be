import { repeatRequest } from '../log/repeat-request.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import { type Ring, type RoutedRing, type RouterDeps, routeRings, type Waker } from './router.ts';

/** What a sweep found. */
export interface SweepReport {
  readonly subscriptions: number;
  /** Partitions that nobody was working on although there was something to do. */
  readonly woken: readonly RoutedRing[];
  /** Partitions that wait, or that somebody is working on. */
  readonly later: readonly RoutedRing[];
  /** Subscriptions whose topic is not there any more. */
  readonly withoutTopic: readonly FunctionSubscription[];
}

/** Subscriptions of one query. */
const PAGE = 500;

/**
 * Looks at every partition of every subscription that is enabled, and wakes workers where a crash or a lost request has left something undone. Meant to run once an hour.
 *
 * Requests: a query for 500 subscriptions; for each enabled one a read of its topic; and what `routeRings` needs: a query for each topic, a read for 100 heads and one for 100 leases. Nothing is written.
 */
export async function sweepSubscriptions(deps: RouterDeps, waker: Waker): Promise<SweepReport> {
  const all = await allSubscriptions(deps);
  const rings: Ring[] = [];
  const withoutTopic: FunctionSubscription[] = [];
  for (const subscription of all.filter(({ options }) => options.enabled)) {
    const { answer: topic } = await repeatRequest(deps, () => deps.store.topics.get(subscription.topic));
    if (topic === null || topic.topicId !== subscription.topicId || topic.state === 'deleting') {
      withoutTopic.push(subscription);
      continue;
    }
    for (let partition = 0; partition < topic.readyPartitionCount; partition++) {
      const { topicId, group } = subscription;
      rings.push({ partition: { topicId, partition }, head: null, group });
    }
  }
  const routed = await routeRings(deps, waker, rings);
  return {
    subscriptions: all.length,
    woken: routed.filter(({ decision }) => decision.kind === 'wake'),
    later: routed.filter(({ decision }) => decision.kind === 'later' || decision.kind === 'busy'),
    withoutTopic,
  };
}

/** Every subscription, by topic id and group. */
export async function allSubscriptions(deps: RouterDeps): Promise<readonly FunctionSubscription[]> {
  const found: FunctionSubscription[] = [];
  for (;;) {
    const after = found.at(-1) ?? null;
    const { answer: page } = await repeatRequest(deps, () => deps.store.subscriptions.list(after, PAGE));
    if (page.length === 0) return found;
    found.push(...page);
  }
}
