import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';

/** CloudWatch's namespace of all metrics of Millrace. */
export const METRIC_NAMESPACE = 'Millrace';

/** A metric of a subscription, summed over five minutes unless the options say otherwise. */
export function subscriptionMetric(
  subscriptionName: string,
  metricName: string,
  options: cloudwatch.MetricOptions = {},
): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: METRIC_NAMESPACE,
    metricName,
    dimensionsMap: { Subscription: subscriptionName },
    statistic: 'Sum',
    period: Duration.minutes(5),
    ...options,
  });
}
