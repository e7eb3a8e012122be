import { parseDuration } from '../log/duration.ts';

const MESSAGE = /^(\d{1,15}) ms\b/;

/**
 * Thrown by a handler that wishes to be given a record, or a batch, again after some time; it counts as a failed attempt. A plain error that knows nothing of Millrace, so that it may cross from a function to whoever called it.
 *
 * @example
 * if (response.status === 429) throw new RetryAfter('30s');
 */
export class RetryAfter extends Error {
  override readonly name = 'RetryAfter';
  readonly delayMs: number;

  /** `delay`: milliseconds, or a text such as `30s` or `10m`. Throws INVALID_CONFIG for any other. */
  constructor(delay: number | string, reason = 'the handler asked to be called again') {
    const delayMs = parseDuration(delay);
    super(`${delayMs} ms: ${reason}`);
    this.delayMs = delayMs;
  }
}

/** What the message of a `RetryAfter` says; null for any other text. */
export function retryAfterMsOf(message: string): number | null {
  const match = MESSAGE.exec(message);
  return match === null ? null : Number(match[1]);
}
