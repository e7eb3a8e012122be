import { describe, expect, it } from 'vitest';
import { limits } from '../../lib/limits.ts';
import { lookAtTime, SERVER_MARGIN_MS, type SeenTime, trustTime } from '../../lib/maintenance/trusted-time.ts';
import { ServerClock } from '../../lib/segment/server-clock.ts';
import { FakeClock } from '../segment/fake-clock.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;
const CONFIRM_MS = limits.clockConfirmMs;

describe('a clock', () => {
  const looks = (...times: readonly number[]) => {
    let seen: SeenTime | null = null;
    return times.map((time) => {
      seen = trustTime(seen, time);
      return seen.trustedMs;
    });
  };

  it('counts once it has shown a time five minutes ago, to the millisecond', () => {
    const at = (afterMs: number) => looks(NOW_MS, NOW_MS + afterMs)[1];
    expect(at(CONFIRM_MS - 1)).toBe(0);
    expect(at(CONFIRM_MS)).toBe(NOW_MS);
  });

  it('is behind by one look when it is looked at seldom, and by two times five minutes at most when often', () => {
    expect(looks(NOW_MS, NOW_MS + HOUR_MS, NOW_MS + 2 * HOUR_MS)).toEqual([0, NOW_MS, NOW_MS + HOUR_MS]);
    const often = Array.from({ length: 100 }, (_, minute) => NOW_MS + minute * 60_000);
    const behind = looks(...often).map((trusted, index) => often[index]! - trusted);
    expect(Math.max(...behind.slice(5))).toBeLessThan(2 * CONFIRM_MS);
  });

  it('deletes nothing by a jump that is put right before the next look that counts', () => {
    const jumped = NOW_MS + 10 * 365 * 24 * HOUR_MS;
    const trusted = looks(
      NOW_MS,
      NOW_MS + HOUR_MS,
      jumped,
      jumped + CONFIRM_MS - 1,
      NOW_MS + 2 * HOUR_MS,
      NOW_MS + 3 * HOUR_MS,
    );
    expect(trusted).toEqual([0, NOW_MS, NOW_MS + HOUR_MS, NOW_MS + HOUR_MS, NOW_MS + HOUR_MS, NOW_MS + 2 * HOUR_MS]);
    expect(Math.max(...trusted)).toBeLessThan(jumped);
  });

  it('goes back when the clock does', () => {
    expect(looks(NOW_MS, NOW_MS + HOUR_MS, NOW_MS - HOUR_MS)).toEqual([0, NOW_MS, NOW_MS - HOUR_MS]);
  });
});

describe('the clock of a store that tells its time', () => {
  it('is never ahead of the store, however wrong the machine is', () => {
    for (const wrongMs of [-HOUR_MS, 0, 999, HOUR_MS, 10_000 * HOUR_MS]) {
      for (const cutMs of [0, 500, 999]) {
        const clock = new FakeClock(NOW_MS + cutMs + wrongMs);
        const serverClock = new ServerClock(clock);
        serverClock.observe(NOW_MS);
        const { seen } = lookAtTime(serverClock, null);
        expect(seen.seenMs).toBeLessThanOrEqual(NOW_MS + cutMs);
        expect(seen.seenMs).toBeGreaterThanOrEqual(NOW_MS - SERVER_MARGIN_MS);
        clock.pass(CONFIRM_MS);
        expect(lookAtTime(serverClock, seen).nowMs).toBe(seen.seenMs);
      }
    }
  });

  it('is not believed by one answer that is wrong', () => {
    const clock = new FakeClock(NOW_MS);
    let seen: SeenTime | null = null;
    const look = (aheadMs: number) => {
      // A process of its own each time, as a function is.
      const serverClock = new ServerClock(clock);
      serverClock.observe(clock.nowMs() + aheadMs);
      const looked = lookAtTime(serverClock, seen);
      seen = looked.seen;
      return looked.nowMs;
    };
    const times = [0, 0, 30 * 24 * HOUR_MS, 0, 0].map((aheadMs) => {
      clock.pass(HOUR_MS);
      return look(aheadMs);
    });
    const at = (hour: number) => NOW_MS + hour * HOUR_MS - SERVER_MARGIN_MS;
    expect(times).toEqual([0, at(1), at(2), at(2), at(4)]);
  });
});
