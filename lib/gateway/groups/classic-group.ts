/**
 * A group of Kafka's classic protocol in the memory of the gateway that coordinates it. Functions in `classic-*.ts` change it at once, without waiting for anything: time comes in,
 * answers go out, and `unstored` says what has to be written before the world may rely on it.
 *
 * | phase | means | ends |
 * |---|---|---|
 * | empty | nobody is in it | with the first JoinGroup |
 * | preparing | waits until all members have sent JoinGroup | when they have, or the rebalance time-out is over |
 * | completing | members know the generation; waits for the leader's SyncGroup | with it |
 * | storing | the assignment is being written | when it is; until then it is as completing |
 * | stable | everybody may have its assignment | when a member comes, goes or says something new |
 *
 * Always true: members that wait for an answer are never taken for dead, but new ones after five minutes; the generation never goes back; nobody is given an assignment that is not stored.
 *
 * Source: Apache Kafka 4.3.1, `GroupMetadataManager.classicGroupJoin` and what it calls, `ClassicGroup`; KIP-345 for static members, KIP-394 for member ids, KIP-814 for leaders that return.
 */
import type { KafkaErrorName } from '../protocol/error-codes.ts';
import {
  type ClassicMember,
  commonProtocols,
  type JoinAnswer,
  metadataOf,
  NO_BYTES,
  refusedJoin,
  refusedSync,
  type SyncAnswer,
} from './classic-member.ts';

/** See the module comment. */
export type ClassicPhase = 'empty' | 'preparing' | 'completing' | 'storing' | 'stable';

/** How long members are waited for. Names as Kafka's broker settings. */
export interface ClassicSettings {
  /** `group.initial.rebalance.delay.ms`: how long the first member of an empty group waits for others. */
  readonly initialRebalanceDelayMs: number;
  /** `group.max.size`. */
  readonly maxSize: number;
}

/** While members are waited for. */
export interface JoinWindow {
  /** Monotonic. */
  endsMs: number;
  /** Of the first rebalance of an empty group: how much longer it may wait when somebody has come meanwhile; null: it is none. */
  initial: { remainingMs: number; hasNewMember: boolean } | null;
}

/** Told that a state is written, or why it is not: somebody else has the group, or the store is away. */
export type Stored = (error: KafkaErrorName | null) => void;

/** What has to be written, and who waits for that. */
export interface Unstored {
  readonly stored: StoredClassic;
  /** Called when it is written, or will not be. */
  readonly onStored: readonly Stored[];
}

/** See the module comment. */
export interface ClassicGroup {
  readonly settings: ClassicSettings;
  phase: ClassicPhase;
  generation: number;
  /** Another gateway began the generation, and may have begun one more that was not stored; false once one begins here. */
  isInherited: boolean;
  protocolType: string | null;
  protocol: string | null;
  leader: string | null;
  readonly members: Map<string, ClassicMember>;
  /** Member ids that were given out to clients which have yet to join under them, and until when they may. */
  readonly pending: Map<string, number>;
  window: JoinWindow | null;
  /** Who has not asked for its assignment until then is out. */
  syncByMs: number | null;
  unstored: Unstored | null;
}

/** What another gateway needs to go on with a group. JSON. */
export interface StoredClassic {
  readonly protocolType: string | null;
  readonly protocol: string | null;
  readonly generation: number;
  readonly leader: string | null;
  readonly members: readonly StoredClassicMember[];
}

/** One member of it; bytes in base 64. */
export interface StoredClassicMember {
  readonly id: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly sessionMs: number;
  readonly rebalanceMs: number;
  readonly metadata: string;
  readonly assignment: string;
}

/** A group that nobody has joined. */
export function emptyClassicGroup(settings: ClassicSettings): ClassicGroup {
  return {
    settings,
    phase: 'empty',
    generation: 0,
    isInherited: false,
    protocolType: null,
    protocol: null,
    leader: null,
    members: new Map(),
    pending: new Map(),
    window: null,
    syncByMs: null,
    unstored: null,
  };
}

