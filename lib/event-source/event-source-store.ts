import type { DelayStore, StoreChanges } from '../delay/delay-store.ts';
import type { GroupStore } from '../group/group-store.ts';
import type { LogStore } from '../log/log-store.ts';
import type { MaintenancePorts } from '../maintenance/jobs.ts';
import type { Bells, FunctionSubscriptions } from './function-subscriptions.ts';
import type { Leases } from './leases.ts';
import type { FunctionLimits } from './limits/function-limits.ts';

/** The ports of the event source together. */
export interface EventSourcePorts {
  readonly subscriptions: FunctionSubscriptions;
  readonly leases: Leases;
  readonly bells: Bells;
  readonly limits: FunctionLimits;
}

/** What whoever wakes and works needs of a store: the log, and who reads how far. */
export interface WorkerStore extends LogStore, EventSourcePorts {}

/** What the administration of subscriptions needs: each stands on a group. */
export interface SubscriptionStore extends WorkerStore, GroupStore {}

/** All ports of a store: the log's, the groups', those of delayed records, of maintenance and of the event source. What `memory`, `sqlite` and `aws` provide. */
export interface EventSourceStore extends DelayStore, MaintenancePorts, EventSourcePorts {}

/** A store on this machine, which has no stream but can be watched: what `memory` and `sqlite` provide. */
export interface EmbeddedStore extends EventSourceStore {
  readonly changes: StoreChanges;
}
