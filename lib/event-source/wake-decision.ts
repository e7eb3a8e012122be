/** Whether a worker is to be woken for a partition: a pure decision. */

import { parseDeadLetterProgress } from './dead-letter-progress.ts';
import { DEAD_LETTER_TIER, type FunctionSubscription } from './function-subscription.ts';
import type { Lease } from './lease.ts';
import { LEASE_MARGIN_MS } from './lease-session.ts';
import { batchLimit } from './plan-batch.ts';
import { type Progress, parseProgress } from './progress.ts';
import { redrivePlan } from './redrive-options.ts';

/** What is known of a partition. */
export interface WakeInput {
  readonly subscription: Pick<FunctionSubscription, 'options' | 'retry' | 'version'>;
  /** Null: nobody has ever worked on it. */
  readonly lease: Lease | null;
  readonly head: { readonly next: bigint; readonly start: bigint };
  readonly nowMs: number;
  /** Somebody rang for this very subscription and partition. Default false. */
  readonly isCalled?: boolean;
}

/** What to do about it. */
export type WakeDecision =
  | { readonly kind: 'wake' }
  /** Who has the lease reads the head when he has let go of it. */
  | { readonly kind: 'busy'; readonly untilMs: number }
  /** It is not time yet, and a wake-up is booked. */
  | { readonly kind: 'later'; readonly atMs: number }
  | { readonly kind: 'nothing-new' }
  | { readonly kind: 'disabled' };

/** See the top of this file. */
export function decideWake({ subscription, lease, head, nowMs, isCalled = false }: WakeInput): WakeDecision {
  if (!subscription.options.enabled) return { kind: 'disabled' };
  const committed = lease?.committed ?? head.start;
  if (head.next <= committed && !hasOpenWindow(subscription, lease)) return { kind: 'nothing-new' };
  if (lease === null) return { kind: 'wake' };
  if (lease.expiresAtMs > nowMs - LEASE_MARGIN_MS && lease.expiresAtMs !== 0) {
    return { kind: 'busy', untilMs: lease.expiresAtMs };
  }
  if (subscription.retry?.tier === DEAD_LETTER_TIER) return decideRedrive(subscription, lease, head.next, nowMs);
  if (lease.notBeforeMs <= nowMs) return { kind: 'wake' };
  const progress = parseProgress(lease.progress);
  // Whoever stops calling the function rings for the one who has waited longest.
  if (progress.waitsForSlot && isCalled) return { kind: 'wake' };
  // By other options it may be given now.
  if (progress.waitsUnder !== null && progress.waitsUnder !== subscription.version) return { kind: 'wake' };
  if (progress.window?.endMs === lease.notBeforeMs && head.next > (progress.seenEnd ?? committed))
    return { kind: 'wake' };
  return canGoOn(subscription, { committed, progress }, head.next)
    ? { kind: 'wake' }
    : { kind: 'later', atMs: lease.notBeforeMs };
}

/** Whether a function is to be called for the end of its window although no record comes. */
function hasOpenWindow({ options }: WakeInput['subscription'], lease: Lease | null): boolean {
  if (options.mode !== 'push' || lease === null || lease.progress === '') return false;
  return parseProgress(lease.progress).window !== null;
}

/** Whether somebody is to see to dead letters that go back by themselves: when it is time, or when nobody has looked at some of them by the options that hold now. */
function decideRedrive(
  { options }: WakeInput['subscription'],
  { progress, notBeforeMs }: Lease,
  next: bigint,
  nowMs: number,
): WakeDecision {
  const { plan, seenEnd } = parseDeadLetterProgress(progress);
  if (plan !== redrivePlan(options.redrive)) return { kind: 'wake' };
  if (notBeforeMs > 0) return notBeforeMs <= nowMs ? { kind: 'wake' } : { kind: 'later', atMs: notBeforeMs };
  return seenEnd !== null && next <= seenEnd ? { kind: 'nothing-new' } : { kind: 'wake' };
}

/** Whether what has come since can be given although something waits. */
function canGoOn(
  { options, retry }: WakeInput['subscription'],
  { committed, progress }: { readonly committed: bigint; readonly progress: Progress },
  next: bigint,
): boolean {
  // What has come to a retry topic since is due later than what waits.
  if (retry !== null) return false;
  const { seenEnd, windowSinceMs } = progress;
  if (windowSinceMs !== null) return next - committed >= BigInt(batchLimit(options));
  return options.ordering !== 'partition' && seenEnd !== null && next > seenEnd;
}
