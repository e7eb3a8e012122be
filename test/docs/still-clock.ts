import { type Clock, systemClock } from '../../lib/clock.ts';

/** Items are charged by their digits, so the clock that is written into them stands still: on a day on which every stored number has as many of them as it will have for the next two centuries. */
export const stillClock: Clock = { ...systemClock, nowMs: () => Date.UTC(2026, 10, 24, 12, 0, 0, 123) };
