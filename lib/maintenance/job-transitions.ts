/** Every conditional change of a job, as pure functions `(item | undefined, arguments) → outcome`; see `head-transitions.ts` for how they are used. */
import type { Change } from '../log/head-transitions.ts';
import type { StoredJob } from './stored-job.ts';

/** Arguments of a take. */
export interface TakeJobArgs {
  /** Fresh for each take, so that one whose answer was lost is known again. */
  readonly owner: string;
  /** The epoch that was seen, 0 where there was no job. */
  readonly seen: number;
  /** A job whose take ends at or before this is free. */
  readonly nowMs: number;
  readonly expiresAtMs: number;
}

/** Takes a job IF it is still the one that was seen, and free. From then on whoever had it before is fenced. */
export function takeJobTransition(current: StoredJob | undefined, args: TakeJobArgs): Change<StoredJob> {
  const { owner, seen, nowMs, expiresAtMs } = args;
  const isSeen = (current?.epoch ?? 0) === seen;
  const isFree = current === undefined || current.expiresAtMs <= nowMs;
  if (!isSeen || !isFree) return { outcome: 'refused', item: current };
  const kept = current ?? { dueAtMs: 0, state: '' };
  return { outcome: 'done', item: { ...kept, epoch: seen + 1, sequence: 0, owner, expiresAtMs } };
}

/** Arguments of an update: everything that changes, in full. */
export interface UpdateJobArgs {
  /** Of the take: epochs go back with a table that is restored. */
  readonly owner: string;
  readonly epoch: number;
  /** From 1, one more with each update under this epoch. */
  readonly sequence: number;
  /** 0: the job is released. */
  readonly expiresAtMs: number;
  readonly dueAtMs: number;
  readonly state: string;
}

/** Stores how far a job is IF nobody else has taken it since, and no newer update of this take stands. */
export function updateJobTransition(current: StoredJob | undefined, args: UpdateJobArgs): Change<StoredJob> {
  const isOwner = current?.epoch === args.epoch && current.owner === args.owner;
  if (!isOwner || current.sequence >= args.sequence) return { outcome: 'refused', item: current };
  return { outcome: 'done', item: { ...current, ...args } };
}
