import type { Store } from '../group/group-store.ts';
import type { Bells, FunctionSubscriptions } from './function-subscriptions.ts';
import type { Leases } from './leases.ts';

/** The ports of the event source together. */
export interface EventSourcePorts {
  readonly subscriptions: FunctionSubscriptions;
  readonly leases: Leases;
  readonly bells: Bells;
}

/** All ports of a store with those of the event source: what `memory`, `sqlite` and `aws` provide. */
export interface EventSourceStore extends Store, EventSourcePorts {}
