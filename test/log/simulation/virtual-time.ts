/**
 * Time of a simulated run: events at virtual times, one after another, each with everything that follows from it before the next begins. Nothing in a run waits for the
 * machine, so a seed gives the same run, byte for byte.
 */
import type { Clock, Random } from '../../../lib/clock.ts';
import { fractions } from '../faulty-store.ts';

/** Where the wall clock of the stores stands when a run begins. */
export const START_MS = Date.UTC(2026, 0, 1);

interface Event {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | null;
}

/** The queue of events. */
export class VirtualTime {
  nowMs = 0;
  /** Number of the event that runs: who did what before whom. */
  eventCount = 0;
  readonly #heap: Event[] = [];
  #order = 0;

  /** Runs `run` after `delayMs`; the function returned takes it back. */
  schedule(delayMs: number, run: () => void): () => void {
    const event: Event = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, run };
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = event;
    return () => {
      event.run = null;
    };
  }

  /** Runs the next event and all that follows from it at once; false when there is none at or before `untilMs`. */
  async step(untilMs: number): Promise<boolean> {
    for (;;) {
      const event = this.#heap[0];
      if (!event || event.atMs > untilMs) return false;
      this.#removeFirst();
      if (!event.run) continue;
      this.nowMs = event.atMs;
      this.eventCount += 1;
      event.run();
      // Behind all promise callbacks.
      await new Promise((resolve) => setImmediate(resolve));
      return true;
    }
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!before(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

function before(a: Event, b: Event): boolean {
  return a.atMs === b.atMs ? a.order < b.order : a.atMs < b.atMs;
}

/** Random numbers of a seed, with what actors need of them. */
export class Dice implements Random {
  readonly fraction: () => number;

  constructor(seed: number) {
    this.fraction = fractions(Math.imul(seed, 0x9e3779b1) ^ 0x51ed270b);
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => Math.floor(this.fraction() * 256));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** An integer, both ends included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low + 1));
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.between(0, choices.length - 1)]!;
  }

  /** Evenly over the orders of magnitude. */
  magnitude(low: number, high: number): number {
    return low * (high / low) ** this.fraction();
  }
}

/** One process: its clock, which may be wrong, and whether it still runs. A process that has crashed hears of nothing any more. */
export class Process implements Clock {
  readonly name: string;
  readonly #time: VirtualTime;
  skewMs: number;
  alive = true;

  constructor(time: VirtualTime, name: string, skewMs: number) {
    this.#time = time;
    this.name = name;
    this.skewMs = skewMs;
  }

  nowMs(): number {
    return START_MS + this.#time.nowMs + this.skewMs;
  }

  /** Its wall clock is set. */
  jump(byMs: number): void {
    this.skewMs += byMs;
  }

  /** Runs something of this process, when it runs: never once it has crashed. */
  whenRunning(run: () => void): void {
    if (this.alive) run();
  }

  monotonicMs(): number {
    return this.#time.nowMs;
  }

  sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const cancel = this.#time.schedule(durationMs, () => {
        if (this.alive) resolve();
      });
      signal?.addEventListener('abort', () => {
        cancel();
        resolve();
      });
    });
  }
}
