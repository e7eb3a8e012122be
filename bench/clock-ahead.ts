import { type Clock, systemClock } from '../lib/clock.ts';

/** A clock that is ahead, so that what was written a moment ago is old. */
export function clockAhead(aheadMs: () => number): Clock {
  return {
    nowMs: () => systemClock.nowMs() + aheadMs(),
    monotonicMs: () => systemClock.monotonicMs(),
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
  };
}
