/**
 * Reads record batches of many partitions at once: heads, then chunks where needed, then byte ranges, as few as the plan can make of them.
 *
 * Always true: nothing at or above the high watermark is returned; a record is returned at the offset where every other reader sees it.
 */
import type { Clock, Random } from '../clock.ts';
import { asMillraceError, MillraceError } from '../errors.ts';
import { type SegmentId, ZERO_ID } from '../segment/segment-id.ts';
import { segmentKey } from '../segment/segment-key.ts';
import { type FetchCandidate, type FetchRange, planFetch } from './fetch-plan.ts';
import { Gate } from './gate.ts';
import type { Head } from './head.ts';
import { indexGap, type LocatedEntry, locateEntries } from './locate.ts';
import type { LogStore } from './log-store.ts';
import { openEntry, type StampedBatch } from './open-entry.ts';
import { partitionGone } from './partition-gone.ts';
import type { PartitionKey } from './partition-key.ts';
import type { ReadMemory } from './read-memory.ts';
import { repeatRequest } from './repeat-request.ts';

/** What to read of one partition. */
export interface FetchTarget {
  readonly partition: PartitionKey;
  /** Isolation domain of the topic. */
  readonly domain: string;
  readonly offset: bigint;
  /** Soft: whole entries are returned, at least one. */
  readonly maxBytes: number;
  /** A head that the caller has: none is read. What it does not have is looked for by a consistent read, as ever. */
  readonly head?: Head | undefined;
}

/** What was read of one partition. */
export type FetchedPartition =
  | {
      readonly outcome: 'ok';
      readonly highWatermark: bigint;
      readonly logStartOffset: bigint;
      /** Whole record batches in the order of their offsets; the first may begin below the offset asked for. */
      readonly batches: readonly Uint8Array[];
      /** Where to go on. */
      readonly nextOffset: bigint;
    }
  | { readonly outcome: 'failed'; readonly error: MillraceError };

/** An entry, and the key of the object that a reference names; of an inline entry nothing is stored there. */
export interface StoredEntry extends LocatedEntry {
  readonly key: string;
}

/** Where the bytes of a partition are. */
export interface LocatedPartition {
  readonly highWatermark: bigint;
  readonly logStartOffset: bigint;
  /** In order and without a gap; none at the high watermark. */
  readonly entries: readonly StoredEntry[];
}

/** How a fetcher is made. */
export interface FetcherOptions {
  readonly store: Pick<LogStore, 'heads' | 'chunks' | 'objects' | 'prefix'>;
  readonly clock: Clock;
  readonly random: Random;
  /** GETs at once for what stands in the tails. Default 16. */
  readonly hotRequests?: number;
  /** GETs at once for older data, apart, so that a backfill cannot starve who reads the end. Default 8. */
  readonly coldRequests?: number;
  /** Attempts of one request. Default 6, about 1 s in all. */
  readonly attempts?: number;
}

/** What one fetch may return. */
export interface FetchOptions {
  /** Soft bound over all partitions. */
  readonly maxBytes: number;
  /** What ranges are read into, and batches are views of: it is not given back while anybody looks at them. Default: memory of its own for each range. */
  readonly memory?: ReadMemory | undefined;
  /** Default false: the heads may be some seconds old, at half the price. What seems not to be there is read again consistently. */
  readonly consistent?: boolean;
}

/** About 1 s in all: whoever reads asks again anyway. */
const ATTEMPTS = 6;

/** One partition of a fetch on its way. */
type Search =
  | { readonly kind: 'found'; readonly head: Head; readonly entries: readonly LocatedEntry[] }
  | { readonly kind: 'failed'; readonly error: MillraceError };

