/**
 * A group of Kafka's newer protocol (KIP-848) in the memory of the gateway that coordinates it: the gateway assigns, and brings each member to its target step by step. Functions in `consumer-*.ts` change it at
 * once, without waiting for anything: time comes in, answers go out, and `unstored` says what has to be written before the world may rely on it.
 *
 * | state of a member | means | ends |
 * |---|---|---|
 * | stable | has its target, or will be told of it by the answer to its next heartbeat | with another target |
 * | unrevoked | has to let go of what is in `revoking` | when its heartbeat says that it has, or its rebalance time-out is over |
 * | unreleased | waits for partitions that others have not let go of | when they have |
 *
 * Always true: a partition is in `assigned` or `revoking` of one member at most; epochs never go back; no answer tells of anything that is not stored.
 *
 * Source: Apache Kafka 4.3.1, `GroupMetadataManager.consumerGroupHeartbeat`, `CurrentAssignmentBuilder`; KIP-848.
 */
import type { GroupTopic } from '../../group/group.ts';
import { formatRanges, parseRanges } from '../../group/partition-ranges.ts';
import { limits } from '../../limits.ts';
import type { KafkaErrorName } from '../protocol/error-codes.ts';
import type { ServerAssignor } from './server-assignor-name.ts';

/** See the module comment. */
export type ConsumerMemberState = 'stable' | 'unrevoked' | 'unreleased';

/** Partitions by their texts, see `partitionText`. */
export type Partitions = ReadonlySet<string>;

/** How groups are kept. Names as Kafka's broker settings. */
export interface ConsumerSettings {
  /** `group.consumer.session.timeout.ms`. */
  readonly consumerSessionMs: number;
  /** `group.consumer.heartbeat.interval.ms`. */
  readonly consumerHeartbeatMs: number;
  /** `group.consumer.max.size`. */
  readonly maxSize: number;
}

/** See the module comment. */
export interface ConsumerMember {
  readonly id: string;
  readonly instanceId: string | null;
  rackId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  rebalanceMs: number;
  /** Names that it has said, sorted. */
  topics: readonly string[];
  /** The regular expression of topics that it has said; null for none. */
  pattern: string | null;
  /** The one that it would like; null: whichever. */
  assignor: ServerAssignor | null;
  /** The epoch of its assignment; −2 for a static member that is about to start again. */
  epoch: number;
  previousEpoch: number;
  state: ConsumerMemberState;
  assigned: Partitions;
  revoking: Partitions;
  target: Partitions;
  /** When it is taken for dead. Monotonic. */
  deadlineMs: number;
  /** Until when it has to let go; null when it need not. */
  revokeByMs: number | null;
}

/** Told that a state is written, or why it is not. */
export type ConsumerStored = (error: KafkaErrorName | null) => void;

/** See the module comment. */
export interface ConsumerGroup {
  readonly settings: ConsumerSettings;
  /** Rises with whatever may need another assignment. */
  epoch: number;
  assignor: ServerAssignor;
  /** The topics that members want and that exist, by name. */
  topics: ReadonlyMap<string, GroupTopic>;
  /** Names of topics that patterns of members matched when somebody looked last, sorted, by pattern. */
  matches: PatternMatches;
  readonly members: Map<string, ConsumerMember>;
  unstored: { readonly stored: StoredConsumer; readonly onStored: ConsumerStored[] } | null;
  /** Who waits for the write that is under way; null when there is none. */
  writing: ConsumerStored[] | null;
}

/** Names of topics by the pattern that they match. */
export type PatternMatches = ReadonlyMap<string, readonly string[]>;

type StoredPartitions = readonly (readonly [topicId: string, partitions: string])[];

/** What another gateway needs to go on with a group. JSON. */
export interface StoredConsumer {
  readonly epoch: number;
  readonly assignor: ServerAssignor;
  readonly topics: readonly GroupTopic[];
  readonly matches: readonly (readonly [pattern: string, names: readonly string[]])[];
  readonly members: readonly StoredConsumerMember[];
}

/** One member of it. */
export interface StoredConsumerMember
  extends Pick<
    ConsumerMember,
    | 'id'
    | 'instanceId'
    | 'rackId'
    | 'clientId'
    | 'clientHost'
    | 'rebalanceMs'
    | 'topics'
    | 'pattern'
    | 'assignor'
    | 'epoch'
    | 'previousEpoch'
    | 'state'
  > {
  readonly assigned: StoredPartitions;
  readonly revoking: StoredPartitions;
  readonly target: StoredPartitions;
}

