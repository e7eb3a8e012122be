/**
 * Who works on a partition for a function, and how far it is: a committed offset with a lease on it.
 *
 * Stored as the committed offset of the group is, see `group-offset.ts`, with these attributes beside it; an offset without them is a lease that is free. `generation` is the epoch: every take and every
 * seek raises it, and whoever had the lease before can change nothing any more.
 *
 * Always true: the epoch never goes back; while it stays, `sequence` only rises and `committed` never goes back. Only a seek moves it back.
 */
import { type GroupOffset, offsetFromItem, offsetToItem } from '../group/group-offset.ts';
import { type Item, integer, text } from '../log/item.ts';

/** See the module comment. */
export interface Lease extends GroupOffset {
  /** By the clock of whoever took it, milliseconds since 1970. At or before now: anybody may take it. 0: it was released. */
  readonly expiresAtMs: number;
  /** Before this nothing is to be done, unless what has come meanwhile changes that. 0: no such time. A wake-up is booked for it. */
  readonly notBeforeMs: number;
  /** How often what stands at `committed` was begun, this time included: counted by the take, so that a handler that kills its process is counted too. */
  readonly attempts: number;
  /** What the worker has to remember beside it, see `progress.ts`; '' for nothing. */
  readonly progress: string;
}

/** The stored form without the partition, which the key holds. */
export function leaseToItem(lease: Lease): Item {
  return {
    ...offsetToItem(lease),
    expires: BigInt(lease.expiresAtMs),
    due: BigInt(lease.notBeforeMs),
    attempts: BigInt(lease.attempts),
    progress: lease.progress,
  };
}

/** Throws CORRUPT_OBJECT when an attribute is of another kind. */
export function leaseFromItem(sk: string, item: Item): Lease {
  const number = (name: string) => (item[name] === undefined ? 0 : Number(integer(item, name)));
  return {
    ...offsetFromItem(sk, item),
    expiresAtMs: number('expires'),
    notBeforeMs: number('due'),
    attempts: number('attempts'),
    progress: item.progress === undefined ? '' : text(item, 'progress'),
  };
}
