import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../lib/limits.ts';
import { firstIdAt } from '../../lib/segment/segment-id.ts';
import { ServerClock } from '../../lib/segment/server-clock.ts';
import { FakeClock } from './fake-clock.ts';

const NOW = Date.UTC(2026, 5, 1, 12);
/** The `Date` header of an answer that a server makes at this time. */
const header = (timeMs: number) => Math.floor(timeMs / 1000) * 1000;

describe('the clock of the stores', () => {
  it('is the wall clock until an answer was seen', () => {
    const clock = new FakeClock(NOW + 0.7);
    const serverClock = new ServerClock(clock);
    expect(serverClock.nowMs()).toBe(NOW);
    expect(serverClock.correctionMs).toBe(0);
    expect(serverClock.aheadMs(firstIdAt(NOW))).toBeNull();
  });

  it('keeps a wall clock that agrees within the resolution of a header', () => {
    for (const agreeingMs of [0, 1, 700, 1000]) {
      const clock = new FakeClock(NOW + agreeingMs);
      const serverClock = new ServerClock(clock);
      serverClock.observe(NOW);
      expect(serverClock.correctionMs).toBe(0);
    }
  });

  it('corrects a wall clock that is fast or slow to the nearer end of the second', () => {
    for (const [wrongMs, expectedMs] of [
      [-1, 0],
      [-86_400_000, 0],
      [1001, 1000],
      [86_400_000, 1000],
    ] as const) {
      const clock = new FakeClock(NOW + wrongMs);
      const serverClock = new ServerClock(clock);
      serverClock.observe(NOW);
      expect(serverClock.nowMs()).toBe(NOW + expectedMs);
      expect(serverClock.correctionMs).toBe(expectedMs - wrongMs);
    }
  });

  it('does not follow a jump of the wall clock between answers', () => {
    const clock = new FakeClock(NOW);
    const serverClock = new ServerClock(clock);
    serverClock.observe(NOW);
    for (const jumpMs of [3_600_000, -7_200_000]) {
      clock.wallMs += jumpMs;
      clock.pass(10);
    }
    expect(serverClock.nowMs()).toBe(NOW + 20);
    serverClock.observe(NOW);
    expect(Math.abs(serverClock.nowMs() - (NOW + 20))).toBeLessThanOrEqual(1000);
  });

  it('remembers the quickest answers, so that slow ones do not hold it back', () => {
    const clock = new FakeClock(0);
    const serverClock = new ServerClock(clock);
    serverClock.observe(NOW);
    clock.pass(20_000);
    // This answer was on its way for 15 seconds.
    serverClock.observe(NOW + 5000);
    expect(serverClock.nowMs()).toBe(NOW + 20_000);
  });

  it('forgets an answer after some minutes, so that a drifting monotonic clock does not lead it away', () => {
    const clock = new FakeClock(0);
    const serverClock = new ServerClock(clock);
    let serverMs = NOW;
    for (let second = 0; second < 3600; second++) {
      // This machine's clocks run 1 % fast: 36 seconds in the hour.
      clock.pass(1010);
      serverMs += 1000;
      serverClock.observe(header(serverMs));
    }
    expect(Math.abs(serverClock.nowMs() - serverMs)).toBeLessThan(4000);
  });

  it('gives up a header that the next one contradicts by more than an id may be ahead', () => {
    const clock = new FakeClock(NOW);
    const serverClock = new ServerClock(clock);
    serverClock.observe(NOW + 86_400_000);
    expect(serverClock.nowMs()).toBe(NOW + 86_400_000);
    serverClock.observe(NOW);
    expect(serverClock.nowMs()).toBe(NOW);
  });

  it('ignores what is no time', () => {
    const clock = new FakeClock(NOW);
    const serverClock = new ServerClock(clock);
    for (const value of [Number.NaN, 0, -1, Number.POSITIVE_INFINITY, 2 ** 60]) serverClock.observe(value);
    expect(serverClock.aheadMs(firstIdAt(NOW))).toBeNull();
    expect(serverClock.nowMs()).toBe(NOW);
  });

  it('tells how far an id is ahead of the newest answer, carried to this moment', () => {
    const clock = new FakeClock(NOW + 86_400_000);
    const serverClock = new ServerClock(clock);
    serverClock.observe(NOW);
    const id = firstIdAt(NOW + limits.clockAheadMs + 1);
    expect(serverClock.aheadMs(id)).toBe(limits.clockAheadMs + 1);
    clock.pass(5000);
    clock.wallMs -= 1_000_000;
    expect(serverClock.aheadMs(id)).toBe(limits.clockAheadMs + 1 - 5000);
    expect(serverClock.aheadMs(firstIdAt(NOW))).toBe(-5000);
  });

  it('finds an id ahead that a wrong header led astray, by the next right one', () => {
    const clock = new FakeClock(NOW);
    const serverClock = new ServerClock(clock);
    serverClock.observe(NOW + 86_400_000);
    const id = firstIdAt(serverClock.nowMs());
    serverClock.observe(NOW);
    expect(serverClock.aheadMs(id)).toBeGreaterThan(limits.clockAheadMs);
  });

  it('catches up with the first answer after a sleep that stopped the monotonic clock', () => {
    const clock = new FakeClock(NOW);
    const serverClock = new ServerClock(clock);
    serverClock.observe(NOW);
    clock.wallMs += 900_000;
    expect(serverClock.nowMs()).toBe(NOW);
    serverClock.observe(NOW + 900_000);
    expect(serverClock.nowMs()).toBe(NOW + 900_000);
  });

  it('stays within a second above and a delay below the server, whatever the wall clock does', () => {
    const answer = fc.record({
      pauseMs: fc.integer({ min: 0, max: 30_000 }),
      delayMs: fc.integer({ min: 0, max: 3000 }),
      jumpMs: fc.oneof(fc.constant(0), fc.integer({ min: -1e9, max: 1e9 })),
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999 }), fc.array(answer, { minLength: 1 }), (phaseMs, answers) => {
        const clock = new FakeClock(NOW);
        const serverClock = new ServerClock(clock);
        const serverNow = () => NOW + phaseMs + clock.elapsedMs;
        for (const { pauseMs, delayMs, jumpMs } of answers) {
          const date = header(serverNow());
          clock.pass(delayMs);
          clock.wallMs += jumpMs;
          serverClock.observe(date);
          clock.pass(pauseMs);
          clock.wallMs -= 2 * jumpMs;
          const errorMs = serverClock.nowMs() - serverNow();
          expect(errorMs).toBeLessThanOrEqual(1000);
          expect(errorMs).toBeGreaterThanOrEqual(-1000 - delayMs);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
