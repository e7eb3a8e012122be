import type { Clock, Random } from '../../clock.ts';
import type { DueRecords } from '../../delay/due-records.ts';
import type { GroupOffsets } from '../../group/group-offsets.ts';
import type { Groups } from '../../group/groups.ts';
import type { OnDamagedItem } from '../../maintenance/rebuild/damaged.ts';
import type { EventSourceStore } from '../event-source-store.ts';
import type { FunctionSubscriptions } from '../function-subscriptions.ts';
import type { Leases } from '../leases.ts';
import type { TopicNames } from './restore-plan.ts';

/** The ports of a backup that are read. */
export interface OldGroups {
  readonly groups: Pick<Groups, 'get' | 'list'>;
  readonly leases: Pick<Leases, 'list' | 'readMany'>;
  readonly subscriptions: Pick<FunctionSubscriptions, 'get' | 'list'>;
  readonly dueRecords: Pick<DueRecords, 'query' | 'readHorizon'>;
}

/** What restoring needs. */
export interface RestoreDeps {
  readonly store: EventSourceStore & { readonly offsets: GroupOffsets };
  readonly clock: Clock;
  readonly random: Random;
}

/** What every step of it is told. */
export interface RestoreRequest {
  readonly names: TopicNames;
  /** Looks, and writes nothing. */
  readonly dryRun: boolean;
  readonly onDamagedItem: OnDamagedItem;
  /** Called now and then. */
  readonly onProgress: () => Promise<void>;
}

/** How many were made, and how many were there and are as they were. */
export interface RestoredCount {
  readonly restored: number;
  readonly there: number;
}
