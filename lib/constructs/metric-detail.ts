/**
 * How finely a deployment measures itself, in CloudWatch's namespace `Millrace`. A metric costs $0.30 a month, by the hours in which it has values; what is idle has none.
 *
 * none: not at all. subscription: each subscription for itself, up to $5.70 a month for one that is always busy. partition: as much again for each partition.
 */
export type MetricDetail = 'none' | 'subscription' | 'partition';

/** What may be given. */
export const METRIC_DETAILS: readonly MetricDetail[] = ['none', 'subscription', 'partition'];
