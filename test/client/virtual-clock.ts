/** A clock that tests move by hand, or that jumps to the next sleeper as soon as nothing else is to do. */
import type { Clock } from '../../lib/clock.ts';

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

export class VirtualClock implements Clock {
  #nowMs = Date.UTC(2026, 0, 1);
  #sleepers: Sleeper[] = [];
  #jumping = false;
  readonly #jumps: boolean;

  constructor(options: { readonly jumps: boolean }) {
    this.#jumps = options.jumps;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  get sleeperCount(): number {
    return this.#sleepers.length;
  }

  sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const sleeper: Sleeper = {
        dueMs: this.#nowMs + durationMs,
        wake: () => {
          this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
          signal?.removeEventListener('abort', sleeper.wake);
          resolve();
        },
      };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', sleeper.wake, { once: true });
      if (this.#jumps) this.#jumpSoon();
    });
  }

  /** Moves time, wakes who is due in order, and lets what they do finish. */
  async advance(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    await settle();
    for (let first = this.#first(untilMs); first !== undefined; first = this.#first(untilMs)) {
      this.#nowMs = Math.max(this.#nowMs, first.dueMs);
      first.wake();
      await settle();
    }
    this.#nowMs = untilMs;
  }

  #first(untilMs: number): Sleeper | undefined {
    return this.#sleepers.filter(({ dueMs }) => dueMs <= untilMs).toSorted((a, b) => a.dueMs - b.dueMs)[0];
  }

  #jumpSoon(): void {
    if (this.#jumping) return;
    this.#jumping = true;
    setImmediate(() => {
      this.#jumping = false;
      const first = this.#first(Number.POSITIVE_INFINITY);
      if (first === undefined) return;
      this.#nowMs = Math.max(this.#nowMs, first.dueMs);
      first.wake();
      if (this.#sleepers.length > 0) this.#jumpSoon();
    });
  }
}

/** Lets everything that is ready run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
