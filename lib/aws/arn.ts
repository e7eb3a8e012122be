/** What an ARN of a queue or a topic of SNS names: `arn:aws:sqs:REGION:ACCOUNT:NAME`. Source: "Amazon Resource Names" in the AWS general reference. */
export function parseArn(arn: string): {
  readonly region: string;
  readonly account: string;
  readonly resource: string;
} {
  const [, , , region = '', account = '', resource = ''] = arn.split(':');
  return { region, account, resource };
}
