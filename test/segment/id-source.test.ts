import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemRandom } from '../../lib/clock.ts';
import { UlidSource } from '../../lib/segment/id-source.ts';
import { encodeId, firstIdAt, idTimeMs, MAX_ID_TIME_MS, ZERO_ID } from '../../lib/segment/segment-id.ts';
import { ServerClock } from '../../lib/segment/server-clock.ts';
import { FakeClock, scriptedRandom } from './fake-clock.ts';

const NOW = Date.UTC(2026, 5, 1, 12);
const randomPart = (id: string) => Buffer.from(encodeId(id).subarray(6)).toString('hex');

describe('a source of ids', () => {
  it('joins the time and fresh random bits', () => {
    const clock = new FakeClock(NOW);
    const source = new UlidSource({ clock, random: scriptedRandom([0x11, 0x22]) });
    const first = source.next(ZERO_ID);
    clock.pass(1);
    const second = source.next(ZERO_ID);
    expect([idTimeMs(first), randomPart(first)]).toEqual([NOW, '11'.repeat(10)]);
    expect([idTimeMs(second), randomPart(second)]).toEqual([NOW + 1, '22'.repeat(10)]);
  });

  it('counts up within a millisecond, without new random bits', () => {
    const random = scriptedRandom([0x11]);
    const source = new UlidSource({ clock: new FakeClock(NOW), random });
    const parts = Array.from({ length: 3 }, () => randomPart(source.next(ZERO_ID)));
    expect(parts).toEqual(['11', '12', '13'].map((last) => '11'.repeat(9) + last));
    expect(random.draws).toBe(1);
  });

  it('takes the next millisecond when the random bits overflow, and stays there', () => {
    const source = new UlidSource({ clock: new FakeClock(NOW), random: scriptedRandom([0xff, 0x33]) });
    const ids = Array.from({ length: 3 }, () => source.next(ZERO_ID));
    expect(ids.map(idTimeMs)).toEqual([NOW, NOW + 1, NOW + 1]);
    expect(ids.map(randomPart)).toEqual(['ff'.repeat(10), '33'.repeat(10), `${'33'.repeat(9)}34`]);
  });

  it('goes on from its last id when the clock goes back', () => {
    const clock = new FakeClock(NOW);
    const source = new UlidSource({ clock, random: scriptedRandom([0x11]) });
    const before = source.next(ZERO_ID);
    clock.wallMs -= 3_600_000;
    const after = source.next(ZERO_ID);
    expect(after > before).toBe(true);
    expect(idTimeMs(after)).toBe(NOW);
  });

  it('passes a floor in the future by a whole millisecond', () => {
    const source = new UlidSource({ clock: new FakeClock(NOW), random: scriptedRandom([0]) });
    const floor = `${firstIdAt(NOW + 5000).slice(0, 10)}${'Z'.repeat(16)}`;
    const id = source.next(floor);
    expect(idTimeMs(id)).toBe(NOW + 5001);
    // A lower floor later does not take it back.
    expect(source.next(ZERO_ID) > id).toBe(true);
  });

  it('follows the clock of the stores', () => {
    const clock = new FakeClock(NOW + 600_000);
    const serverClock = new ServerClock(clock);
    serverClock.observe(NOW);
    const source = new UlidSource({ clock, random: scriptedRandom([0]), serverClock });
    expect(idTimeMs(source.next(ZERO_ID))).toBe(NOW + 1000);
  });

  it('does not follow an id that may not be committed', () => {
    // A machine whose clock was five minutes fast made its first id before any answer had corrected it. "Above every id before" then kept all later ones
    // five minutes ahead, none of them could be committed, and for four minutes every append ended in NOT_COMMITTED.
    const clock = new FakeClock(NOW + 300_000);
    const serverClock = new ServerClock(clock);
    const source = new UlidSource({ clock, random: scriptedRandom([0x11, 0x22, 0x33, 0x44]), serverClock });
    expect(idTimeMs(source.next(ZERO_ID))).toBe(NOW + 300_000);
    serverClock.observe(NOW);
    const second = source.next(ZERO_ID);
    expect(idTimeMs(second)).toBe(NOW + 1000);
    // Likewise the floor of one partition far ahead is no matter for the others.
    expect(idTimeMs(source.next(firstIdAt(NOW + 200_000)))).toBe(NOW + 200_001);
    expect(idTimeMs(source.next(ZERO_ID))).toBe(NOW + 1000);
  });

  it('says so when no id is left above the floor, and keeps its order', () => {
    const clock = new FakeClock(NOW);
    const source = new UlidSource({ clock, random: scriptedRandom([0x11]) });
    const floor = firstIdAt(MAX_ID_TIME_MS);
    expect(() => source.next(floor)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', value: floor }));
    expect(idTimeMs(source.next(ZERO_ID))).toBe(NOW);
    expect(() => source.next('no id')).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
  });

  it('does not begin again when the last millisecond of all overflows', () => {
    const source = new UlidSource({ clock: new FakeClock(MAX_ID_TIME_MS), random: scriptedRandom([0xff]) });
    source.next(ZERO_ID);
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(() => source.next(ZERO_ID)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
    }
  });

  it('ascends, above every floor, whatever the clock does', () => {
    const step = fc.record({
      jumpMs: fc.oneof(fc.constant(0), fc.integer({ min: -100_000, max: 100_000 })),
      floorMs: fc.integer({ min: -5_000, max: 100_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const clock = new FakeClock(NOW);
        const source = new UlidSource({ clock, random: systemRandom });
        let last = ZERO_ID;
        for (const { jumpMs, floorMs } of steps) {
          clock.wallMs += jumpMs;
          const floor = `${firstIdAt(clock.wallMs + floorMs).slice(0, 10)}${'Z'.repeat(16)}`;
          const id = source.next(floor);
          expect(id > last && id > floor).toBe(true);
          last = id;
        }
      }),
    );
  });
});
