import { Duration } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { grantAll } from './access.ts';
import { badProp } from './bad-prop.ts';

/** What rings the router: a commit, a bell, and a minute in which delayed records are due. Lambda drops everything else before it calls, at no charge. */
export const DOORBELLS: readonly object[] = [
  { dynamodb: { Keys: { sk: { S: ['HEAD'] } }, NewImage: { ring: { N: ['1'] } } } },
  { eventName: ['INSERT', 'MODIFY'], dynamodb: { Keys: { pk: { S: ['BELLS'] } } } },
  { eventName: ['INSERT', 'MODIFY'], dynamodb: { Keys: { pk: { S: [{ prefix: 'DUE#' }] } } } },
];

/** Calls the router for what the stream of the log's table brings. What is dropped in the end is found by the sweep. Throws INVALID_CONFIG when the table has no stream. */
export function listenToHeads(
  router: lambda.Function,
  { table, failures }: { readonly table: ITable; readonly failures: IQueue },
): void {
  const streamArn = table.tableStreamArn;
  if (streamArn === undefined) {
    const fix = 'Turn its stream on with NEW_IMAGE; where it is imported, name it by tableStreamArn.';
    throw badProp(router, 'logTable (it has no stream)', table.tableName, fix);
  }
  grantAll(router, [
    {
      actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:ListStreams'],
      resourceArns: [streamArn],
    },
  ]);
  router.addEventSourceMapping('Heads', {
    eventSourceArn: streamArn,
    startingPosition: lambda.StartingPosition.TRIM_HORIZON,
    batchSize: 100,
    maxBatchingWindow: Duration.seconds(0),
    parallelizationFactor: 10,
    retryAttempts: 20,
    bisectBatchOnError: true,
    maxRecordAge: Duration.hours(1),
    onFailure: new SqsDlq(failures),
    filters: DOORBELLS.map((pattern) => ({ pattern: JSON.stringify(pattern) })),
  });
}
