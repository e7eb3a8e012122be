import type { Head } from '../log/head.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { HeldPartition } from './held-partition.ts';
import type { Lease } from './lease.ts';
import { LEASE_MARGIN_MS } from './lease-session.ts';
import { formatProgress } from './progress.ts';
import { visibleRange } from './replay.ts';
import { decideWake } from './wake-decision.ts';
import type { WatchedSubscription } from './watched-subscription.ts';
import type { WorkPlace } from './work-place.ts';

/** Until when nothing is to be done. */
export interface Wait {
  /** 0: nothing waits. */
  readonly notBeforeMs: number;
  /** records: for what stands in the partition to be due, or to be more. rate, slot: for the limits of the subscription, which nothing new can change. */
  readonly waitsFor: 'records' | 'rate' | 'slot';
}

/** What came of a release. */
export type ReleaseOutcome =
  /** The lease was lost before; whoever has it sees to everything. */
  | { readonly outcome: 'lost' }
  /** `hasMore`: there is something to do for whoever takes the lease next, as far as `head` tells, which was read afterwards. */
  | { readonly outcome: 'released'; readonly head: Head | null; readonly hasMore: boolean };

/**
 * Lets go of a partition, and looks whether something has come that nobody else will hear of.
 *
 * One write and one read of the head; where something is left undone, a read of the subscription too, and a wake-up or two for what waits.
 */
export async function releasePartition(
  place: WorkPlace,
  held: HeldPartition,
  subscription: WatchedSubscription,
  { notBeforeMs, waitsFor }: Wait,
): Promise<ReleaseOutcome> {
  const { reader } = held;
  const isWaiting = notBeforeMs > 0;
  held.remember({
    seenEnd: isWaiting && waitsFor === 'records' && !reader.isFull ? reader.end : null,
    waitsForSlot: waitsFor === 'slot',
    ...(waitsFor !== 'rate' && { reserved: null }),
    waitsUnder: isWaiting ? subscription.current.version : null,
  });
  if (isWaiting) {
    // First the wake-up: if this worker ends now, somebody comes. For the end of a window it is booked once.
    const isEnd = held.progress.window?.endMs === notBeforeMs && held.session.taken.notBeforeMs === notBeforeMs;
    if (!isEnd) await place.book(notBeforeMs);
    place.tell({ kind: 'waiting', untilMs: notBeforeMs });
  }
  if (!(await held.write({ kind: 'release', notBeforeMs }))) return { outcome: 'lost' };
  // By another clock it may have come already, and found the lease held: once more, now that it is free.
  if (isWaiting && notBeforeMs - place.nowMs() < LEASE_MARGIN_MS) await place.book(notBeforeMs);
  // Whoever changed the options, or resumed, rang while the lease was held.
  if (isWaiting || subscription.state === 'paused') await subscription.read();
  return lookAgain(place, held, subscription, notBeforeMs);
}

/** Whoever rang while the lease was held found it held: that is seen here. */
async function lookAgain(
  place: WorkPlace,
  { committed, progress }: HeldPartition,
  { state, current }: WatchedSubscription,
  notBeforeMs: number,
): Promise<ReleaseOutcome> {
  const { store } = place.deps;
  const { answer: head } = await repeatRequest(place.deps, () =>
    store.heads.read(place.partition, { consistent: true }),
  );
  if (head === null || state === 'gone') return { outcome: 'released', head, hasMore: false };
  const lease = { committed, progress: formatProgress(progress), notBeforeMs, expiresAtMs: 0 } as Lease;
  const range = visibleRange(current, place.partition.partition, head);
  const { kind } = decideWake({ subscription: current, lease, head: range, nowMs: place.nowMs() });
  return { outcome: 'released', head, hasMore: kind === 'wake' };
}
