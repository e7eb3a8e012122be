/**
 * `Custom::MillraceSubscription`: a subscription of a function that a stack keeps.
 *
 * | property | |
 * |---|---|
 * | `Name`, `Topic` | of the subscription and its topic; another one makes another subscription |
 * | `Target` | ARN of the function |
 * | `StartingPosition` | `TRIM_HORIZON` (the default), `LATEST`, or JSON text: `{"timestampMs": "…"}` or `{"offset": "…"}`; of use when it is made |
 * | `Options` | JSON text of options, by the names of `subscription-options.ts`; what is not in it has its default |
 * | `OnDelete` | `retain` (the default): it is paused, and goes on where it was if it is made again; `delete`: its progress is gone, too |
 *
 * One that is there already, of the same topic, is taken over and goes on where it is; no deletion of the resource deletes it then, it is paused.
 */
import { hasCode, MillraceError } from '../../errors.ts';
import { deadLetterTopicOf } from '../../event-source/failure-destination.ts';
import type { FunctionSubscription } from '../../event-source/function-subscription.ts';
import { redriveTopic, retryTopic } from '../../event-source/retry-topics.ts';
import type { SubscriptionAdmin } from '../../event-source/subscription-admin.ts';
import { type SubscriptionOptions, subscriptionOptions } from '../../event-source/subscription-options.ts';
import type { StartingPosition } from '../../event-source/subscription-request.ts';
import type { TopicAdmin } from '../../log/topic-admin.ts';
import type { ResourceKind, ResourceProperties, ResourceState } from './custom-resource.ts';

/** What it needs. */
export interface SubscriptionResourceDeps {
  readonly subscriptions: Pick<SubscriptionAdmin, 'create' | 'get' | 'update' | 'pause' | 'delete' | 'makeRedrive'>;
  readonly topics: Pick<TopicAdmin, 'getTopic'>;
}

/** Where a subscription has no such topic. */
const NO_TOPIC = 'none';

const ADOPTED = ':adopted';

interface SubscriptionShape {
  readonly name: string;
  readonly topic: string;
  readonly target: string;
  /** All of them, so that one that is taken out of the stack has its default again. */
  readonly options: SubscriptionOptions;
  readonly startingPosition: StartingPosition;
}

/** See the module comment. */
export function subscriptionResource(deps: SubscriptionResourceDeps): ResourceKind {
  const { subscriptions } = deps;
  return {
    async create(properties) {
      const shape = shapeOf(properties);
      try {
        return await stateOf(deps, await subscriptions.create(shape), '');
      } catch (error) {
        if (!hasCode(error, 'SUBSCRIPTION_ALREADY_EXISTS')) throw error;
      }
      return stateOf(deps, await align(deps, shape), ADOPTED);
    },
    async update(physicalId, properties) {
      const shape = shapeOf(properties);
      const existing = await found(subscriptions, shape.name);
      if (existing === null || !isOf(physicalId, existing)) return this.create(properties);
      return stateOf(deps, await align(deps, shape), physicalId.endsWith(ADOPTED) ? ADOPTED : '');
    },
    async delete(physicalId, properties) {
      const [kind, name] = physicalId.split(':');
      const existing = kind === 'subscription' && name !== undefined ? await found(subscriptions, name) : null;
      // One that was made again by others, or moved to another topic by an update, is not the one that is deleted.
      if (existing === null || !isOf(physicalId, existing)) return;
      const onDelete = physicalId.endsWith(ADOPTED) ? 'retain' : properties.oneOf('OnDelete', ['retain', 'delete']);
      if (onDelete === 'retain') await subscriptions.pause(existing.group);
      else await subscriptions.delete(existing.group);
    },
  };
}

function shapeOf(properties: ResourceProperties): SubscriptionShape {
  const name = properties.text('Name');
  return {
    name,
    topic: properties.text('Topic'),
    target: properties.text('Target'),
    options: subscriptionOptions(properties.json('Options') as Partial<SubscriptionOptions>, name),
    startingPosition: startingPositionOf(properties),
  };
}

function startingPositionOf(properties: ResourceProperties): StartingPosition {
  const text = properties.optionalText('StartingPosition') ?? 'TRIM_HORIZON';
  if (text === 'TRIM_HORIZON' || text === 'LATEST') return text;
  const { timestampMs, offset } = properties.json('StartingPosition') as Readonly<Record<string, string | number>>;
  if (offset !== undefined && /^\d+$/.test(String(offset))) return { offset: BigInt(offset) };
  if (timestampMs !== undefined && /^\d+$/.test(String(timestampMs))) return { timestampMs: BigInt(timestampMs) };
  throw new MillraceError('INVALID_REQUEST', `the property StartingPosition cannot be ${text}`, {
    value: text,
    hint: 'Give TRIM_HORIZON, LATEST, {"timestampMs":"…"} or {"offset":"…"}.',
  });
}

/** Makes a subscription that is there as it is to be. */
async function align(
  { subscriptions }: SubscriptionResourceDeps,
  { name, topic, target, options }: SubscriptionShape,
): Promise<FunctionSubscription> {
  const existing = await subscriptions.get(name);
  if (existing.topic === topic) return subscriptions.update(name, { ...options, target });
  throw new MillraceError('SUBSCRIPTION_ALREADY_EXISTS', `subscription ${name} is of topic ${existing.topic}`, {
    value: name,
    hint: `Give it another name, or delete it first (millrace subscription delete ${name}).`,
  });
}

/** With the ids of the topics that belong to it, by which a function that pulls is allowed to use them and no others. */
async function stateOf(
  deps: SubscriptionResourceDeps,
  subscription: FunctionSubscription,
  mark: '' | typeof ADOPTED,
): Promise<ResourceState> {
  const { group, options } = subscription;
  const deadLetters = deadLetterTopicOf(options.onFailure, group);
  const isRedriven = options.mode === 'pull' && deadLetters !== null;
  if (isRedriven) await deps.subscriptions.makeRedrive(group);
  const idOf = async (topic: string | null) =>
    topic === null ? NO_TOPIC : (await deps.topics.getTopic(topic)).topicId;
  const retries = options.retryDelaysMs.map((_, index) => index + 1);
  const retryIds = await Promise.all(
    retries.map(async (tier) => [`RetryTopicId${tier}`, await idOf(retryTopic(group, tier))] as const),
  );
  return {
    physicalId: `${physicalIdOf(subscription)}${mark}`,
    attributes: {
      SubscriptionName: group,
      DeadLetterTopicId: await idOf(deadLetters),
      RedriveTopicId: await idOf(isRedriven ? redriveTopic(group) : null),
      ...Object.fromEntries(retryIds),
    },
  };
}

function isOf(physicalId: string, subscription: FunctionSubscription): boolean {
  const id = physicalIdOf(subscription);
  return physicalId === id || physicalId === `${id}${ADOPTED}`;
}

function physicalIdOf({ group, topicId }: FunctionSubscription): string {
  return `subscription:${group}:${topicId}`;
}

async function found(
  subscriptions: SubscriptionResourceDeps['subscriptions'],
  name: string,
): Promise<FunctionSubscription | null> {
  try {
    return await subscriptions.get(name);
  } catch (error) {
    if (hasCode(error, 'SUBSCRIPTION_NOT_FOUND')) return null;
    throw error;
  }
}