/** The group as another gateway has stored it. Every member has its whole session to be heard here. */
export function loadClassicGroup(stored: StoredClassic, settings: ClassicSettings, nowMs: number): ClassicGroup {
  const group = emptyClassicGroup(settings);
  const { protocolType, protocol, generation, leader } = stored;
  for (const { metadata, assignment, ...member } of stored.members) {
    group.members.set(member.id, {
      ...member,
      protocols: [{ name: protocol ?? '', metadata: fromBase64(metadata) }],
      assignment: fromBase64(assignment),
      join: null,
      sync: null,
      mustSync: false,
      isNew: false,
      deadlineMs: nowMs + member.sessionMs,
    });
  }
  const phase = group.members.size === 0 ? 'empty' : 'stable';
  return Object.assign(group, { protocolType, protocol, generation, leader, phase, isInherited: true });
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}

/** The group as it is to be stored. */
function storedClassic(group: ClassicGroup): StoredClassic {
  const { protocolType, protocol, generation, leader } = group;
  const members = [...group.members.values()].map((member): StoredClassicMember => {
    const { id, instanceId, clientId, clientHost, sessionMs, rebalanceMs, assignment } = member;
    const metadata = Buffer.from(metadataOf(member, protocol)).toString('base64');
    const text = Buffer.from(assignment).toString('base64');
    return { id, instanceId, clientId, clientHost, sessionMs, rebalanceMs, metadata, assignment: text };
  });
  return { protocolType, protocol, generation, leader, members };
}

/** Has the group written as it is now, and `onStored` called behind that. */
export function store(group: ClassicGroup, onStored?: Stored): void {
  const waiting = group.unstored?.onStored ?? [];
  group.unstored = {
    stored: storedClassic(group),
    onStored: onStored === undefined ? waiting : [...waiting, onStored],
  };
}

/** The member under an instance id. */
export function memberOfInstance(group: ClassicGroup, instanceId: string | null): ClassicMember | undefined {
  if (instanceId === null) return undefined;
  for (const member of group.members.values()) if (member.instanceId === instanceId) return member;
  return undefined;
}

/** Whether a member with these protocols can be in the group. */
export function acceptsProtocols(group: ClassicGroup, protocolType: string, names: readonly string[]): boolean {
  if (protocolType === '' || names.length === 0) return false;
  if (group.members.size === 0) return true;
  if (protocolType !== group.protocolType) return false;
  const common = commonProtocols(group.members.values());
  return names.some((name) => common.has(name));
}

/** A sign of life. */
export function touch(member: ClassicMember, nowMs: number): void {
  member.deadlineMs = nowMs + member.sessionMs;
}

/** Answers a join that waits. */
export function answerJoin(member: ClassicMember, answer: JoinAnswer): void {
  const { join } = member;
  member.join = null;
  join?.(answer);
}

/** Answers a sync that waits. */
export function answerSync(member: ClassicMember, answer: SyncAnswer): void {
  const { sync } = member;
  member.sync = null;
  sync?.(answer);
}

/** Answers whatever a member waits for with an error. */
export function refuseWaiting(member: ClassicMember, error: KafkaErrorName): void {
  answerJoin(member, refusedJoin(error, member.id));
  answerSync(member, refusedSync(error));
}

/** What a member is told of the generation. */
export function currentJoin(group: ClassicGroup, memberId: string): JoinAnswer {
  const members = group.leader === memberId ? allMetadata(group) : [];
  return {
    error: 'NONE',
    memberId,
    generation: group.generation,
    protocolType: group.protocolType,
    protocol: group.protocol,
    leader: group.leader ?? '',
    skipAssignment: false,
    members,
  };
}

/** What the leader is told of everybody. */
export function allMetadata(group: ClassicGroup): JoinAnswer['members'] {
  return [...group.members.values()].map((member) => ({
    memberId: member.id,
    groupInstanceId: member.instanceId,
    metadata: metadataOf(member, group.protocol),
  }));
}

/** What a member is told of its assignment. */
export function currentSync(group: ClassicGroup, member: ClassicMember): SyncAnswer {
  const { protocolType, protocol } = group;
  return { error: 'NONE', protocolType, protocol, assignment: member.assignment };
}

/** Whether the members wait for the leader. */
export function isCompleting({ phase }: ClassicGroup): boolean {
  return phase === 'completing' || phase === 'storing';
}

/** Forgets all assignments: a new one is on its way. */
export function clearAssignments(group: ClassicGroup): void {
  for (const member of group.members.values()) member.assignment = NO_BYTES;
}
