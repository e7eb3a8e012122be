import type { ErrorCode } from '../../errors.ts';
import type { Damaged } from './damaged.ts';
import type { DamagedObject, Unplaced } from './survey.ts';

/** Offsets `[fromOffset, endOffset)`. */
export interface OffsetRange {
  readonly fromOffset: bigint;
  readonly endOffset: bigint;
}

/** A partition as it was rebuilt, or with `dryRun` as it would be. */
export interface RebuiltPartition {
  readonly partition: number;
  /** `there`: it had been rebuilt before this run, and is as it was. */
  readonly outcome: 'rebuilt' | 'there';
  readonly logStartOffset: bigint;
  /** Behind it nothing was restored; null: nothing was at all. */
  readonly restoredEnd: bigint | null;
  /** The offset that the next record gets. */
  readonly highWatermark: bigint;
  readonly records: number;
  /** Of these, records whose place old tables told. */
  readonly fromTables: number;
  readonly bytes: number;
  readonly chunks: number;
  /** Offsets between the log start offset and `restoredEnd` whose records were not restored, if there are any: keys may have been compacted. The first of them. */
  readonly gaps: { readonly count: number; readonly first: readonly OffsetRange[] };
  /** Chunks that overlap others and were left out. */
  readonly overlapping: number;
  /** As they are in objects, whether old tables told the place of some of them or not. */
  readonly unplaced: Unplaced;
}

/** An item of old tables that could not be taken in. */
export interface DamagedItem {
  /** Which one, for people. */
  readonly what: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** A topic as it was rebuilt. */
export interface RebuiltTopic {
  readonly name: string;
  /** Whether somebody, or old tables, have told its name. */
  readonly isNamed: boolean;
  /** Whether old tables have told its settings; otherwise nothing of it goes by its age or size. */
  readonly hasSettings: boolean;
  readonly topicId: string;
  readonly domain: string;
  readonly partitions: readonly RebuiltPartition[];
}

/** What could be restored, and what could not. */
export interface RebuildReport {
  readonly dryRun: boolean;
  readonly topics: readonly RebuiltTopic[];
  /** Objects that were found. */
  readonly objects: { readonly level0: number; readonly level1: number; readonly level0Bytes: number };
  readonly damaged: Damaged<DamagedObject>;
  /** Items of old tables that could not be read, and were left out. */
  readonly damagedItems: Damaged<DamagedItem>;
}
