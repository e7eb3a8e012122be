/**
 * Knows what really happened in a simulated run, because it sees every effect on the store, and says which invariant was broken first.
 *
 * Its own copy of the log is made from the bytes that each commit added, so it shares no code with what is tested but the decoders.
 */
import { createHash } from 'node:crypto';
import { limits } from '../../../lib/limits.ts';
import { batchChecksum } from '../../../lib/log/batch-summary.ts';
import type { Chunk } from '../../../lib/log/chunk.ts';
import type { ChunkQuery } from '../../../lib/log/chunks.ts';
import { decodeEntry, type Entry } from '../../../lib/log/entry.ts';
import type { Head } from '../../../lib/log/head.ts';
import type { Change, CommitArgs } from '../../../lib/log/head-transitions.ts';
import type { CommitOutcome } from '../../../lib/log/heads.ts';
import type { LogStore } from '../../../lib/log/log-store.ts';
import { type PartitionKey, partitionPk } from '../../../lib/log/partition-key.ts';
import { decodeBatch, splitBatches } from '../../../lib/record/decode-batch.ts';
import { idTimeMs } from '../../../lib/segment/segment-id.ts';
import { segmentKey } from '../../../lib/segment/segment-key.ts';
import type { DeletionJudge, ForkJudge } from './judges.ts';
import { asOf, entriesIn, maxTimestamp, type PartitionTruth, sameEntries, shown } from './partition-truth.ts';
import { START_MS, type VirtualTime } from './virtual-time.ts';

const MIXED = 'Data before order';

/** See the module comment. */
export class Oracle {
  deletions: DeletionJudge | null = null;
  forks: ForkJudge | null = null;
  readonly partitions = new Map<string, PartitionTruth>();
  /** The first rule that was broken. */
  violation: string | null = null;
  readonly trace: string[] = [];
  readonly counts = new Map<string, number>();
  readonly #refusals = new Map<string, number>();
  readonly #keepTrace: boolean;
  readonly #keepDigest: boolean;
  readonly #time: VirtualTime;
  readonly #base: LogStore;
  readonly #digest = createHash('sha256');

  constructor(options: { time: VirtualTime; base: LogStore; keepTrace: boolean; keepDigest: boolean }) {
    this.#keepDigest = options.keepDigest;
    this.#time = options.time;
    this.#base = options.base;
    this.#keepTrace = options.keepTrace;
  }

