/** The port to groups and the heartbeats of their members. */
import type { Change } from '../log/head-transitions.ts';
import type { Group } from './group.ts';
import type { BeatArgs } from './group-transitions.ts';
import type { Heartbeat } from './heartbeat.ts';

/** A group and its heartbeats as one request saw them. */
export interface ObservedGroup {
  readonly group: Group | null;
  /** Also of members that are gone, until somebody removes them. */
  readonly heartbeats: readonly Heartbeat[];
}

/** Each change is atomic and carries out the transition of the same name in `group-transitions.ts`. Errors are as for `Heads`. */
export interface Groups {
  /** A consistent read. */
  get(name: string): Promise<Group | null>;
  /** One range of at most 1 MB. An eventually consistent one costs half, may be some seconds old, and its items may be of different ages. */
  observe(name: string, options: { readonly consistent: boolean }): Promise<ObservedGroup>;
  /** Names in the order of their bytes, above `after`, at most `limit` (1,000). Consistent. */
  list(after: string | null, limit: number): Promise<readonly string[]>;
  create(group: Group): Promise<Change<Group>>;
  /** Replaces the group IF its version is `group.version`; what is stored has one more. */
  update(group: Group): Promise<Change<Group>>;
  /** Removes a group that is being deleted: true when it is gone afterwards. */
  remove(name: string, groupId: string): Promise<boolean>;
}

/** As for `Groups`. */
export interface Heartbeats {
  /** Writes a heartbeat, whatever there was. Once in the life of a member id, before it joins. */
  put(group: string, heartbeat: Heartbeat): Promise<void>;
  beat(group: string, memberId: string, args: BeatArgs): Promise<Change<Heartbeat>>;
  /** One that is not there is removed already. */
  remove(group: string, memberId: string): Promise<void>;
}
