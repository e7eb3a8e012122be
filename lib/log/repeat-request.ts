import type { Clock, Random } from '../clock.ts';
import { MillraceError, UnansweredError } from '../errors.ts';
import { backoffMs } from './backoff.ts';

/** With the waits between them about eight seconds. */
const MAX_ATTEMPTS = 10;

/** An answer, and whether an attempt before it was left unanswered: then that one may have taken effect, and the answer may speak of it. */
export interface RepeatedAnswer<T> {
  readonly answer: T;
  readonly unanswered: boolean;
}

/**
 * Asks a store until it answers: again, after a growing wait, as long as the error is retriable, `attempts` times at most (default 10).
 *
 * Only for requests that do no harm when they take effect twice or late. Throws the last error; then the request may have taken effect or may still do so.
 */
export async function repeatRequest<T>(
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  request: () => Promise<T>,
  { attempts = MAX_ATTEMPTS }: { readonly attempts?: number } = {},
): Promise<RepeatedAnswer<T>> {
  let unanswered = false;
  for (let attempt = 1; ; attempt++) {
    try {
      return { answer: await request(), unanswered };
    } catch (error) {
      const again = error instanceof MillraceError && error.retriable && attempt < attempts;
      if (!again) throw error;
      unanswered ||= error instanceof UnansweredError;
    }
    await clock.sleep(backoffMs(attempt, random));
  }
}
