/** Every conditional change of groups, heartbeats and offsets, as pure functions `(item | undefined, arguments) → outcome`; see `head-transitions.ts` for how they are used. */
import type { Change } from '../log/head-transitions.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import type { Group } from './group.ts';
import type { GroupOffset } from './group-offset.ts';
import type { Heartbeat } from './heartbeat.ts';

/** Makes a group IF there is none of that name in any state. */
export function createGroupTransition(existing: Group | undefined, group: Group): Change<Group> {
  return existing ? { outcome: 'refused', item: existing } : { outcome: 'done', item: group };
}

/** Replaces a group IF it is still the one that was read; the new version is one more. */
export function updateGroupTransition(current: Group | undefined, next: Group): Change<Group> {
  const unchanged = current && current.groupId === next.groupId && current.version === next.version;
  if (!unchanged) return { outcome: 'refused', item: current };
  return { outcome: 'done', item: { ...next, version: next.version + 1 } };
}

/** Whether a group may be removed: the very group that was read, being deleted. */
export function mayRemoveGroup(current: Group, groupId: string): boolean {
  return current.groupId === groupId && current.state === 'deleting';
}

/** Arguments of a beat. */
export interface BeatArgs {
  readonly count: number;
  readonly generation: number;
  readonly atMs: number;
}

/** Beats IF the member has a heartbeat (who was taken for dead has none) and its count is lower: a late beat says nothing any more. */
export function beatTransition(current: Heartbeat | undefined, args: BeatArgs): Change<Heartbeat> {
  if (!current || current.count >= args.count) return { outcome: 'refused', item: current };
  return { outcome: 'done', item: { ...current, ...args } };
}

/** Arguments of a claim. */
export interface ClaimArgs {
  readonly topic: string;
  readonly generation: number;
  readonly owner: string;
  /** Also sets the committed offset: what a seek, or the beginning of a group at the end of the log, needs. Null: it stays. */
  readonly committed: bigint | null;
  /** When, by the clock of who claims; kept only with `committed`. */
  readonly atMs: number;
}

/** Makes `owner` the one who commits IF nobody has claimed the partition under this generation or a later one. From then on whoever had it before is fenced. */
export function claimTransition(
  current: GroupOffset | undefined,
  partition: PartitionKey,
  { topic, generation, owner, committed, atMs }: ClaimArgs,
): Change<GroupOffset> {
  if (current && current.generation >= generation) return { outcome: 'refused', item: current };
  const kept = {
    committed: current?.committed ?? null,
    metadata: current?.metadata ?? '',
    committedAtMs: current?.committedAtMs ?? 0,
  };
  const set = committed === null ? kept : { committed, metadata: '', committedAtMs: atMs };
  return { outcome: 'done', item: { topic, partition, generation, sequence: 0, owner, ...set } };
}

/** Arguments of an offset commit. */
export interface OffsetCommitArgs {
  /** Of the claim. */
  readonly generation: number;
  /** From 1, one more with each commit of this partition under this claim. */
  readonly sequence: number;
  /** The next offset to read; null: as if nothing had ever been committed. */
  readonly offset: bigint | null;
  /** At most `limits.offsetMetadataBytes`. */
  readonly metadata: string;
  readonly atMs: number;
}

/** Commits IF nobody else has claimed the partition since, and no newer commit of this claim stands. */
export function commitOffsetTransition(
  current: GroupOffset | undefined,
  { generation, sequence, offset, metadata, atMs }: OffsetCommitArgs,
): Change<GroupOffset> {
  const isOwner = current?.generation === generation;
  if (!isOwner || current.sequence >= sequence) return { outcome: 'refused', item: current };
  return { outcome: 'done', item: { ...current, sequence, committed: offset, metadata, committedAtMs: atMs } };
}
