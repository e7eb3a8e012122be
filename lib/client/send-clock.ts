import type { Clock } from '../clock.ts';

/** When a record was sent: also the timestamp of one that has none. One for all that are sent together. */
export interface SendTime {
  readonly monotonicMs: number;
  readonly timestampMs: bigint;
}

/** Tells the time of sends, good for a millisecond: to look at clocks for each record takes as long as to encode it. */
export class SendClock {
  readonly #clock: Clock;
  #lately: SendTime = { monotonicMs: Number.NEGATIVE_INFINITY, timestampMs: 0n };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): SendTime {
    const monotonicMs = this.#clock.monotonicMs();
    if (!(monotonicMs - this.#lately.monotonicMs < 1)) {
      this.#lately = { monotonicMs, timestampMs: BigInt(Math.floor(this.#clock.nowMs())) };
    }
    return this.#lately;
  }
}
