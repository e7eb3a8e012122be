import type { Clock } from '../clock.ts';

interface Lingering<T> {
  readonly item: T;
  /** Monotonic. */
  readonly dueMs: number;
}

/**
 * Things that linger, at most so long, so that the first in is the first due, and one timer serves all.
 *
 * What is due takes along all that still lingers: they share a request, which costs the same for one and for all.
 */
export class LingerLine<T> {
  readonly #clock: Clock;
  readonly #lingerMs: number;
  readonly #onDue: (item: T) => boolean;
  #line: Lingering<T>[] = [];
  #watch: AbortController | null = null;

  /** `onDue`: false of what does not linger any more, since it has left for another reason. */
  constructor(options: { readonly clock: Clock; readonly lingerMs: number; readonly onDue: (item: T) => boolean }) {
    this.#clock = options.clock;
    this.#lingerMs = options.lingerMs;
    this.#onDue = options.onDue;
  }

  /** `item` is due after the linger time, or before. */
  add(item: T): void {
    this.#line.push({ item, dueMs: this.#clock.monotonicMs() + this.#lingerMs });
    if (this.#watch === null) void this.#run();
  }

  /** All that linger are due now. */
  end(): void {
    const line = this.#line;
    this.#line = [];
    this.#watch?.abort();
    for (const { item } of line) this.#onDue(item);
  }

  async #run(): Promise<void> {
    while (this.#line.length > 0) {
      // A fresh one each time: whoever lingers after `end` waits anew.
      const watch = new AbortController();
      this.#watch = watch;
      const delayMs = this.#line[0]!.dueMs - this.#clock.monotonicMs();
      if (delayMs > 0) await this.#clock.sleep(delayMs, watch.signal);
      const nowMs = this.#clock.monotonicMs();
      const firstNotDue = this.#line.findIndex(({ dueMs }) => dueMs > nowMs);
      const due = this.#line.splice(0, firstNotDue < 0 ? this.#line.length : firstNotDue);
      const left = due.filter(({ item }) => this.#onDue(item));
      if (left.length > 0) for (const { item } of this.#line.splice(0)) this.#onDue(item);
    }
    this.#watch = null;
  }
}
