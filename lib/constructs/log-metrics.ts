/** Metrics of a log as a whole. Those of its subscriptions are theirs: nobody stands between a topic and who produces to it, so a topic has none. */
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { METRIC_NAMESPACE } from './subscription-metric.ts';

/** Jobs of maintenance that tell how long ago they succeeded. */
export const MAINTENANCE_JOBS = ['retention', 'compaction', 'key-compaction', 'collection'] as const;

/** One of them. */
export type MaintenanceJob = (typeof MAINTENANCE_JOBS)[number];

/** In what period log metrics are looked at unless options say otherwise. */
export const METRIC_PERIOD = Duration.minutes(5);

/** Writes of a table that DynamoDB has throttled. */
export function writeThrottles({ tableName }: ITable, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: 'AWS/DynamoDB',
    metricName: 'WriteThrottleEvents',
    dimensionsMap: { TableName: tableName },
    statistic: 'Sum',
    period: METRIC_PERIOD,
    ...options,
  });
}

/** Seconds since a job has succeeded, over a time in which maintenance runs twice, so that one that does not run is missed. */
export function jobAge(job: MaintenanceJob, interval: Duration, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: METRIC_NAMESPACE,
    metricName: 'SecondsSinceSuccess',
    dimensionsMap: { Job: job },
    statistic: 'Maximum',
    period: twice(interval),
    ...options,
  });
}

/** A period in which something that comes by the clock has come; alarms look at a day at most. */
export function twice(interval: Duration): Duration {
  return Duration.seconds(Math.min(86_400, Math.max(3_600, 2 * interval.toSeconds())));
}

/** Of several functions, or of whatever else, together. */
export function sumOf(
  metrics: readonly cloudwatch.IMetric[],
  options: cloudwatch.MathExpressionOptions = {},
): cloudwatch.MathExpression {
  const usingMetrics = Object.fromEntries(metrics.map((metric, index) => [`m${index}`, metric]));
  const expression = Object.keys(usingMetrics).join(' + ');
  return new cloudwatch.MathExpression({ expression, usingMetrics, period: METRIC_PERIOD, ...options });
}
