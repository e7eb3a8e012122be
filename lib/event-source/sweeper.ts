import type { Head } from '../log/head.ts';
import { type PartitionKey, partitionPk } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { WorkerStore } from './event-source-store.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import type { Lease } from './lease.ts';
import { lagsOfPartitions } from './partition-lags.ts';
import { type Ring, type RoutedRing, type RouterDeps, routeRings, type Waker } from './router.ts';
import { type SubscriptionLag, summarizeLag } from './subscription-lag.ts';

/** What a sweep found. */
export interface SweepReport {
  readonly subscriptions: number;
  /** Partitions that nobody was working on although there was something to do. */
  readonly woken: readonly RoutedRing[];
  /** Partitions that wait, or that somebody is working on. */
  readonly later: readonly RoutedRing[];
  /** How far each enabled subscription is behind, by group. */
  readonly lags: ReadonlyMap<string, SubscriptionLag>;
  /** Subscriptions whose topic is not there any more. */
  readonly withoutTopic: readonly FunctionSubscription[];
}

/** Subscriptions of one query. */
const PAGE = 500;
/** Leases of one query. */
const LEASES_PAGE = 1_000;

/**
 * Looks at every partition of every subscription that is enabled, and wakes workers where a crash or a lost request has left something undone. Meant to run once an hour.
 *
 * It reads what may be some seconds old, at half the price: whoever has changed something since looks again himself, and a crash in those seconds is found an hour later.
 *
 * Requests: two queries for 500 subscriptions; for each enabled one a read of its topic and a query for 1,000 leases; half a read unit for each head, and one query for each partition that is behind with what the tail does not hold any more. Nothing is written.
 */
export async function sweepSubscriptions(deps: RouterDeps, waker: Waker): Promise<SweepReport> {
  const all = await allSubscriptions(deps);
  const rings: Ring[] = [];
  const swept: Swept = { subscriptions: all, leases: new Map(), heads: new Map() };
  const withoutTopic: FunctionSubscription[] = [];
  for (const subscription of all.filter(({ options }) => options.enabled)) {
    const { answer: topic } = await repeatRequest(deps, () => deps.store.topics.get(subscription.topic));
    if (topic === null || topic.topicId !== subscription.topicId || topic.state === 'deleting') {
      withoutTopic.push(subscription);
      continue;
    }
    const { topicId, group } = subscription;
    const { readyPartitionCount } = topic;
    for (let partition = 0; partition < readyPartitionCount; partition++) {
      rings.push({ partition: { topicId, partition }, head: null, group });
    }
    for (const lease of await leasesOf(deps, subscription, readyPartitionCount)) {
      swept.leases.set(placeOf(group, lease.partition), lease);
    }
  }
  const routed = await routeRings({ ...deps, store: withSwept(deps.store, swept) }, waker, rings);
  return {
    subscriptions: all.length,
    woken: routed.filter(({ decision }) => decision.kind === 'wake'),
    later: routed.filter(({ decision }) => decision.kind === 'later' || decision.kind === 'busy'),
    lags: await lagsOf(deps, rings, swept),
    withoutTopic,
  };
}

/** What a sweep has read. */
interface Swept {
  readonly subscriptions: readonly FunctionSubscription[];
  readonly leases: Map<string, Lease>;
  readonly heads: Map<string, Head>;
}

async function lagsOf(
  deps: RouterDeps,
  rings: readonly Ring[],
  { leases, heads }: Swept,
): Promise<ReadonlyMap<string, SubscriptionLag>> {
  const lags = new Map<string, SubscriptionLag>();
  for (const [group, places] of Map.groupBy(rings, (ring) => ring.group!)) {
    const read = places.flatMap(({ partition }) => {
      const head = heads.get(partitionPk(partition));
      const committed = leases.get(placeOf(group, partition))?.committed ?? null;
      return head === undefined ? [] : [{ partition, head, committed }];
    });
    lags.set(group, summarizeLag(await lagsOfPartitions(deps, read)));
  }
  return lags;
}

/** The leases of a subscription: one for each partition, if somebody has had it. */
async function leasesOf(
  deps: RouterDeps,
  { group, topicId }: FunctionSubscription,
  partitionCount: number,
): Promise<readonly Lease[]> {
  const found: Lease[] = [];
  for (let after: PartitionKey | null = null; found.length < partitionCount; ) {
    const { answer: page } = await repeatRequest(deps, () => deps.store.leases.list(group, after, LEASES_PAGE));
    if (page.length === 0) break;
    // Those of a topic that had its name before are of no interest.
    found.push(...page.filter((lease) => lease.partition.topicId === topicId));
    after = page.at(-1)!.partition;
  }
  return found;
}

/** What a sweep has read already is not asked for again, and heads are kept as they are read. */
function withSwept(store: WorkerStore, { subscriptions, leases, heads }: Swept): WorkerStore {
  const byTopic = Map.groupBy(subscriptions, ({ topicId }) => topicId);
  return {
    ...store,
    subscriptions: { ...store.subscriptions, listOfTopic: async (topicId) => byTopic.get(topicId) ?? [] },
    leases: {
      ...store.leases,
      readMany: async (places) => places.map(({ group, partition }) => leases.get(placeOf(group, partition)) ?? null),
    },
    heads: {
      ...store.heads,
      async readMany(partitions) {
        const read = await store.heads.readMany(partitions, { consistent: false });
        for (const [index, head] of read.entries()) if (head !== null) heads.set(partitionPk(partitions[index]!), head);
        return read;
      },
    },
  };
}

function placeOf(group: string, partition: PartitionKey): string {
  return `${partitionPk(partition)} ${group}`;
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
