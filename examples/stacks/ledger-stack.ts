/** Peaks in front of a slow function: whatever comes over HTTP is taken at once, and the function is given no more than its ledger can bear. */
import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { type IMillrace, ProduceApi, Topic, TopicEventSource } from 'millrace/constructs';
import { exampleFunction } from './example-function.ts';

export class LedgerStack extends Stack {
  constructor(scope: Construct, id: string, { millrace, ...props }: StackProps & { millrace: IMillrace }) {
    super(scope, id, props);
    const entries = new Topic(this, 'Entries', {
      millrace,
      topicName: 'entries',
      partitions: 2,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const api = new ProduceApi(this, 'Api', { millrace, topics: [entries] });
    const post = exampleFunction(this, 'Post', { name: 'post-to-ledger', timeout: Duration.minutes(1) });
    post.addEventSource(
      new TopicEventSource(entries, {
        subscriptionName: 'ledger',
        format: 'sqs',
        ordering: 'none',
        batchSize: 10,
        maxConcurrency: 1,
        recordsPerSecond: 5,
        reportBatchItemFailures: true,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
    );
    new CfnOutput(this, 'Url', { value: api.url });
    new CfnOutput(this, 'PostFunction', { value: post.functionName });
  }
}
