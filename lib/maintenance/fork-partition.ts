/**
 * Forks one partition: what its source has below an offset comes to be in a partition of another topic, under the same offsets.
 *
 * ```
 * 1  F: the global floor is read; all objects that are made from here on have ids above it
 * 2  chunks of level 1: their objects are copied by the store, unless they hold more than the fork; all else is read, and put into objects of level 1
 * 3  chunks of the new partition are put that name these objects: nobody reads them, since there is no head
 * 4  the head is made, IF the global floor is still below all these ids
 * ```
 *
 * Step 4 is what makes the partition. A pass of collection raises the global floor before it reads what is named: one that has raised it before step 4 finds these ids above its floor, or the head is not made; one that raises it later
 * finds the head, and the chunks below it. So no floor in between and no age of an upload can have an object deleted that a head comes to stand on. Nothing is ever named behind that, so a copy that is not named is garbage.
 *
 * May be killed at any point. What it has left is found by the name of the topic, whose state is `creating`.
 */
import { asMillraceError, MillraceError } from '../errors.ts';
import type { Chunk } from '../log/chunk.ts';
import { decodeEntry, type Entry, encodeEntry, encodeRewritten } from '../log/entry.ts';
import { topicBusy } from '../log/find-topic.ts';
import { emptyHead, type Head } from '../log/head.ts';
import { mapInParallel } from '../log/in-parallel.ts';
import { indexGap } from '../log/locate.ts';
import { partitionGone } from '../log/partition-gone.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { Topic } from '../log/topic.ts';
import { parseBatchHeader } from '../record/batch-header.ts';
import { cutBatch } from '../record/cut-batch.ts';
import { encodeSegment } from '../segment/encode-segment.ts';
import type { IdSource } from '../segment/id-source.ts';
import { type SegmentId, ZERO_ID } from '../segment/segment-id.ts';
import { segmentKey } from '../segment/segment-key.ts';
import type { CopiedObjects } from './copied-objects.ts';
import { type ForkPart, type PartitionCut, partsOf } from './fork-plan.ts';
import { liveChunks } from './live-chunks.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { putUnderFreshName } from './put-under-fresh-name.ts';
import { readChunkBatches } from './read-chunk-batches.ts';

/** What is forked. */
export interface PartitionForkRequest {
  readonly source: Topic;
  /** In the state `creating`. */
  readonly target: Topic;
  readonly cut: PartitionCut;
  readonly ids: IdSource;
  readonly copies: CopiedObjects;
}

/** A partition of a fork, as it was made. */
export interface ForkedPartition {
  readonly partition: number;
  readonly logStartOffset: bigint;
  readonly highWatermark: bigint;
  /** Bytes of record batches that were copied by the store, and that were read and written. */
  readonly copiedBytes: number;
  readonly rewrittenBytes: number;
}

/** Chunks whose objects are copied at once, and of them requests. */
const CHUNKS = 256;
const PARALLEL = 16;
/** What is put into one object. */
const OBJECT_BYTES = 16 * 1024 * 1024;
/** Looks at a source whose chunks are deleted or replaced meanwhile. */
const MAX_ROUNDS = 8;
/** Changes of the global floor by others, in a row. */
const MAX_FLOORS = 16;

/** A part of the source as it is to stand in the fork. */
interface OpenPart {
  readonly part: ForkPart;
  readonly base: bigint;
  readonly end: bigint;
  readonly batches: readonly Uint8Array[];
  /** How often its chunk counts as replaced. */
  readonly version: number;
}

/** See the module comment. Use it once. */
export class PartitionFork {
  readonly #deps: MaintenanceDeps;
  readonly #request: PartitionForkRequest;
  readonly #source: PartitionKey;
  readonly #target: PartitionKey;
  #start: bigint;
  #end: bigint;
  /** All below it is put, or lies below the start. */
  #place: bigint;
  /** Where the last chunk that was put ends. */
  #putEnd = 0n;
  /** See `PartitionCut`. */
  #appended: PartitionCut['appended'];
  #minId: SegmentId | null = null;
  #largest = { timestampMs: -1n, offset: -1n };
  #copiedBytes = 0;
  #rewrittenBytes = 0;
  #toCopy: Chunk[] = [];
  #open: OpenPart[] = [];
  #openBytes = 0;

