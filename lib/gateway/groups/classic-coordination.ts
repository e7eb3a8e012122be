import type { Group } from '../../group/group.ts';
import type { KafkaErrorName } from '../protocol/error-codes.ts';
import {
  type ClassicGroup,
  type ClassicSettings,
  emptyClassicGroup,
  loadClassicGroup,
  type StoredClassic,
  type StoredClassicMember,
} from './classic-group.ts';
import { nextDeadlineMs, tick } from './classic-rebalance.ts';
import { abandon } from './classic-requests.ts';
import { assignedPartitionsOf, CONSUMER_PROTOCOL, subscribedTopics } from './consumer-protocol.ts';
import type { CoordinatedGroup, MemberView, UnstoredView } from './coordinated-group.ts';

/** A group of Kafka's classic protocol as the cell that coordinates it needs it. */
export class ClassicCoordination implements CoordinatedGroup {
  readonly kind = 'classic';
  readonly state: ClassicGroup;

  constructor(group: Group, settings: ClassicSettings, nowMs: number) {
    const stored = group.coordination?.state as StoredClassic | null | undefined;
    this.state = stored ? loadClassicGroup(stored, settings, nowMs) : emptyClassicGroup(settings);
  }

  get isEmpty(): boolean {
    return this.state.members.size === 0 && this.state.pending.size === 0;
  }

  takeUnstored(): UnstoredView | null {
    const { unstored } = this.state;
    this.state.unstored = null;
    if (unstored === null) return null;
    const { stored, onStored } = unstored;
    const isConsumer = stored.protocolType === CONSUMER_PROTOCOL;
    const members = stored.members.map((member) => memberView(member, isConsumer));
    return { state: stored, assignor: stored.protocol, members, onStored };
  }

  nextDeadlineMs(): number {
    return nextDeadlineMs(this.state);
  }

  tick(nowMs: number): void {
    tick(this.state, nowMs);
  }

  abandon(error: KafkaErrorName): void {
    abandon(this.state, error);
  }
}

function memberView(member: StoredClassicMember, isConsumer: boolean): MemberView {
  const { id, instanceId, clientId, sessionMs } = member;
  const bytes = (text: string) => Buffer.from(isConsumer ? text : '', 'base64');
  const topics = subscribedTopics(bytes(member.metadata));
  return {
    id,
    instanceId,
    clientId,
    sessionMs,
    topics,
    pattern: null,
    assigned: assignedPartitionsOf(bytes(member.assignment)),
  };
}
