import { describe, expect, it } from 'vitest';
import { parseSchedule } from '../../lib/event-source/redrive-schedule.ts';

/** A Thursday. */
const NOW_MS = Date.UTC(2026, 10, 26, 16, 0, 30);

/** The next times, as the EventBridge console prints them. */
function nextOf(text: string, count = 3): readonly string[] {
  const schedule = parseSchedule(text);
  const found: string[] = [];
  for (let at: number | null = NOW_MS; found.length < count; ) {
    at = schedule.nextMs(at);
    if (at === null) break;
    found.push(new Date(at).toISOString().slice(0, 19));
  }
  return found;
}

describe('a schedule', () => {
  it.each([
    ['rate(1 minute)', ['2026-11-26T16:01:30']],
    ['rate(5 minutes)', ['2026-11-26T16:05:30', '2026-11-26T16:10:30']],
    ['rate(12 hours)', ['2026-11-27T04:00:30']],
    ['rate(7 days)', ['2026-12-03T16:00:30']],
    // The examples of the user guide.
    ['cron(0 10 * * ? *)', ['2026-11-27T10:00:00', '2026-11-28T10:00:00']],
    ['cron(15 12 * * ? *)', ['2026-11-27T12:15:00']],
    ['cron(0 18 ? * MON-FRI *)', ['2026-11-26T18:00:00', '2026-11-27T18:00:00', '2026-11-30T18:00:00']],
    ['cron(0 8 1 * ? *)', ['2026-12-01T08:00:00', '2027-01-01T08:00:00']],
    ['cron(0/15 * * * ? *)', ['2026-11-26T16:15:00', '2026-11-26T16:30:00']],
    ['cron(0/10 * ? * MON-FRI *)', ['2026-11-26T16:10:00']],
    ['cron(0/5 8-17 ? * MON-FRI *)', ['2026-11-26T16:05:00', '2026-11-26T16:10:00']],
    ['cron(15 10 ? * 6L 2026-2027)', ['2026-11-27T10:15:00', '2026-12-25T10:15:00', '2027-01-29T10:15:00']],
    // The wildcards that it explains.
    ['cron(0 9 3W * ? *)', ['2026-12-03T09:00:00', '2027-01-04T09:00:00']],
    ['cron(0 9 L * ? *)', ['2026-11-30T09:00:00', '2026-12-31T09:00:00']],
    ['cron(0 9 ? * 3#2 *)', ['2026-12-08T09:00:00', '2027-01-12T09:00:00']],
    ['cron(0 9 ? * L *)', ['2026-11-28T09:00:00', '2026-12-05T09:00:00']],
    ['cron(0 9 ? JAN,JUL 1 *)', ['2027-01-03T09:00:00']],
    ['cron(5,35 14 * * ? *)', ['2026-11-27T14:05:00', '2026-11-27T14:35:00']],
    ['cron(0 0 29 2 ? *)', ['2028-02-29T00:00:00', '2032-02-29T00:00:00']],
  ])('%s comes next when it should', (text, expected) => {
    expect(nextOf(text, expected.length)).toEqual(expected);
  });

  it.each(['cron(0 0 31 2 ? *)', 'cron(0 0 1 1 ? 2020)'])('%s never comes', (text) => {
    expect(parseSchedule(text).nextMs(NOW_MS)).toBeNull();
  });

  it.each([
    ['rate(0 minutes)', /one minute to 366 days/],
    ['rate(367 days)', /one minute to 366 days/],
    ['rate(5 seconds)', /rate\(5 minutes\)/],
    ['rate(5)', /rate\(5 minutes\)/],
    ['every day', /rate\(5 minutes\)/],
    ['*/5 * * * *', /rate\(5 minutes\)/],
    [42, /rate\(5 minutes\)/],
    ['cron(*/5 * * * *)', /six fields/],
    ['cron(0 10 * * * *)', /Give \? as/],
    ['cron(0 10 ? * ? *)', /Give \? as/],
    ['cron(60 10 * * ? *)', /60 is no minutes: give 0 to 59/],
    ['cron(0 24 * * ? *)', /24 is no hours/],
    ['cron(0 10 0 * ? *)', /0 is no day of month/],
    ['cron(0 10 32W * ? *)', /32W is no day of month/],
    ['cron(0 10 ? * 0 *)', /0 is no day of week: give 1 to 7, or SUN to SAT/],
    ['cron(0 10 ? * FRI-MON *)', /FRI-MON is no day of week/],
    ['cron(0 10 ? * 2#6 *)', /2#6 is no day of week/],
    ['cron(0 10 ? 13 2 *)', /13 is no month/],
    ['cron(0 10 * ? ? *)', /Give \? as|\? is no month/],
    ['cron(0/0 10 * * ? *)', /0\/0 is no minutes/],
    ['cron(0 10 * * ? 1969)', /1969 is no year/],
    ['cron(0 10 * * ? 2026-2020)', /2026-2020 is no year/],
    ['cron(, 10 * * ? *)', /is no minutes/],
  ])('%s is refused, and told what it may be', (text, hint) => {
    const refused = (() => {
      try {
        return parseSchedule(text);
      } catch (error) {
        return error;
      }
    })();
    expect(refused).toMatchObject({ code: 'INVALID_CONFIG', value: text });
    expect((refused as { hint: string }).hint).toMatch(hint);
  });
});
