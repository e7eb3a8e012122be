/**
 * `Custom::MillraceTopic`: a topic that a stack keeps.
 *
 * | property | |
 * |---|---|
 * | `Name` | of the topic; another one makes another topic |
 * | `PartitionCount` | at least; default 1. They are never removed |
 * | `Config` | JSON text of an object of texts, by Kafka's names; what is not in it has its default |
 * | `Isolation` | `shared` (the default), `own` or the name of a domain; it never changes |
 * | `OnDelete` | `retain` (the default) or `delete`: what becomes of the topic and its records when the resource is deleted |
 *
 * A topic that was there before any stack had it is taken over: what the resource names is set, nothing else is changed, and no deletion of the resource deletes it; what was set is set back then. A topic that another resource keeps is taken from it: so it is when a
 * resource is renamed or moved, and the deletion under the old name, or the rollback, leaves it alone.
 */
import { hasCode, MillraceError } from '../../errors.ts';
import type { Topic } from '../../log/topic.ts';
import type { TopicAdmin } from '../../log/topic-admin.ts';
import type { ResourceKind, ResourceProperties, ResourceState } from './custom-resource.ts';
import { claimed, type Keeper, type Keepers, released, releaseOf } from './keeper.ts';

/** What of the administration of topics it needs. */
export type TopicKeeper = Pick<TopicAdmin, 'createTopic' | 'getTopic' | 'alterTopic' | 'addPartitions' | 'deleteTopic'>;

const ADOPTED = ':adopted';

interface TopicShape {
  readonly name: string;
  readonly partitionCount: number;
  readonly config: Readonly<Record<string, string>>;
  readonly domain: string;
}

/** What of a topic was there before it was taken over: settings by name, null for one that was not set. */
export type FormerSettings = Readonly<Record<string, string | null>>;

/** What it needs. */
export interface TopicResourceDeps {
  readonly topics: TopicKeeper;
  readonly keepers: Keepers<FormerSettings>;
}

/** See the module comment. */
export function topicResource({ topics, keepers }: TopicResourceDeps): ResourceKind {
  const put = async (shape: TopicShape, owner: string): Promise<ResourceState> => {
    const { partitionCount, name, config, domain } = shape;
    const existing = await found(topics, name);
    const adopted = existing && { former: formerOf(existing, config) };
    // Before it is made: who is interrupted in between finds that it is his.
    const claim = (current: Keeper<FormerSettings> | null) => claimed(current, owner, adopted);
    return keepers.keeping(name, claim, async (keeper) => {
      if (existing === null) {
        try {
          return stateOf(await topics.createTopic({ name, partitionCount, config, domain }), keeper);
        } catch (error) {
          if (!hasCode(error, 'TOPIC_ALREADY_EXISTS')) throw error;
        }
      }
      return stateOf(await align(topics, shape, keeper), keeper);
    });
  };
  return {
    create: (properties) => put(shapeOf(properties), properties.owner),
    async update(physicalId, properties) {
      const shape = shapeOf(properties);
      const before = placeOf(physicalId);
      const existing = before?.name === shape.name ? await found(topics, shape.name) : null;
      // One that was deleted and made again by others is not ours to delete.
      const isAnother = existing !== null && existing.topicId !== before!.topicId;
      if (isAnother) await keepers.change(shape.name, (keeper) => keeper && { ...keeper, isAdopted: true });
      return put(shape, properties.owner);
    },
    async delete(physicalId, properties) {
      const place = placeOf(physicalId);
      if (place === null) return;
      const release = releaseOf(await keepers.read(place.name), properties.owner);
      const topic = release.kind === 'ours' ? await found(topics, place.name) : null;
      if (release.kind === 'ours' && topic?.topicId === place.topicId) {
        const isDeleted = properties.oneOf('OnDelete', ['retain', 'delete']) === 'delete';
        if (release.keeper.isAdopted) await setBack(topics, topic, release.keeper.former ?? {});
        else if (isDeleted) await topics.deleteTopic(place.name);
      }
      const isGone = release.kind === 'ours' && (await found(topics, place.name)) === null;
      await keepers.change(place.name, (keeper) => (isGone ? null : released(keeper, properties.owner)));
    },
  };
}

function formerOf({ config }: Topic, set: TopicShape['config']): FormerSettings {
  return Object.fromEntries(Object.keys(set).map((name) => [name, config[name] ?? null]));
}

async function setBack(topics: TopicKeeper, { name }: Topic, former: FormerSettings): Promise<void> {
  const entries = Object.entries(former);
  if (entries.length === 0) return;
  const set = Object.fromEntries(entries.flatMap(([key, value]) => (value === null ? [] : [[key, value]])));
  await topics.alterTopic(name, { set, unset: entries.flatMap(([key, value]) => (value === null ? [key] : [])) });
}

function shapeOf(properties: ResourceProperties): TopicShape {
  const config = properties.json('Config');
  return {
    name: properties.text('Name'),
    partitionCount: properties.integer('PartitionCount', 1),
    config: Object.fromEntries(Object.entries(config).map(([name, value]) => [name, String(value)])),
    domain: properties.optionalText('Isolation') ?? 'shared',
  };
}

/** Makes a topic that is there as it is to be; one that has more partitions keeps them, because they are never removed and a rollback must not fail for it. Throws INVALID_REQUEST for another isolation, before anything is changed. */
async function align(
  topics: TopicKeeper,
  { name, partitionCount, config, domain }: TopicShape,
  { isAdopted }: Keeper,
): Promise<Topic> {
  const topic = await topics.getTopic(name);
  const ownDomain = `t-${topic.topicId}`;
  const isSame = topic.domain === domain || (domain === 'own' && topic.domain === ownDomain);
  if (!isSame) {
    const is = topic.domain === ownDomain ? 'own' : topic.domain;
    throw new MillraceError('INVALID_REQUEST', `the isolation of topic ${name} is ${is} and never changes`, {
      value: domain,
      hint: 'Take it back, or give the topic another name.',
    });
  }
  // What nobody has set here was set by whoever had it before.
  const unset = isAdopted ? [] : Object.keys(topic.config).filter((setting) => !Object.hasOwn(config, setting));
  const isAltered = unset.length > 0 || Object.entries(config).some(([key, value]) => topic.config[key] !== value);
  const altered = isAltered ? await topics.alterTopic(name, { set: config, unset }) : topic;
  const wantedCount = Math.max(partitionCount, altered.partitionCount);
  return wantedCount === altered.readyPartitionCount ? altered : topics.addPartitions(name, wantedCount);
}

function stateOf({ name, topicId, domain, partitionCount }: Topic, { isAdopted }: Keeper): ResourceState {
  return {
    physicalId: `topic:${name}:${topicId}${isAdopted ? ADOPTED : ''}`,
    attributes: { TopicName: name, TopicId: topicId, Domain: domain, PartitionCount: partitionCount },
  };
}

/** What a physical id says; null: none of ours. */
function placeOf(physicalId: string): { readonly name: string; readonly topicId: string } | null {
  const [kind, name, topicId] = physicalId.split(':');
  if (kind !== 'topic' || name === undefined || topicId === undefined) return null;
  return { name, topicId };
}

async function found(topics: TopicKeeper, name: string): Promise<Topic | null> {
  try {
    return await topics.getTopic(name);
  } catch (error) {
    if (hasCode(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return null;
    throw error;
  }
}
