import type { Clock, Random } from '../clock.ts';
import type { Store } from './group-store.ts';

/** What operations on groups need. */
export interface GroupDeps {
  readonly store: Pick<
    Store,
    'groups' | 'heartbeats' | 'offsets' | 'topics' | 'heads' | 'chunks' | 'objects' | 'prefix'
  >;
  readonly clock: Clock;
  readonly random: Random;
}
