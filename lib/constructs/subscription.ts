/** A subscription of a function to a topic, kept by a custom resource: any option may change at any time. */
import { CustomResource, type Duration, Names, RemovalPolicy } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { policyOf } from './access.ts';
import { allowFailures } from './allow-failures.ts';
import { badProp } from './bad-prop.ts';
import { checkSubscriptionName } from './check-names.ts';
import { checkGiven, checkPlace } from './check-place.ts';
import { checkSubscriptionOptions } from './check-subscription.ts';
import { checkRemoval } from './check-values.ts';
import { isSameLog } from './log-identity.ts';
import { hasOwnDomain, ownDomainAccess, pullAccess, type SubscriptionTopics } from './pull-access.ts';
import { StartingPosition } from './starting-position.ts';
import { subscriptionMetric } from './subscription-metric.ts';
import { type SubscriptionOptionsProps, storedOptions } from './subscription-props.ts';
import { takeName } from './taken-names.ts';
import type { ITopic } from './topic.ts';

/** How a function is subscribed. */
export interface TopicEventSourceProps extends SubscriptionOptionsProps {
  /**
   * Name of the subscription, of its consumer group, and of the topics that belong to it: 1 to 200 of `a-zA-Z0-9._-`. Another name is another subscription.
   *
   * @default - made of the path of the construct
   */
  readonly subscriptionName?: string;
  /**
   * Where it begins, when it is made.
   *
   * @default StartingPosition.TRIM_HORIZON
   */
  readonly startingPosition?: StartingPosition;
  /**
   * What becomes of the subscription when it is taken out of the stack. RETAIN pauses it and keeps its progress, so that it goes on where it was.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
}

/** See `Subscription`. */
export interface SubscriptionProps extends TopicEventSourceProps {
  readonly topic: ITopic;
  readonly target: lambda.IFunction;
}

/**
 * Calls a function for the records of a topic. `fn.addEventSource(new TopicEventSource(topic))` makes one.
 *
 * A function that pulls gets the variable `MILLRACE_STORE` and what it needs to read the topic, commit for this group alone, and keep what fails.
 */
export class Subscription extends Construct {
  /** Name of the subscription, and of its consumer group. */
  readonly subscriptionName: string;
  readonly topic: ITopic;

  constructor(scope: Construct, id: string, props: SubscriptionProps) {
    super(scope, id);
    const { topic, target, mode = 'push', retryDelays = [] } = props;
    checkGiven(this, 'topic', topic);
    checkGiven(this, 'target', target);
    this.topic = topic;
    const name = props.subscriptionName ?? Names.uniqueResourceName(this, { maxLength: 200, separator: '-' });
    checkSubscriptionName(this, name);
    checkSubscriptionOptions(this, props);
    checkPlace(this, 'topic', topic.millrace);
    checkPlace(this, 'target', target);
    checkOwnKinds(this, props);
    checkDeadLetters(this, props);
    if (mode === 'push') checkTime(this, target, props);
    const pulling = mode === 'pull' ? pullingFunction(this, target) : null;
    this.subscriptionName = name;
    takeName(this, { log: topic.millrace, prop: 'subscriptionName', name });
    const resource = new CustomResource(this, 'Resource', {
      serviceToken: topic.millrace.providerArn,
      resourceType: 'Custom::MillraceSubscription',
      properties: {
        Name: name,
        Topic: topic.topicName,
        TopicId: topic.topicId,
        Target: target.functionArn,
        StartingPosition: (props.startingPosition ?? StartingPosition.TRIM_HORIZON).text,
        Options: JSON.stringify(storedOptions(props)),
        // A version that asks for more of them has the resource asked anew.
        Attributes: ATTRIBUTES,
        OnDelete: props.removalPolicy === RemovalPolicy.DESTROY ? 'delete' : 'retain',
      },
    });
    const { pumpRole, routerRole, providerRole } = topic.millrace;
    resource.node.addDependency(allowCalls(this, target, pulling === null ? pumpRole : routerRole));
    const outside = props.onFailure?.outside;
    if (outside !== undefined) {
      const senders = [pulling === null ? pumpRole : pulling.role];
      resource.node.addDependency(...allowFailures(this, outside, { senders, checker: providerRole }));
    }
    if (pulling !== null) {
      this.#pull(pulling, { name, topics: topicsOf(resource, retryDelays.length, props.onFailure?.topic) });
    }
  }

