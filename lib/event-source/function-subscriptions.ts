/** The port to subscriptions of functions, and to the bells that wake their workers. */
import type { Change } from '../log/head-transitions.ts';
import type { Bell, RungBell } from './bell.ts';
import type { FunctionSubscription } from './function-subscription.ts';

/** Which subscription. */
export type SubscriptionName = Pick<FunctionSubscription, 'topicId' | 'group'>;

/** Whether a part was made. */
export type PartOutcome = Change<FunctionSubscription>['outcome'];

/** Each change is atomic and carries out the transition of the same name in `subscription-transitions.ts`. All reads are consistent. Errors are as for `Heads`. */
export interface FunctionSubscriptions {
  get(name: SubscriptionName): Promise<FunctionSubscription | null>;
  /** All subscriptions of a topic. */
  listOfTopic(topicId: string): Promise<readonly FunctionSubscription[]>;
  /** By topic id and group, above `after`, at most `limit`; a store may return fewer, never none while there are some. */
  list(after: SubscriptionName | null, limit: number): Promise<readonly FunctionSubscription[]>;
  create(subscription: FunctionSubscription): Promise<Change<FunctionSubscription>>;
  /** Makes a subscription that is part of another IF that has the version `of.version`, which is raised by one, and IF there is none of its name. */
  createPart(
    part: FunctionSubscription,
    of: SubscriptionName & Pick<FunctionSubscription, 'version'>,
  ): Promise<PartOutcome>;
  /** Replaces the subscription IF its version is `subscription.version`; what is stored has one more. */
  update(subscription: FunctionSubscription): Promise<Change<FunctionSubscription>>;
  /** One that is not there is removed already. */
  remove(subscription: SubscriptionName): Promise<void>;
}

/** As for `Heads`. */
export interface Bells {
  /** Changes the item of the bell to `stamp`, which is fresh: whoever watches the store hears of it. `atMs`: for then; default 0: for now. */
  ring(bell: Bell, stamp: string, atMs?: number): Promise<void>;
  /** All bells that were ever rung and the stamp of the last time; only where there is no stream of changes. */
  list(): Promise<readonly RungBell[]>;
}