/** A group that nobody has joined. */
export function emptyConsumerGroup(settings: ConsumerSettings): ConsumerGroup {
  const members = new Map<string, ConsumerMember>();
  return {
    settings,
    epoch: 0,
    assignor: 'uniform',
    topics: new Map(),
    matches: new Map(),
    members,
    unstored: null,
    writing: null,
  };
}

/** The group as another gateway has stored it. Every member has its whole session to be heard here. */
export function loadConsumerGroup(stored: StoredConsumer, settings: ConsumerSettings, nowMs: number): ConsumerGroup {
  const group = emptyConsumerGroup(settings);
  for (const { assigned, revoking, target, ...member } of stored.members) {
    group.members.set(member.id, {
      ...member,
      assigned: fromStored(assigned),
      revoking: fromStored(revoking),
      target: fromStored(target),
      deadlineMs: nowMs + settings.consumerSessionMs,
      revokeByMs: member.state === 'unrevoked' ? nowMs + member.rebalanceMs : null,
    });
  }
  const topics = new Map(stored.topics.map((topic) => [topic.name, topic]));
  const matches = new Map(stored.matches);
  return Object.assign(group, { epoch: stored.epoch, assignor: stored.assignor, topics, matches });
}

/** Has the group written as it is now, and `onStored` called behind that. */
export function storeConsumer(group: ConsumerGroup, onStored?: ConsumerStored): void {
  const waiting = group.unstored?.onStored ?? [];
  if (onStored !== undefined) waiting.push(onStored);
  group.unstored = { stored: storedConsumer(group), onStored: waiting };
}

/** Calls `onStored` when all that was changed so far is written: at once when it is. */
export function whenStored(group: ConsumerGroup, onStored: ConsumerStored): void {
  const waiting = group.unstored?.onStored ?? group.writing;
  if (waiting === null) onStored(null);
  else waiting.push(onStored);
}

function storedConsumer({ epoch, assignor, topics, matches, members }: ConsumerGroup): StoredConsumer {
  const stored = [...members.values()].map((member): StoredConsumerMember => {
    const { deadlineMs: _, revokeByMs: __, assigned, revoking, target, ...rest } = member;
    return { ...rest, assigned: toStored(assigned), revoking: toStored(revoking), target: toStored(target) };
  });
  return { epoch, assignor, topics: [...topics.values()], matches: [...matches], members: stored };
}

function toStored(partitions: Partitions): StoredPartitions {
  return [...byTopicId(partitions)].map(([topicId, numbers]) => [topicId, formatRanges(numbers)] as const);
}

function fromStored(stored: StoredPartitions): Partitions {
  const all = stored.flatMap(([topicId, text]) =>
    (parseRanges(text, limits.partitionsPerTopic) ?? []).map((partition) => partitionTextOf(topicId, partition)),
  );
  return new Set(all);
}

/** One text for one partition. */
export function partitionTextOf(topicId: string, partition: number): string {
  return `${topicId}/${partition}`;
}

/** Numbers of partitions in their order, by topic id. */
export function byTopicId(partitions: Partitions): ReadonlyMap<string, readonly number[]> {
  const byId = new Map<string, number[]>();
  for (const text of partitions) {
    const mark = text.lastIndexOf('/');
    const topicId = text.slice(0, mark);
    const numbers = byId.get(topicId) ?? [];
    byId.set(topicId, numbers);
    numbers.push(Number(text.slice(mark + 1)));
  }
  for (const numbers of byId.values()) numbers.sort((left, right) => left - right);
  return byId;
}

/** Names of all topics that a member wants, sorted. */
export function wantedTopics({ matches }: ConsumerGroup, { topics, pattern }: ConsumerMember): readonly string[] {
  if (pattern === null) return topics;
  return [...new Set([...topics, ...(matches.get(pattern) ?? [])])].sort();
}

/** The member under an instance id. */
export function consumerOfInstance(group: ConsumerGroup, instanceId: string | null): ConsumerMember | undefined {
  if (instanceId === null) return undefined;
  for (const member of group.members.values()) if (member.instanceId === instanceId) return member;
  return undefined;
}

/** What the group is doing, in Kafka's words. */
export function consumerGroupState({ members, epoch }: ConsumerGroup): string {
  if (members.size === 0) return 'Empty';
  const isSettled = [...members.values()].every((member) => member.state === 'stable' && member.epoch === epoch);
  return isSettled ? 'Stable' : 'Reconciling';
}
