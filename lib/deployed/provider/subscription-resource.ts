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
 * One that is there already, of the same topic, is taken over and goes on where it is. One that no stack had before has its target and its options back when the resource is deleted. One that another resource keeps is taken from it: so it is when a resource is renamed or
 * moved, and the deletion under the old name, or the rollback, leaves it alone.
 */
import { hasCode, MillraceError } from '../../errors.ts';
import { deadLetterTopicOf } from '../../event-source/failure-destination.ts';
import type { FunctionSubscription } from '../../event-source/function-subscription.ts';
import { redriveTopic, replayFailuresTopic, retryTopic } from '../../event-source/retry-topics.ts';
import type { SubscriptionAdmin } from '../../event-source/subscription-admin.ts';
import { type SubscriptionOptions, subscriptionOptions } from '../../event-source/subscription-options.ts';
import type { StartingPosition } from '../../event-source/subscription-request.ts';
import type { TopicAdmin } from '../../log/topic-admin.ts';
import type { ResourceKind, ResourceProperties, ResourceState } from './custom-resource.ts';
import { claimed, type Keeper, type Keepers, released, releaseOf } from './keeper.ts';

/** What it needs. */
export interface SubscriptionResourceDeps {
  readonly subscriptions: Pick<
    SubscriptionAdmin,
    'create' | 'get' | 'update' | 'pause' | 'delete' | 'makeRedrive' | 'makeReplayFailures'
  >;
  readonly topics: Pick<TopicAdmin, 'getTopic'>;
  readonly keepers: Keepers<FormerSubscription>;
}

/** What a subscription was before it was taken over. */
export type FormerSubscription = Pick<FunctionSubscription, 'target' | 'options'>;

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
  const { subscriptions, keepers } = deps;
  const put = async (shape: SubscriptionShape, owner: string): Promise<ResourceState> => {
    const existing = await found(subscriptions, shape.name);
    if (existing !== null) checkTopic(existing, shape);
    const adopted = existing && { former: { target: existing.target, options: existing.options } };
    // Before it is made: who is interrupted in between finds that it is his.
    const claim = (current: Keeper<FormerSubscription> | null) => claimed(current, owner, adopted);
    return keepers.keeping(shape.name, claim, async (keeper) => {
      if (existing === null) {
        try {
          return await stateOf(deps, await subscriptions.create(shape), keeper);
        } catch (error) {
          if (!hasCode(error, 'SUBSCRIPTION_ALREADY_EXISTS')) throw error;
        }
      }
      return stateOf(deps, await align(deps, shape), keeper);
    });
  };
  return {
    create: (properties) => put(shapeOf(properties), properties.owner),
    update: (_, properties) => put(shapeOf(properties), properties.owner),
    async delete(physicalId, properties) {
      const [kind, name] = physicalId.split(':');
      if (kind !== 'subscription' || name === undefined) return;
      const release = releaseOf(await keepers.read(name), properties.owner);
      const existing = release.kind === 'ours' ? await found(subscriptions, name) : null;
      if (release.kind === 'ours' && existing !== null && isOf(physicalId, existing)) {
        const { isAdopted, former } = release.keeper;
        const isDeleted = properties.oneOf('OnDelete', ['retain', 'delete']) === 'delete';
        if (isAdopted && former !== null)
          await subscriptions.update(name, { ...former.options, target: former.target });
        else if (isDeleted && !isAdopted) await subscriptions.delete(name);
        else await subscriptions.pause(name);
      }
      const isGone = release.kind === 'ours' && (await found(subscriptions, name)) === null;
      await keepers.change(name, (keeper) => (isGone ? null : released(keeper, properties.owner)));
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
  shape: SubscriptionShape,
): Promise<FunctionSubscription> {
  const { name, target, options } = shape;
  checkTopic(await subscriptions.get(name), shape);
  return subscriptions.update(name, { ...options, target });
}

/** Throws SUBSCRIPTION_ALREADY_EXISTS where the name is that of a subscription to another topic. */
function checkTopic(existing: FunctionSubscription, { name, topic }: SubscriptionShape): void {
  if (existing.topic === topic) return;
  throw new MillraceError('SUBSCRIPTION_ALREADY_EXISTS', `subscription ${name} is of topic ${existing.topic}`, {
    value: name,
    hint: `Give it another name, or delete it first (millrace subscription delete ${name}).`,
  });
}

/** With the ids of the topics that belong to it, by which a function that pulls is allowed to use them and no others. */
async function stateOf(
  deps: SubscriptionResourceDeps,
  subscription: FunctionSubscription,
  { isAdopted }: Keeper,
): Promise<ResourceState> {
  const { group, options } = subscription;
  const deadLetters = deadLetterTopicOf(options.onFailure, group);
  const isPulling = options.mode === 'pull';
  const isRedriven = isPulling && deadLetters !== null;
  if (isRedriven) await deps.subscriptions.makeRedrive(group);
  if (isPulling) await deps.subscriptions.makeReplayFailures(group);
  const idOf = async (topic: string | null) =>
    topic === null ? NO_TOPIC : (await deps.topics.getTopic(topic)).topicId;
  const retries = options.retryDelaysMs.map((_, index) => index + 1);
  const retryIds = await Promise.all(
    retries.map(async (tier) => [`RetryTopicId${tier}`, await idOf(retryTopic(group, tier))] as const),
  );
  return {
    physicalId: `${physicalIdOf(subscription)}${isAdopted ? ADOPTED : ''}`,
    attributes: {
      SubscriptionName: group,
      DeadLetterTopicId: await idOf(deadLetters),
      RedriveTopicId: await idOf(isRedriven ? redriveTopic(group) : null),
      ReplayFailuresTopicId: await idOf(isPulling ? replayFailuresTopic(group) : null),
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
