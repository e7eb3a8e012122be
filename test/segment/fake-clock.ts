import type { Clock, Random } from '../../lib/clock.ts';

/** A clock whose wall and monotonic time the test sets apart from each other. */
export class FakeClock implements Clock {
  wallMs: number;
  elapsedMs = 0;

  constructor(wallMs: number) {
    this.wallMs = wallMs;
  }

  /** Both clocks run. */
  pass(durationMs: number): void {
    this.wallMs += durationMs;
    this.elapsedMs += durationMs;
  }

  nowMs(): number {
    return this.wallMs;
  }

  monotonicMs(): number {
    return this.elapsedMs;
  }

  async sleep(durationMs: number): Promise<void> {
    this.pass(durationMs);
  }
}

/** Gives the same bytes each time: those of the list in turn, the last for ever. */
export function scriptedRandom(fills: readonly number[]): Random & { readonly draws: number } {
  let draws = 0;
  return {
    get draws() {
      return draws;
    },
    bytes: (count) => new Uint8Array(count).fill(fills[Math.min(draws++, fills.length - 1)]!),
    fraction: () => 0,
  };
}
