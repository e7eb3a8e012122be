/**
 * Makes a partition again from the regions of level 1 that its objects have.
 *
 * ```
 * 1  the gaps between the regions get objects with empty batches, so that readers pass over them
 * 2  a chunk is put for each region and for each gap: nobody reads them, since there is no head
 * 3  the head is made: its tail is empty and begins at the high watermark, above every offset that was ever given
 * ```
 *
 * May be killed at any point, and begun anew: without a head nothing is read, and the same is planned once more, so chunks that were put before are taken as they are. None is ever removed: a removal that comes late would take one that was put
 * behind it.
 */

import { MillraceError } from '../../errors.ts';
import type { Chunk } from '../../log/chunk.ts';
import { chunkPages } from '../../log/chunk-pages.ts';
import { encodeRewritten } from '../../log/entry.ts';
import { topicBusy } from '../../log/find-topic.ts';
import { emptyHead, type Head } from '../../log/head.ts';
import { inParallel } from '../../log/in-parallel.ts';
import { entryDataBytes } from '../../log/locate.ts';
import type { PartitionKey } from '../../log/partition-key.ts';
import { repeatRequest } from '../../log/repeat-request.ts';
import type { Topic } from '../../log/topic.ts';
import { encodeSegment } from '../../segment/encode-segment.ts';
import type { IdSource } from '../../segment/id-source.ts';
import type { StampedRegion } from '../../segment/region.ts';
import type { SegmentId } from '../../segment/segment-id.ts';
import { segmentKey } from '../../segment/segment-key.ts';
import type { MaintenanceDeps } from '../maintenance-deps.ts';
import { putUnderFreshName } from '../put-under-fresh-name.ts';
import type { OnDamagedItem } from './damaged.ts';
import { gapBatches } from './gap-batches.ts';
import { OldPartition, type OldTables } from './old-tables.ts';
import { cutGap, type FoundRegion, type OldChunk, type Piece, planPieces, safeHighWatermark } from './rebuild-plan.ts';
import type { OffsetRange, RebuiltPartition } from './rebuild-report.ts';
import type { SurveyedPartition } from './survey.ts';

/** What is rebuilt. */
export interface PartitionRebuildRequest {
  readonly topic: Topic;
  readonly surveyed: SurveyedPartition;
  /** When the rebuilding was begun, ms since 1970. */
  readonly beganAtMs: number;
  readonly fence: SegmentId;
  readonly ids: IdSource;
  /** Tables that were saved; null: there are none. */
  readonly oldTables: OldTables | null;
  /** Whether a run before may have put chunks. */
  readonly isResumed: boolean;
  /** Plans, and writes nothing. */
  readonly dryRun: boolean;
  /** Called now and then. */
  readonly onProgress: () => Promise<void>;
  readonly onDamagedItem: OnDamagedItem;
}

/** Chunks that are made at once, and gaps of one object. */
const CHUNKS = 1_000;
const PARALLEL = 16;
/** How often a chunk of a gap counts as replaced: as one from which records were removed, so that no sums are held against it. */
const GAP_VERSION = 2;
/** Gaps that are told one by one. */
const GAPS_TOLD = 20;
/** Changes of the global floor by others, in a row. */
const MAX_FLOORS = 16;

/** See the module comment. Use it once: `begin`, `take` for all regions in order, `finish`. */
export class PartitionRebuild {
  readonly #deps: MaintenanceDeps;
  readonly #request: PartitionRebuildRequest;
  readonly #key: PartitionKey;
  #start: bigint | null = null;
  /** All below it has a chunk. */
  #place: bigint | null = null;
  #largest = { timestampMs: -1n, offset: -1n };
  #counts = { records: 0, bytes: 0, chunks: 0, overlapping: 0, fromTables: 0 };
  #gapCount = 0;
  readonly #gaps: OffsetRange[] = [];
  #there: Head | null = null;
  #old: OldPartition | null = null;

  constructor(deps: MaintenanceDeps, request: PartitionRebuildRequest) {
    this.#deps = deps;
    this.#request = request;
    this.#key = { topicId: request.topic.topicId, partition: request.surveyed.partition };
  }

