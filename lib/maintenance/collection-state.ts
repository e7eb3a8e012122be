import type { PartitionKey } from '../log/partition-key.ts';
import type { SegmentId } from '../segment/segment-id.ts';
import type { CondemnedList } from './condemned-list.ts';
import { type DamageList, NO_DAMAGE } from './found-damage.ts';
import type { PartlyRead } from './partly-read.ts';
import type { SeenTime } from './trusted-time.ts';
import type { WalkPlace } from './walk-topics.ts';

/** Times, milliseconds. */
export interface CollectionOptions {
  /** How long a condemned object stays: as far as the table may be restored back. Default a day. */
  readonly restoreWindowMs?: number;
  /** Ids younger than this are left alone, so that no writer has to upload again what it is about to commit. Default an hour. */
  readonly freshMs?: number;
}

const HOUR_MS = 3_600_000;
/** See `CollectionOptions`. */
export const COLLECTION_DEFAULTS: Required<CollectionOptions> = { restoreWindowMs: 24 * HOUR_MS, freshMs: HOUR_MS };

/** A partition whose names are not known, because something of its index cannot be read. */
export interface UnreadPartition extends PartitionKey {
  readonly domain: string;
}

/** How far the listing of a domain is: for each shard the last key that was looked at, or `done`. */
export interface DomainPlace {
  readonly domain: string;
  readonly shards: Readonly<Record<string, string>>;
}

/** A pass that is under way. */
export interface CollectionPass {
  /** Ids below it are looked at; no head takes them any more. */
  readonly floor: SegmentId;
  /** Heads whose names were read; null: all were. `partly`: what was read of those at the place; absent: nothing. */
  readonly names: { readonly place: WalkPlace | null; readonly partly?: readonly PartlyRead[] } | null;
  /** Where the names are stored, see `maintenance-object.ts`; null while there are none. */
  readonly filter: string | null;
  /** When all names had been read. 0 before. */
  readonly namesAtMs: number;
  readonly unread: readonly UnreadPartition[];
  /** The first topic whose item cannot be read: any object may be its. */
  readonly blockedBy: string | null;
  /** An object of another log under the same prefix: nothing is condemned then. */
  readonly strange: string | null;
  /** Domains below it are done; null: none is. */
  readonly domainsDone: string | null;
  readonly domain: DomainPlace | null;
  readonly parts: readonly string[];
  readonly sum: number;
  /** See `rewritesSoFar`, when it was begun. */
  readonly rewrites: number | null;
}

/** What a pass has done so far; the numbers are of objects. */
export interface CollectionReport {
  /** By which time; 0: none can be trusted yet, and nothing is done. ms since 1970. */
  readonly clockMs: number;
  readonly topics: number;
  readonly partitions: number;
  /** Names that were read. */
  readonly named: number;
  readonly listed: number;
  readonly condemned: number;
  readonly condemnedBytes: number;
  readonly deleted: number;
  readonly deletedBytes: number;
  /** Kept because they hold records of a partition that cannot be read, or cannot be read themselves. */
  readonly keptForDamage: number;
  /** Kept because a rebuilding could not tell the place of their records; absent: none. */
  readonly held?: number;
  /** Not all of the log was rebuilt yet: nothing is condemned until it is. Absent: no such thing. */
  readonly isRebuilding?: boolean;
  /** Under the prefix, and nothing that Millrace writes. */
  readonly foreign: number;
  readonly blockedBy: string | null;
  readonly strange: string | null;
  readonly damages: DamageList;
}

/** What the job stores. */
export interface CollectionState {
  readonly seenTime: SeenTime | null;
  /** Oldest first. */
  readonly lists: readonly CondemnedList[];
  readonly pass: CollectionPass | null;
  /** Whether lists are being carried out in front of the next pass, of which the report tells already. Absent: no. */
  readonly isCarryingOut?: boolean;
  readonly report: CollectionReport;
  /** Names that the pass before has read: how large a filter is made. */
  readonly lastNamed: number;
  /** Of all heads in the pass before, see `headSum`. */
  readonly lastSum: number | null;
  /** Of the pass before: `rewrites`. */
  readonly lastRewrites: number | null;
  /** When the pass before was ended, or found to be needless; ms since 1970. */
  readonly lastPassAtMs: number;
  /** Passes in a row that found the heads as the one before had. */
  readonly unchangedPasses: number;
  /** The rebuilding that it was planned behind, see `rebuild-hold.ts`; absent: there was none. */
  readonly rebuildEpoch?: number;
}

/** A pass that has done nothing yet. */
export const NOTHING_COLLECTED: CollectionReport = {
  clockMs: 0,
  topics: 0,
  partitions: 0,
  named: 0,
  listed: 0,
  condemned: 0,
  condemnedBytes: 0,
  deleted: 0,
  deletedBytes: 0,
  keptForDamage: 0,
  foreign: 0,
  blockedBy: null,
  strange: null,
  damages: NO_DAMAGE,
};

/** The state of a job that has never run. */
export const NEVER_COLLECTED: CollectionState = {
  seenTime: null,
  lists: [],
  pass: null,
  report: NOTHING_COLLECTED,
  lastNamed: 0,
  lastSum: null,
  lastRewrites: null,
  lastPassAtMs: 0,
  unchangedPasses: 0,
};
