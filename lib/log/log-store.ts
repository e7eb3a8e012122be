/** All ports of the log together: what `memory`, `sqlite` and `aws` provide. */
import type { ServerClock } from '../segment/server-clock.ts';
import type { Chunks } from './chunks.ts';
import type { Heads } from './heads.ts';
import type { ObjectStore } from './object-store.ts';
import type { Topics } from './topics.ts';

/** A store of logs. */
export interface LogStore {
  readonly objects: ObjectStore;
  readonly heads: Heads;
  readonly chunks: Chunks;
  readonly topics: Topics;
  /** Prefix of all object keys, '' for none. */
  readonly prefix: string;
  /** Corrected by the answers of the stores; ids are minted with it. */
  readonly serverClock: ServerClock;
  /** Ends connections and handles; nothing may be called afterwards. Calling it twice is harmless. */
  close(): Promise<void>;
}
