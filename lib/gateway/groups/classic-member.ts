/** A member of a group of Kafka's classic protocol, and what members have in common. */
import type { KafkaErrorName } from '../protocol/error-codes.ts';

/** A protocol that a member supports, and what it says to the leader under it. The coordinator understands neither. */
export interface ClassicProtocol {
  readonly name: string;
  readonly metadata: Uint8Array;
}

/** What JoinGroup is answered with. */
export interface JoinAnswer {
  readonly error: KafkaErrorName;
  readonly memberId: string;
  readonly generation: number;
  readonly protocolType: string | null;
  readonly protocol: string | null;
  readonly leader: string;
  /** The leader is to leave the assignment as it is (KIP-814). */
  readonly skipAssignment: boolean;
  /** For the leader: everybody. */
  readonly members: readonly {
    readonly memberId: string;
    readonly groupInstanceId: string | null;
    readonly metadata: Uint8Array;
  }[];
}

/** What SyncGroup is answered with. */
export interface SyncAnswer {
  readonly error: KafkaErrorName;
  readonly protocolType: string | null;
  readonly protocol: string | null;
  readonly assignment: Uint8Array;
}

/** Takes the answer to a request that waits; called once. */
export type Answer<T> = (answer: T) => void;

/** See the module comment. */
export interface ClassicMember {
  readonly id: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  sessionMs: number;
  rebalanceMs: number;
  /** By preference. */
  protocols: readonly ClassicProtocol[];
  assignment: Uint8Array;
  /** Its JoinGroup that waits for the others. */
  join: Answer<JoinAnswer> | null;
  /** Its SyncGroup that waits for the leader. */
  sync: Answer<SyncAnswer> | null;
  /** It was told of a generation and has not asked for its assignment yet. */
  mustSync: boolean;
  /** It has never been told of a generation. */
  isNew: boolean;
  /** When it is taken for dead, unless it waits for an answer. Monotonic. */
  deadlineMs: number;
}

/** Of whoever has nothing. */
export const NO_BYTES = new Uint8Array(0);

/** A join that was refused. */
export function refusedJoin(error: KafkaErrorName, memberId: string): JoinAnswer {
  return {
    error,
    memberId,
    generation: -1,
    protocolType: null,
    protocol: null,
    leader: '',
    skipAssignment: false,
    members: [],
  };
}

/** A sync that was refused. */
export function refusedSync(error: KafkaErrorName): SyncAnswer {
  return { error, protocolType: null, protocol: null, assignment: NO_BYTES };
}

/** What a member says to the leader under a protocol; nothing when it does not support it. */
export function metadataOf({ protocols }: ClassicMember, protocol: string | null): Uint8Array {
  return protocols.find(({ name }) => name === protocol)?.metadata ?? NO_BYTES;
}

/** Whether a member would say the same as it has said. */
export function sameProtocols(left: readonly ClassicProtocol[], right: readonly ClassicProtocol[]): boolean {
  if (left.length !== right.length) return false;
  return left.every(({ name, metadata }, place) => {
    const other = right[place]!;
    return name === other.name && Buffer.compare(metadata, other.metadata) === 0;
  });
}

/** Names of the protocols that all members support. */
export function commonProtocols(members: Iterable<ClassicMember>): ReadonlySet<string> {
  let common: readonly string[] | null = null;
  for (const { protocols } of members) {
    const names = new Set(protocols.map(({ name }) => name));
    common = common === null ? [...names] : common.filter((name) => names.has(name));
  }
  return new Set(common);
}

/** The protocol that most members prefer among those that all support; null when there is none. Source: Kafka, `ClassicGroup.selectProtocol`. */
export function selectProtocol(members: Iterable<ClassicMember>): string | null {
  const all = [...members];
  const common = commonProtocols(all);
  const votes = new Map<string, number>();
  for (const { protocols } of all) {
    const choice = protocols.find(({ name }) => common.has(name));
    if (choice !== undefined) votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1);
  }
  let best: string | null = null;
  for (const [name, count] of votes) if (best === null || count > votes.get(best)!) best = name;
  return best;
}
