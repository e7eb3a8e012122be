/**
 * Metrics as lines of a log, from which CloudWatch takes them by itself: no client, no request, no permission. Source: "Specification: Embedded metric format" in the CloudWatch user guide.
 *
 * What it costs: $0.50 for a GB of log, about a cent for 40,000 lines, and $0.30 a month for each metric, by the hours in which it had a value. A metric is a name with a set of dimensions: a subscription in which something happens all
 * the time has up to 19 of them, $5.70 a month, and as many more for each partition where they are told apart; one in which nothing happens has none.
 */

import type { MetricReport, MetricWriter } from './event-source-metrics.ts';
import { METRICS } from './metric-names.ts';

/** How lines are made. */
export interface EmbeddedMetricOptions {
  /** Where CloudWatch lists them; not AWS's own (`AWS/…`). Default `Millrace`. */
  readonly namespace?: string;
}

const NAMESPACE = 'Millrace';

/** One report as a line, without its end. Of a partition its subscription counts too. */
export function embeddedMetricLine(
  { atMs, subscription, partition, values }: MetricReport,
  { namespace = NAMESPACE }: EmbeddedMetricOptions = {},
): string {
  const isPartition = partition !== null;
  const names = [...values.keys()];
  return JSON.stringify({
    _aws: {
      Timestamp: atMs,
      CloudWatchMetrics: [
        {
          Namespace: namespace,
          Dimensions: [['Subscription'], ...(isPartition ? [['Subscription', 'Partition']] : [])],
          Metrics: names.map((name) => ({ Name: name, Unit: METRICS[name].unit })),
        },
      ],
    },
    Subscription: subscription,
    ...(isPartition && { Partition: String(partition) }),
    ...Object.fromEntries(names.map((name) => [name, valuesOf(values.get(name)!)])),
  });
}

function valuesOf(values: readonly number[]): number | readonly number[] {
  return values.length === 1 ? values[0]! : values;
}

/** Writes each report as a line. `write`: what takes one, with its end; on Lambda the standard output as it is, since `console.log` may put something before it. */
export function embeddedMetricWriter(write: (line: string) => void, options: EmbeddedMetricOptions = {}): MetricWriter {
  return { write: (report) => write(`${embeddedMetricLine(report, options)}\n`) };
}