  constructor(deps: MaintenanceDeps, request: PartitionForkRequest) {
    const { source, target, cut } = request;
    this.#deps = deps;
    this.#request = request;
    this.#source = { topicId: source.topicId, partition: cut.partition };
    this.#target = { topicId: target.topicId, partition: cut.partition };
    this.#start = cut.start;
    this.#place = cut.start;
    this.#end = cut.end;
    this.#appended = cut.appended;
  }

  /**
   * Requests: a copy for each object of level 1, a GET for each object of level 0 (or 8 MiB of it), a PUT for 16 MiB of those, a write for each chunk, a transaction of 3 items. Throws OBJECT_MISSING, CORRUPT_OBJECT where the
   * source cannot be read, UNKNOWN_TOPIC_OR_PARTITION when it was deleted, TOPIC_BUSY when the fork was, or when it took so long that collection may have passed it; what the store throws after ten attempts.
   */
  async run(): Promise<ForkedPartition> {
    for (let round = 1; ; round++) {
      const head = await this.#readSource();
      this.#skipBelow(head.start);
      try {
        await this.#takeChunks(head);
        await this.#takeTail(head);
        break;
      } catch (cause) {
        // Retention or compaction may have been faster: what is there now is looked up again.
        if (asMillraceError(cause).code !== 'OBJECT_MISSING' || round === MAX_ROUNDS) throw cause;
        this.#toCopy = [];
        this.#open = [];
        this.#openBytes = 0;
      }
    }
    await this.#makeHead();
    return {
      partition: this.#target.partition,
      logStartOffset: this.#start,
      highWatermark: this.#end,
      copiedBytes: this.#copiedBytes,
      rewrittenBytes: this.#rewrittenBytes,
    };
  }

