import { App, Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as events from 'aws-cdk-lib/aws-events';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import {
  FailureDestination,
  StartingPosition,
  Subscription,
  Topic,
  TopicEventSource,
  type TopicEventSourceProps,
  TopicIsolation,
} from 'millrace/constructs';
import { describe, expect, it } from 'vitest';
import { SUBSCRIPTION_OPTION_NAMES, subscriptionOptions } from '../../lib/event-source/subscription-options.ts';
import { flatten, newFunction, newLog, newStack, statementsIn } from './stack-with-log.ts';

function subscribed(props: TopicEventSourceProps = {}, isolation = TopicIsolation.SHARED) {
  const stack = newStack();
  const topic = new Topic(stack, 'Orders', { millrace: newLog(stack), topicName: 'orders', isolation });
  const target = newFunction(stack);
  const source = new TopicEventSource(topic, { subscriptionName: 'billing', ...props });
  target.addEventSource(source);
  const [{ Properties }] = Object.values(Template.fromStack(stack).findResources('Custom::MillraceSubscription')) as [
    { Properties: Record<string, unknown> },
  ];
  return { stack, source, properties: flatten(Properties) as Record<string, unknown> };
}

/** The options as the log will read them. */
function optionsOf(props: TopicEventSourceProps) {
  return subscriptionOptions(JSON.parse(String(subscribed(props).properties.Options)), 'billing');
}

describe('an event source', () => {
  it('makes a subscription by the provider of its log', () => {
    const { properties, source } = subscribed();
    expect(properties).toMatchObject({
      Name: 'billing',
      Topic: expect.stringMatching(/^\$\{Orders\.TopicName\}$/),
      TopicId: expect.stringMatching(/^\$\{Orders\.TopicId\}$/),
      Target: expect.stringMatching(/^\$\{Bill\w+\.Arn\}$/),
      StartingPosition: 'TRIM_HORIZON',
      Options: '{}',
      OnDelete: 'retain',
    });
    expect(source.subscription.subscriptionName).toBe('billing');
  });

  it('has the options of the log by the names of AWS', () => {
    const options = optionsOf({
      mode: 'push',
      format: 'kinesis',
      ordering: 'key',
      batchSize: 10,
      maxBatchingWindow: Duration.seconds(5),
      parallelizationFactor: 4,
      bisectBatchOnError: false,
      retryAttempts: 1,
      maxRecordAge: Duration.hours(1),
      reportBatchItemFailures: true,
      retryDelays: [Duration.seconds(10), Duration.minutes(1)],
      filters: [{ key: ['a'] }, lambda.FilterCriteria.filter({ value: { total: [{ numeric: ['>', 10] }] } })],
      circuitBreakerFailures: 0,
      maxConcurrency: 5,
      recordsPerSecond: 0.5,
      redrive: { schedule: events.Schedule.rate(Duration.hours(1)), rate: 2, maxAttempts: 4 },
      enabled: false,
    });
    expect(options).toEqual({
      mode: 'push',
      format: 'kinesis',
      ordering: 'key',
      batchSize: 10,
      maxBatchingWindowMs: 5_000,
      parallelizationFactor: 4,
      bisectBatchOnError: false,
      retryAttempts: 1,
      maxRecordAgeMs: 3_600_000,
      reportBatchItemFailures: true,
      retryDelaysMs: [10_000, 60_000],
      filters: [{ key: ['a'] }, { value: { total: [{ numeric: ['>', 10] }] } }],
      onFailure: 'topic:billing.dlq',
      circuitBreakerFailures: 0,
      maximumConcurrency: 5,
      recordsPerSecond: 0.5,
      tumblingWindowMs: 0,
      redrive: { schedule: 'rate(1 hour)', rate: 2, maxAttempts: 4 },
      enabled: false,
    });
    expect(Object.keys(options).sort()).toEqual([...SUBSCRIPTION_OPTION_NAMES].sort());
    expect(optionsOf({ tumblingWindow: Duration.minutes(1) }).tumblingWindowMs).toBe(60_000);
  });

  it('has the defaults of the log', () => {
    expect(optionsOf({})).toEqual(subscriptionOptions({}, 'billing'));
  });

  it.each([
    [StartingPosition.LATEST, 'LATEST'],
    [StartingPosition.atTimestamp(new Date(1_795_514_400_000)), '{"timestampMs":"1795514400000"}'],
    [StartingPosition.atOffset(9_007_199_254_740_993n), '{"offset":"9007199254740993"}'],
  ])('begins where it is told', (startingPosition, text) => {
    expect(subscribed({ startingPosition }).properties.StartingPosition).toBe(text);
  });

  it.each([
    [() => StartingPosition.atOffset(1.5), /cannot be 1\.5\. Give an integer from 0/],
    [() => StartingPosition.atOffset(-1n), /cannot be -1\./],
    [() => StartingPosition.atTimestamp(new Date('soon')), /Give a date since 1970/],
  ])('begins nowhere else', (position, message) => {
    expect(position).toThrow(message);
  });

  it('goes away with its progress if it is told so', () => {
    expect(subscribed({ removalPolicy: RemovalPolicy.DESTROY }).properties.OnDelete).toBe('delete');
  });

  it('lets the pump call the function, and nobody else', () => {
    const { stack } = subscribed();
    const permissions = Object.values(Template.fromStack(stack).findResources('AWS::Lambda::Permission'));
    const ours = permissions.map(({ Properties }) => flatten(Properties) as Record<string, string>);
    expect(ours.filter(({ FunctionName }) => FunctionName!.includes('Bill'))).toEqual([
      {
        Action: 'lambda:InvokeFunction',
        FunctionName: expect.stringMatching(/^\$\{Bill\w+\.Arn\}$/),
        Principal: expect.stringMatching(/^\$\{MillraceFunctionsPumpRole\w+\.Arn\}$/),
      },
    ]);
  });

  it('is named once for several topics, and needs names for several times one topic', () => {
    const stack = newStack();
    const topic = new Topic(stack, 'Orders', { millrace: newLog(stack) });
    const target = newFunction(stack);
    for (const subscriptionName of ['a', 'b']) target.addEventSource(new TopicEventSource(topic, { subscriptionName }));
    Template.fromStack(stack).resourceCountIs('Custom::MillraceSubscription', 2);
  });

  it('names what it made only when it did', () => {
    const stack = newStack();
    const topic = new Topic(stack, 'Orders', { millrace: newLog(stack) });
    expect(() => new TopicEventSource(topic).subscription).toThrow(/bound to no function yet/);
  });

  it('is made in another stack than the log without a circle of the two', () => {
    const app = new App();
    const [logStack, otherStack] = [newStack('Log', app), newStack('Other', app)];
    const millrace = newLog(logStack);
    const topic = new Topic(otherStack, 'Orders', { millrace });
    const queue = new sqs.Queue(otherStack, 'Queue');
    newFunction(otherStack).addEventSource(
      new TopicEventSource(topic, { mode: 'pull', onFailure: FailureDestination.queue(queue) }),
    );
    expect(() => app.synth()).not.toThrow();
    expect(logStack.dependencies).toEqual([]);
  });
});

describe('a function that pulls', () => {
  const { stack } = subscribed({ mode: 'pull', retryDelays: [Duration.seconds(10), Duration.seconds(20)] });
  const statements = statementsIn(stack, /Pull/);
  const keys = statements.flatMap(
    ({ Condition }) => Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'] ?? [],
  ) as string[];

  it('knows where the log is', () => {
    Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: { MILLRACE_STORE: Match.anyValue() } },
    });
  });

  it('keeps its own progress and no other', () => {
    expect(keys.filter((key) => key.startsWith('G'))).toEqual([
      'G#billing',
      'G#billing.redrive',
      'G#billing.retry-*',
      'G#billing:replay-*',
    ]);
  });

  it('writes what fails to the topics of its subscription', () => {
    const heads = statements
      .filter(({ Action }) => Action.includes('dynamodb:UpdateItem') && !Action.includes('dynamodb:DeleteItem'))
      .flatMap(({ Condition }) => Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys']) as string[];
    expect(heads.map((key) => /\.(\w+)\}#\*$/.exec(key)?.[1])).toEqual([
      'DeadLetterTopicId',
      'ReplayFailuresTopicId',
      'RedriveTopicId',
      'RetryTopicId1',
      'RetryTopicId2',
    ]);
  });

  it('writes and reads what belongs to a topic with a domain of its own, which has domains of its own too', () => {
    const retryDelays = Array(10).fill(Duration.minutes(1));
    const { stack: own } = subscribed({ mode: 'pull', retryDelays }, TopicIsolation.OWN);
    const ends = (action: string) =>
      statementsIn(own, /Pull/)
        .filter(({ Action }) => Action === action)
        .flatMap(({ Resource }) => Resource)
        .map((one) =>
          String(one)
            .replace(/^\$\{\w+\.Arn\}/, '')
            .replace(/\$\{\w+?\.(\w+)\}/, '$1'),
        );
    expect(ends('s3:PutObject')).toEqual(
      expect.arrayContaining([
        '/Domain/0/*',
        '/t-DeadLetterTopicId/0/*',
        '/t-ReplayFailuresTopicId/0/*',
        '/t-RetryTopicId10/0/*',
      ]),
    );
    expect(ends('s3:GetObject')).toEqual(
      expect.arrayContaining(['/Domain/0/*', '/t-RedriveTopicId/0/*', '/t-RetryTopicId10/1/*']),
    );
    expect(ends('s3:GetObject')).not.toContain('/t-DeadLetterTopicId/0/*');
    expect(statementsIn(stack, /PullOwnDomains/)).toEqual([]);
    // Each policy is one that IAM takes: ids have 36 characters, ARNs of tables and buckets some hundred.
    const policies = Object.values(Template.fromStack(own).findResources('AWS::IAM::ManagedPolicy'));
    for (const { Properties } of policies) {
      const text = JSON.stringify(flatten(Properties.PolicyDocument));
      const filled = text.replaceAll(/\$\{\w+\.Arn\}/g, 'x'.repeat(100)).replaceAll(/\$\{\w+\.\w+\}/g, 'x'.repeat(36));
      expect(filled.length).toBeLessThan(6_144);
    }
    expect(policies).toHaveLength(2);
  });

  it('is counted as the log counts', () => {
    Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: { MILLRACE_STORE: Match.anyValue(), MILLRACE_METRICS: 'subscription' } },
    });
  });

  it('pulls from one log alone', () => {
    const other = newStack();
    const topic = new Topic(other, 'Orders', { millrace: newLog(other) });
    const target = newFunction(other, 'Busy', { environment: { MILLRACE_STORE: 'memory:' } });
    expect(() => target.addEventSource(new TopicEventSource(topic, { mode: 'pull' }))).toThrow(
      /MILLRACE_STORE of the target cannot be "memory:"/,
    );
  });

  it('is called by the router', () => {
    const permissions = Object.values(Template.fromStack(stack).findResources('AWS::Lambda::Permission'));
    expect(JSON.stringify(permissions)).toContain('MillraceFunctionsRouterRole');
  });

  it('cannot be an imported one, whose environment is not ours', () => {
    const other = newStack();
    const topic = new Topic(other, 'Orders', { millrace: newLog(other) });
    const target = lambda.Function.fromFunctionArn(other, 'F', 'arn:aws:lambda:eu-central-1:123456789012:function:f');
    expect(() => new Subscription(other, 'S', { topic, target, mode: 'pull' })).toThrow(/choose the mode push/);
  });
});

describe('metrics of a subscription', () => {
  it('have the names and dimensions that it is counted by', () => {
    const { subscription } = subscribed().source;
    const metrics = [
      subscription.metricLag(),
      subscription.metricTimeLag(),
      subscription.metricIteratorAge(),
      subscription.metricDeadLetters(),
      subscription.metricDropped(),
      subscription.metricErrors(),
      subscription.metricCommitted({ period: Duration.minutes(1) }),
    ];
    for (const { namespace, dimensions } of metrics) {
      expect([namespace, dimensions]).toEqual(['Millrace', { Subscription: 'billing' }]);
    }
    expect(metrics.at(-1)!.period.toSeconds()).toBe(60);
  });
});
