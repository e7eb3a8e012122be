import type { Clock } from '../clock.ts';

/** How often it may be, and what it is. */
export interface RareLookOptions {
  readonly clock: Clock;
  /** Monotonic, from the beginning of one to that of the next. */
  readonly everyMs: number;
  readonly look: () => Promise<unknown>;
}

/** A look at everything for one who misses something: it is dear, and who asks for what is gone may go on doing so. Who asks meanwhile shares it, who asks soon after it has what it found. */
export class RareLook {
  readonly #options: RareLookOptions;
  #looking: Promise<unknown> = Promise.resolve();
  #sinceMs = Number.NEGATIVE_INFINITY;

  constructor(options: RareLookOptions) {
    this.#options = options;
  }

  /** Ends when everything was looked at not long ago. Throws what the look throws; the next one who asks looks again. */
  async had(): Promise<void> {
    const { clock, everyMs, look } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#sinceMs >= everyMs) {
      this.#sinceMs = nowMs;
      this.#looking = look().catch((error: unknown) => {
        this.#sinceMs = Number.NEGATIVE_INFINITY;
        throw error;
      });
    }
    await this.#looking;
  }
}
