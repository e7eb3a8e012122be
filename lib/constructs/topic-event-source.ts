import { Names } from 'aws-cdk-lib';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { MillraceError } from '../errors.ts';
import { badProp } from './bad-prop.ts';
import { checkGiven } from './check-place.ts';
import { Subscription, type TopicEventSourceProps } from './subscription.ts';
import type { ITopic } from './topic.ts';

/**
 * Calls a function for the records of a topic, as the event sources of Lambda do.
 *
 * @example
 * billing.addEventSource(new TopicEventSource(orders, {
 *   batchSize: 100,
 *   reportBatchItemFailures: true,
 *   retryDelays: [Duration.seconds(10), Duration.minutes(1)],
 * }));
 */
export class TopicEventSource implements lambda.IEventSource {
  readonly #topic: ITopic;
  readonly #props: TopicEventSourceProps;
  #subscription: Subscription | undefined;

  constructor(topic: ITopic, props: TopicEventSourceProps = {}) {
    this.#topic = topic;
    this.#props = props;
  }

  /** Called by `addEventSource`. Several sources of one topic need a `subscriptionName` each. */
  bind(target: lambda.IFunction): void {
    const { subscriptionName } = this.#props;
    checkGiven(target, 'topic', this.#topic);
    const of = subscriptionName ?? Names.nodeUniqueId(this.#topic.node);
    const id = `MillraceTopic:${of}`;
    if (target.node.tryFindChild(id) !== undefined) {
      const fix = 'The function has a source of that name already: give each further one of a topic a name of its own.';
      throw badProp(target, 'subscriptionName', subscriptionName ?? 'left out', fix);
    }
    this.#subscription = new Subscription(target as unknown as Construct, id, {
      ...this.#props,
      topic: this.#topic,
      target,
    });
  }

  /** What was made. Throws INVALID_REQUEST before `addEventSource`. */
  get subscription(): Subscription {
    if (this.#subscription !== undefined) return this.#subscription;
    throw new MillraceError('INVALID_REQUEST', 'the event source is bound to no function yet', {
      hint: 'Hand it to addEventSource of a function first.',
    });
  }
}
