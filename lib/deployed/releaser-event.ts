/**
 * What the releaser is asked: to ring for partitions when it is time, and to look for delayed records that are due.
 *
 * | field | |
 * |---|---|
 * | `wakeUps` | each `[group, topicId, partition, ms since 1970]` |
 * | `release` | true: look |
 */
import type { PartitionKey } from '../log/partition-key.ts';

/** A partition that is to be looked at for a group, at a time. */
export interface WakeUp {
  readonly group: string;
  readonly partition: PartitionKey;
  /** Ms since the epoch. */
  readonly atMs: number;
}

/** See the module comment. */
export interface ReleaserEvent {
  readonly wakeUps: readonly WakeUp[];
  readonly release: boolean;
}

type StoredWakeUp = readonly [group: string, topicId: string, partition: number, atMs: number];

/** The event as JSON. */
export function releaserPayload({ wakeUps, release }: ReleaserEvent): string {
  const stored = wakeUps.map(
    ({ group, partition: { topicId, partition }, atMs }): StoredWakeUp => [group, topicId, partition, atMs],
  );
  return JSON.stringify({ ...(stored.length > 0 && { wakeUps: stored }), ...(release && { release }) });
}

/** Reads an event. */
export function parseReleaserEvent(event: unknown): ReleaserEvent {
  const { wakeUps = [], release = false } = event as { wakeUps?: readonly StoredWakeUp[]; release?: boolean };
  return {
    wakeUps: wakeUps.map(([group, topicId, partition, atMs]) => ({ group, partition: { topicId, partition }, atMs })),
    release: release === true,
  };
}
