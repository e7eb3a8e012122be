/**
 * AWS prices that decide designs: us-east-1, November 2026, in dollars per million requests unless the name says otherwise.
 * Sources: https://aws.amazon.com/s3/pricing/, https://aws.amazon.com/dynamodb/pricing/on-demand/, https://aws.amazon.com/lambda/pricing/, https://aws.amazon.com/cloudwatch/pricing/,
 * https://aws.amazon.com/fargate/pricing/ and https://aws.amazon.com/route53/pricing/.
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
  /** A processor of a task on Graviton. */
  fargateArmCpuHour: 0.03238,
  /** 1 GB of memory of such a task. */
  fargateArmGbHour: 0.00356,
  /** A private zone of names, with those of Cloud Map in it. */
  hostedZoneMonth: 0.5,
} as const;

/** When the lists of prices were read. */
export const PRICES_AS_OF = 'November 2026';

/**
 * Prices of what else does the work of a log: us-east-1, in dollars. What a list gives for nothing to each account is not counted. Sources: https://aws.amazon.com/sqs/pricing/, https://aws.amazon.com/sns/pricing/,
 * https://aws.amazon.com/kinesis/data-streams/pricing/ and https://aws.amazon.com/msk/pricing/.
 */
export const peerPrices = {
  /** A request of up to 64 KB to a standard queue. */
  sqsRequestPerMillion: 0.4,
  /** A publication of up to 64 KB; its deliveries to queues are free. */
  snsPublishPerMillion: 0.5,
  kinesisOnDemandStreamHour: 0.04,
  /** Each record counts as whole KB. */
  kinesisOnDemandInPerGb: 0.08,
  kinesisOnDemandOutPerGb: 0.04,
  /** Beyond 24 hours, up to 7 days. */
  kinesisOnDemandRetentionPerGbMonth: 0.1,
  kinesisShardHour: 0.015,
  /** A record counts as whole units of 25 KB. */
  kinesisPutUnitPerMillion: 0.014,
  /** Beyond 24 hours, up to 7 days. */
  kinesisShardRetentionHour: 0.02,
  mskServerlessClusterHour: 0.75,
  mskServerlessPartitionHour: 0.0015,
  mskServerlessInPerGb: 0.1,
  mskServerlessOutPerGb: 0.05,
  mskServerlessPerGbMonth: 0.1,
} as const;
