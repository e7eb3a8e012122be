import { type DamageList, NO_DAMAGE } from '../found-damage.ts';
import type { SeenTime } from '../trusted-time.ts';
import type { WalkPlace } from '../walk-topics.ts';
import type { RoundProgress } from './clean-partition.ts';

/** What a pass has done so far. */
export interface CleanReport {
  /** The time by which ages were judged, ms since 1970; 0: none can be trusted yet, and nothing is cleaned. */
  readonly clockMs: number;
  /** Topics that are compacted by key, and their partitions. */
  readonly topics: number;
  readonly partitions: number;
  /** Partitions of which a part was cleaned. */
  readonly cleaned: number;
  readonly recordsRemoved: number;
  readonly chunksRewritten: number;
  /** Level-1 objects that were written. */
  readonly objects: number;
  /** Bytes of record batches that were read, each byte of a dirty part twice. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly damages: DamageList;
}

/** A round that was left half done, as JSON: decimal for bigint. */
export interface StoredRound {
  readonly topicId: string;
  readonly partition: number;
  readonly cleanedEnd: string;
  readonly end: string;
  readonly doneBelow: string;
  readonly leftBytes: number;
}

/** What the job stores. */
export interface CleanState {
  readonly seenTime: SeenTime | null;
  /** The pass that is under way: where it goes on. */
  readonly place: WalkPlace | null;
  readonly round: StoredRound | null;
  readonly report: CleanReport;
  /** Of the heads that this pass has seen, see `headSum`; of all of them for the pass before. */
  readonly sum: number;
  readonly lastSum: number | null;
  readonly unchangedPasses: number;
  /** Rises before chunks are rewritten, and behind that, once in each slice that does: then there is something for collection. */
  readonly rewrites: number;
}

/** A pass that has done nothing yet. */
export const NOTHING_CLEANED: CleanReport = {
  clockMs: 0,
  topics: 0,
  partitions: 0,
  cleaned: 0,
  recordsRemoved: 0,
  chunksRewritten: 0,
  objects: 0,
  bytesRead: 0,
  bytesWritten: 0,
  damages: NO_DAMAGE,
};

/** The state of a job that has never run. */
export const NEVER_CLEANED: CleanState = {
  seenTime: null,
  place: null,
  round: null,
  report: NOTHING_CLEANED,
  sum: 0,
  lastSum: null,
  unchangedPasses: 0,
  rewrites: 0,
};

/** Of a partition, as it is stored. */
export function storeRound(
  { topicId, partition }: { readonly topicId: string; readonly partition: number },
  { cleanedEnd, end, doneBelow, leftBytes }: RoundProgress,
): StoredRound {
  const offsets = { cleanedEnd: String(cleanedEnd), end: String(end), doneBelow: String(doneBelow) };
  return { topicId, partition, ...offsets, leftBytes };
}

/** As it was stored. */
export function readRound({ cleanedEnd, end, doneBelow, leftBytes }: StoredRound): RoundProgress {
  return { cleanedEnd: BigInt(cleanedEnd), end: BigInt(end), doneBelow: BigInt(doneBelow), leftBytes };
}
