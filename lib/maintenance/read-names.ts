/**
 * First half of a pass of collection: raises the floor of every head, so that no id below it is named from then on that is not named now, and reads what is named.
 *
 * Each head first, then its chunks from the oldest: what a roll moves meanwhile is read in the one or in the other. Dead chunks name nothing that anybody can read.
 */
import { asMillraceError, type MillraceError } from '../errors.ts';
import type { Chunk } from '../log/chunk.ts';
import { chunkPages } from '../log/chunk-pages.ts';
import { decodeEntry } from '../log/entry.ts';
import { isDamage } from '../log/entry-check.ts';
import type { Head } from '../log/head.ts';
import { inParallel } from '../log/in-parallel.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { SegmentId } from '../segment/segment-id.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';

/** Told of each name. */
export type AddName = (id: SegmentId, partition: PartitionKey) => void;

/** By what names are read. */
export interface ReadNamesOptions {
  readonly floor: SegmentId;
  readonly add: AddName;
  /** Awaited behind each query, by several at once. Default: nothing. */
  readonly onPage?: () => Promise<void>;
}

/** Raises the floor of a head, and reads the names of its partition. Throws what the store throws after ten attempts, CORRUPT_OBJECT for what cannot be read. */
export async function fenceAndReadNames(
  deps: MaintenanceDeps,
  partition: PartitionKey,
  { head, floor, add, onPage }: ReadNamesOptions & { readonly head: Head },
): Promise<void> {
  const fenced = await fence(deps, partition, head, floor);
  if (fenced !== undefined) await readNames(deps, partition, fenced, add, onPage);
}

/** The head as it was at a moment at which its floor was raised; undefined when it is gone. One write unit, none where the floor is above already. */
async function fence(
  deps: MaintenanceDeps,
  partition: PartitionKey,
  head: Head,
  floor: SegmentId,
): Promise<Head | undefined> {
  if (head.floor >= floor) return head;
  const { answer } = await repeatRequest(deps, () => deps.store.heads.raiseFloor(partition, floor));
  return answer.item;
}

/** Names in the tail of a head that was read consistently, and in the chunks below it. */
export async function readNames(
  deps: MaintenanceDeps,
  partition: PartitionKey,
  head: Head,
  add: AddName,
  onPage?: () => Promise<void>,
): Promise<void> {
  let last: SegmentId | null = null;
  const addAll = (entries: readonly Uint8Array[]) => {
    for (const bytes of entries) {
      const entry = decodeEntry(bytes);
      // Chunks that were rewritten together follow upon one another.
      if (entry.kind !== 'reference' || entry.id === last) continue;
      last = entry.id;
      add(entry.id, partition);
    }
  };
  addAll(head.tail);
  let held: Chunk | null = null;
  const addHeld = (nextBase: bigint) => {
    // Dead, or brought back by a late roller: nothing is read by it.
    const isDead = held !== null && (held.end <= head.start || (nextBase < held.end && nextBase <= head.start));
    if (held !== null && !isDead) addAll(held.entries);
  };
  for await (const page of chunkPages(deps, partition, { toBase: head.tailBase - 1n, order: 'ascending' })) {
    for (const chunk of page) {
      addHeld(chunk.base);
      held = chunk;
    }
    await onPage?.();
  }
  addHeld(head.tailBase);
}

/** What became of several partitions at once. */
export interface ReadPartition {
  readonly partition: PartitionKey;
  /** Why its names are not known; null: they are. */
  readonly damage: MillraceError | null;
}

/** Partitions that are read at once. */
const PARALLEL = 16;

/** Reads the names of partitions; damage of one keeps no other from being read. Throws what the store throws. */
export async function readAllNames(
  deps: MaintenanceDeps,
  heads: readonly { readonly partition: PartitionKey; readonly head: Head | MillraceError }[],
  options: ReadNamesOptions,
): Promise<readonly ReadPartition[]> {
  const read: ReadPartition[] = [];
  await inParallel(heads, PARALLEL, async ({ partition, head }) => {
    try {
      if (head instanceof Error) throw head;
      await fenceAndReadNames(deps, partition, { ...options, head });
      read.push({ partition, damage: null });
    } catch (cause) {
      const error = asMillraceError(cause);
      if (!isDamage(error)) throw cause;
      read.push({ partition, damage: error });
    }
  });
  return read;
}
