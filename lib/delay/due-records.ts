/** The ports to delayed records and due minutes. */
import type { Head } from '../log/head.ts';
import type { Change } from '../log/head-transitions.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import type { DueMinute } from './due-minute.ts';
import type { DuePlace, DueRecord } from './due-record.ts';
import type { ReleaseArgs } from './due-transitions.ts';

/** Behind every due time. */
export const ALWAYS_MS = 10 ** 15 - 1;

/** A range of a partition's delayed records, settled ones included. */
export interface DueQuery {
  /** First due time, inclusive. */
  readonly fromMs: number;
  /** End of the due times, exclusive. */
  readonly toMs: number;
  /** Only what stands behind this one; null: all. */
  readonly after: DuePlace | null;
  readonly limit: number;
}

/** What a release came to, as `ReleaseChange`; a store need not tell the head. */
export type ReleaseOutcome =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'refused'; readonly by: 'head'; readonly head: Head | undefined }
  | { readonly outcome: 'refused'; readonly by: 'record'; readonly index: number };

/** Each change is atomic and carries out the transition of the same name in `due-transitions.ts`. All reads are consistent. Errors are as for `Heads`. */
export interface DueRecords {
  /** One write unit for each KB of the record. A trace under its key keeps out a record that is still on its way. */
  put(partition: PartitionKey, record: DueRecord): Promise<Change<DueRecord>>;
  get(partition: PartitionKey, place: DuePlace): Promise<DueRecord | null>;
  cancel(partition: PartitionKey, place: DuePlace): Promise<Change<DueRecord>>;
  /** At most `limits.recordsPerRelease` records. Two write units for each KB of the head and of each record. */
  release(partition: PartitionKey, args: ReleaseArgs): Promise<ReleaseOutcome>;
  /** In the order of their due times and ids, at most `limit`; a store may return fewer, never none while there are some. */
  query(partition: PartitionKey, query: DueQuery): Promise<readonly DueRecord[]>;
  /** Removes records or their traces; those that are not there are removed already. Only below the horizon, or when the topic is gone. */
  forget(partition: PartitionKey, places: readonly DuePlace[]): Promise<void>;
  /** 0: nothing was ever forgotten. */
  readHorizon(partition: PartitionKey): Promise<number>;
  raiseHorizon(partition: PartitionKey, beforeMs: number): Promise<Change<number>>;
}

/** As for `DueRecords`. */
export interface DueMinutes {
  /** Changes the item to a stamp that is fresh, whatever there was: whoever watches the store hears of it. */
  ring(minute: DueMinute): Promise<void>;
  /** The first ones of each shard, at most so many of each; together in the order of their minutes. A shard without any is as good as empty. */
  list(limitPerShard: number): Promise<readonly DueMinute[]>;
  /** Removes it IF its stamp is this one; true when it is not there afterwards. */
  remove(minute: DueMinute): Promise<boolean>;
}
