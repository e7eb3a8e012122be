import type { MetricReport, MetricWriter } from '../event-source/metrics/event-source-metrics.ts';
import { METRICS, type MetricName } from '../event-source/metrics/metric-names.ts';

/** Metrics since this process began, for the page: sums, and of what is no sum the last value. */
export class MetricTotals implements MetricWriter {
  readonly #totals = new Map<string, Map<MetricName, number>>();

  write({ subscription, values }: MetricReport): void {
    const totals = this.#totals.get(subscription) ?? new Map<MetricName, number>();
    this.#totals.set(subscription, totals);
    for (const [name, given] of values) {
      const before = METRICS[name].keeps === 'sum' ? (totals.get(name) ?? 0) : 0;
      totals.set(name, before + given.at(-1)!);
    }
  }

  /** By name, in their order; what never happened is left out. */
  of(subscription: string): Readonly<Partial<Record<MetricName, number>>> {
    const totals = this.#totals.get(subscription);
    const names = Object.keys(METRICS) as MetricName[];
    return Object.fromEntries(
      names.filter((name) => (totals?.get(name) ?? 0) !== 0).map((name) => [name, totals!.get(name)]),
    );
  }
}
