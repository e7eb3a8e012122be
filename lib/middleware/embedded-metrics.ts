import { systemClock } from '../clock.ts';
import { type EmbeddedMetricOptions, embeddedMetricWriter } from '../event-source/metrics/embedded-metric-format.ts';
import { EventSourceMetrics } from '../event-source/metrics/event-source-metrics.ts';

/** Which metrics a function writes. */
export interface EmbeddedMetricsOptions extends EmbeddedMetricOptions {
  /** Each partition for itself too. Default false; see the price. */
  readonly perPartition?: boolean;
}

/**
 * Metrics by the names of Lambda's event source mappings, as lines on the standard output from which CloudWatch takes them, one for each call. For the option `metrics`.
 *
 * A metric costs $0.30 a month while it has values, by the hour; a subscription that is always busy has up to 16, and with `perPartition` as many more for each partition. One that is idle costs nothing.
 *
 * @example
 * export const handler = pullHandler(bill, { metrics: embeddedMetrics() });
 */
export function embeddedMetrics({ perPartition = false, ...options }: EmbeddedMetricsOptions = {}): EventSourceMetrics {
  const writer = embeddedMetricWriter((line) => void process.stdout.write(line), options);
  return new EventSourceMetrics({ writer, clock: systemClock, perPartition });
}

/** What the variable MILLRACE_METRICS asks for, which a subscription of `millrace/constructs` sets: `subscription` or `partition`; undefined for anything else. */
export function metricsByVariable(text = process.env.MILLRACE_METRICS): EventSourceMetrics | undefined {
  if (text !== 'subscription' && text !== 'partition') return undefined;
  return embeddedMetrics({ perPartition: text === 'partition' });
}
