/**
 * The app behind `npx cdk deploy` in a clone: a log, a first topic, and a URL that takes records.
 *
 * Context (`-c name=value`): `stack` its name, default Millrace; `topic` the first topic, default events; `partitions` of it, default 4; `removal` `retain` (default) or `destroy`, what becomes of the data with the stack.
 */
import { App, CfnOutput, RemovalPolicy, Stack, Tags } from 'aws-cdk-lib';
import { Millrace, outputsOf, ProduceApi, Topic } from '../lib/constructs/index.ts';
import { MillraceError } from '../lib/errors.ts';

const app = new App();

function setting(name: string, standard: string): string {
  return String(app.node.tryGetContext(name) ?? standard);
}

function removalPolicyOf(removal: string): RemovalPolicy {
  if (removal === 'retain') return RemovalPolicy.RETAIN;
  if (removal === 'destroy') return RemovalPolicy.DESTROY;
  throw new MillraceError('INVALID_CONFIG', `-c removal=${removal}: give retain or destroy.`, { value: removal });
}

function partitionsOf(partitions: string): number {
  if (/^\d+$/.test(partitions)) return Number(partitions);
  throw new MillraceError('INVALID_CONFIG', `-c partitions=${partitions}: give a number.`, { value: partitions });
}

const removalPolicy = removalPolicyOf(setting('removal', 'retain'));
const { CDK_DEFAULT_ACCOUNT: account, CDK_DEFAULT_REGION: region } = process.env;
const stack = new Stack(app, setting('stack', 'Millrace'), {
  description: 'Millrace: a log on S3 and DynamoDB that costs nothing when idle',
  ...(account !== undefined && region !== undefined && { env: { account, region } }),
});
Tags.of(stack).add('project', 'millrace');

const millrace = new Millrace(stack, 'Millrace', { removalPolicy });
const topic = new Topic(stack, 'FirstTopic', {
  millrace,
  topicName: setting('topic', 'events'),
  partitions: partitionsOf(setting('partitions', '4')),
  removalPolicy,
});
const api = new ProduceApi(stack, 'Api', { millrace });

for (const [name, value] of Object.entries({
  ...outputsOf(millrace),
  TopicName: topic.topicName,
  TopicId: topic.topicId,
  Url: api.url,
})) {
  new CfnOutput(stack, name, { value });
}
