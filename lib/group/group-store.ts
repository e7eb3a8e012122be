import type { LogStore } from '../log/log-store.ts';
import type { GroupOffsets } from './group-offsets.ts';
import type { Groups, Heartbeats } from './groups.ts';

/** The ports of groups together. */
export interface GroupStore {
  readonly groups: Groups;
  readonly heartbeats: Heartbeats;
  readonly offsets: GroupOffsets;
}

/** All ports of a store: the log's and the groups'. What `memory`, `sqlite` and `aws` provide. */
export interface Store extends LogStore, GroupStore {}
