/**
 * A group as it is stored. What conditions ask for is an attribute of its own, all else is JSON, so that a rebalance of many partitions stays small and people can
 * read it in a console.
 *
 * | attribute | kind | |
 * |---|---|---|
 * | groupId | text | UUID |
 * | version | integer | counts the changes |
 * | kind | text | `sdk`, `subscription`, `classic`, `consumer` |
 * | state | text | `active`, `deleting` |
 * | generation | integer | |
 * | body | text | JSON, below |
 *
 * `body` is `{ assignor, topics: [[name, topicId, partitionCount]], subscriptions: [[topic name]], members: [{ id, instanceId, clientId, subscription, pattern, assignors, sessionMs,
 * assigned: [[topicId, "0-3,7"]] }], handovers: [[topicId, "0-3,7", from, since]], coordination: { gateway, tenure, state } }`, where `subscription` is an index: most members want the same.
 * `coordination` is there only for groups of Kafka clients.
 */
import { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import { type Item, integer, text } from '../log/item.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import type { Coordination, Group, GroupKind, GroupMember, GroupTopic, Handover } from './group.ts';
import { formatRanges, parseRanges } from './partition-ranges.ts';

type Ranges = readonly [topicId: string, partitions: string];

interface StoredMember extends Omit<GroupMember, 'topics'> {
  readonly subscription: number;
  readonly assigned: readonly Ranges[];
}

interface Body {
  readonly assignor: string | null;
  readonly topics: readonly (readonly [name: string, topicId: string, partitionCount: number])[];
  readonly subscriptions: readonly (readonly string[])[];
  readonly members: readonly StoredMember[];
  readonly handovers: readonly (readonly [topicId: string, partitions: string, from: string, since: number])[];
  readonly coordination?: Coordination;
}

const KINDS: readonly string[] = ['sdk', 'subscription', 'classic', 'consumer'] satisfies readonly GroupKind[];

/** The stored form without the name, which the key holds. */
export function groupToItem(group: Group): Item {
  return {
    groupId: group.groupId,
    version: BigInt(group.version),
    kind: group.kind,
    state: group.state,
    generation: BigInt(group.generation),
    body: JSON.stringify(bodyOf(group)),
  };
}

function bodyOf(group: Group): Body {
  const subscriptions: (readonly string[])[] = [];
  const places = new Map<string, number>();
  const members = group.members.map(({ topics, ...member }): StoredMember => {
    const key = topics.join();
    const subscription = places.get(key) ?? subscriptions.push(topics) - 1;
    places.set(key, subscription);
    return { ...member, subscription, assigned: toRanges(group.assignment.get(member.id) ?? []) };
  });
  return {
    assignor: group.assignor,
    topics: group.topics.map(({ name, topicId, partitionCount }) => [name, topicId, partitionCount] as const),
    subscriptions,
    members,
    handovers: toStoredHandovers(group.handovers),
    ...(group.coordination !== null && { coordination: group.coordination }),
  };
}

/** Partitions that are sorted by topic id and number. */
function toRanges(partitions: readonly PartitionKey[]): Ranges[] {
  const byTopic = Map.groupBy(partitions, ({ topicId }) => topicId);
  return [...byTopic].map(([topicId, of]) => [topicId, formatRanges(of.map(({ partition }) => partition))] as const);
}

function toStoredHandovers(handovers: readonly Handover[]): Body['handovers'] {
  const byReason = Map.groupBy(handovers, ({ partition, from, since }) => `${partition.topicId} ${since} ${from}`);
  return [...byReason.values()].map((same) => {
    const { partition, from, since } = same[0]!;
    const numbers = same.map((one) => one.partition.partition).sort((left, right) => left - right);
    return [partition.topicId, formatRanges(numbers), from, since] as const;
  });
}

/** Throws CORRUPT_OBJECT when an attribute is missing or makes no sense. */
export function groupFromItem(name: string, item: Item): Group {
  const body = parseBody(name, text(item, 'body'));
  try {
    const topics = body.topics.map(
      ([topic, topicId, partitionCount]): GroupTopic => ({ name: topic, topicId, partitionCount }),
    );
    return {
      name,
      groupId: text(item, 'groupId'),
      version: Number(integer(item, 'version')),
      kind: kindOf(text(item, 'kind')),
      state: text(item, 'state') === 'deleting' ? 'deleting' : 'active',
      generation: Number(integer(item, 'generation')),
      assignor: body.assignor,
      topics,
      members: body.members.map(({ subscription, assigned: _, ...member }) => ({
        ...member,
        topics: body.subscriptions[subscription]!,
      })),
      assignment: new Map(body.members.map(({ id, assigned }) => [id, assigned.flatMap(fromRanges)])),
      handovers: body.handovers.flatMap(([topicId, partitions, from, since]) =>
        fromRanges([topicId, partitions]).map((partition) => ({ partition, from, since })),
      ),
      coordination: body.coordination ?? null,
    };
  } catch (cause) {
    throw corrupt(name, cause);
  }
}

function kindOf(kind: string): GroupKind {
  if (KINDS.includes(kind)) return kind as GroupKind;
  throw new MillraceError('CORRUPT_OBJECT', `there is no kind of groups ${kind.slice(0, 64)}`, { value: kind });
}

function parseBody(name: string, json: string): Body {
  try {
    return JSON.parse(json) as Body;
  } catch (cause) {
    throw corrupt(name, cause);
  }
}

function fromRanges([topicId, text]: Ranges): PartitionKey[] {
  const partitions = parseRanges(text, limits.partitionsPerTopic);
  if (partitions === null) throw new MillraceError('CORRUPT_OBJECT', 'not a list of partitions', { value: text });
  return partitions.map((partition) => ({ topicId, partition }));
}

function corrupt(name: string, cause: unknown): MillraceError {
  return new MillraceError('CORRUPT_OBJECT', `the stored group ${name} makes no sense`, {
    value: name,
    hint: 'The item was changed by something else than Millrace; restore it from a backup, or delete the group.',
    cause,
  });
}
