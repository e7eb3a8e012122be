/** The app of the test of `millrace estimate`: one topic, one function that is pushed. Context: `endpoint`, where the functions of the log find AWS. */
import { App, CfnOutput, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Millrace, Topic, TopicEventSource } from '../../lib/constructs/index.ts';

const app = new App();
const { CDK_DEFAULT_ACCOUNT: account = '', CDK_DEFAULT_REGION: region = '' } = process.env;
const stack = new Stack(app, 'Estimated', { env: { account, region } });
const removalPolicy = RemovalPolicy.DESTROY;
const millrace = new Millrace(stack, 'Millrace', { removalPolicy });
for (const one of [millrace.router, millrace.pump, millrace.releaser]) {
  one.addEnvironment('AWS_ENDPOINT_URL', String(app.node.tryGetContext('endpoint')));
}
const topic = new Topic(stack, 'Orders', { millrace, topicName: 'orders', partitions: 4, removalPolicy });
const bill = new lambda.Function(stack, 'Bill', {
  runtime: lambda.Runtime.NODEJS_24_X,
  handler: 'index.handler',
  code: lambda.Code.fromInline('exports.handler = async () => {};'),
});
bill.addEventSource(new TopicEventSource(topic, { subscriptionName: 'billing', removalPolicy }));
new CfnOutput(stack, 'Store', { value: millrace.connectionString });
