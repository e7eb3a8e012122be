import { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import { formatDuration, parseDuration } from '../log/duration.ts';

/** When a record is to enter its topic; one of the two. */
export interface Delay {
  /** So long after it is sent: milliseconds, or a text such as `10s`, `5m`, `2h` or `30d`. At least one second, at most 365 days. */
  readonly delay?: number | string | undefined;
  /** At this time, which must be as far ahead. */
  readonly deliverAt?: Date | undefined;
}

/** Whether a record asks for it at all; also told of what is no record. */
export function isDelayed(record: object | null | undefined): boolean {
  const { delay, deliverAt } = (record ?? {}) as { readonly delay?: unknown; readonly deliverAt?: unknown };
  return delay !== undefined || deliverAt !== undefined;
}

/** The due time, whole milliseconds since the epoch. Throws INVALID_REQUEST for anything that is not one of the two, or is too near or too far. */
export function dueTimeOf({ delay, deliverAt }: Delay, nowMs: number): number {
  if (delay !== undefined && deliverAt !== undefined) {
    throw invalid('both delay and deliverAt are given', { delay, deliverAt }, 'Give one of them.');
  }
  if (deliverAt === undefined) {
    const delayMs = delayOf(delay);
    return Math.floor(nowMs) + checkDelay(delayMs, delay, `the delay ${formatDuration(delayMs)}`);
  }
  if (!(deliverAt instanceof Date) || Number.isNaN(deliverAt.getTime())) {
    throw invalid(`deliverAt is no date: ${String(deliverAt)}`, deliverAt, 'Give a Date that is valid.');
  }
  const aheadMs = deliverAt.getTime() - Math.floor(nowMs);
  if (aheadMs < 0) {
    const ago = `deliverAt ${deliverAt.toISOString()} is ${-aheadMs} ms ago`;
    throw invalid(ago, deliverAt, 'Give a time ahead, or send the record without one. Check the clock.');
  }
  checkDelay(aheadMs, deliverAt, `deliverAt ${deliverAt.toISOString()}`);
  return deliverAt.getTime();
}

function delayOf(delay: number | string | undefined): number {
  try {
    return parseDuration(delay as number | string);
  } catch (cause) {
    const hint = 'Give milliseconds, or a text such as 10s, 5m, 2h or 30d.';
    throw new MillraceError('INVALID_REQUEST', `${String(delay)} is no delay`, { value: delay, hint, cause });
  }
}

function checkDelay(delayMs: number, value: unknown, name: string): number {
  if (delayMs < limits.delayMinMs) {
    throw invalid(
      `${name} is less than a second ahead`,
      value,
      'Send it without a delay, or one second ahead at least.',
    );
  }
  if (delayMs > limits.delayMaxMs) {
    throw invalid(`${name} is more than 365 days ahead`, value, 'Give at most 365 days, and send it on from there.');
  }
  return delayMs;
}

function invalid(message: string, value: unknown, hint: string): MillraceError {
  return new MillraceError('INVALID_REQUEST', message, { value, hint });
}
