/** The load that the perf commands make. */
import type { Clock, Random } from '../clock.ts';

const LETTERS = 26;
const FIRST_LETTER = 65;

/** Values that are sent in turn: drawn once, since drawing costs more than sending. */
const VALUES = 64;

/** Values of random capital letters, as Kafka's tool sends them: they compress to about 60 %, which no real record does as badly. */
export function randomValues(random: Random, bytes: number): readonly Uint8Array[] {
  return Array.from({ length: VALUES }, () => random.bytes(bytes).map((byte) => FIRST_LETTER + (byte % LETTERS)));
}

/** Holds a sender back to so many records a second; 0 or less does not. */
export class Throttle {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #startMs: number;
  #count = 0;

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#startMs = clock.monotonicMs();
  }

  /** Null, or what to wait for before the next record. */
  next(signal: AbortSignal): Promise<void> | null {
    if (this.#perSecond <= 0) return null;
    const dueMs = this.#startMs + (this.#count / this.#perSecond) * 1000;
    this.#count += 1;
    const aheadMs = dueMs - this.#clock.monotonicMs();
    return aheadMs < 1 ? null : this.#clock.sleep(aheadMs, signal);
  }
}
