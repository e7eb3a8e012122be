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
  /** Whether to stop although not all is read; asked behind each hundred chunks. Default: never. */
  readonly isOver?: () => boolean;
}

/** A partition whose names are to be read. */
export interface NamesToRead {
  readonly partition: PartitionKey;
  readonly head: Head;
  /** Where it was left: the names of all chunks below are known. 0: it was not begun. */
  readonly fromBase: bigint;
}

/**
 * Raises the floor of a head, and reads the names of its partition; returns the chunk at which it goes on, null when all was read. At least one page is, if there is one. Throws what the store throws after ten attempts,
 * CORRUPT_OBJECT for what cannot be read.
 *
 * It may go on by a head that was read later: what was in its tail when the floor rose was read first, whatever has become a chunk since; and chunks come to be at the tail alone.
 */
export async function fenceAndReadNames(
  deps: MaintenanceDeps,
  { partition, head, fromBase }: NamesToRead,
  options: ReadNamesOptions,
): Promise<bigint | null> {
  const fenced = await fence(deps, partition, head, options.floor);
  return fenced === undefined ? null : readNames(deps, { partition, head: fenced, fromBase }, options);
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

/** Names in the tail of a head that was read consistently, and in the chunks below it from `fromBase` on. As `fenceAndReadNames`. */
export async function readNames(
  deps: MaintenanceDeps,
  { partition, head, fromBase }: NamesToRead,
  { add, isOver }: Pick<ReadNamesOptions, 'add' | 'isOver'>,
): Promise<bigint | null> {
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
  const query = { fromBase, toBase: head.tailBase - 1n, order: 'ascending' } as const;
  for await (const page of chunkPages(deps, partition, query)) {
    for (const chunk of page) {
      addHeld(chunk.base);
      held = chunk;
    }
    // What it names is not known before the next one is.
    const goesOn = page.at(-1)!.base;
    if (goesOn > fromBase && isOver?.()) return goesOn;
  }
  addHeld(head.tailBase);
  return null;
}

/** What became of several partitions at once. */
export interface ReadPartition {
  readonly partition: PartitionKey;
  /** The chunk at which it goes on; null: all was read, or cannot be. */
  readonly goesOn: bigint | null;
  /** Why its names are not known; null: they are. */
  readonly damage: MillraceError | null;
}

/** Partitions that are read at once. */
const PARALLEL = 16;

/** Reads the names of partitions; damage of one keeps no other from being read. Throws what the store throws. */
export async function readAllNames(
  deps: MaintenanceDeps,
  heads: readonly (Omit<NamesToRead, 'head'> & { readonly head: Head | MillraceError })[],
  options: ReadNamesOptions,
): Promise<readonly ReadPartition[]> {
  const read: ReadPartition[] = [];
  await inParallel(heads, PARALLEL, async ({ partition, head, fromBase }) => {
    try {
      if (head instanceof Error) throw head;
      const goesOn = await fenceAndReadNames(deps, { partition, head, fromBase }, options);
      read.push({ partition, goesOn, damage: null });
    } catch (cause) {
      const error = asMillraceError(cause);
      if (!isDamage(error)) throw cause;
      read.push({ partition, goesOn: null, damage: error });
    }
  });
  return read;
}
