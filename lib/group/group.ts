/**
 * A consumer group: who is in it, and who reads what.
 *
 * Key: `G#<group>` / `META`, and in the same transaction as it is made `GROUPS` / `<group>`, so that a listing is one consistent query. Changed only IF the
 * version is the one that was read. Absence means that nobody has joined under this name (since it was deleted).
 *
 * Always true: `generation` and `version` never go back while the group exists; every partition is assigned to at most one member; whoever is assigned a
 * partition waits for everybody in `handovers` of it to have let go (see `Handover`) before it claims it.
 */
import type { ItemKey } from '../log/item.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import type { AssignorName } from './assignor.ts';

/**
 * What kind of members a group has. One kind at a time; a group without members may become another. sdk: consumers. subscription: none, functions are called for it. classic, consumer: Kafka
 * clients, which a gateway coordinates by Kafka's older or newer group protocol.
 */
export type GroupKind = 'sdk' | 'subscription' | 'classic' | 'consumer';

/** What the gateway that coordinates a group keeps with it. */
export interface Coordination {
  /** Id of the gateway, for people. */
  readonly gateway: string;
  /** Fresh whenever a gateway takes the group, so that it can tell its own writes. */
  readonly tenure: string;
  /** What only gateways understand, as JSON. */
  readonly state: unknown;
}

/** active: members may join. deleting: is going, and can be joined once it is gone. */
export type GroupState = 'active' | 'deleting';

/** One who reads for the group. */
export interface GroupMember {
  /** Fresh at every join, so that nothing that was sent under an old one can be taken for new. */
  readonly id: string;
  /** Lasting name of a static member, null for a dynamic one. Who joins under the name of another takes its place at once. */
  readonly instanceId: string | null;
  /** What people call the program. */
  readonly clientId: string;
  /** Names of topics, sorted. For a pattern: what it matched when the member looked last. */
  readonly topics: readonly string[];
  /** Source of the regular expression, null for a list. */
  readonly pattern: string | null;
  /** Assignors that it supports, by preference. */
  readonly assignors: readonly AssignorName[];
  /** Silent for longer than this, it is taken for dead. */
  readonly sessionMs: number;
}

/** A topic as it was when partitions were assigned. Topics stay while the group exists: a partition above `partitionCount` is new to the group. */
export interface GroupTopic {
  readonly name: string;
  readonly topicId: string;
  readonly partitionCount: number;
}

/** A partition was taken from a member. Its new owner waits until that member's heartbeat says this generation or a later one, or it is in the group no more. */
export interface Handover {
  readonly partition: PartitionKey;
  /** Member id of the one who has to let go. */
  readonly from: string;
  /** Generation that took it away. */
  readonly since: number;
}

/** See the module comment. */
export interface Group {
  readonly name: string;
  /** UUID text; a group that is made again has another. */
  readonly groupId: string;
  /** Counts the changes of this item. */
  readonly version: number;
  readonly kind: GroupKind;
  readonly state: GroupState;
  /** Rises whenever partitions are assigned anew, or another gateway takes the group. An i32, as in Kafka. */
  readonly generation: number;
  /** An `AssignorName`, or what Kafka clients call theirs. Null while there are no members. */
  readonly assignor: string | null;
  readonly topics: readonly GroupTopic[];
  readonly members: readonly GroupMember[];
  /** By member id; every member has an entry. Sorted by topic id and partition. */
  readonly assignment: ReadonlyMap<string, readonly PartitionKey[]>;
  readonly handovers: readonly Handover[];
  /** Null for a group that no gateway has taken since it became what it is. */
  readonly coordination: Coordination | null;
}

/** Sort key of every group. Above all sort keys of heartbeats, so that one range has both. */
export const GROUP_SK = 'META';
/** Partition key of the listing. */
export const GROUPS_PK = 'GROUPS';

/** Partition key of all items of a group: it leads with the group's name, so that a grant can name it. */
export function groupPk(name: string): string {
  return `G#${name}`;
}

/** Where a group is stored. */
export function groupKey(name: string): ItemKey {
  return { pk: groupPk(name), sk: GROUP_SK };
}

/** Where a group stands in the listing. */
export function groupListingKey(name: string): ItemKey {
  return { pk: GROUPS_PK, sk: name };
}

/** A group that nobody has joined yet. */
export function emptyGroup(name: string, groupId: string, kind: GroupKind = 'sdk'): Group {
  return {
    name,
    groupId,
    version: 0,
    kind,
    state: 'active',
    generation: 0,
    assignor: null,
    topics: [],
    members: [],
    assignment: new Map(),
    handovers: [],
    coordination: null,
  };
}

/** One text for one partition. */
export function partitionText({ topicId, partition }: PartitionKey): string {
  return `${topicId}/${partition}`;
}

/** Who a partition is assigned to, null for nobody. */
export function assignedTo(group: Group, partition: PartitionKey): string | null {
  for (const [memberId, partitions] of group.assignment) {
    if (partitions.some((one) => one.partition === partition.partition && one.topicId === partition.topicId)) {
      return memberId;
    }
  }
  return null;
}