  /** Heads may have been made: those that are there and were not watched are watched from now on. */
  async onCreated(partition: PartitionKey, topicName: string): Promise<void> {
    if (this.partitions.has(partitionPk(partition))) return;
    if ((await this.#base.heads.read(partition, { consistent: true })) === null) return;
    const topic = await this.#base.topics.get(topicName);
    this.count('partitions');
    await this.watch(partition, topic!.domain);
    await this.forks?.onHeadMade(this.of(partition));
  }

  /** A head was to be removed. */
  async onRemoved(partition: PartitionKey): Promise<void> {
    const truth = this.partitions.get(partitionPk(partition));
    if (truth !== undefined) await this.#refresh(truth);
  }

  /** Partitions whose head is there. */
  get living(): readonly PartitionTruth[] {
    return [...this.partitions.values()].filter(({ isGone }) => !isGone);
  }

  /** Begins to watch a partition. */
  async watch(partition: PartitionKey, domain: string): Promise<void> {
    const head = (await this.#base.heads.read(partition, { consistent: true }))!;
    const chunks = new Map<bigint, Chunk>();
    this.partitions.set(partitionPk(partition), {
      partition,
      domain,
      records: [],
      timestamps: [],
      entries: [],
      appended: 0n,
      head,
      isGone: false,
      ids: new Set(),
      places: new Set(),
      chunks,
      heads: [{ atMs: 0, value: head }],
      chunkHistory: [{ atMs: 0, value: chunks }],
    });
  }

  of(partition: PartitionKey): PartitionTruth {
    return this.partitions.get(partitionPk(partition))!;
  }

  /** Adds a line to the trace, which is part of the digest. */
  note(what: string, value: unknown): void {
    if (!this.#keepDigest && !this.#keepTrace) return;
    const line = `${Math.round(this.#time.nowMs)} ${what}${value === null ? '' : ` → ${shown(value)}`}`;
    this.#digest.update(line);
    if (this.#keepTrace) this.trace.push(line);
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** Of all that happened and of what every head and chunk is. */
  digest(): string {
    if (!this.#keepDigest) return '';
    for (const { head, chunks, records } of this.partitions.values())
      this.#digest.update(shown([head, [...chunks.values()], records], 1e9));
    return this.#digest.digest('hex');
  }

  expect(holds: boolean, rule: string, detail: () => string): void {
    if (holds || this.violation !== null) return;
    this.violation = `${rule}: ${detail()}`;
    this.note(`VIOLATION ${this.violation}`, null);
  }

  async onCommit(
    partition: PartitionKey,
    args: CommitArgs,
    effect: () => Promise<CommitOutcome>,
  ): Promise<CommitOutcome> {
    const outcome = await effect();
    const truth = this.partitions.get(partitionPk(partition));
    // Of a topic that is no more, or not yet.
    if (truth === undefined) return outcome;
    const before = truth.head;
    if (outcome.outcome === 'refused') {
      if (before.floor >= args.minId) this.#countRefusal(args.minId);
      return outcome;
    }
    const hadRoom = before.tail.length < args.tailEntriesCap && before.tailBytes < args.tailBytesCap;
    this.expect(hadRoom, 'Bounded head', () => `a commit into a tail of ${before.tail.length} entries`);
    for (const bytes of args.entries) await this.#addEntry(truth, bytes);
    await this.#refresh(truth);
    this.expect(
      truth.head.next === before.next + BigInt(args.recordCount),
      'Dense offsets',
      () => `next ${truth.head.next}`,
    );
    this.expect(
      truth.head.appended === truth.appended,
      'Conservation',
      () => `appended ${truth.head.appended}, not ${truth.appended}`,
    );
    this.count('commits');
    return outcome;
  }

  /** What the floor has passed is to be sent under another id, and not again and again. */
  #countRefusal(id: string): void {
    const refusals = (this.#refusals.get(id) ?? 0) + 1;
    this.#refusals.set(id, refusals);
    this.expect(refusals <= 30, 'Progress', () => `${id} was sent ${refusals} times under a floor above it`);
  }

  async #addEntry(truth: PartitionTruth, bytes: Uint8Array): Promise<void> {
    const entry = decodeEntry(bytes);
    const base = BigInt(truth.records.length);
    // Batches of idempotent producers are entries of their own, though of one object.
    const place = entry.kind === 'inline' ? entry.id : `${entry.id}@${entry.position}`;
    this.expect(!truth.places.has(place), 'Once', () => `${place} is committed again at ${base}`);
    truth.places.add(place);
    truth.ids.add(entry.id);
    const aheadMs = idTimeMs(entry.id) - START_MS - this.#time.nowMs;
    this.expect(aheadMs <= limits.clockAheadMs, 'Clock', () => `${entry.id} is ${aheadMs} ms ahead of the stores`);
    const data = entry.kind === 'inline' ? entry.batches : await this.#read(truth, entry);
    this.expect(data !== null, MIXED, () => `${entry.id} is committed before its object is there`);
    if (data === null) return;
    let maxTimestampMs = -1n;
    for (const { header, bytes: batch } of splitBatches(data)) {
      for (const { value, timestampMs } of decodeBatch(batch)) {
        truth.records.push(Buffer.from(value!).toString().trimEnd());
        truth.timestamps.push(timestampMs);
      }
      truth.appended += batchChecksum(header.crc, header.recordCount);
      if (header.maxTimestampMs > maxTimestampMs) maxTimestampMs = header.maxTimestampMs;
    }
    const end = BigInt(truth.records.length);
    this.expect(
      end - base === BigInt(entry.recordCount),
      MIXED,
      () => `${entry.id} has ${end - base} records, not ${entry.recordCount}`,
    );
    this.expect(
      maxTimestampMs === entry.maxTimestampMs,
      'Entry',
      () => `${entry.id} tells ${entry.maxTimestampMs}, not ${maxTimestampMs}`,
    );
    truth.entries.push({ base, end, bytes, entry });
  }

  async #read(truth: PartitionTruth, entry: Extract<Entry, { kind: 'reference' }>): Promise<Uint8Array | null> {
    const key = segmentKey({ prefix: this.#base.prefix, domain: truth.domain, level: 0, id: entry.id });
    return this.#base.objects.get(key, entry.position, entry.lengthBytes);
  }

  /** Any other change of a head. */
  async onHead(partition: PartitionKey, effect: () => Promise<Change<Head>>): Promise<Change<Head>> {
    const outcome = await effect();
    const truth = this.partitions.get(partitionPk(partition));
    if (truth !== undefined) await this.#refresh(truth);
    return outcome;
  }

  async #refresh(truth: PartitionTruth): Promise<void> {
    const head = await this.#base.heads.read(truth.partition, { consistent: true });
    if (head === null && !truth.isGone) this.count('heads removed');
    truth.isGone ||= head === null;
    this.expect(
      !truth.isGone || head === null,
      'Monotonic',
      () => `a removed head of ${truth.partition.topicId} is back`,
    );
    if (head === null) {
      truth.heads.push({ atMs: this.#time.nowMs, value: null });
      return;
    }
    const before = truth.head;
    truth.head = head;
    truth.heads.push({ atMs: this.#time.nowMs, value: head });
    for (const field of ['next', 'start', 'tailBase', 'floor'] as const) {
      this.expect(
        head[field] >= before[field],
        'Monotonic',
        () => `${field} went from ${before[field]} to ${head[field]}`,
      );
    }
    if (head.start > before.start) this.deletions?.onStartRaised(truth, before);
    this.expect(head.start <= head.next, 'Monotonic', () => `start ${head.start} above next ${head.next}`);
    this.expect(
      head.next === BigInt(truth.records.length),
      'Dense offsets',
      () => `next ${head.next}, ${truth.records.length} records`,
    );
    const tail = entriesIn(truth, head.tailBase, head.next);
    this.expect(
      sameEntries(head.tail, tail),
      'Dense offsets',
      () => `the tail from ${head.tailBase} is not what was committed there`,
    );
    const bytes = tail.reduce((sum, entry) => sum + entry.bytes.length, 0);
    this.expect(head.tailBytes === bytes, 'Tail adds up', () => `${head.tailBytes} bytes in the tail, not ${bytes}`);
    if (head.tailBase === before.tailBase) return;
    this.#checkTrim(truth, before.tailBase);
  }

  #checkTrim(truth: PartitionTruth, from: bigint): void {
    const { head, chunks } = truth;
    this.count('rolls');
    for (let base = from; base < head.tailBase; ) {
      const chunk = chunks.get(base);
      this.expect(
        chunk !== undefined,
        'Chunk before trim',
        () => `nothing holds offset ${base} below ${head.tailBase}`,
      );
      if (!chunk) return;
      base = chunk.end;
    }
    const max = maxTimestamp(truth, head.tailBase);
    const shownMax = `${head.maxTimestampMs} at ${head.maxTimestampOffset}`;
    this.expect(
      shownMax === `${max.timestampMs} at ${max.offset}`,
      'Look-up by time',
      () => `the head tells ${shownMax}`,
    );
  }

  async onChunkPut(
    partition: PartitionKey,
    chunk: Chunk,
    effect: () => Promise<Change<Chunk>>,
  ): Promise<Change<Chunk>> {
    const outcome = await effect();
    if (outcome.outcome === 'refused') return outcome;
    const truth = this.partitions.get(partitionPk(partition));
    if (truth === undefined || chunk.level === 1) {
      this.#forked(partition, truth, chunk);
      return outcome;
    }
    const entries = entriesIn(truth, chunk.base, chunk.end);
    this.expect(
      entries.length > 0 && sameEntries(chunk.entries, entries),
      'Stable prefix',
      () => `chunk ${chunk.base}-${chunk.end} holds other entries`,
    );
    this.expect(chunk.count === entries.length, 'Chunk before trim', () => `chunk ${chunk.base} counts ${chunk.count}`);
    const ids = entries.map(({ entry }) => entry.id).sort();
    this.expect(
      chunk.minId === ids[0] && chunk.maxId === ids.at(-1),
      'Floor before forgetting',
      () => `chunk ${chunk.base} tells other ids`,
    );
    const max = maxTimestamp(truth, chunk.end);
    const isRight = chunk.runMaxTimestampMs === max.timestampMs && chunk.runMaxTimestampOffset === max.offset;
    this.expect(isRight, 'Look-up by time', () => `chunk ${chunk.base} tells ${chunk.runMaxTimestampMs}`);
    this.#setChunk(truth, chunk.base, chunk);
    return outcome;
  }

  /** Only forks put what was rewritten: before there is a head, or so late that retention had deleted it again. */
  #forked(partition: PartitionKey, truth: PartitionTruth | undefined, chunk: Chunk): void {
    this.forks?.onChunkPut(partition, chunk);
    if (truth === undefined) return;
    const isDead = truth.isGone || chunk.end <= truth.head.start;
    this.expect(isDead, 'Stable prefix', () => `chunk ${chunk.base}-${chunk.end} is put into a log that is there`);
    this.#setChunk(truth, chunk.base, chunk);
  }

  async onChunkReplace(
    partition: PartitionKey,
    base: bigint,
    effect: () => Promise<Change<Chunk>>,
  ): Promise<Change<Chunk>> {
    const outcome = await effect();
    if (outcome.outcome === 'done') {
      const truth = this.of(partition);
      await this.#checkReplacement(truth, outcome.item);
      this.#setChunk(truth, base, outcome.item);
      this.count('replacements');
    }
    return outcome;
  }

  /** What a chunk comes to name is there, and holds what was committed at its offsets. Of a partition that is gone nobody reads it. */
  async #checkReplacement({ domain, records, head, isGone }: PartitionTruth, chunk: Chunk): Promise<void> {
    if (isGone) return;
    const { base, end, maxId, entries } = chunk;
    const name = `chunk ${base}-${end}`;
    this.expect(head.floor >= maxId, 'Floor before forgetting', () => `${name} is replaced above the floor`);
    this.expect(end <= head.tailBase, 'Chunk before trim', () => `${name} is replaced in front of its trim`);
    const entry = decodeEntry(entries[0]!);
    if (entry.kind === 'inline') return this.expect(false, MIXED, () => `${name} is replaced by batches`);
    const key = segmentKey({ prefix: this.#base.prefix, domain, level: 1, id: entry.id });
    const data = await this.#base.objects.get(key, entry.position, entry.lengthBytes);
    this.expect(data !== null, MIXED, () => `${name} comes to name ${key}, which is not there`);
    let offset = base;
    for (const { bytes } of splitBatches(data ?? new Uint8Array(0))) {
      for (const { offset: at, value } of decodeBatch(bytes)) {
        const isSame = at === offset && Buffer.from(value!).toString().trimEnd() === records[Number(at)];
        this.expect(isSame, 'Stable prefix', () => `${name} has something else at ${at}`);
        offset += 1n;
      }
    }
    this.expect(offset === end, 'Stable prefix', () => `${name} ends at ${offset}`);
  }

  async onChunkRemove(partition: PartitionKey, base: bigint, effect: () => Promise<boolean>): Promise<boolean> {
    const isGone = await effect();
    const truth = this.partitions.get(partitionPk(partition));
    const chunk = truth?.chunks.get(base);
    if (truth === undefined || !isGone) return isGone;
    this.#setChunk(truth, base, null);
    // Of a partition that is gone all may go.
    if (chunk !== undefined && !truth.isGone) this.deletions?.onChunkRemoved(truth, chunk);
    return isGone;
  }

  #setChunk(truth: PartitionTruth, base: bigint, chunk: Chunk | null): void {
    const chunks = new Map(truth.chunks);
    if (chunk) chunks.set(base, chunk);
    else chunks.delete(base);
    truth.chunks = chunks;
    truth.chunkHistory.push({ atMs: this.#time.nowMs, value: chunks });
  }

  /** What an eventually consistent read may answer. */
  staleHead(partition: PartitionKey, lagMs: number): Head | null {
    const truth = this.partitions.get(partitionPk(partition));
    return truth === undefined ? null : structuredClone(asOf(truth.heads, this.#time.nowMs - lagMs));
  }

  staleChunks(partition: PartitionKey, query: ChunkQuery, lagMs: number): readonly Chunk[] {
    const truth = this.partitions.get(partitionPk(partition));
    const chunks = truth === undefined ? [] : [...asOf(truth.chunkHistory, this.#time.nowMs - lagMs).values()];
    const { fromBase = 0n, toBase = 2n ** 63n, order, limit } = query;
    const found = chunks.filter(({ base }) => base >= fromBase && base <= toBase);
    found.sort((a, b) => Number(a.base - b.base));
    if (order === 'descending') found.reverse();
    return structuredClone(found.slice(0, limit));
  }

  /** Whether any head or chunk names a level-0 object. */
  isNamed(id: string): boolean {
    for (const { head, chunks, entries } of this.living) {
      if (entriesIn({ entries }, head.tailBase, head.next).some(({ entry }) => entry.id === id)) return true;
      for (const chunk of chunks.values()) {
        const isLevel0 = chunk.level === 0 && chunk.end > head.start;
        if (isLevel0 && chunk.entries.some((bytes) => decodeEntry(bytes).id === id)) return true;
      }
    }
    return false;
  }
}