  async #readSource(): Promise<Head> {
    const read = () => this.#deps.store.heads.read(this.#source, { consistent: true });
    const { answer } = await repeatRequest(this.#deps, read);
    if (answer === null) throw partitionGone(this.#source);
    return answer;
  }

  /** What the source has dropped meanwhile, the fork begins behind. Chunks that were put below it are dead, as they are where retention was killed. */
  #skipBelow(start: bigint): void {
    const reached = start < this.#end ? start : this.#end;
    if (reached <= this.#place) return;
    this.#start = reached;
    this.#place = reached;
    // What was put below is there, and what lies between is not.
    this.#appended = null;
  }

  async #takeChunks(head: Head): Promise<void> {
    const end = head.tailBase < this.#end ? head.tailBase : this.#end;
    if (this.#place >= end) return;
    const request = { partition: this.#source, fromOffset: this.#place, tailBase: head.tailBase };
    for await (const chunk of liveChunks(this.#deps, request)) {
      if (chunk.base >= end) break;
      await this.#takeChunk(chunk);
    }
    await this.#copyAll();
    await this.#putAll();
  }

  /** What is above the chunks of a head, as one. */
  async #takeTail({ tail, tailBase, next }: Head): Promise<void> {
    if (this.#place >= this.#end) return;
    if (this.#place < tailBase) throw indexGap(this.#source, this.#place);
    const none = { minId: ZERO_ID, maxId: ZERO_ID, maxTimestampMs: -1n };
    const largest = { runMaxTimestampMs: -1n, runMaxTimestampOffset: -1n };
    const chunk = { base: tailBase, end: next, count: tail.length, ...none, ...largest };
    await this.#rewrite({ ...chunk, level: 0, version: 0, entries: tail });
    await this.#putAll();
  }

  async #takeChunk(chunk: Chunk): Promise<void> {
    const isWhole = chunk.end <= this.#end && chunk.base >= this.#putEnd;
    if (chunk.level === 0 || !isWhole) {
      await this.#copyAll();
      await this.#rewrite(chunk);
      return;
    }
    await this.#putAll();
    this.#toCopy.push(chunk);
    if (this.#toCopy.length === CHUNKS) await this.#copyAll();
  }

  /** Steps 2 and 3 of chunks of level 1. */
  async #copyAll(): Promise<void> {
    const chunks = this.#toCopy;
    this.#toCopy = [];
    if (chunks.length === 0) return;
    const { source, target, copies } = this.#request;
    const entries = chunks.map(({ entries: [bytes = new Uint8Array(0)] }) => decodeEntry(bytes));
    const names = new Set(entries.map(({ id }) => id));
    const made = await mapInParallel([...names], PARALLEL, async (id) => {
      const copy = await copies.copy(id, { from: source.domain, to: target.domain });
      return [id, copy] as const;
    });
    const copyOf = new Map(made);
    let named: Chunk[] = [];
    for (const [index, chunk] of chunks.entries()) {
      const entry = entries[index]!;
      const id = copyOf.get(entry.id)!;
      if (id !== null) {
        named.push(this.#copied(chunk, entry, id));
        continue;
      }
      await this.#putChunks(named);
      named = [];
      await this.#rewrite(chunk);
      await this.#putAll();
    }
    await this.#putChunks(named);
  }

  /** The chunk of the fork that names a copy. */
  #copied(chunk: Chunk, entry: Entry, id: SegmentId): Chunk {
    this.#named(id);
    if (entry.kind === 'reference') this.#copiedBytes += entry.lengthBytes;
    const { maxTimestampMs, version } = chunk;
    return {
      ...chunk,
      ...this.#raiseLargest(chunk.base, maxTimestampMs),
      version: this.#isLastOfUnknown(chunk.end) ? atLeastThinned(version) : version,
      entries: [encodeEntry({ ...entry, id })],
    };
  }

  /** Reads a chunk that cannot be copied: of level 0, or one that is cut. */
  async #rewrite(chunk: Chunk): Promise<void> {
    const from = chunk.base < this.#putEnd ? this.#putEnd : chunk.base;
    // Entries of the tail below the start are gone as those of chunks are.
    const first = chunk.level === 0 && this.#place > from ? this.#place : from;
    for (const part of partsOf(chunk, first, this.#end)) {
      const { domain } = this.#request.source;
      const { batches: read, damage } = await readChunkBatches(this.#deps, { domain, chunks: [part] });
      if (damage !== null) throw damage;
      const base = part.base < this.#putEnd ? this.#putEnd : part.base;
      const batches = between(read[0]!, base, this.#end);
      const end = this.#endOf(part, base, batches);
      if (batches.length === 0) return;
      const isCut = end < part.end || base > part.base || this.#isLastOfUnknown(end);
      const version = isCut ? atLeastThinned(part.version) : part.version + 1 - part.level;
      this.#open.push({ part, base, end, batches, version });
      this.#openBytes += batches.reduce((sum, { length }) => sum + length, 0);
      if (this.#openBytes >= OBJECT_BYTES) await this.#putAll();
    }
  }

  /** Steps 2 and 3 of what was read. */
  async #putAll(): Promise<void> {
    const parts = this.#open;
    this.#open = [];
    this.#openBytes = 0;
    if (parts.length === 0) return;
    const regions = parts.map(({ base, end, batches, version }) => ({
      ...this.#target,
      batches,
      baseOffset: base,
      lastOffset: end - 1n,
      chunkVersion: version - 1,
    }));
    const { ids, target } = this.#request;
    const segment = encodeSegment({ level: 1, writerId: ids.next(ZERO_ID), regions });
    const id = await putUnderFreshName(this.#deps, segment.bytes, () => {
      const name = ids.next(ZERO_ID);
      return { name, key: segmentKey({ prefix: this.#deps.store.prefix, domain: target.domain, level: 1, id: name }) };
    });
    this.#named(id);
    const chunks = parts.map(({ part, base, end, version }, index): Chunk => {
      const region = segment.regions[index]!;
      const { maxTimestampMs } = region;
      const { count, minId, maxId } = part;
      const largest = this.#raiseLargest(base, maxTimestampMs);
      const entries = [encodeRewritten(id, region)];
      return { base, end, count, minId, maxId, maxTimestampMs, ...largest, level: 1, version, entries };
    });
    await this.#putChunks(chunks);
    for (const { length } of segment.regions) this.#rewrittenBytes += length;
  }

  async #putChunks(chunks: readonly Chunk[]): Promise<void> {
    if (chunks.length === 0) return;
    await this.#checkTarget();
    await mapInParallel(chunks, PARALLEL, (chunk) =>
      // Nobody else puts chunks here: one that is there is ours.
      repeatRequest(this.#deps, () => this.#deps.store.chunks.put(this.#target, chunk)),
    );
    this.#putEnd = chunks.at(-1)!.end;
    this.#place = this.#putEnd;
  }

  /** Where records were removed by their keys, nothing may be left in front of the end: a fork ends where its last batch does, since readers see by it how far they are. */
  #endOf(part: ForkPart, base: bigint, batches: readonly Uint8Array[]): bigint {
    if (part.end <= this.#end) return part.end;
    const last = batches.at(-1);
    const header = last === undefined ? null : parseBatchHeader(last);
    this.#end = header === null ? base : header.baseOffset + BigInt(header.lastOffsetDelta) + 1n;
    return this.#end;
  }

  #named(id: SegmentId): void {
    if (this.#minId === null || id < this.#minId) this.#minId = id;
  }

  #raiseLargest(base: bigint, timestampMs: bigint): Pick<Chunk, 'runMaxTimestampMs' | 'runMaxTimestampOffset'> {
    if (timestampMs > this.#largest.timestampMs) this.#largest = { timestampMs, offset: base };
    return { runMaxTimestampMs: this.#largest.timestampMs, runMaxTimestampOffset: this.#largest.offset };
  }

  /** The sums of what was ever committed are not known for every end: then the last chunk says that records behind it were removed. */
  #isLastOfUnknown(end: bigint): boolean {
    return this.#appended === null && end === this.#end;
  }

  /** What is put for a topic that was deleted, nobody looks for any more. */
  async #checkTarget(): Promise<void> {
    const { name, topicId } = this.#request.target;
    const { answer } = await repeatRequest(this.#deps, () => this.#deps.store.topics.get(name));
    if (answer?.topicId === topicId && answer.state === 'creating') return;
    throw topicBusy(name, 'was deleted while it was being made');
  }

  /** Step 4. */
  async #makeHead(): Promise<void> {
    const { name: topicName, topicId } = this.#request.target;
    const { topics } = this.#deps.store;
    const { partition } = this.#target;
    for (let round = 0; round < MAX_FLOORS; round++) {
      const { answer: floor } = await repeatRequest(this.#deps, () => topics.readGlobalFloor());
      if (this.#minId !== null && this.#minId < floor) throw tookTooLong(topicName, partition);
      const args = { topicName, topicId, partitions: [partition], floor, contents: this.#head(floor) };
      const { answer: outcome } = await repeatRequest(this.#deps, () => topics.createHeads(args));
      // Nobody else makes it: one that is there was made by an attempt that was not answered.
      if (outcome === 'done' || outcome === 'head-exists') return;
      if (outcome === 'topic-changed') throw topicBusy(topicName, 'was deleted while it was being made');
    }
    throw topicBusy(topicName, 'cannot be given its partitions: the global floor is rising all the time');
  }

  #head(floor: SegmentId): Head {
    const bytes = BigInt(this.#copiedBytes + this.#rewrittenBytes);
    return {
      ...emptyHead(floor),
      next: this.#end,
      start: this.#start,
      tailBase: this.#end,
      maxTimestampMs: this.#largest.timestampMs,
      maxTimestampOffset: this.#largest.offset,
      ...(this.#appended ?? { appended: 0n, appendedBytes: bytes }),
    };
  }
}

/** As one from which records were removed: no sums are held against it. */
function atLeastThinned(version: number): number {
  return Math.max(2, version + 1);
}

/** Of batches with their offsets those records that lie in `[from, end)`; `from` is where a batch begins. */
function between(batches: readonly Uint8Array[], from: bigint, end: bigint): readonly Uint8Array[] {
  return batches.flatMap((batch) => {
    const { baseOffset } = parseBatchHeader(batch);
    if (baseOffset < from || baseOffset >= end) return [];
    return cutBatch(batch, end) ?? [];
  });
}

function tookTooLong(topic: string, partition: number): MillraceError {
  return new MillraceError(
    'TOPIC_BUSY',
    `partition ${partition} of ${topic} was copied for so long that collection may have passed its objects`,
    { value: topic, retriable: false, hint: 'Delete the topic, and fork again while no collection runs.' },
  );
}