  /** A metric of this subscription by its name, as docs/event-source.md lists them. */
  metric(metricName: string, props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return subscriptionMetric(this.subscriptionName, metricName, props);
  }

  /** Records behind the committed offsets of all partitions, at each sweep. */
  metricLag(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('SumOffsetLag', { statistic: 'Maximum', ...props });
  }

  /** How long the oldest record that was not handled has been there, in ms, at each sweep. */
  metricTimeLag(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('MaxTimeLag', { statistic: 'Maximum', ...props });
  }

  /** How old the newest record of a batch is when the function is called, in ms. */
  metricIteratorAge(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('IteratorAge', { statistic: 'Maximum', ...props });
  }

  /** Records that were given up and are durable at the `onFailure` destination. */
  metricDeadLetters(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('OnFailureDestinationDeliveredEventCount', props);
  }

  /** Records that were given up without a place to go to. */
  metricDropped(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('DroppedEventCount', props);
  }

  /** Batches for which the function threw, died, ran out of time, answered nonsense, or could not be called. */
  metricErrors(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('InvokeErrorCount', props);
  }

  /** Offsets by which committed offsets have moved. */
  metricCommitted(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('CommittedEventCount', props);
  }

  /** In a policy of its own: that of the function would wait for the subscription, which waits for the function. */
  #pull({ target, role }: PullingFunction, of: { readonly name: string; readonly topics: SubscriptionTopics }): void {
    const { millrace } = this.topic;
    setStore(this, target, millrace.connectionString);
    // Counted as the pump counts what it hands over.
    target.addEnvironment('MILLRACE_METRICS', millrace.metricDetail);
    const roles = [role];
    policyOf(this, 'Pull', { roles, accesses: pullAccess(millrace, this.topic, of) });
    if (!hasOwnDomain(this.topic)) return;
    policyOf(this, 'PullOwnDomains', { roles, accesses: ownDomainAccess(millrace, of.topics) });
  }
}

/** Ids of topics that the provider answers with, beside those of the tiers of retries. */
const ATTRIBUTES = ['DeadLetterTopicId', 'RedriveTopicId', 'ReplayFailuresTopicId'];

/** A worker waits for the function that it calls, and has 15 minutes itself. */
const LONGEST_PUSH_SECONDS = 600;
/** With a tumbling window it may have to be called twice for one batch. */
const LONGEST_WINDOW_PUSH_SECONDS = 300;

/** The CDK has a class of each of these names, and another one of this meaning. */
function checkOwnKinds(scope: Construct, { startingPosition, onFailure, removalPolicy }: SubscriptionProps): void {
  checkRemoval(scope, removalPolicy);
  if (startingPosition !== undefined && typeof startingPosition.text !== 'string') {
    const fix = 'Give a StartingPosition of millrace/constructs.';
    throw badProp(scope, 'startingPosition', startingPosition, fix);
  }
  if (onFailure !== undefined && onFailure.onFailure === undefined) {
    const fix = 'Give a FailureDestination of millrace/constructs, such as FailureDestination.queue(queue).';
    throw badProp(scope, 'onFailure', onFailure, fix);
  }
}

/** A topic for what fails is one of the same log, and not the one that it failed in: it would come back for ever. */
function checkDeadLetters(scope: Construct, { topic, onFailure }: SubscriptionProps): void {
  const deadLetters = onFailure?.topic;
  if (deadLetters === undefined) return;
  if (!isSameLog(deadLetters.millrace, topic.millrace)) {
    throw badProp(scope, 'onFailure', deadLetters.node.path, 'It is a topic of another log: give one of this log.');
  }
  if (deadLetters.topicName !== topic.topicName) return;
  throw badProp(scope, 'onFailure', deadLetters.node.path, 'What failed would come back for ever: give another topic.');
}

