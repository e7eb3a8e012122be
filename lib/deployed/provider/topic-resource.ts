/**
 * `Custom::MillraceTopic`: a topic that a stack keeps.
 *
 * | property | |
 * |---|---|
 * | `Name` | of the topic; another one makes another topic |
 * | `PartitionCount` | default 1; it may only grow |
 * | `Config` | JSON text of an object of texts, by Kafka's names; what is not in it has its default |
 * | `Isolation` | `shared` (the default), `own` or the name of a domain; it never changes |
 * | `OnDelete` | `retain` (the default) or `delete`: what becomes of the topic and its records when the resource is deleted |
 *
 * A topic that is there already is taken over, and then no deletion of the resource deletes it: a stack that fails and is rolled back takes nothing along that it has not made.
 */
import { hasCode, MillraceError } from '../../errors.ts';
import type { Topic } from '../../log/topic.ts';
import type { TopicAdmin } from '../../log/topic-admin.ts';
import type { ResourceKind, ResourceProperties, ResourceState } from './custom-resource.ts';

/** What of the administration of topics it needs. */
export type TopicKeeper = Pick<TopicAdmin, 'createTopic' | 'getTopic' | 'alterTopic' | 'addPartitions' | 'deleteTopic'>;

const ADOPTED = ':adopted';

interface TopicShape {
  readonly name: string;
  readonly partitionCount: number;
  readonly config: Readonly<Record<string, string>>;
  readonly domain: string;
}

/** See the module comment. */
export function topicResource(topics: TopicKeeper): ResourceKind {
  return {
    async create(properties) {
      const shape = shapeOf(properties);
      const { partitionCount, name, config, domain } = shape;
      try {
        return stateOf(await topics.createTopic({ name, partitionCount, config, domain }), '');
      } catch (error) {
        if (!hasCode(error, 'TOPIC_ALREADY_EXISTS')) throw error;
      }
      return stateOf(await align(topics, shape), ADOPTED);
    },
    async update(physicalId, properties) {
      const shape = shapeOf(properties);
      const before = placeOf(physicalId);
      if (before?.name !== shape.name) return this.create(properties);
      const topic = await align(topics, shape);
      // One that was deleted and made again by others is not ours to delete.
      const isOurs = topic.topicId === before.topicId && !before.isAdopted;
      return stateOf(topic, isOurs ? '' : ADOPTED);
    },
    async delete(physicalId, properties) {
      const place = placeOf(physicalId);
      if (place === null || place.isAdopted || properties.oneOf('OnDelete', ['retain', 'delete']) === 'retain') return;
      const topic = await found(topics, place.name);
      if (topic?.topicId === place.topicId) await topics.deleteTopic(place.name);
    },
  };
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

/** Makes a topic that is there as it is to be. Throws INVALID_PARTITIONS and INVALID_REQUEST for what cannot be changed, before anything is. */
async function align(topics: TopicKeeper, { name, partitionCount, config, domain }: TopicShape): Promise<Topic> {
  const topic = await topics.getTopic(name);
  if (partitionCount < topic.partitionCount) {
    throw new MillraceError('INVALID_PARTITIONS', `topic ${name} has ${topic.partitionCount} partitions already`, {
      value: partitionCount,
      hint: `Give ${topic.partitionCount} or more: partitions are never removed.`,
    });
  }
  const ownDomain = `t-${topic.topicId}`;
  const isSame = topic.domain === domain || (domain === 'own' && topic.domain === ownDomain);
  if (!isSame) {
    const is = topic.domain === ownDomain ? 'own' : topic.domain;
    throw new MillraceError('INVALID_REQUEST', `the isolation of topic ${name} is ${is} and never changes`, {
      value: domain,
      hint: 'Take it back, or give the topic another name.',
    });
  }
  const unset = Object.keys(topic.config).filter((setting) => !Object.hasOwn(config, setting));
  const isAltered = unset.length > 0 || Object.entries(config).some(([key, value]) => topic.config[key] !== value);
  const altered = isAltered ? await topics.alterTopic(name, { set: config, unset }) : topic;
  if (partitionCount === altered.partitionCount && partitionCount === altered.readyPartitionCount) return altered;
  return topics.addPartitions(name, partitionCount);
}

function stateOf({ name, topicId, domain, partitionCount }: Topic, mark: '' | typeof ADOPTED): ResourceState {
  return {
    physicalId: `topic:${name}:${topicId}${mark}`,
    attributes: { TopicName: name, TopicId: topicId, Domain: domain, PartitionCount: partitionCount },
  };
}

/** What a physical id says; null: none of ours. */
function placeOf(physicalId: string): { name: string; topicId: string; isAdopted: boolean } | null {
  const [kind, name, topicId, mark] = physicalId.split(':');
  if (kind !== 'topic' || name === undefined || topicId === undefined) return null;
  return { name, topicId, isAdopted: mark !== undefined };
}

async function found(topics: TopicKeeper, name: string): Promise<Topic | null> {
  try {
    return await topics.getTopic(name);
  } catch (error) {
    if (hasCode(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return null;
    throw error;
  }
}