  /** Looks whether it was rebuilt before. A read, and one of old tables. */
  async begin(): Promise<void> {
    const { dryRun, oldTables, topic, onDamagedItem: onDamage } = this.#request;
    if (!dryRun) {
      const read = () => this.#deps.store.heads.read(this.#key, { consistent: true });
      this.#there = (await repeatRequest(this.#deps, read)).answer;
      if (this.#there !== null) return;
    }
    if (oldTables === null) return;
    const { name, domain } = topic;
    this.#old = await OldPartition.open(this.#deps, oldTables, { key: this.#key, domain, topic: name, onDamage });
  }

  /**
   * Takes the next regions, in the order of `compareRegions`, and what old tables have below the last of them. A write for each chunk, a PUT for 1,000 gaps; a query for 100 chunks of old tables, and a request for each object of level 0 that they name. Throws
   * what the store throws after ten attempts.
   */
  async take(regions: readonly FoundRegion[]): Promise<void> {
    if (this.#there !== null) return;
    const start = this.#old?.start ?? 0n;
    const live = regions.filter(({ lastOffset }) => lastOffset >= start);
    for (let from = 0; from < live.length; ) {
      const to = endOfWindow(live, from);
      const some = live.slice(from, to);
      const old: OldChunk[] = [];
      const below = some.at(-1)!.baseOffset + 1n;
      for (let page = await this.#nextOld(below); page !== null; page = await this.#nextOld(below)) old.push(...page);
      await this.#plan(some, old);
      from = to;
    }
  }

  async #nextOld(below: bigint | null): Promise<readonly OldChunk[] | null> {
    return (await this.#old?.next(below)) ?? null;
  }

  async #plan(regions: readonly FoundRegion[], old: readonly OldChunk[]): Promise<void> {
    const { pieces, overlapping } = planPieces(regions, this.#place, old);
    this.#counts.overlapping += overlapping.length;
    for (const piece of pieces) if (piece.kind === 'gap') this.#countGap(piece);
    await this.#make(pieces);
  }

  /** What old tables have above all regions, and step 3. A transaction of 3 items. Throws what the store throws after ten attempts, TOPIC_BUSY. */
  async finish(): Promise<RebuiltPartition> {
    const { partition, unplaced } = this.#request.surveyed;
    const there = this.#there;
    const counts = () => ({ ...this.#counts, gaps: { count: this.#gapCount, first: this.#gaps } });
    if (there !== null) {
      const { start: logStartOffset, next: highWatermark } = there;
      return { partition, outcome: 'there', logStartOffset, restoredEnd: null, highWatermark, ...counts(), unplaced };
    }
    for (let page = await this.#nextOld(null); page !== null; page = await this.#nextOld(null))
      await this.#plan([], page);
    const restoredEnd = this.#place;
    const restored = counts();
    const next = this.#highWatermark();
    if (restoredEnd !== null) await this.#make([{ kind: 'gap', base: restoredEnd, end: next }]);
    const logStartOffset = this.#startOr(next);
    if (this.#request.isResumed) await this.#checkChunks(next);
    await this.#makeHead(logStartOffset, next);
    const { chunks } = this.#counts;
    return {
      partition,
      outcome: 'rebuilt',
      logStartOffset,
      restoredEnd,
      highWatermark: next,
      ...restored,
      chunks,
      unplaced,
    };
  }

  /** Above all that objects or old tables tell. */
  #highWatermark(): bigint {
    const { surveyed, topic, beganAtMs: nowMs } = this.#request;
    const { end, endAtMs, unplaced } = surveyed;
    const old = this.#old;
    const isOldHigher = old !== null && old.end > (end ?? -1n);
    const known = isOldHigher ? { end: old.end, endAtMs: Math.max(old.atMs, topic.createdAtMs) } : { end, endAtMs };
    return safeHighWatermark({ ...known, unplacedRecords: unplaced.records, nowMs });
  }

  /** The first chunk may begin below it, as where retention has raised it. */
  #startOr(next: bigint): bigint {
    const first = this.#start ?? next;
    const start = this.#old?.start ?? 0n;
    return start > first ? start : first;
  }

  #countGap({ base: fromOffset, end: endOffset }: Piece): void {
    this.#gapCount += 1;
    if (this.#gaps.length < GAPS_TOLD) this.#gaps.push({ fromOffset, endOffset });
  }

  /** Steps 1 and 2. */
  async #make(pieces: readonly Piece[]): Promise<void> {
    const parts = pieces.flatMap((piece): readonly Piece[] =>
      piece.kind === 'gap' ? cutGap(piece).map((part) => ({ kind: 'gap', ...part })) : [piece],
    );
    for (let from = 0; from < parts.length; from += CHUNKS) {
      await this.#makeSome(parts.slice(from, from + CHUNKS));
      await this.#request.onProgress();
    }
  }

  async #makeSome(parts: readonly Piece[]): Promise<void> {
    const fillers = await this.#putGaps(parts.filter(({ kind }) => kind === 'gap'));
    const chunks = parts.map((part): Chunk => {
      this.#start ??= part.base;
      this.#place = part.end;
      if (part.kind === 'gap') return this.#chunkOf(fillers.get(part.base)!, GAP_VERSION);
      if (part.kind === 'entries') return this.#chunkOfEntries(part);
      const { region } = part;
      this.#counts.records += region.recordCount;
      this.#counts.bytes += region.length;
      return this.#chunkOf(region, region.chunkVersion + 1);
    });
    this.#counts.chunks += chunks.length;
    if (this.#request.dryRun) return;
    await inParallel(chunks, PARALLEL, async (chunk) => {
      const { answer } = await repeatRequest(this.#deps, () => this.#deps.store.chunks.put(this.#key, chunk));
      // Nobody else puts chunks here: one that is there is ours, or of a run before.
      if (answer.item !== undefined && answer.item.end !== chunk.end) throw otherPlan(this.#key, chunk.base);
    });
  }

  /** As compaction leaves a chunk. The ids of its entries are known no more; that of the object is above them all. */
  #chunkOf(region: FoundRegion, version: number): Chunk {
    const { id, baseOffset: base, lastOffset, maxTimestampMs } = region;
    if (maxTimestampMs > this.#largest.timestampMs) this.#largest = { timestampMs: maxTimestampMs, offset: base };
    return {
      base,
      end: lastOffset + 1n,
      count: 1,
      minId: id,
      maxId: id,
      maxTimestampMs,
      runMaxTimestampMs: this.#largest.timestampMs,
      runMaxTimestampOffset: this.#largest.offset,
      level: 1,
      version,
      entries: [encodeRewritten(id, region)],
    };
  }

  /** As a roll leaves a chunk, or what is left of one. */
  #chunkOfEntries({ base, end, entries }: Extract<Piece, { kind: 'entries' }>): Chunk {
    let maxTimestampMs = -1n;
    for (const { base: offset, entry } of entries) {
      const { maxTimestampMs: timestampMs, recordCount } = entry;
      this.#counts.records += recordCount;
      this.#counts.fromTables += recordCount;
      this.#counts.bytes += entryDataBytes(entry);
      if (timestampMs > maxTimestampMs) maxTimestampMs = timestampMs;
      if (timestampMs > this.#largest.timestampMs) this.#largest = { timestampMs, offset };
    }
    const ids = entries.map(({ entry }) => entry.id).sort();
    return {
      ...{ base, end, count: entries.length, minId: ids[0]!, maxId: ids.at(-1)!, maxTimestampMs },
      runMaxTimestampMs: this.#largest.timestampMs,
      runMaxTimestampOffset: this.#largest.offset,
      level: 0,
      version: 0,
      entries: entries.map(({ bytes }) => bytes),
    };
  }

  /** Step 1. The regions that stand for gaps, by their base. */
  async #putGaps(gaps: readonly Piece[]): Promise<ReadonlyMap<bigint, FoundRegion>> {
    if (gaps.length === 0) return new Map();
    const { ids, topic, fence, dryRun } = this.#request;
    const regions = gaps.map((gap) => ({
      ...this.#key,
      batches: gapBatches(gap),
      baseOffset: gap.base,
      lastOffset: gap.end - 1n,
      chunkVersion: GAP_VERSION - 1,
    }));
    const segment = encodeSegment({ level: 1, writerId: ids.next(fence), regions });
    const put = () =>
      putUnderFreshName(this.#deps, segment.bytes, () => {
        const name = ids.next(fence);
        const { prefix } = this.#deps.store;
        return { name, key: segmentKey({ prefix, domain: topic.domain, level: 1, id: name }) };
      });
    const id = dryRun ? fence : await put();
    return new Map(segment.regions.map((region: StampedRegion) => [region.baseOffset, { ...region, id }]));
  }

  /** That what runs before have put is a part of this plan. A query for 100 chunks. */
  async #checkChunks(next: bigint): Promise<void> {
    let end = this.#start ?? next;
    const { clock, random, store } = this.#deps;
    for await (const page of chunkPages({ store, clock, random }, this.#key, { order: 'ascending' })) {
      for (const chunk of page) {
        if (chunk.base !== end) throw otherPlan(this.#key, chunk.base);
        end = chunk.end;
      }
    }
    if (end !== next) throw otherPlan(this.#key, end);
  }

  async #makeHead(start: bigint, next: bigint): Promise<void> {
    if (this.#request.dryRun) return;
    const { name: topicName, topicId } = this.#request.topic;
    const { partition } = this.#key;
    const { topics } = this.#deps.store;
    for (let round = 0; round < MAX_FLOORS; round++) {
      const { answer: floor } = await repeatRequest(this.#deps, () => topics.readGlobalFloor());
      const contents: Head = {
        ...emptyHead(floor),
        ...{ start, next, tailBase: next },
        maxTimestampMs: this.#largest.timestampMs,
        maxTimestampOffset: this.#largest.offset,
        appendedBytes: BigInt(this.#counts.bytes),
      };
      const args = { topicName, topicId, partitions: [partition], floor, contents };
      const { answer: outcome } = await repeatRequest(this.#deps, () => topics.createHeads(args));
      // Nobody else makes it: one that is there was made by an attempt that was not answered.
      if (outcome === 'done' || outcome === 'head-exists') return;
      if (outcome === 'topic-changed') throw topicBusy(topicName, 'was deleted while it was being rebuilt');
    }
    throw topicBusy(topicName, 'cannot be given its partitions: the global floor is rising all the time');
  }
}

function otherPlan({ topicId, partition }: PartitionKey, base: bigint): MillraceError {
  const what = `partition ${partition} of topic ${topicId} at offset ${base}`;
  return new MillraceError('INVALID_REQUEST', `a run before this one has planned something else for ${what}`, {
    value: { topicId, partition, base },
    hint: 'Run it as it was run before, with the same --from. Otherwise make new tables, and begin anew.',
  });
}

/** Where a window of regions ends: between two chunks. */
function endOfWindow(regions: readonly FoundRegion[], from: number): number {
  let end = Math.min(from + CHUNKS, regions.length);
  while (end < regions.length && regions[end]!.baseOffset === regions[end - 1]!.baseOffset) end += 1;
  return end;
}
