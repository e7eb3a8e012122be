import type { Store } from '../group/group-store.ts';
import type { DueMinute } from './due-minute.ts';
import type { DueMinutes, DueRecords } from './due-records.ts';

/** The ports of delayed records together. */
export interface DelayPorts {
  readonly dueRecords: DueRecords;
  readonly dueMinutes: DueMinutes;
}

/** All ports of a store with those of delayed records. */
export interface DelayStore extends Store, DelayPorts {}

/** Tells that something may have changed in a store on this machine: what a stream does on AWS. Nothing of it is counted as a request. */
export interface StoreChanges {
  /** A number that is another one whenever anything was changed since, by whomever. Costs some microseconds. */
  count(): number;
  /** As `DueMinutes.list`. */
  dueMinutes(limitPerShard: number): readonly DueMinute[];
}

/** A store on this machine, which can be watched. */
export interface WatchedStore extends DelayStore {
  readonly changes: StoreChanges;
}
