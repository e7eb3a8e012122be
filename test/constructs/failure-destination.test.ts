import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { FailureDestination, Subscription, Topic, TopicEventSource } from 'millrace/constructs';
import { describe, expect, it } from 'vitest';
import { flatten, newFunction, newLog, newStack, statementsIn } from './stack-with-log.ts';

describe('where records go that were given up', () => {
  type Made = { readonly destination: FailureDestination; readonly policy: string };
  const queue = (stack: Stack): Made => ({
    destination: FailureDestination.queue(new sqs.Queue(stack, 'Q', { encryption: sqs.QueueEncryption.KMS })),
    policy: 'AWS::SQS::QueuePolicy',
  });
  const snsTopic = (stack: Stack): Made => ({
    destination: FailureDestination.snsTopic(new sns.Topic(stack, 'N', { masterKey: new kms.Key(stack, 'NKey') })),
    policy: 'AWS::SNS::TopicPolicy',
  });
  const bucket = (stack: Stack): Made => ({
    destination: FailureDestination.bucket(
      new s3.Bucket(stack, 'B', { encryption: s3.BucketEncryption.KMS, bucketKeyEnabled: true }) as s3.IBucket,
    ),
    policy: 'AWS::S3::BucketPolicy',
  });

  it.each([
    ['a queue', queue, 'sqs:SendMessage', 'sqs:GetQueueUrl'],
    ['a topic of SNS', snsTopic, 'sns:Publish', 'sns:GetTopicAttributes'],
    ['a bucket', bucket, 's3:PutObject', 's3:ListBucket'],
  ] as const)('is %s, to which the pump may send, and at which the provider may look', (_, make, send, check) => {
    const stack = newStack();
    const topic = new Topic(stack, 'Orders', { millrace: newLog(stack) });
    const { destination, policy } = make(stack);
    newFunction(stack).addEventSource(new TopicEventSource(topic, { onFailure: destination }));
    const template = Template.fromStack(stack);
    const [{ Properties }] = Object.values(template.findResources('Custom::MillraceSubscription')) as [
      { Properties: { Options: unknown } },
    ];
    expect(JSON.parse(String(flatten(Properties.Options))).onFailure).toMatch(/^\$\{[QNB]\w+(\.Arn)?\}$/);
    const statements = Object.values(template.findResources(policy)).flatMap(
      (found) =>
        flatten(found.Properties.PolicyDocument.Statement) as { Action: unknown; Principal?: { AWS?: string } }[],
    );
    const who = (action: string) =>
      statements
        .filter(({ Action }) => [Action].flat().includes(action))
        .map(({ Principal }) => /Functions(\w+?)Role/.exec(String(Principal?.AWS))?.[1])
        .filter((name) => name !== undefined);
    expect(who(send)).toEqual(['Pump']);
    expect(who(check)).toContain('Provider');
    // The key of the destination is in its own policy too.
    const keys = JSON.stringify(template.findResources('AWS::KMS::Key'));
    expect(keys).toMatch(/FunctionsPumpRole/);
  });

  it('is one that was imported, by policies of the roles', () => {
    const stack = newStack();
    const topic = new Topic(stack, 'Orders', { millrace: newLog(stack) });
    const imported = sqs.Queue.fromQueueArn(stack, 'Q', 'arn:aws:sqs:eu-central-1:123456789012:failed');
    newFunction(stack).addEventSource(new TopicEventSource(topic, { onFailure: FailureDestination.queue(imported) }));
    expect(statementsIn(stack, /Failures(?!Check)/).flatMap(({ Action }) => Action)).toEqual([
      'sqs:SendMessage',
      'sqs:GetQueueUrl',
    ]);
    expect(statementsIn(stack, /FailuresCheck/).flatMap(({ Action }) => Action)).toEqual(['sqs:GetQueueUrl']);
  });

  it('is another topic of the log, or nowhere', () => {
    const stack = newStack();
    const millrace = newLog(stack);
    const [topic, failed] = [new Topic(stack, 'Orders', { millrace }), new Topic(stack, 'Failed', { millrace })];
    const target = newFunction(stack);
    for (const [id, onFailure] of [
      ['A', FailureDestination.topic(failed)],
      ['B', FailureDestination.NONE],
    ] as const) {
      new Subscription(stack, id, { topic, target, onFailure });
    }
    const options = Object.values(Template.fromStack(stack).findResources('Custom::MillraceSubscription')).map(
      ({ Properties }) => JSON.parse(String(flatten(Properties.Options))).onFailure,
    );
    expect(options).toEqual([expect.stringMatching(/^topic:\$\{Failed\.TopicName\}$/), null]);
  });
});
