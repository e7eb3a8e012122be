/**
 * AWS prices that decide designs: us-east-1, November 2026, in dollars per million requests unless the name says otherwise.
 * Sources: https://aws.amazon.com/s3/pricing/, https://aws.amazon.com/dynamodb/pricing/on-demand/, https://aws.amazon.com/lambda/pricing/ and https://aws.amazon.com/cloudwatch/pricing/.
 */
export const prices = {
  s3PutPerMillion: 5.0,
  s3GetPerMillion: 0.4,
  s3ListPerMillion: 5.0,
  s3PerGbMonth: 0.023,
  /** One write unit: 1 KB of the whole item, the larger of before and after. A transaction takes two. */
  dynamoWriteUnitPerMillion: 0.625,
  /** One read unit: 4 KB read consistently; an eventually consistent read takes half. */
  dynamoReadUnitPerMillion: 0.125,
  dynamoPerGbMonth: 0.25,
  /** One call of a function, asynchronous or not. */
  lambdaCallPerMillion: 0.2,
  /** A second of a function with 1 GB of memory on x86; a fifth less on Graviton. */
  lambdaGbSecond: 0.0000166667,
  /** The same on Graviton. */
  lambdaArmGbSecond: 0.0000133334,
  /** One metric of one's own: each name with each set of dimensions is one, in every hour in which it has a value. Among the first 10,000. */
  cloudWatchMetricMonth: 0.3,
  /** One metric that an alarm of five minutes or longer periods looks at. */
  cloudWatchAlarmMetricMonth: 0.1,
  /** A dashboard beyond the three that an account has for nothing. */
  cloudWatchDashboardMonth: 3,
  cloudWatchLogsPerGb: 0.5,
} as const;
