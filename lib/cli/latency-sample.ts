/** Latencies of many records in little memory, as Kafka's perf tools keep them: of every so-manieth record. */

/** Latencies that are kept at most. */
const KEPT = 500_000;

/** What was measured, in milliseconds. */
export interface LatencySummary {
  readonly avgMs: number;
  readonly maxMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** See the top of this file. */
export class LatencySample {
  /** One in so many is kept. */
  readonly #stride: number;
  readonly #kept: number[] = [];
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  /** @param expected How many will be added, about. */
  constructor(expected: number) {
    this.#stride = Math.max(1, Math.ceil(expected / KEPT));
  }

  add(latencyMs: number): void {
    if (this.#count % this.#stride === 0) this.#kept.push(latencyMs);
    this.#count += 1;
    this.#sumMs += latencyMs;
    if (latencyMs > this.#maxMs) this.#maxMs = latencyMs;
  }

  get count(): number {
    return this.#count;
  }

  get summary(): LatencySummary {
    const sorted = Float64Array.from(this.#kept).sort();
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
    return {
      avgMs: this.#count === 0 ? 0 : this.#sumMs / this.#count,
      maxMs: this.#maxMs,
      p50Ms: at(0.5),
      p95Ms: at(0.95),
      p99Ms: at(0.99),
      p999Ms: at(0.999),
    };
  }
}
