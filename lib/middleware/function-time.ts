/** How long a function may run, and what to do about it. */
import type { Clock } from '../clock.ts';
import { MillraceError } from '../errors.ts';

/** What of Lambda's context is used. */
export interface FunctionContext {
  getRemainingTimeInMillis?(): number;
}

/** So long before its deadline a function is wound up. */
export const DEFAULT_RESERVE_MS = 2_000;
/** Where nobody says how long a function may run. */
export const DEFAULT_TIME_MS = 60_000;

/** What a handler returns, unless the function's time is nearly over before that: `byMs` on the monotonic clock. Throws REQUEST_TIMED_OUT then. */
export async function withinTime<T>(clock: Clock, byMs: number, action: () => Promise<T>): Promise<T> {
  const over = new AbortController();
  const leftMs = Math.max(0, byMs - clock.monotonicMs());
  const late = clock.sleep(leftMs, over.signal).then((): never => {
    const problem = 'the handler was still running when the time of the function was nearly over';
    throw new MillraceError('REQUEST_TIMED_OUT', problem, { hint: 'Give it more time, or smaller batches.' });
  });
  late.catch(() => {});
  try {
    return await Promise.race([action(), late]);
  } finally {
    over.abort();
  }
}
