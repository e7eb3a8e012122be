import { type App, Duration, Lazy, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import {
  FailureDestination,
  MillraceMonitoring,
  Subscription,
  Topic,
  TopicEventSource,
  type TopicEventSourceProps,
} from 'millrace/constructs';
import { describe, expect, it } from 'vitest';
import { subscriptionOptions } from '../../lib/event-source/subscription-options.ts';
import { ENV, newFunction, newLog, newStack } from './stack-with-log.ts';

describe('wrong options', () => {
  /** What the log refuses too, by its own names. */
  const both: [TopicEventSourceProps, object, RegExp][] = [
    [{ batchSize: 0 }, { batchSize: 0 }, /batchSize cannot be 0\. Give an integer from 1 to 10000/],
    [{ batchSize: 10_001 }, { batchSize: 10_001 }, /batchSize cannot be 10001/],
    [
      { maxBatchingWindow: Duration.seconds(301) },
      { maxBatchingWindowMs: 301_000 },
      /maxBatchingWindow cannot be "301000 ms"/,
    ],
    [
      { parallelizationFactor: 11, ordering: 'key' },
      { parallelizationFactor: 11, ordering: 'key' },
      /parallelizationFactor/,
    ],
    [{ parallelizationFactor: 2 }, { parallelizationFactor: 2 }, /choose 'key' or 'none'/],
    [{ retryAttempts: -2 }, { retryAttempts: -2 }, /retryAttempts cannot be -2/],
    [{ maxRecordAge: Duration.seconds(59) }, { maxRecordAgeMs: 59_000 }, /maxRecordAge/],
    [{ maxRecordAge: Duration.days(8) }, { maxRecordAgeMs: 8 * 86_400_000 }, /maxRecordAge/],
    [{ retryDelays: [Duration.millis(999)] }, { retryDelaysMs: [999] }, /retryDelays cannot be "999 ms"/],
    [{ retryDelays: Array(11).fill(Duration.seconds(1)) }, { retryDelaysMs: Array(11).fill(1_000) }, /11 delays/],
    [{ filters: Array(11).fill({ key: ['a'] }) }, { filters: Array(11).fill({ key: ['a'] }) }, /11 patterns/],
    [
      { filters: [{ value: { id: [{ numeric: ['>>', 5] }] } }] },
      { filters: [{ value: { id: [{ numeric: ['>>', 5] }] } }] },
      /filters cannot be/,
    ],
    [
      { redrive: { schedule: events.Schedule.expression('rate(2 fortnights)') } },
      { redrive: { schedule: 'rate(2 fortnights)' } },
      /redrive\.schedule cannot be "rate\(2 fortnights\)"\. Give rate\(5 minutes\)/,
    ],
    [{ circuitBreakerFailures: 10_001 }, { circuitBreakerFailures: 10_001 }, /circuitBreakerFailures/],
    [{ maxConcurrency: 1_001 }, { maximumConcurrency: 1_001 }, /maxConcurrency/],
    [{ recordsPerSecond: 100_001 }, { recordsPerSecond: 100_001 }, /recordsPerSecond/],
    [{ tumblingWindow: Duration.seconds(901) }, { tumblingWindowMs: 901_000 }, /tumblingWindow/],
    [{ tumblingWindow: Duration.minutes(1), mode: 'pull' }, { tumblingWindowMs: 60_000, mode: 'pull' }, /mode 'push'/],
    [{ tumblingWindow: Duration.minutes(1), format: 'sqs' }, { tumblingWindowMs: 60_000, format: 'sqs' }, /kinesis/],
    [
      { tumblingWindow: Duration.minutes(1), ordering: 'key' },
      { tumblingWindowMs: 60_000, ordering: 'key' },
      /ordering/,
    ],
    [
      { redrive: { schedule: events.Schedule.rate(Duration.hours(1)) }, onFailure: FailureDestination.NONE },
      { redrive: { schedule: 'rate(1 hour)' }, onFailure: null },
      /redrive cannot be "rate\(1 hour\)"/,
    ],
    [
      { redrive: { schedule: events.Schedule.rate(Duration.hours(1)), rate: 10_001 } },
      { redrive: { schedule: 'rate(1 hour)', rate: 10_001 } },
      /redrive\.rate/,
    ],
    [{ mode: 'poll' as 'pull' }, { mode: 'poll' }, /mode cannot be "poll"\. Give one of push, pull/],
    [{ format: 'json' as 'sqs' }, { format: 'json' }, /format/],
    [{ ordering: 'topic' as 'key' }, { ordering: 'topic' }, /ordering/],
  ];

  const stack = newStack();
  const topic = new Topic(stack, 'Orders', { millrace: newLog(stack) });
  const target = newFunction(stack);
  let made = 0;

  it.each(both)('are refused at synthesis as by the log: %o', (props, options, message) => {
    expect(() => new Subscription(stack, `S${made++}`, { topic, target, ...props })).toThrow(message);
    expect(() => subscriptionOptions(options, 'billing')).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }));
  });

  it.each<[TopicEventSourceProps, object]>([
    [{ batchSize: 10_000 }, { batchSize: 10_000 }],
    [{ maxBatchingWindow: Duration.minutes(5) }, { maxBatchingWindowMs: 300_000 }],
    [{ retryAttempts: -1 }, { retryAttempts: -1 }],
    [{ maxRecordAge: Duration.minutes(1) }, { maxRecordAgeMs: 60_000 }],
    [{ maxRecordAge: Duration.days(7) }, { maxRecordAgeMs: 604_800_000 }],
    [{ retryDelays: Array(10).fill(Duration.days(1)) }, { retryDelaysMs: Array(10).fill(86_400_000) }],
    [{ recordsPerSecond: 0.001 }, { recordsPerSecond: 0.001 }],
    [{ tumblingWindow: Duration.minutes(15) }, { tumblingWindowMs: 900_000 }],
    [{ maxConcurrency: 1_000 }, { maximumConcurrency: 1_000 }],
  ])('are not what stands at a bound: %o', (props, options) => {
    expect(() => new Subscription(stack, `S${made++}`, { topic, target, ...props })).not.toThrow();
    expect(() => subscriptionOptions(options, 'billing')).not.toThrow();
  });

  it('are refused: what is known at deployment only, and would be written as a token', () => {
    const batchSize = Token.asNumber(Lazy.any({ produce: () => 10 }));
    const maxRecordAge = Duration.seconds(Token.asNumber(Lazy.any({ produce: () => 60 })));
    const subscriptionName = Lazy.string({ produce: () => 'billing' });
    const tumblingWindow = maxRecordAge;
    for (const props of [{ batchSize }, { maxRecordAge }, { subscriptionName }, { tumblingWindow }]) {
      expect(() => new Subscription(stack, `S${made++}`, { topic, target, ...props })).toThrow(/known at synthesis/);
    }
    const recordsPerSecond = batchSize;
    expect(() => new Subscription(stack, `S${made++}`, { topic, target, recordsPerSecond })).toThrow(
      /recordsPerSecond cannot be "a token"/,
    );
  });

  it('are refused: a name that nothing can have, and a function that runs longer than who waits for it', () => {
    expect(() => new Subscription(stack, 'Named', { topic, target, subscriptionName: 'a b' })).toThrow(
      /subscriptionName cannot be "a b"\. Use 1 to 200/,
    );
    const slow = newFunction(stack, 'Slow', { timeout: Duration.minutes(11) });
    expect(() => new Subscription(stack, 'TooSlow', { topic, target: slow })).toThrow(/660 s.*choose the mode pull/);
    // A window whose state is too large ends by a second call.
    const counting = newFunction(stack, 'Counting', { timeout: Duration.minutes(6) });
    const tumblingWindow = Duration.minutes(1);
    expect(() => new Subscription(stack, 'TooSlowTwice', { topic, target: counting, tumblingWindow })).toThrow(
      /may run 300 s/,
    );
    expect(() => new Subscription(stack, 'SlowEnough', { topic, target: counting })).not.toThrow();
    // Of an alias it is that of its function.
    expect(
      () => new Subscription(stack, 'Alias', { topic, target: slow.addAlias('live') as lambda.IFunction }),
    ).toThrow(/660 s/);
  });

  it('are refused: a pattern that is no JSON', () => {
    const filters = [{ pattern: '{"value":' }];
    expect(() => new Subscription(stack, 'NoJson', { topic, target, filters })).toThrow(
      /filters cannot be .* as JSON text/,
    );
  });

  it.each<[string, object, RegExp]>([
    [
      'a position',
      { startingPosition: lambda.StartingPosition.LATEST },
      /startingPosition cannot be "LATEST".*millrace\/co/,
    ],
    [
      'a destination',
      { onFailure: new Construct(stack, 'Queue') },
      /onFailure cannot be Stack\/Queue.*\.queue\(queue\)/,
    ],
    ['a snapshot', { removalPolicy: RemovalPolicy.SNAPSHOT }, /removalPolicy cannot be "snapshot"/],
  ])('are refused: %s of the CDK that has another meaning here', (_, props, message) => {
    expect(() => new Subscription(stack, `S${made++}`, { topic, target, ...props })).toThrow(message);
  });

  it('are refused: what is not there yet where it is wanted', () => {
    expect(() => target.addEventSource(new TopicEventSource(undefined as never))).toThrow(
      /topic cannot be undefined\. Give the construct: it has to be made before/,
    );
    expect(() => new Subscription(stack, `S${made++}`, { topic, target: undefined as never })).toThrow(/target cannot/);
    expect(() => new Topic(stack, 'Early', { millrace: undefined as never })).toThrow(/millrace cannot be undefined/);
    const monitoring = (id: string, props: object) => () => new MillraceMonitoring(stack, id, props as never);
    expect(monitoring('M1', {})).toThrow(/millrace cannot be undefined/);
    expect(monitoring('M2', { millrace: topic.millrace, subscriptions: [undefined] })).toThrow(/subscriptions cannot/);
  });

  it.each([
    'arn:aws:lambda:us-east-1:123456789012:function:far',
    'arn:aws:lambda:eu-central-1:999999999999:function:far',
  ])('are refused: a function that the pump does not reach: %s', (arn) => {
    const far = lambda.Function.fromFunctionArn(stack, `Far${made}`, arn);
    expect(() => new Subscription(stack, `S${made++}`, { topic, target: far })).toThrow(
      /target \(Stack\/Far\d+\) cannot be "in (region us-east-1|account 999999999999)"/,
    );
  });

  it('are refused: dead letters in a topic of another log, or in the topic that they come from', () => {
    const other = newStack('Other', stack.node.root as App);
    const theirs = new Topic(other, 'Failed', { millrace: newLog(other) });
    const onFailure = FailureDestination.topic(theirs);
    expect(() => new Subscription(stack, 'Theirs', { topic, target, onFailure })).toThrow(
      /It is a topic of another log/,
    );
    const itself = FailureDestination.topic(topic);
    expect(() => new Subscription(stack, 'Itself', { topic, target, onFailure: itself })).toThrow(/come back for ever/);
  });

  it('are refused: a second source of a topic without a name, and a name that another function has', () => {
    const twice = newFunction(stack, 'Twice');
    twice.addEventSource(new TopicEventSource(topic));
    expect(() => twice.addEventSource(new TopicEventSource(topic))).toThrow(
      /Stack\/Twice: subscriptionName cannot be "left out"\. The function has a source of that name already/,
    );
    const [one, another] = [newFunction(stack, 'One'), newFunction(stack, 'Another')];
    one.addEventSource(new TopicEventSource(topic, { subscriptionName: 'billing' }));
    expect(() => another.addEventSource(new TopicEventSource(topic, { subscriptionName: 'billing' }))).toThrow(
      /subscriptionName cannot be "billing"\. Stack\/One\/MillraceTopic:billing has it in this log/,
    );
  });

  it('are refused: a function in another region than the log', () => {
    const elsewhere = new Stack(stack.node.root as App, 'Elsewhere', { env: { ...ENV, region: 'us-east-1' } });
    expect(() => newFunction(elsewhere).addEventSource(new TopicEventSource(topic))).toThrow(/used in us-east-1/);
  });
});
