/** A subscription of a function to a topic, kept by a custom resource: any option may change at any time. */
import { CustomResource, type Duration, Names, RemovalPolicy } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { policyOf } from './access.ts';
import { badProp } from './bad-prop.ts';
import { checkSubscriptionName } from './check-names.ts';
import { checkSubscriptionOptions } from './check-subscription.ts';
import { pullAccess, type SubscriptionTopics } from './pull-access.ts';
import { StartingPosition } from './starting-position.ts';
import { subscriptionMetric } from './subscription-metric.ts';
import { type SubscriptionOptionsProps, storedOptions } from './subscription-props.ts';
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
    this.topic = topic;
    const name = props.subscriptionName ?? Names.uniqueResourceName(this, { maxLength: 200, separator: '-' });
    checkSubscriptionName(this, name);
    checkSubscriptionOptions(this, props);
    if (mode === 'push') checkTime(this, target);
    const pulling = mode === 'pull' ? pullingFunction(this, target) : null;
    this.subscriptionName = name;
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
        OnDelete: props.removalPolicy === RemovalPolicy.DESTROY ? 'delete' : 'retain',
      },
    });
    const { pumpRole, routerRole } = topic.millrace;
    resource.node.addDependency(allowCalls(this, target, pulling === null ? pumpRole : routerRole));
    const roles = pulling === null ? [pumpRole] : [pumpRole, pulling.role];
    this.#allowDestination(props, roles, resource);
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

  #allowDestination({ onFailure }: SubscriptionProps, roles: readonly iam.IRole[], resource: CustomResource): void {
    if (onFailure === undefined || onFailure.accesses.length === 0) return;
    const policy = policyOf(this, 'Failures', { roles, accesses: onFailure.accesses });
    resource.node.addDependency(policy);
  }

  /** In a policy of its own: that of the function would wait for the subscription, which waits for the function. */
  #pull({ target, role }: PullingFunction, of: { readonly name: string; readonly topics: SubscriptionTopics }): void {
    const { millrace } = this.topic;
    target.addEnvironment('MILLRACE_STORE', millrace.connectionString);
    policyOf(this, 'Pull', { roles: [role], accesses: pullAccess(millrace, this.topic, of) });
  }
}

/** A worker waits for the function that it calls, and has 15 minutes itself. */
const LONGEST_PUSH_SECONDS = 600;

function checkTime(scope: Construct, target: lambda.IFunction): void {
  const { timeout } = target as { timeout?: Duration };
  if (timeout === undefined || timeout.isUnresolved()) return;
  const seconds = timeout.toSeconds();
  if (seconds <= LONGEST_PUSH_SECONDS) return;
  const fix = `A function that is pushed to may run ${LONGEST_PUSH_SECONDS} s at most: lower its timeout, or choose the mode pull.`;
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
  return {
    written: deadLetters === undefined ? [resource.getAttString('DeadLetterTopicId')] : [],
    deadLetters,
    readAndWritten: [resource.getAttString('RedriveTopicId'), ...retries],
  };
}
