/** How small a schedule may be. */
import type { VirtualTime } from '../log/simulation/virtual-time.ts';
import type { RequestWay } from './request-way.ts';

/** Fewer would test little. Partitions and clients are as many from the start. */
export const LEAST = { partitions: 3, clients: 4, operations: 200, faults: 5 } as const;

/** Says when the busy part of a run is over: at its time, or later, when it has become large enough. */
export class BusyTime {
  readonly #time: VirtualTime;
  readonly #way: RequestWay;
  readonly #counts: ReadonlyMap<string, number>;
  #endMs: number;

  constructor(parts: { time: VirtualTime; way: RequestWay; counts: ReadonlyMap<string, number>; durationMs: number }) {
    this.#time = parts.time;
    this.#way = parts.way;
    this.#counts = parts.counts;
    this.#endMs = parts.durationMs;
  }

  get isOver(): boolean {
    while (this.#time.nowMs > this.#endMs && this.#isTooSmall) this.#endMs += 1_000;
    return this.#time.nowMs > this.#endMs;
  }

  /** Faults that were left out count, or a run without any would never end. */
  get #isTooSmall(): boolean {
    return (this.#counts.get('operations') ?? 0) < LEAST.operations || this.#way.drawn < LEAST.faults;
  }
}
