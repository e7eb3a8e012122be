/** Offsets by what is known of their records: the ends of a partition, or a time. The same answers as Kafka's ListOffsets. */
import type { Clock, Random } from '../clock.ts';
import { decodeBatch } from '../record/decode-batch.ts';
import type { Chunk } from './chunk.ts';
import { decodeEntry } from './entry.ts';
import { Fetcher } from './fetcher.ts';
import type { Head } from './head.ts';
import { coveringChunk, locateAmong } from './locate.ts';
import type { LogStore } from './log-store.ts';
import { partitionGone } from './partition-gone.ts';
import type { PartitionKey } from './partition-key.ts';
import { repeatRequest } from './repeat-request.ts';

/** Which offset is asked for. `timestampMs`: the first record at or after that time. */
export type OffsetQuery = { readonly at: 'earliest' | 'latest' | 'max-timestamp' } | { readonly timestampMs: bigint };

/** A partition with what is needed to read it. */
export interface ReadablePartition {
  readonly partition: PartitionKey;
  readonly domain: string;
}

/** An offset; its record's timestamp, -1 when no record was looked at. */
export interface ListedOffset {
  readonly offset: bigint;
  readonly timestampMs: bigint;
}

/** What a look-up needs. */
export interface ListOffsetsDeps {
  readonly store: Pick<LogStore, 'heads' | 'chunks' | 'objects' | 'prefix'>;
  readonly clock: Clock;
  readonly random: Random;
}

/** An entry by the offsets that it covers. */
interface EntryExtent {
  readonly baseOffset: bigint;
  readonly endOffset: bigint;
  readonly maxTimestampMs: bigint;
}

const SCAN_PAGE = 64;

/**
 * The offset that `query` asks for, or null when there is no such record (none at or after that time, or no record at all). Reads are consistent. By time it bisects
 * the chunks (about log2 of their number), then reads one entry. Throws UNKNOWN_TOPIC_OR_PARTITION, and what the store throws after ten attempts.
 */
export async function listOffset(
  deps: ListOffsetsDeps,
  target: ReadablePartition,
  query: OffsetQuery,
): Promise<ListedOffset | null> {
  const { answer: head } = await repeatRequest(deps, () =>
    deps.store.heads.read(target.partition, { consistent: true }),
  );
  if (!head) throw partitionGone(target.partition);
  if ('timestampMs' in query) return new OffsetSearch(deps, target, head).byTime(query.timestampMs);
  if (query.at === 'earliest') return { offset: head.start, timestampMs: -1n };
  if (query.at === 'latest') return { offset: head.next, timestampMs: -1n };
  return new OffsetSearch(deps, target, head).ofMaxTimestamp();
}

class OffsetSearch {
  readonly #deps: ListOffsetsDeps;
  readonly #target: ReadablePartition;
  readonly #head: Head;

  constructor(deps: ListOffsetsDeps, target: ReadablePartition, head: Head) {
    this.#deps = deps;
    this.#target = target;
    this.#head = head;
  }

  async byTime(timestampMs: bigint): Promise<ListedOffset | null> {
    for await (const extent of this.#extentsFrom(timestampMs)) {
      const found = await this.#firstRecord(extent, (at) => at >= timestampMs);
      if (found) return found;
    }
    return null;
  }

  async ofMaxTimestamp(): Promise<ListedOffset | null> {
    let best: EntryExtent | null = null;
    for await (const extent of this.#maxTimestampCandidates()) {
      const readable = extent.baseOffset < this.#head.start ? await this.#readablePart(extent) : extent;
      if (!best || readable.maxTimestampMs > best.maxTimestampMs) best = readable;
    }
    if (!best) return null;
    const { maxTimestampMs } = best;
    const found = await this.#firstRecord(best, (at) => at === maxTimestampMs);
    return found ?? this.#ofLargestLeft();
  }