/** See the module comment. */
export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #hot: Gate;
  readonly #cold: Gate;

  constructor(options: FetcherOptions) {
    this.#options = options;
    this.#hot = new Gate(options.hotRequests ?? 16);
    this.#cold = new Gate(options.coldRequests ?? 8);
  }

  /** Reads once, without waiting for new records; one result for each target, in their order. One partition's failure does not touch the others. */
  async fetch(targets: readonly FetchTarget[], options: FetchOptions): Promise<readonly FetchedPartition[]> {
    return this.#fetch(targets, { ...options, missed: [] });
  }

  /** Finds what a fetch would read, for whoever has somebody else read it: nobody has looked whether the objects are there. The read is consistent. Throws what a fetch fails with. */
  async locate(target: FetchTarget): Promise<LocatedPartition> {
    const [search] = await this.#search([target], true);
    if (search!.kind === 'failed') throw search!.error;
    const { head, entries } = search!;
    const { domain } = target;
    return {
      highWatermark: head.next,
      logStartOffset: head.start,
      entries: entries.map((one) => ({ ...one, key: this.#keyOf({ domain, id: one.entry.id, level: one.level }) })),
    };
  }

  /** `missed`: the object that was missing for each target when it was read before. */
  async #fetch(
    targets: readonly FetchTarget[],
    options: FetchOptions & { readonly missed: readonly SegmentId[] },
  ): Promise<readonly FetchedPartition[]> {
    const { missed } = options;
    const searches = await this.#search(targets, options.consistent ?? false);
    const read = await this.#read(targets, searches, options);
    const explained = read.map((result, index) => {
      // An object goes only once nothing names it, so one that was missing before the index named it again should be there.
      const isMissing = result === 'object-missing' && missingObject(searches[index]!) === missed[index];
      return isMissing ? this.#explainMissing(targets[index]!, searches[index]!) : result;
    });
    const results = await Promise.all(explained);
    const moved = results.flatMap((result, index) => (result === 'object-missing' ? [index] : []));
    if (moved.length === 0) return results.filter((result) => result !== 'object-missing');
    const again = await this.#fetch(
      moved.map((index) => targets[index]!),
      { ...options, consistent: true, missed: moved.map((index) => missingObject(searches[index]!)) },
    );
    return results.map((result, index) => (result === 'object-missing' ? again[moved.indexOf(index)]! : result));
  }

  async #search(targets: readonly FetchTarget[], consistent: boolean): Promise<readonly Search[]> {
    try {
      const heads = await this.#heads(targets, consistent);
      return await Promise.all(targets.map((target, index) => this.#locate(target, heads[index]!, consistent)));
    } catch (error) {
      return targets.map(() => ({ kind: 'failed', error: asMillraceError(error) }));
    }
  }

  /** Read in one request, but for those that are at hand; after a miss those are read too. */
  async #heads(targets: readonly FetchTarget[], consistent: boolean): Promise<readonly (Head | null)[]> {
    const isGiven = ({ head }: FetchTarget) => head !== undefined && !consistent;
    const asked = targets.filter((target) => !isGiven(target)).map(({ partition }) => partition);
    if (asked.length === 0) return targets.map(({ head }) => head!);
    const read = await this.#answered(() => this.#options.store.heads.readMany(asked, { consistent }));
    let index = 0;
    return targets.map((target) => (isGiven(target) ? target.head! : read[index++]!));
  }

  async #locate(target: FetchTarget, head: Head | null, consistent: boolean): Promise<Search> {
    try {
      const outside = !head || target.offset < head.start || target.offset > head.next;
      if (outside) {
        return consistent ? { kind: 'failed', error: outOfRange(target, head) } : await this.#locateAgain(target);
      }
      if (target.offset === head.next) return { kind: 'found', head, entries: [] };
      const { partition, offset, maxBytes } = target;
      const entries = await this.#answered(() =>
        locateEntries(this.#options.store.chunks, partition, head, { offset, maxBytes, consistent }),
      );
      if (entries) return { kind: 'found', head, entries };
      return await (consistent ? this.#explainGap(target) : this.#locateAgain(target));
    } catch (error) {
      return { kind: 'failed', error: asMillraceError(error) };
    }
  }

  async #locateAgain(target: FetchTarget): Promise<Search> {
    return this.#locate(target, await this.#readHead(target), true);
  }

  async #explainGap(target: FetchTarget): Promise<Search> {
    const error = await this.#explain(target, () => indexGap(target.partition, target.offset));
    return { kind: 'failed', error };
  }

  async #explainMissing(target: FetchTarget, search: Search): Promise<FetchedPartition> {
    const error = await this.#explain(target, () => objectMissing(target, search)).catch(asMillraceError);
    return { outcome: 'failed', error };
  }

  /**
   * What should be there is not: either the log start offset has passed it since the head was read, or it is lost. A chunk that retention had deleted may
   * even have been put back by a late request: below the log start offset its objects are gone by right.
   */
  async #explain(target: FetchTarget, lost: () => MillraceError): Promise<MillraceError> {
    const head = await this.#readHead(target);
    const isLost = head !== null && target.offset >= head.start;
    return isLost ? lost() : outOfRange(target, head);
  }

  #readHead({ partition }: FetchTarget): Promise<Head | null> {
    return this.#answered(() => this.#options.store.heads.read(partition, { consistent: true }));
  }

  async #read(
    targets: readonly FetchTarget[],
    searches: readonly Search[],
    { maxBytes, memory }: FetchOptions,
  ): Promise<readonly (FetchedPartition | 'object-missing')[]> {
    const candidates = targets.map(({ domain, maxBytes: own }, index): FetchCandidate => {
      const search = searches[index]!;
      return { domain, entries: search.kind === 'found' ? search.entries : [], maxBytes: own };
    });
    const plan = planFetch(candidates, maxBytes);
    const bytes = new Map<LocatedEntry, Uint8Array | 'missing' | MillraceError>();
    const places = memory === undefined ? [] : placesFor(plan.ranges, memory);
    await Promise.all(plan.ranges.map((range, index) => this.#readRange(range, places[index], candidates, bytes)));
    return targets.map((target, index) => {
      const search = searches[index]!;
      if (search.kind === 'failed') return { outcome: 'failed', error: search.error };
      return this.#open(target, search.head, search.entries.slice(0, plan.entryCounts[index]), bytes);
    });
  }

  async #readRange(
    range: FetchRange,
    into: Uint8Array | undefined,
    candidates: readonly FetchCandidate[],
    bytes: Map<LocatedEntry, Uint8Array | 'missing' | MillraceError>,
  ): Promise<void> {
    const key = this.#keyOf(range);
    const gate = range.hot ? this.#hot : this.#cold;
    const { objects } = this.#options.store;
    const got = await gate
      .run(() => this.#answered(() => objects.get(key, range.position, range.lengthBytes, into)))
      .catch(asMillraceError);
    for (const { candidate, entryIndex, position, lengthBytes } of range.pieces) {
      const located = candidates[candidate]!.entries[entryIndex]!;
      const from = position - range.position;
      if (got === null) bytes.set(located, 'missing');
      else if (got instanceof MillraceError) bytes.set(located, got);
      else if (into === undefined) bytes.set(located, pieceOf(got, from, lengthBytes));
      else bytes.set(located, got.subarray(from, from + lengthBytes));
    }
  }

  #open(
    target: FetchTarget,
    head: Head,
    entries: readonly LocatedEntry[],
    bytes: ReadonlyMap<LocatedEntry, Uint8Array | 'missing' | MillraceError>,
  ): FetchedPartition | 'object-missing' {
    const batches: StampedBatch[] = [];
    let nextOffset = target.offset;
    for (const located of entries) {
      const data = located.entry.kind === 'inline' ? located.entry.batches.slice() : bytes.get(located)!;
      // What was read before the failure is good, and the reader's next fetch will meet the failure first.
      if (data === 'missing' || data instanceof MillraceError) {
        if (batches.length > 0) break;
        return data === 'missing' ? 'object-missing' : { outcome: 'failed', error: data };
      }
      try {
        batches.push(...openEntry(located, data, () => this.#sourceOf(target, located)));
      } catch (error) {
        if (batches.length > 0) break;
        return { outcome: 'failed', error: asMillraceError(error) };
      }
      nextOffset = located.endOffset;
    }
    const wanted = batches.filter(({ endOffset }) => endOffset > target.offset);
    const watermarks = { highWatermark: head.next, logStartOffset: head.start };
    return { outcome: 'ok', ...watermarks, batches: wanted.map((batch) => batch.bytes), nextOffset };
  }

  #keyOf({ domain, id, level }: Pick<FetchRange, 'domain' | 'id' | 'level'>): string {
    return segmentKey({ prefix: this.#options.store.prefix, domain, level, id });
  }

  #sourceOf({ domain, partition }: FetchTarget, { entry, level, baseOffset }: LocatedEntry): string {
    if (entry.kind === 'reference') return this.#keyOf({ domain, id: entry.id, level });
    return `the inline batches at offset ${baseOffset} of partition ${partition.partition}`;
  }

  /** Repeats a read, which is harmless, a bounded number of times. */
  async #answered<T>(request: () => Promise<T>): Promise<T> {
    const { clock, random, attempts = ATTEMPTS } = this.#options;
    return (await repeatRequest({ clock, random }, request, { attempts })).answer;
  }
}

function outOfRange({ partition, offset }: FetchTarget, head: Head | null): MillraceError {
  if (!head) return partitionGone(partition);
  return new MillraceError('OFFSET_OUT_OF_RANGE', `offset ${offset} is outside of ${head.start} to ${head.next}`, {
    value: { ...partition, offset, logStartOffset: head.start, highWatermark: head.next },
    hint: offset < head.start ? 'The record was trimmed or has expired; go on at the beginning.' : 'Go on at the end.',
  });
}

/** The object that a search begins with: a fetch that returns nothing has missed just this one. */
function missingObject(search: Search): SegmentId {
  return search.kind === 'found' ? search.entries[0]!.entry.id : ZERO_ID;
}

function objectMissing(target: FetchTarget, search: Search): MillraceError {
  const id = missingObject(search);
  return new MillraceError(
    'OBJECT_MISSING',
    `the object ${id} that holds offset ${target.offset} is not in the store`,
    {
      value: { ...target.partition, offset: target.offset, object: id },
      hint: 'This is loss of data: restore the object from a backup, or trim the partition above it.',
    },
  );
}

/** Room for each range, side by side. */
function placesFor(ranges: readonly FetchRange[], memory: ReadMemory): readonly Uint8Array[] {
  const total = ranges.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  if (total === 0) return [];
  const room = memory.take(total);
  let end = 0;
  return ranges.map(({ lengthBytes }) => {
    end += lengthBytes;
    return room.subarray(end - lengthBytes, end);
  });
}

/** A small piece of a large range is copied, so that whoever keeps it does not keep what was read along with it. */
function pieceOf(range: Uint8Array, from: number, lengthBytes: number): Uint8Array {
  const piece = range.subarray(from, from + lengthBytes);
  return piece.length * 2 < range.length ? piece.slice() : piece;
}
