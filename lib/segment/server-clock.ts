/**
 * The time of the stores, estimated from the `Date` headers of their answers (RFC 9110, section 6.6.1).
 *
 * A `Date` is cut to the second and old by the time it is read, so each answer proves only that the server's time is *at least* its `Date`. The
 * greatest such proof of the last minutes, carried forward by the monotonic clock, is `proven`; the server's time is at most about a
 * second later. A wall clock that lies in that second is kept, since it is finer than a header; any other is replaced by the nearer end.
 *
 * Always true:
 * - Once an answer was seen, a jump of the wall clock moves the estimate by a second at most, and only at the next answer.
 * - A slow answer never moves `proven` back while quicker ones are remembered.
 * - The estimate is at most a second ahead of the server, as long as the headers are right and the monotonic clock keeps their pace.
 *
 * A machine that slept with its monotonic clock stopped (a frozen function) lags until its first answer. Ids that are too low are harmless: the floor
 * refuses or lifts them.
 */
import type { Clock } from '../clock.ts';
import { limits } from '../limits.ts';
import { idTimeMs, MAX_ID_TIME_MS, type SegmentId } from './segment-id.ts';

/** Resolution of a `Date` header. */
const RESOLUTION_MS = 1000;

/** Answers are remembered for one to three of these: long enough to hold quick ones, short enough that a quartz (50 ppm) drifts by less than 10 ms. */
const WINDOW_MS = 60_000;

/** A minute of answers. Offsets are the server's time minus the monotonic clock. */
interface Window {
  readonly startMs: number;
  readonly provenOffsetMs: number;
}

/** Hears of every answer's `Date` and tells the time of the stores; one for a process. See the top of this file. */
export class ServerClock {
  readonly #clock: Clock;
  #window: Window | null = null;
  #previous: Window | null = null;
  /** Of the newest answer, which alone decides what is ahead. */
  #newestOffsetMs: number | null = null;
  /** Of the estimate, chosen when the newest answer came. */
  #offsetMs: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Tells of an answer that has just come, by its `Date` header in ms since the epoch. What is no such time (NaN from a damaged header) is ignored. */
  observe(dateHeaderMs: number): void {
    if (!(dateHeaderMs > 0 && dateHeaderMs <= MAX_ID_TIME_MS)) return;
    const monotonicMs = this.#clock.monotonicMs();
    const newestOffsetMs = dateHeaderMs - monotonicMs;
    this.#newestOffsetMs = newestOffsetMs;
    const provenOffsetMs = this.#remember(newestOffsetMs, monotonicMs);
    const wallOffsetMs = this.#clock.nowMs() - monotonicMs;
    this.#offsetMs = Math.min(Math.max(wallOffsetMs, provenOffsetMs), provenOffsetMs + RESOLUTION_MS);
  }

  /** Adds an answer to the windows and returns the greatest offset proven by those that are remembered. */
  #remember(offsetMs: number, monotonicMs: number): number {
    const remembered = Math.max(this.#window?.provenOffsetMs ?? offsetMs, this.#previous?.provenOffsetMs ?? offsetMs);
    // Two answers that disagree by more than an id may be ahead: one server's clock is wrong. Believing the higher would refuse every commit
    // until it is forgotten, believing the lower costs a round trip at worst.
    if (remembered - offsetMs > limits.clockAheadMs) {
      this.#window = null;
      this.#previous = null;
    }
    if (this.#window === null || monotonicMs - this.#window.startMs >= WINDOW_MS) {
      const recent = this.#window !== null && monotonicMs - this.#window.startMs < 2 * WINDOW_MS;
      this.#previous = recent ? this.#window : null;
      this.#window = { startMs: monotonicMs, provenOffsetMs: offsetMs };
    } else if (offsetMs > this.#window.provenOffsetMs) {
      this.#window = { startMs: this.#window.startMs, provenOffsetMs: offsetMs };
    }
    return Math.max(this.#window.provenOffsetMs, this.#previous?.provenOffsetMs ?? offsetMs);
  }

  /** The estimated time of the stores, whole ms since the epoch; the wall clock's until an answer was seen. Does not go back between answers. */
  nowMs(): number {
    if (this.#offsetMs === null) return Math.floor(this.#clock.nowMs());
    return Math.floor(this.#clock.monotonicMs() + this.#offsetMs);
  }

  /** Whether an answer was seen: until then the wall clock is all that is known. */
  get isCorrected(): boolean {
    return this.#offsetMs !== null;
  }

  /** What must be added to the wall clock now; 0 until an answer was seen. */
  get correctionMs(): number {
    return this.#offsetMs === null ? 0 : this.nowMs() - Math.floor(this.#clock.nowMs());
  }

  /**
   * Milliseconds by which an id is ahead of the newest answer's `Date`, both at this moment (negative: behind), or null when no answer was seen.
   *
   * Whoever commits refuses entries of more than `limits.clockAheadMs`, so that one fast clock cannot push the floor into everybody's future. The newest answer
   * is asked and not the estimate, so that a wrong header that led the estimate astray is caught by the next right one.
   */
  aheadMs(id: SegmentId): number | null {
    if (this.#newestOffsetMs === null) return null;
    return idTimeMs(id) - Math.floor(this.#clock.monotonicMs() + this.#newestOffsetMs);
  }
}
