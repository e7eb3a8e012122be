/**
 * AWS prices that decide designs: us-east-1, November 2026, in dollars per million requests unless the name says otherwise.
 * Sources: https://aws.amazon.com/s3/pricing/ and https://aws.amazon.com/dynamodb/pricing/on-demand/.
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
} as const;
