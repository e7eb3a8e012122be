import { type AwsDestinations, noticeSender } from '../../connect/notice-sender.ts';
import { SubscriptionAdmin } from '../../event-source/subscription-admin.ts';
import type { SubscriptionDeps } from '../../event-source/subscription-parts.ts';
import type { TopicAdmin } from '../../log/topic-admin.ts';
import type { ResourceKind } from './custom-resource.ts';
import { Keepers, type KeepersDeps } from './keeper.ts';
import { subscriptionResource } from './subscription-resource.ts';

/** What it needs. */
export interface SubscriptionKindDeps extends SubscriptionDeps, KeepersDeps {
  readonly store: SubscriptionDeps['store'] & KeepersDeps['store'];
  readonly topics: TopicAdmin;
  /** Where destinations of failed records are. */
  readonly target: AwsDestinations;
}

/** `subscriptionResource` with all that stands behind it. */
export function subscriptionKind({ topics, target, ...deps }: SubscriptionKindDeps): ResourceKind {
  const destinations = noticeSender({ ...deps, place: target });
  const subscriptions = new SubscriptionAdmin({ ...deps, destinations });
  return subscriptionResource({ subscriptions, topics, keepers: new Keepers(deps, 'subscription') });
}
