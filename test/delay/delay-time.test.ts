import { describe, expect, it } from 'vitest';
import { dueTimeOf, isDelayed } from '../../lib/delay/delay-time.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
const refusal = (delay: object): string => {
  try {
    return String(dueTimeOf(delay, NOW_MS));
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code}: ${message}`;
  }
};

describe('the due time of a record', () => {
  it('is so long from now, or the time itself', () => {
    expect(dueTimeOf({ delay: 1_000 }, NOW_MS)).toBe(NOW_MS + 1_000);
    expect(dueTimeOf({ delay: '10s' }, NOW_MS + 0.7)).toBe(NOW_MS + 10_000);
    expect(dueTimeOf({ delay: '365d' }, NOW_MS)).toBe(NOW_MS + 365 * DAY_MS);
    expect(dueTimeOf({ deliverAt: new Date(NOW_MS + 5_000) }, NOW_MS)).toBe(NOW_MS + 5_000);
  });

  it.each([
    [{ delay: 999 }, 'INVALID_REQUEST: the delay 999ms is less than a second ahead'],
    [{ delay: 0 }, 'INVALID_REQUEST: the delay 0ms is less than a second ahead'],
    [{ delay: '366d' }, 'INVALID_REQUEST: the delay 366d is more than 365 days ahead'],
    [{ delay: '10 minutes' }, 'INVALID_REQUEST: 10 minutes is no delay'],
    [{ delay: -5 }, 'INVALID_REQUEST: -5 is no delay'],
    [{ delay: Number.NaN }, 'INVALID_REQUEST: NaN is no delay'],
    [{ delay: null }, 'INVALID_REQUEST: null is no delay'],
    [{ deliverAt: new Date(NOW_MS - 1) }, 'INVALID_REQUEST: deliverAt 2025-12-31T23:59:59.999Z is 1 ms ago'],
    [
      { deliverAt: new Date(NOW_MS + 999) },
      'INVALID_REQUEST: deliverAt 2026-01-01T00:00:00.999Z is less than a second ahead',
    ],
    [
      { deliverAt: new Date(NOW_MS + 366 * DAY_MS) },
      'INVALID_REQUEST: deliverAt 2027-01-02T00:00:00.000Z is more than 365 days ahead',
    ],
    [{ deliverAt: new Date('x') }, 'INVALID_REQUEST: deliverAt is no date: Invalid Date'],
    [{ deliverAt: '2026-01-02' }, 'INVALID_REQUEST: deliverAt is no date: 2026-01-02'],
    [{ delay: '10s', deliverAt: new Date(NOW_MS + 5_000) }, 'INVALID_REQUEST: both delay and deliverAt are given'],
  ])('is refused where it makes no sense: %o', (delay, expected) => {
    expect(refusal(delay)).toBe(expected);
  });

  it('is asked for by either, and by nothing that is no record', () => {
    expect([{ delay: 1 }, { deliverAt: new Date() }, {}, { delay: undefined }, null, undefined].map(isDelayed)).toEqual(
      [true, true, false, false, false, false],
    );
  });
});
