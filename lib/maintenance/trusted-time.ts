/**
 * The time by which data is deleted: a clock that jumps must not delete anything early.
 *
 * Stores that tell their time correct the clock by every answer (`server-clock.ts`); what is known of them is at most a second ahead, so two are taken off. Where the machine's clock is all there is, a time
 * counts once the clock has shown it, and again at least five minutes later, and has not gone back in between: a jump that is put right within that time deletes nothing. A clock that stays wrong is believed.
 */
import type { ServerClock } from '../segment/server-clock.ts';

/** What was seen of a clock that nothing corrects; kept with the job. Milliseconds since 1970. */
export interface SeenTime {
  /** Shown once, and not confirmed. */
  readonly seenMs: number;
  /** Confirmed: this is what counts. 0: nothing yet. */
  readonly trustedMs: number;
}

/** How long a clock must have shown a time before it counts. */
export const CONFIRM_MS = 5 * 60_000;
/** A second that the correction may be ahead, and the second that a `Date` header is cut to. */
export const SERVER_MARGIN_MS = 2_000;

/** What is trusted after one more look at a clock that nothing corrects. */
export function trustTime(before: SeenTime | null, nowMs: number): SeenTime {
  if (before === null) return { seenMs: nowMs, trustedMs: 0 };
  // It was put back: what it had shown was wrong, or this is.
  if (nowMs < before.seenMs) return { seenMs: nowMs, trustedMs: Math.min(before.trustedMs, nowMs) };
  if (nowMs < before.seenMs + CONFIRM_MS) return before;
  return { seenMs: nowMs, trustedMs: before.seenMs };
}

/** One more look at the clock of a store: what counts now, and what is to be kept of it. Ask it behind a first answer of the store. */
export function lookAtTime(
  serverClock: ServerClock,
  before: SeenTime | null,
): { readonly nowMs: number; readonly seen: SeenTime | null } {
  const nowMs = serverClock.nowMs();
  if (serverClock.isCorrected) return { nowMs: nowMs - SERVER_MARGIN_MS, seen: null };
  const seen = trustTime(before, nowMs);
  return { nowMs: seen.trustedMs, seen };
}