  /** A batch that key compaction has emptied says its largest time all the same. So entries are read as long as they may have a larger one than those before. */
  async #ofLargestLeft(): Promise<ListedOffset | null> {
    let best: EntryExtent | null = null;
    for await (const extent of this.#extents(this.#head.start)) {
      if (best && extent.maxTimestampMs <= best.maxTimestampMs) continue;
      const left = await this.#readablePart(extent);
      if (left.maxTimestampMs > (best?.maxTimestampMs ?? -1n)) best = left;
    }
    if (!best) return null;
    const { maxTimestampMs } = best;
    return this.#firstRecord(best, (at) => at === maxTimestampMs);
  }

  /** What is left of an entry that begins below the log start offset: the record with its largest timestamp may have been trimmed. */
  async #readablePart(extent: EntryExtent): Promise<EntryExtent> {
    let maxTimestampMs = -1n;
    await this.#firstRecord(extent, (at) => {
      if (at > maxTimestampMs) maxTimestampMs = at;
      return false;
    });
    return { ...extent, maxTimestampMs };
  }

  /** The head names the entry below the tail that has the maximum. Only when that one was trimmed, or removed, every chunk is looked at. */
  async *#maxTimestampCandidates(): AsyncGenerator<EntryExtent> {
    const { maxTimestampOffset, start, tailBase } = this.#head;
    const isKept = maxTimestampOffset >= start && maxTimestampOffset < tailBase;
    if (!isKept) {
      yield* this.#extents(start);
      return;
    }
    for await (const extent of this.#extents(maxTimestampOffset)) {
      // Key compaction has removed the record; then any other may be the one.
      if (extent.maxTimestampMs < this.#head.maxTimestampMs) {
        yield* this.#extents(start);
        return;
      }
      yield extent;
      break;
    }
    yield* this.#tailExtents(start);
  }

  /** Entries that may hold a record at or after a time, in order. */
  async *#extentsFrom(timestampMs: bigint): AsyncGenerator<EntryExtent> {
    const from = await this.#bisect(timestampMs);
    for await (const extent of this.#extents(from)) if (extent.maxTimestampMs >= timestampMs) yield extent;
  }

  /**
   * Where to begin: `runMaxTs` never falls from chunk to chunk, so the first chunk that reaches the time is found by bisection. Its maximum may belong to a record that
   * was trimmed; the scan goes on from there.
   */
  async #bisect(timestampMs: bigint): Promise<bigint> {
    let low = this.#head.start;
    let high = this.#head.tailBase;
    if (this.#head.maxTimestampMs < timestampMs) return high > low ? high : low;
    while (low < high) {
      const middle = low + (high - low) / 2n;
      const chunk = await this.#coveringChunk(middle);
      if (!chunk) return low;
      if (chunk.runMaxTimestampMs >= timestampMs) high = chunk.base > low ? chunk.base : low;
      else low = chunk.end;
    }
    return low;
  }

  /** Entries that end above `from` and above the log start offset, oldest first. */
  async *#extents(from: bigint): AsyncGenerator<EntryExtent> {
    let cursor = from;
    while (cursor < this.#head.tailBase) {
      const page = await this.#chunksFrom(cursor);
      if (page.length === 0) break;
      for (const chunk of page) {
        if (chunk.end <= cursor) continue;
        yield* extentsOf(chunk, cursor);
        cursor = chunk.end;
      }
    }
    yield* this.#tailExtents(from);
  }

  *#tailExtents(from: bigint): Generator<EntryExtent> {
    for (const { entry, baseOffset, endOffset } of locateAmong(this.#head.tail, this.#head.tailBase, from, true)) {
      yield { baseOffset, endOffset, maxTimestampMs: entry.maxTimestampMs };
    }
  }

  async #chunksFrom(cursor: bigint): Promise<readonly Chunk[]> {
    const fromBase = (await this.#coveringChunk(cursor))?.base ?? cursor;
    const query = {
      fromBase,
      toBase: this.#head.tailBase,
      order: 'ascending',
      limit: SCAN_PAGE,
      consistent: true,
    } as const;
    const { answer } = await repeatRequest(this.#deps, () =>
      this.#deps.store.chunks.query(this.#target.partition, query),
    );
    return answer;
  }

  async #coveringChunk(offset: bigint): Promise<Chunk | null> {
    const { answer } = await repeatRequest(this.#deps, () =>
      coveringChunk(this.#deps.store.chunks, this.#target.partition, offset, true),
    );
    return answer;
  }

  /** The first record of an entry, at or above the log start offset, whose timestamp fits. */
  async #firstRecord(extent: EntryExtent, fits: (timestampMs: bigint) => boolean): Promise<ListedOffset | null> {
    const fetcher = new Fetcher(this.#deps);
    const start = extent.baseOffset > this.#head.start ? extent.baseOffset : this.#head.start;
    const [fetched] = await fetcher.fetch([{ ...this.#target, offset: start, maxBytes: 1 }], {
      maxBytes: 1,
      consistent: true,
    });
    if (fetched!.outcome === 'failed') throw fetched!.error;
    for (const bytes of fetched!.batches) {
      const batch = decodeBatch(bytes, { verify: false });
      if (batch.header.control) continue;
      for (const record of batch) {
        if (record.offset >= start && fits(record.timestampMs)) {
          return { offset: record.offset, timestampMs: record.timestampMs };
        }
      }
    }
    return null;
  }
}

function* extentsOf(chunk: Chunk, from: bigint): Generator<EntryExtent> {
  if (chunk.level === 1) {
    const { maxTimestampMs } = decodeEntry(chunk.entries[0]!);
    yield { baseOffset: chunk.base, endOffset: chunk.end, maxTimestampMs };
    return;
  }
  for (const { entry, baseOffset, endOffset } of locateAmong(chunk.entries, chunk.base, from, false)) {
    yield { baseOffset, endOffset, maxTimestampMs: entry.maxTimestampMs };
  }
}