function checkTime(scope: Construct, target: lambda.IFunction, { tumblingWindow }: SubscriptionProps): void {
  // Of an alias or a version it is that of its function.
  const { lambda: behind = target } = target as { readonly lambda?: lambda.IFunction };
  const { timeout } = behind as { readonly timeout?: Duration };
  if (timeout === undefined || timeout.isUnresolved()) return;
  const seconds = timeout.toSeconds();
  const hasWindow = (tumblingWindow?.toSeconds({ integral: false }) ?? 0) > 0;
  const longest = hasWindow ? LONGEST_WINDOW_PUSH_SECONDS : LONGEST_PUSH_SECONDS;
  if (seconds <= longest) return;
  const fix = `A function that is pushed to${hasWindow ? ' with a tumbling window' : ''} may run ${longest} s at most: lower its timeout, or choose the mode pull.`;
  throw badProp(scope, 'timeout of the target', `${seconds} s`, fix);
}

/** A function whose settings and permissions are ours to extend. */
interface PullingFunction {
  readonly target: lambda.Function;
  readonly role: iam.IRole;
}

function pullingFunction(scope: Construct, target: lambda.IFunction): PullingFunction {
  if ('addEnvironment' in target && target.role !== undefined) {
    return { target: target as lambda.Function, role: target.role };
  }
  const fix = 'Subscribe it where it is made, or choose the mode push.';
  throw badProp(scope, "mode 'pull' of a function that is imported, or of its alias,", target.node.path, fix);
}

type Variables = Iterable<readonly [string, { readonly value: string }]>;

/** A variable of a function; private in the declarations, a map in some versions of the CDK and an object in others. */
function variableOf(target: lambda.Function, name: string): string | undefined {
  const { environment = {} } = target as unknown as { environment?: object & { entries?: () => Variables } };
  const entries = environment.entries?.() ?? (Object.entries(environment) as unknown as Variables);
  return [...entries].find(([one]) => one === name)?.[1].value;
}

/** Throws INVALID_CONFIG when the function knows another log. */
function setStore(scope: Construct, target: lambda.Function, store: string): void {
  const before = variableOf(target, 'MILLRACE_STORE');
  if (before !== undefined && before !== store) {
    const fix = 'A function pulls from one log: give each log a function, or choose the mode push.';
    throw badProp(scope, 'MILLRACE_STORE of the target', before, fix);
  }
  target.addEnvironment('MILLRACE_STORE', store);
}

/** By the policy of the target: that of a role holds no more than some forty targets. Where the target is imported and its policy cannot be changed, by a policy of the role. */
function allowCalls(scope: Construct, target: lambda.IFunction, caller: iam.IRole): Construct {
  // Protected in the declarations.
  const { canCreatePermissions = false } = target as { canCreatePermissions?: boolean };
  if (canCreatePermissions) {
    target.addPermission(`Millrace${scope.node.addr}`, {
      principal: new iam.ArnPrincipal(caller.roleArn),
      action: 'lambda:InvokeFunction',
      scope,
    });
    return scope.node.findChild(`Millrace${scope.node.addr}`) as Construct;
  }
  const accesses = [{ actions: ['lambda:InvokeFunction'], resourceArns: [target.functionArn] }];
  return policyOf(scope, 'Calls', { roles: [caller], accesses });
}

function topicsOf(resource: CustomResource, tiers: number, deadLetters: ITopic | undefined): SubscriptionTopics {
  const retries = Array.from({ length: tiers }, (_, index) => resource.getAttString(`RetryTopicId${index + 1}`));
  const own = deadLetters === undefined ? ['DeadLetterTopicId'] : [];
  return {
    written: [...own, 'ReplayFailuresTopicId'].map((name) => resource.getAttString(name)),
    deadLetters,
    readAndWritten: [resource.getAttString('RedriveTopicId'), ...retries],
  };
}
