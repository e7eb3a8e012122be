/** Every conditional change of a lease, as pure functions `(item | undefined, arguments) → outcome`; see `head-transitions.ts` for how they are used. */
import type { Change } from '../log/head-transitions.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import type { Lease } from './lease.ts';

/** Arguments of a take. */
export interface TakeArgs {
  readonly topic: string;
  /** Fresh for each take, so that one whose answer was lost is known again. */
  readonly owner: string;
  /** The epoch that was seen, 0 where there was no lease. */
  readonly seen: number;
  /** A lease that ends at or before this is free. */
  readonly nowMs: number;
  readonly expiresAtMs: number;
}

/** Takes the lease IF it is still the one that was seen, and free. From then on whoever had it before is fenced. */
export function takeLeaseTransition(
  current: Lease | undefined,
  partition: PartitionKey,
  { topic, owner, seen, nowMs, expiresAtMs }: TakeArgs,
): Change<Lease> {
  if (!current) {
    if (seen !== 0) return { outcome: 'refused', item: undefined };
    const fresh = { ...noLease(topic, partition), generation: 1, owner, expiresAtMs, attempts: 1 };
    return { outcome: 'done', item: fresh };
  }
  const isFree = current.expiresAtMs <= nowMs;
  if (current.generation !== seen || !isFree) return { outcome: 'refused', item: current };
  const attempts = current.attempts + 1;
  return {
    outcome: 'done',
    item: { ...current, topic, generation: seen + 1, sequence: 0, owner, expiresAtMs, attempts },
  };
}

/** Arguments of an update: everything that changes, in full. */
export interface UpdateLeaseArgs {
  /** Of the take: epochs begin anew where a subscription is deleted and made again under its name. */
  readonly owner: string;
  readonly epoch: number;
  /** From 1, one more with each update under this epoch. */
  readonly sequence: number;
  /** The next offset to read; null: it stays. */
  readonly committed: bigint | null;
  readonly attempts: number;
  readonly progress: string;
  /** 0: the lease is released. */
  readonly expiresAtMs: number;
  readonly notBeforeMs: number;
  readonly atMs: number;
}

/** Commits, counts attempts, prolongs or releases IF nobody else has taken the lease since, no newer update of this take stands, and nothing committed would be taken back. */
export function updateLeaseTransition(current: Lease | undefined, args: UpdateLeaseArgs): Change<Lease> {
  const { owner, epoch, sequence, committed, attempts, progress, expiresAtMs, notBeforeMs, atMs } = args;
  const isOwner = current?.generation === epoch && current.owner === owner;
  if (!isOwner || current.sequence >= sequence) return { outcome: 'refused', item: current };
  const goesBack = committed !== null && current.committed !== null && current.committed > committed;
  if (goesBack) return { outcome: 'refused', item: current };
  const state = { sequence, attempts, progress, expiresAtMs, notBeforeMs };
  const moved = committed === null ? {} : { committed, committedAtMs: atMs };
  return { outcome: 'done', item: { ...current, ...state, ...moved } };
}

/** Arguments of a seek. */
export interface SeekLeaseArgs {
  readonly topic: string;
  /** Who seeks, for people, and fresh for each. */
  readonly owner: string;
  /** The epoch that was seen, 0 where there was no lease. */
  readonly seen: number;
  readonly committed: bigint;
  readonly atMs: number;
}

/** Puts the committed offset anywhere IF the lease is still the one that was seen; whoever works on it is fenced, and what was remembered is forgotten. */
export function seekLeaseTransition(
  current: Lease | undefined,
  partition: PartitionKey,
  { topic, owner, seen, committed, atMs }: SeekLeaseArgs,
): Change<Lease> {
  if ((current?.generation ?? 0) !== seen) return { outcome: 'refused', item: current };
  const fresh = { ...noLease(topic, partition), generation: seen + 1, owner, committed, committedAtMs: atMs };
  return { outcome: 'done', item: fresh };
}

/** A lease that nobody has had. */
export function noLease(topic: string, partition: PartitionKey): Lease {
  return {
    topic,
    partition,
    generation: 0,
    sequence: 0,
    owner: '',
    committed: null,
    metadata: '',
    committedAtMs: 0,
    expiresAtMs: 0,
    notBeforeMs: 0,
    attempts: 0,
    progress: '',
  };
}
