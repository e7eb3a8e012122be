import { type DamageList, NO_DAMAGE } from './found-damage.ts';
import type { SeenTime } from './trusted-time.ts';
import type { WalkPlace } from './walk-topics.ts';

/** What a pass has done so far. */
export interface CompactionReport {
  /** The time by which ages were judged, ms since 1970; 0: none can be trusted yet, and nothing is rewritten. */
  readonly clockMs: number;
  readonly topics: number;
  readonly partitions: number;
  /** Chunks that came to name an object of this pass. */
  readonly chunks: number;
  /** Objects that were written. */
  readonly objects: number;
  readonly bytes: number;
  /** Partitions that were left with something to rewrite: too little yet, or too young. Absent: not counted. */
  readonly waiting?: number;
  readonly damages: DamageList;
}

/** What the job stores. */
export interface CompactionState {
  readonly seenTime: SeenTime | null;
  /** The pass that is under way: where it goes on. */
  readonly place: WalkPlace | null;
  readonly report: CompactionReport;
  /** Of the heads that this pass has seen, see `headSum`; of all of them for the pass before. */
  readonly sum: number;
  readonly lastSum: number | null;
  /** When the pass before was ended, or found to be needless; ms since 1970. */
  readonly lastPassAtMs: number;
  /** Whether this pass, or the one before, has left anything that may be rewritten later. */
  readonly isWaiting: boolean;
  /** Whether this pass, or the one before, has found damage. Absent: no. */
  readonly isHindered?: boolean;
  /** When a pass was ended last that was not found to be needless, ms since 1970. Absent: never. */
  readonly lookedAtMs?: number;
  /** Rises before chunks are rewritten, and behind that, once in each slice that does: then there is something for collection. */
  readonly rewrites: number;
}

/** A pass that has done nothing yet. */
export const NOTHING_COMPACTED: CompactionReport = {
  clockMs: 0,
  topics: 0,
  partitions: 0,
  chunks: 0,
  objects: 0,
  bytes: 0,
  waiting: 0,
  damages: NO_DAMAGE,
};

/** The state of a job that has never run. */
export const NEVER_COMPACTED: CompactionState = {
  seenTime: null,
  place: null,
  report: NOTHING_COMPACTED,
  sum: 0,
  lastSum: null,
  lastPassAtMs: 0,
  isWaiting: false,
  rewrites: 0,
};
