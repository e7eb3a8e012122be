/**
 * A job of maintenance: who works on it, when it is due, and how far it is.
 *
 * Key: `JOBS` / `<name>`, in the table of topics and heads, so that a restore of the table takes back what is planned together with what it was planned from. Made by the first take and never deleted; absence
 * means that the job has never run. Changed only by the transitions in `job-transitions.ts`.
 *
 * Always true: the epoch never goes back, except with a table that is restored, and while it and the owner stay, the sequence only rises; whoever took the job before can change nothing any more.
 */
import { type Item, type ItemKey, integer, text } from '../log/item.ts';

/** See the module comment. */
export interface StoredJob {
  /** Number of takes. */
  readonly epoch: number;
  /** Number of updates under this epoch. */
  readonly sequence: number;
  /** Who took it: fresh for each take. */
  readonly owner: string;
  /** Until when it is taken, by the clock of whoever took it, ms since 1970. 0: it was released. */
  readonly expiresAtMs: number;
  /** Nothing is to be done before, ms since 1970. 0: at once. */
  readonly dueAtMs: number;
  /** JSON of the job's own, '' before its first update. */
  readonly state: string;
}

/** Partition key of every job. */
export const JOBS_PK = 'JOBS';

/** Where a job is stored. */
export function jobKey(name: string): ItemKey {
  return { pk: JOBS_PK, sk: name };
}

/** The stored form without the name, which the key holds. */
export function jobToItem(job: StoredJob): Item {
  return {
    epoch: BigInt(job.epoch),
    seq: BigInt(job.sequence),
    owner: job.owner,
    expires: BigInt(job.expiresAtMs),
    due: BigInt(job.dueAtMs),
    state: job.state,
  };
}

/** Throws CORRUPT_OBJECT when an attribute is missing or of another kind. */
export function jobFromItem(item: Item): StoredJob {
  return {
    epoch: Number(integer(item, 'epoch')),
    sequence: Number(integer(item, 'seq')),
    owner: text(item, 'owner'),
    expiresAtMs: Number(integer(item, 'expires')),
    dueAtMs: Number(integer(item, 'due')),
    state: text(item, 'state'),
  };
}
