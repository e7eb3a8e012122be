/** Subscriptions whose failed records go to each kind of destination, and one that pulls from a topic with a domain of its own: what `destinations.deploy.test.ts` deploys. */
import { App, CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { FailureDestination, Millrace, Topic, TopicEventSource, TopicIsolation } from 'millrace/constructs';
import { exampleFunction } from '../../examples/stacks/example-function.ts';

const app = new App();
const stack = new Stack(app, 'Destinations', { env: { account: '000000000000', region: 'us-east-1' } });
const millrace = new Millrace(stack, 'Millrace', { removalPolicy: RemovalPolicy.DESTROY });
const failing = (id: string) =>
  new lambda.Function(stack, id, {
    runtime: lambda.Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: lambda.Code.fromInline("exports.handler = async () => { throw new Error('never'); };"),
  });
const orders = new Topic(stack, 'Orders', { millrace, topicName: 'orders' });
const queue = new sqs.Queue(stack, 'Queue');
const notices = new sns.Topic(stack, 'Notices', { enforceSSL: true });
const bucket = new s3.Bucket(stack, 'Bucket', { removalPolicy: RemovalPolicy.DESTROY });
const destinations = {
  queued: FailureDestination.queue(queue),
  noticed: FailureDestination.snsTopic(notices),
  stored: FailureDestination.bucket(bucket as s3.IBucket),
};
for (const [subscriptionName, onFailure] of Object.entries(destinations)) {
  failing(subscriptionName).addEventSource(
    new TopicEventSource(orders, { subscriptionName, onFailure, retryAttempts: 0 }),
  );
}

const salaries = new Topic(stack, 'Salaries', { millrace, topicName: 'orders-own', isolation: TopicIsolation.OWN });
exampleFunction(stack, 'Bill', { name: 'bill-orders' }).addEventSource(
  new TopicEventSource(salaries, { subscriptionName: 'own', mode: 'pull', retryDelays: [Duration.minutes(1)] }),
);

const outputs = {
  ConnectionString: millrace.connectionString,
  QueueUrl: queue.queueUrl,
  BucketName: bucket.bucketName,
};
for (const [name, value] of Object.entries(outputs)) new CfnOutput(stack, name, { value });
