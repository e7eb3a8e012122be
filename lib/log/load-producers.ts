/**
 * Learns from the log what idempotent producers have appended: their batches stand in entries of their own, which carry the producer, so that neither objects nor records are read.
 *
 * The first look reads the tail and the newest hundred chunks, whatever their ids say: clocks may be wrong. It goes on from there, a hundred chunks at a time, until a hundred are all older than the horizon. A batch is sent again by a client that still waits for its answer, two minutes by default, so
 * whatever may come again lies within it.
 */

import type { SegmentId } from '../segment/segment-id.ts';
import type { Chunk } from './chunk.ts';
import { type ChunkPagesDeps, chunkPages } from './chunk-pages.ts';
import type { Entry } from './entry.ts';
import type { Head } from './head.ts';
import { indexGap, locateAmong } from './locate.ts';
import type { PartitionKey } from './partition-key.ts';
import type { ProducerStates } from './producer-states.ts';

/** Where a look ends. */
export interface ProducerHorizon {
  /** All below it is known; null: nothing is. */
  readonly from: bigint | null;
  /** Entries under ids below it are too old to matter. */
  readonly oldest: SegmentId;
}

interface FoundEntry {
  readonly entry: Entry;
  readonly baseOffset: bigint;
}

/**
 * Adds to `states` what stands below the high watermark of a head that was just read. Reads chunks from the tail downwards, as far as they are new and young: a query for a hundred chunks, 1,600 to 9,000 batches. Throws what
 * the store throws, and OBJECT_MISSING when a part of the index is gone that should be there.
 *
 * What was trimmed or compacted since the last look cannot be learned any more. Who has appended there has gone on from what `states` knows, which then proves nothing of anybody, and is forgotten.
 */
export async function loadProducers(
  deps: ChunkPagesDeps,
  partition: PartitionKey,
  head: Head,
  { from, oldest }: ProducerHorizon,
  states: ProducerStates,
): Promise<void> {
  const downTo = from === null || from < head.start ? head.start : from;
  const tail = entriesOf(head.tail, head.tailBase, downTo);
  // Newest first: it is turned around in the end.
  const found: FoundEntry[][] = [tail];
  let reached = head.tailBase;
  if (head.tailBase > downTo) {
    const below = await fromChunks(deps, partition, head, { downTo, from, oldest });
    found.push(...below.found);
    reached = below.reached;
  }
  if (from !== null && (downTo > from || reached > from)) states.clear();
  const nowMs = deps.clock.monotonicMs();
  for (const entries of found.toReversed()) {
    for (const { entry, baseOffset } of entries) {
      if (entry.producer) states.record({ ...entry.producer, recordCount: entry.recordCount }, baseOffset, nowMs);
    }
  }
}

async function fromChunks(
  deps: ChunkPagesDeps,
  partition: PartitionKey,
  { tailBase }: Head,
  { downTo, from, oldest }: ProducerHorizon & { readonly downTo: bigint },
): Promise<{ readonly found: FoundEntry[][]; readonly reached: bigint }> {
  const found: FoundEntry[][] = [];
  let end = tailBase;
  for await (const page of chunkPages(deps, partition, { toBase: tailBase - 1n, order: 'descending' })) {
    for (const chunk of page) {
      if (chunk.end < end) throw indexGap(partition, chunk.end);
      // Compacted ones are older than any horizon, and their entries are gone.
      if (chunk.level !== 0) return { found, reached: end };
      found.push(entriesOf(chunk.entries, chunk.base, downTo, end));
      end = chunk.base;
      if (end <= downTo) return { found, reached: end };
    }
    // Ids are not in the order of offsets: one that waited long may stand behind younger ones. All of a page is read anyway, and an old chunk says little of what lies below it, when a clock was wrong.
    if (from === null && page.every(({ maxId }) => maxId < oldest)) return { found, reached: end };
  }
  throw indexGap(partition, end - 1n);
}

/** Entries that end above `downTo` and begin below `end`. */
function entriesOf(encoded: Chunk['entries'], base: bigint, downTo: bigint, end?: bigint): FoundEntry[] {
  const located = locateAmong(encoded, base, downTo, false).filter((one) => end === undefined || one.baseOffset < end);
  return located.map(({ entry, baseOffset }) => ({ entry, baseOffset }));
}
