/**
 * The time by which data is deleted: a clock that jumps must not delete anything early.
 *
 * Stores that tell their time correct the clock by every answer (`server-clock.ts`); what is known of them is at most a second ahead, so two are taken off. But one answer proves little: a proxy or an emulator
 * may have a wrong clock too, and where it runs on this machine, the same one. So whatever tells it, a time counts once it was shown, and again at least five minutes later, and has not gone back in between: a jump
 * that is put right within that time deletes nothing. A clock that stays wrong is believed.
 */
import { limits } from '../limits.ts';
import type { ServerClock } from '../segment/server-clock.ts';

/** What was seen of the clock; kept with the job. Milliseconds since 1970. */
export interface SeenTime {
  /** Shown once, and not confirmed. */
  readonly seenMs: number;
  /** Confirmed: this is what counts. 0: nothing yet. */
  readonly trustedMs: number;
}

/** A second that the correction may be ahead, and the second that a `Date` header is cut to. */
export const SERVER_MARGIN_MS = 2_000;

/** What is trusted after one more look at the clock. */
export function trustTime(before: SeenTime | null, nowMs: number): SeenTime {
  if (before === null) return { seenMs: nowMs, trustedMs: 0 };
  // It was put back: what it had shown was wrong, or this is.
  if (nowMs < before.seenMs) return { seenMs: nowMs, trustedMs: Math.min(before.trustedMs, nowMs) };
  if (nowMs < before.seenMs + limits.clockConfirmMs) return before;
  return { seenMs: nowMs, trustedMs: before.seenMs };
}

/** One more look at the clock of a store: what counts now, 0 for nothing yet, and what is to be kept of it. Ask it behind a first answer of the store. */
export function lookAtTime(
  serverClock: ServerClock,
  before: SeenTime | null,
): { readonly nowMs: number; readonly seen: SeenTime } {
  const marginMs = serverClock.isCorrected ? SERVER_MARGIN_MS : 0;
  const seen = trustTime(before, serverClock.nowMs() - marginMs);
  return { nowMs: seen.trustedMs, seen };
}
