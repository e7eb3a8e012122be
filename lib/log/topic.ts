/**
 * A topic as it is stored.
 *
 * Key: `T#<name>` / `TOPIC`, and in the same transaction `TOPICS` / `<name>`, so that a listing is one consistent query. Changed only IF the version
 * is the one that was read. Absence means that no such topic exists.
 *
 * Key: `S#<topicId>` / `SPENT`, made in the transaction that removes a topic, and kept: a copy of the request that made it may come at any time later, and must not make it once more, since
 * offsets of groups and late commits name partitions by the id.
 *
 * Heads may exist for partitions below `partitionCount`; clients use those below `readyPartitionCount`, whose heads do exist. The count is raised before the
 * heads are made, so that collection, which raises the floor of every head it can find, never misses one.
 */
import { MillraceError } from '../errors.ts';
import { type Item, type ItemKey, integer, text } from './item.ts';

/** creating: not all heads exist. active: can be used. deleting: is going, and its name is taken until it is gone. */
export type TopicState = 'creating' | 'active' | 'deleting';

/** See the module comment. */
export interface Topic {
  readonly name: string;
  /** UUID text, lower case; a recreated topic has another. */
  readonly topicId: string;
  readonly partitionCount: number;
  readonly readyPartitionCount: number;
  readonly state: TopicState;
  /** Isolation domain: topics of one domain share segment objects. Never changes. */
  readonly domain: string;
  /** Overrides of the defaults, by Kafka's names; validated before it is written. */
  readonly config: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
  /** Of a fork: the name that its source had. */
  readonly forkOf?: string;
  /** Counts the changes of this item. */
  readonly version: number;
}

/** Sort key of every topic item. */
export const TOPIC_SK = 'TOPIC';
/** Sort key of every spent id. */
const SPENT_SK = 'SPENT';
/** Partition key of the listing. */
export const TOPICS_PK = 'TOPICS';

/** Where a topic is stored. */
export function topicKey(name: string): ItemKey {
  return { pk: `T#${name}`, sk: TOPIC_SK };
}

/** Where a topic stands in the listing. */
export function topicListingKey(name: string): ItemKey {
  return { pk: TOPICS_PK, sk: name };
}

/** Where it stands that a topic id was used and is never used again. */
export function spentTopicIdKey(topicId: string): ItemKey {
  return { pk: `S#${topicId}`, sk: SPENT_SK };
}

/** The stored form: the name that its topic had. */
export function spentTopicIdToItem(name: string): Item {
  return { topic: name };
}

/** The stored form without its name, which the key holds. */
export function topicToItem(topic: Topic): Item {
  return {
    topicId: topic.topicId,
    partitionCount: BigInt(topic.partitionCount),
    readyPartitionCount: BigInt(topic.readyPartitionCount),
    state: topic.state,
    domain: topic.domain,
    config: JSON.stringify(topic.config),
    createdAt: BigInt(topic.createdAtMs),
    version: BigInt(topic.version),
    ...(topic.forkOf !== undefined && { forkOf: topic.forkOf }),
  };
}

/** Throws CORRUPT_OBJECT when an attribute is missing or of another kind. */
export function topicFromItem(name: string, item: Item): Topic {
  return {
    name,
    topicId: text(item, 'topicId'),
    partitionCount: Number(integer(item, 'partitionCount')),
    readyPartitionCount: Number(integer(item, 'readyPartitionCount')),
    state: stateOf(item),
    domain: text(item, 'domain'),
    config: configOf(item),
    createdAtMs: Number(integer(item, 'createdAt')),
    version: Number(integer(item, 'version')),
    ...(item.forkOf !== undefined && { forkOf: text(item, 'forkOf') }),
  };
}

function stateOf(item: Item): TopicState {
  const state = text(item, 'state');
  if (state === 'creating' || state === 'active' || state === 'deleting') return state;
  throw damaged('state', state);
}

function configOf(item: Item): Readonly<Record<string, string>> {
  const json = text(item, 'config');
  try {
    const config: unknown = JSON.parse(json);
    const isConfig = typeof config === 'object' && config !== null && Object.values(config).every(isText);
    if (isConfig) return config as Readonly<Record<string, string>>;
  } catch {
    // Told below, with the value.
  }
  throw damaged('config', json);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function damaged(name: string, value: string): MillraceError {
  return new MillraceError('CORRUPT_OBJECT', `attribute ${name} of a topic is damaged`, {
    value,
    hint: 'The item was changed by something else than Millrace; restore it from a backup.',
  });
}
