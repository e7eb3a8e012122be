/** Writes down what happens in a simulated run: its digest, its counts, its story, and the first rule that was broken. */
import { createHash } from 'node:crypto';
import type { VirtualTime } from '../log/simulation/virtual-time.ts';

/** What is to be kept. */
export interface RecorderOptions {
  readonly keepTrace: boolean;
  readonly keepDigest: boolean;
}

/** See the top of this file. */
export class RunRecorder {
  violation: string | null = null;
  readonly counts = new Map<string, number>();
  readonly trace: string[] = [];
  readonly #clock: VirtualTime;
  readonly #keepTrace: boolean;
  readonly #keepDigest: boolean;
  readonly #hash = createHash('sha256');

  constructor(clock: VirtualTime, { keepTrace, keepDigest }: RecorderOptions) {
    this.#clock = clock;
    this.#keepTrace = keepTrace;
    this.#keepDigest = keepDigest;
  }

  note(what: string, value: unknown = null): void {
    if (!this.#keepDigest && !this.#keepTrace) return;
    const outcome = typeof value === 'string' ? value : ((value as { outcome?: string } | null)?.outcome ?? '');
    const line = `${this.#clock.nowMs.toFixed(1)} ${what} ${outcome}`;
    this.#hash.update(line);
    if (this.#keepTrace) this.trace.push(line);
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  digest(): string {
    return this.#keepDigest ? this.#hash.copy().digest('hex') : '';
  }

  expect(holds: boolean, rule: string, story: () => string): void {
    if (holds || this.violation !== null) return;
    this.violation = `${rule}: ${story()}`;
    this.note(`VIOLATION ${this.violation}`);
  }
}
