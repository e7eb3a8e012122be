/**
 * The memory that records take between `send` and their acknowledgement, and the line of those who wait for some.
 *
 * Always true: who waits is admitted in the order of arrival, so nobody starves; nobody is admitted past the bound; whoever waits longer than
 * allowed is told so and takes nothing.
 */
import type { Clock } from '../clock.ts';

/** Somebody who waits for memory; exactly one of its two functions is called, once. */
export interface MemoryWaiter {
  readonly bytes: number;
  /** Monotonic; Infinity waits for ever. */
  readonly deadlineMs: number;
  /** The memory was taken for it. */
  readonly admit: () => void;
  readonly expire: () => void;
}

const COMPACT_FROM = 1024;

/** See the module comment. */
export class BufferMemory {
  readonly totalBytes: number;
  readonly #clock: Clock;
  #availableBytes: number;
  #line: MemoryWaiter[] = [];
  /** Of the first in `#line`; what stands before it is done. */
  #first = 0;
  #admitting = false;
  #watch: AbortController | null = null;

  constructor(clock: Clock, totalBytes: number) {
    this.#clock = clock;
    this.totalBytes = totalBytes;
    this.#availableBytes = totalBytes;
  }

  get usedBytes(): number {
    return this.totalBytes - this.#availableBytes;
  }

  get waiterCount(): number {
    return this.#line.length - this.#first;
  }

  /** Takes memory at once if there is enough and nobody waits. */
  tryTake(bytes: number): boolean {
    if (bytes > this.#availableBytes || this.waiterCount > 0) return false;
    this.#availableBytes -= bytes;
    return true;
  }

  /** Takes memory in any case: for what belongs to something that was admitted. The bound is restored before anybody else is admitted. */
  take(bytes: number): void {
    this.#availableBytes -= bytes;
  }

  /** Gives memory back and admits who can be. */
  release(bytes: number): void {
    this.#availableBytes += bytes;
    this.#admitWaiting();
  }

  /** Puts a waiter at the end of the line. */
  wait(waiter: MemoryWaiter): void {
    this.#line.push(waiter);
    if (Number.isFinite(waiter.deadlineMs) && !this.#watch) void this.#expireWaiting();
  }

  /** Resolves when everybody who waits now is through, and there is some memory again. */
  room(): Promise<void> {
    if (this.waiterCount === 0 && this.#availableBytes > 0) return Promise.resolve();
    return new Promise((resolve) => {
      const admit = () => {
        this.#availableBytes += 1;
        resolve();
      };
      this.wait({ bytes: 1, deadlineMs: Number.POSITIVE_INFINITY, admit, expire: resolve });
    });
  }

  #admitWaiting(): void {
    // An admitted record may fill a batch, and so come back here: the outer call goes on.
    if (this.#admitting) return;
    this.#admitting = true;
    try {
      while (this.waiterCount > 0) {
        const waiter = this.#line[this.#first]!;
        if (waiter.bytes > this.#availableBytes) break;
        this.#shift();
        this.#availableBytes -= waiter.bytes;
        waiter.admit();
      }
    } finally {
      this.#admitting = false;
    }
    if (this.waiterCount === 0) this.#watch?.abort();
  }

  #shift(): void {
    this.#first += 1;
    if (this.#first >= COMPACT_FROM && this.#first * 2 >= this.#line.length) {
      this.#line = this.#line.slice(this.#first);
      this.#first = 0;
    }
  }

  /** One watch for the whole line: deadlines rise along it but for small differences. */
  async #expireWaiting(): Promise<void> {
    const watch = new AbortController();
    this.#watch = watch;
    while (!watch.signal.aborted) {
      const waiting = this.#line.slice(this.#first);
      const nextMs = waiting.reduce((least, { deadlineMs }) => Math.min(least, deadlineMs), Number.POSITIVE_INFINITY);
      if (nextMs === Number.POSITIVE_INFINITY) break;
      await this.#clock.sleep(Math.max(0, nextMs - this.#clock.monotonicMs()), watch.signal);
      if (!watch.signal.aborted) this.#expireUntil(this.#clock.monotonicMs());
    }
    this.#watch = null;
    const isNeeded = this.#line.slice(this.#first).some(({ deadlineMs }) => Number.isFinite(deadlineMs));
    if (isNeeded) void this.#expireWaiting();
  }

  #expireUntil(nowMs: number): void {
    const waiting = this.#line.slice(this.#first);
    const expired = waiting.filter(({ deadlineMs }) => deadlineMs <= nowMs);
    if (expired.length === 0) return;
    this.#line = waiting.filter(({ deadlineMs }) => deadlineMs > nowMs);
    this.#first = 0;
    for (const { expire } of expired) expire();
    this.#admitWaiting();
  }
}
