/** The port to leases. */
import type { Change } from '../log/head-transitions.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import type { Lease } from './lease.ts';
import type { SeekLeaseArgs, TakeArgs, UpdateLeaseArgs } from './lease-transitions.ts';

/** Each change is atomic and carries out the transition of the same name in `lease-transitions.ts`. Errors are as for `Heads`. */
export interface Leases {
  take(group: string, partition: PartitionKey, args: TakeArgs): Promise<Change<Lease>>;
  update(group: string, partition: PartitionKey, args: UpdateLeaseArgs): Promise<Change<Lease>>;
  seek(group: string, partition: PartitionKey, args: SeekLeaseArgs): Promise<Change<Lease>>;
  /** In the order asked, null where there is none. Consistent. */
  readMany(
    places: readonly { readonly group: string; readonly partition: PartitionKey }[],
  ): Promise<readonly (Lease | null)[]>;
  /** By topic id and partition, above `after`, at most `limit`, as they were some seconds ago; a store may return fewer, never none while there are some. Half a read unit for about 25 of them. */
  list(group: string, after: PartitionKey | null, limit: number): Promise<readonly Lease[]>;
}
