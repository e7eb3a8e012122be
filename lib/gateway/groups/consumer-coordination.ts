import type { Group } from '../../group/group.ts';
import type { KafkaErrorName } from '../protocol/error-codes.ts';
import {
  byTopicId,
  type ConsumerGroup,
  type ConsumerSettings,
  emptyConsumerGroup,
  loadConsumerGroup,
  type Partitions,
  type StoredConsumer,
  wantedTopics,
} from './consumer-group.ts';
import { nextConsumerDeadlineMs, tickConsumers } from './consumer-heartbeat.ts';
import type { NamedPartitions } from './consumer-protocol.ts';
import type { CoordinatedGroup, MemberView, UnstoredView } from './coordinated-group.ts';

/** A group of Kafka's newer protocol as the cell that coordinates it needs it. */
export class ConsumerCoordination implements CoordinatedGroup {
  readonly kind = 'consumer';
  readonly state: ConsumerGroup;
  /** When its topics were looked at. Monotonic. */
  topicsReadMs = Number.NEGATIVE_INFINITY;

  constructor(group: Group, settings: ConsumerSettings, nowMs: number) {
    const stored = group.coordination?.state as StoredConsumer | null | undefined;
    this.state = stored ? loadConsumerGroup(stored, settings, nowMs) : emptyConsumerGroup(settings);
  }

  get isEmpty(): boolean {
    return this.state.members.size === 0;
  }

  takeUnstored(): UnstoredView | null {
    const { unstored } = this.state;
    this.state.unstored = null;
    this.state.writing = unstored?.onStored ?? null;
    if (unstored === null) return null;
    const { stored, onStored } = unstored;
    const members = [...this.state.members.values()].map((member): MemberView => {
      const { id, instanceId, clientId, pattern, assigned, revoking } = member;
      const topics = wantedTopics(this.state, member);
      const sessionMs = this.state.settings.consumerSessionMs;
      // What it has to let go of is its own until it has.
      const held = namedPartitions(this.state, new Set([...assigned, ...revoking]));
      return { id, instanceId, clientId, sessionMs, topics, pattern, assigned: held };
    });
    return { state: stored, assignor: stored.assignor, members, onStored };
  }

  nextDeadlineMs(): number {
    return nextConsumerDeadlineMs(this.state);
  }

  tick(nowMs: number): void {
    tickConsumers(this.state, nowMs);
  }

  /** Whoever waits, waits for something to be stored, and is told that it was not. */
  abandon(_error: KafkaErrorName): void {}
}

/** Partitions by the names of their topics; those of topics that are gone are left out. */
export function namedPartitions({ topics }: ConsumerGroup, partitions: Partitions): readonly NamedPartitions[] {
  const names = new Map([...topics.values()].map(({ topicId, name }) => [topicId, name]));
  return [...byTopicId(partitions)].flatMap(([topicId, numbers]) => {
    const topic = names.get(topicId);
    return topic === undefined ? [] : [{ topic, partitions: numbers }];
  });
}
