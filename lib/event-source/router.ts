/**
 * Wakes workers for what was committed: the one that listens to the doorbell. It keeps nothing between two calls and decides nothing for good, so that any number of them may run, late, repeatedly and out of order.
 *
 * It reads the lease after the commit that rang: a lease that is held then is released later, and whoever releases it reads the head afterwards. So a ring that finds a worker may be dropped.
 */
import type { Head } from '../log/head.ts';
import { inParallel } from '../log/in-parallel.ts';
import { type PartitionKey, partitionPk } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { EventSourceDeps } from './event-source-deps.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import { visibleRange } from './replay.ts';
import { decideWake, type WakeDecision } from './wake-decision.ts';
import type { WakeRequest } from './wake-request.ts';

/** Something that may be news: a partition whose head was changed, or that somebody wishes to be looked at for a group. */
export interface Ring {
  readonly partition: PartitionKey;
  /** As the change tells it; null: unknown. */
  readonly head: Head | null;
  /** Null: for all of them. */
  readonly group: string | null;
  /** Of a wake-up: the time for which it was booked. It has come, whatever the clock says of the one who hears of it. */
  readonly atMs?: number;
}

/** Starts workers. */
export interface Waker {
  /** Resolves once it is certain that a worker is started, also if this process ends. Throws when it is not; then it is rung again. */
  wake(request: WakeRequest): Promise<void>;
}

/** What the router needs. */
export type RouterDeps = Pick<EventSourceDeps, 'store' | 'clock' | 'random'>;

/** What was decided about one subscription and partition. */
export interface RoutedRing {
  readonly group: string;
  readonly partition: PartitionKey;
  readonly decision: WakeDecision;
}

const PARALLEL = 16;
/** Leases or heads of one request. */
const ITEMS_PER_REQUEST = 100;

interface Candidate {
  readonly subscription: FunctionSubscription;
  readonly readAtMs: number;
  readonly partition: PartitionKey;
  readonly head: Head | null;
  readonly atMs: number;
  /** Somebody rang for this group. */
  readonly isCalled: boolean;
}

/**
 * Wakes a worker for each subscription that has something to do and nobody who does it. Of several rings of one partition only the newest head counts.
 *
 * Requests: one query for each topic, one read for each 100 leases, and one for each 100 heads that no ring brought. Throws when a worker could not be woken, after all others were.
 */
export async function routeRings(
  deps: RouterDeps,
  waker: Waker,
  rings: readonly Ring[],
): Promise<readonly RoutedRing[]> {
  const readAtMs = Math.floor(deps.clock.nowMs());
  const subscriptions = await subscriptionsOf(deps, rings);
  const candidates = withHeads(deps, candidatesOf(rings, subscriptions, readAtMs));
  return wakeWhereDue(deps, waker, await candidates);
}

async function subscriptionsOf(
  { store, ...deps }: RouterDeps,
  rings: readonly Ring[],
): Promise<ReadonlyMap<string, readonly FunctionSubscription[]>> {
  const found = new Map<string, readonly FunctionSubscription[]>();
  const topicIds = new Set(rings.map(({ partition }) => partition.topicId));
  await inParallel(topicIds, PARALLEL, async (topicId) => {
    const { answer } = await repeatRequest(deps, () => store.subscriptions.listOfTopic(topicId));
    found.set(topicId, answer);
  });
  return found;
}

function candidatesOf(
  rings: readonly Ring[],
  subscriptions: ReadonlyMap<string, readonly FunctionSubscription[]>,
  readAtMs: number,
): readonly Candidate[] {
  const newest = new Map<string, Candidate>();
  for (const { partition, head, group, atMs = 0 } of rings) {
    for (const subscription of subscriptions.get(partition.topicId) ?? []) {
      if (group !== null && subscription.group !== group) continue;
      const key = `${partitionPk(partition)} ${subscription.group}`;
      const before = newest.get(key);
      const isNewer = head !== null && (!before?.head || head.next > before.head.next);
      const latestMs = Math.max(atMs, before?.atMs ?? 0);
      const newestHead = isNewer ? head : (before?.head ?? null);
      const isCalled = group !== null || before?.isCalled === true;
      newest.set(key, { subscription, readAtMs, partition, head: newestHead, atMs: latestMs, isCalled });
    }
  }
  return [...newest.values()].filter(({ subscription }) => subscription.options.enabled);
}

async function withHeads(
  { store, ...deps }: RouterDeps,
  candidates: readonly Candidate[],
): Promise<readonly Candidate[]> {
  const heads = new Map<string, Head | null>();
  const missing = candidates.filter(({ head }) => head === null).map(({ partition }) => partition);
  const different = [...new Map(missing.map((partition) => [partitionPk(partition), partition])).values()];
  await inParallel(pagesOf(different), PARALLEL, async (page) => {
    const { answer } = await repeatRequest(deps, () => store.heads.readMany(page, { consistent: true }));
    for (const [index, head] of answer.entries()) heads.set(partitionPk(page[index]!), head);
  });
  return candidates.map((one) => ({ ...one, head: one.head ?? heads.get(partitionPk(one.partition)) ?? null }));
}

/** Decides about each candidate by its lease, which is read now, and wakes. */
async function wakeWhereDue(
  { store, ...deps }: RouterDeps,
  waker: Waker,
  candidates: readonly Candidate[],
): Promise<readonly RoutedRing[]> {
  const routed: RoutedRing[] = [];
  let failure: { readonly error: unknown } | null = null;
  await inParallel(pagesOf(candidates), PARALLEL, async (page) => {
    const places = page.map(({ subscription, partition }) => ({ group: subscription.group, partition }));
    const { answer: leases } = await repeatRequest(deps, () => store.leases.readMany(places));
    for (const [index, { subscription, readAtMs, partition, head, atMs, isCalled }] of page.entries()) {
      // Its topic was deleted.
      if (head === null) continue;
      const lease = leases[index]!;
      const nowMs = Math.max(deps.clock.nowMs(), atMs);
      const range = visibleRange(subscription, partition.partition, head);
      const decision = decideWake({ subscription, lease, head: range, nowMs, isCalled });
      routed.push({ group: subscription.group, partition, decision });
      if (decision.kind !== 'wake') continue;
      try {
        const seen = lease?.generation ?? 0;
        await waker.wake({ subscription, readAtMs, partition: partition.partition, seen, head, atMs });
      } catch (error) {
        failure ??= { error };
      }
    }
  });
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
  return routed;
}

function pagesOf<T>(all: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / ITEMS_PER_REQUEST) }, (_, page) =>
    all.slice(page * ITEMS_PER_REQUEST, (page + 1) * ITEMS_PER_REQUEST),
  );
}
