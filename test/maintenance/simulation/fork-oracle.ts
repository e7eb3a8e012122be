/**
 * Says when a fork is not its source: holds each partition of it, at the moment at which its head is made, against what was committed to the source, and from then on against what it was then, like every partition.
 *
 * It shares no code with what it judges but the decoders.
 */
import type { Chunk } from '../../../lib/log/chunk.ts';
import { decodeEntry } from '../../../lib/log/entry.ts';
import type { Head } from '../../../lib/log/head.ts';
import type { LogStore } from '../../../lib/log/log-store.ts';
import { type PartitionKey, partitionPk } from '../../../lib/log/partition-key.ts';
import type { ForkPoint } from '../../../lib/maintenance/fork-plan.ts';
import type { TopicFork } from '../../../lib/maintenance/fork-topic.ts';
import { decodeBatch, splitBatches } from '../../../lib/record/decode-batch.ts';
import { decodeSegment } from '../../../lib/segment/decode-segment.ts';
import { segmentKey } from '../../../lib/segment/segment-key.ts';
import type { ForkJudge } from '../../log/simulation/judges.ts';
import { liveChunks } from '../../log/simulation/live-chunks.ts';
import type { Oracle } from '../../log/simulation/oracle.ts';
import type { PartitionTruth } from '../../log/simulation/partition-truth.ts';

/** A fork that somebody makes. */
export interface ForkAttempt {
  readonly at: ForkPoint | undefined;
  /** The source, once it was looked up. */
  sourceId: string | null;
  /** How its heads were when it was begun. */
  readonly before: ReadonlyMap<string, Head>;
}

/** See the module comment. */
export class ForkOracle implements ForkJudge {
  readonly #oracle: Oracle;
  readonly #base: LogStore;
  readonly #onMade: (topicId: string, sourceId: string) => void;
  /** By the topic ids that they have tried. */
  readonly #attempts = new Map<string, ForkAttempt>();
  /** What was put for partitions that have no head yet. */
  readonly #put = new Map<string, Map<bigint, Chunk>>();
  /** As their heads were made. */
  readonly #made = new Map<string, Pick<Head, 'start' | 'next'>>();

  constructor(parts: { oracle: Oracle; base: LogStore; onMade: (topicId: string, sourceId: string) => void }) {
    this.#oracle = parts.oracle;
    this.#base = parts.base;
    this.#onMade = parts.onMade;
  }

  begin(at: ForkPoint | undefined): ForkAttempt {
    const before = new Map(this.#oracle.living.map(({ partition, head }) => [partitionPk(partition), head]));
    return { at, sourceId: null, before };
  }

  tries(attempt: ForkAttempt, topicId: string): void {
    this.#attempts.set(topicId, attempt);
  }

  onChunkPut(partition: PartitionKey, chunk: Chunk): void {
    const pk = partitionPk(partition);
    const before = this.#put.get(pk) ?? new Map<bigint, Chunk>();
    this.#put.set(pk, before.set(chunk.base, chunk));
  }

  async onHeadMade(truth: PartitionTruth): Promise<void> {
    const { topicId } = truth.partition;
    const attempt = this.#attempts.get(topicId);
    if (attempt?.sourceId == null) return;
    this.#onMade(topicId, attempt.sourceId);
    const source = this.#oracle.of({ ...truth.partition, topicId: attempt.sourceId });
    const { head } = truth;
    this.#made.set(partitionPk(truth.partition), head);
    this.#oracle.count('forked partitions');
    const topics = await Promise.all(
      (await this.#base.topics.list(null, 100)).map((name) => this.#base.topics.get(name)),
    );
    const state = topics.find((topic) => topic?.topicId === topicId)?.state;
    if (state !== 'creating') this.#fail(truth, `can be used before it is whole: it is ${state}`);
    if (source.isGone) this.#oracle.count('forked although the source is gone');
    this.#checkBounds(attempt, source, head);
    const put = [...(this.#put.get(partitionPk(truth.partition)) ?? new Map<bigint, Chunk>()).values()];
    put.sort((a, b) => Number(a.base - b.base));
    const chunks = await this.#base.chunks.query(truth.partition, {
      order: 'ascending',
      limit: 1_000,
      consistent: true,
    });
    this.#expectTiles(truth, liveChunks(chunks, head));
    for (const chunk of liveChunks(chunks, head)) await this.#expectRecords(truth, source, chunk);
    truth.records.push(...source.records.slice(0, Number(head.next)));
    truth.timestamps.push(...source.timestamps.slice(0, Number(head.next)));
    for (const { base, end, entries } of put) {
      const bytes = entries[0]!;
      truth.entries.push({ base, end, bytes, entry: decodeEntry(bytes) });
    }
    truth.appended = head.appended;
    truth.chunks = new Map(chunks.map((chunk) => [chunk.base, chunk]));
    truth.chunkHistory[0] = { atMs: 0, value: truth.chunks };
  }

  #fail(truth: PartitionTruth, detail: string): void {
    this.#oracle.expect(false, 'Forked', () => `${partitionPk(truth.partition)} ${detail}`);
  }

  /** It begins where the source began at some moment meanwhile, and ends where it was told to. */
  #checkBounds(
    { at, before }: ForkAttempt,
    source: PartitionTruth,
    { start, next, tail, tailBase, appended }: Head,
  ): void {
    const { partition, head } = source;
    const first = before.get(partitionPk(partition));
    const soonest = first?.start ?? 0n;
    const latest = head.start < next ? head.start : next;
    if (start < soonest || start > latest) this.#fail(source, `is forked from ${start}, not ${soonest} to ${latest}`);
    if (tail.length > 0 || tailBase !== next) this.#fail(source, 'is forked with a tail');
    const asked = at !== undefined && 'offsets' in at ? at.offsets.get(partition.partition) : undefined;
    const least = asked ?? (at !== undefined && 'timestampMs' in at ? start : (first?.next ?? 0n));
    if (next < least || next > (asked ?? head.next)) this.#fail(source, `is forked up to ${next}, not ${least}`);
    if (at !== undefined && 'timestampMs' in at) this.#checkTime(source, at.timestampMs, { start, next });
    // What its source has dropped meanwhile is in no sum.
    const isWhole = at === undefined && start === soonest;
    const heads = source.heads.flatMap(({ value }) => (value?.next === next ? [value.appended] : []));
    if (isWhole && !heads.includes(appended))
      this.#fail(source, `is forked with the sums ${appended}, not ${heads[0]}`);
  }

  /** Nothing of that time or later is in it, and all before that was there. */
  #checkTime(source: PartitionTruth, timestampMs: bigint, { start, next }: Pick<Head, 'start' | 'next'>): void {
    const times = source.timestamps.slice(Number(start), Number(next));
    const late = times.findIndex((time) => time >= timestampMs);
    if (late >= 0) this.#fail(source, `is forked with ${start + BigInt(late)}, which is as late as ${timestampMs}`);
  }

  #expectTiles(truth: PartitionTruth, chunks: readonly Chunk[]): void {
    const { start, next } = truth.head;
    if (start === next) return;
    let end = chunks[0]?.base ?? next;
    if (end > start) this.#fail(truth, `has nothing at ${start}`);
    for (const chunk of chunks) {
      if (chunk.base !== end) this.#fail(truth, `has nothing at ${end}`);
      end = chunk.end;
    }
    if (end !== next) this.#fail(truth, `ends at ${end}, not ${next}`);
  }

  /** What a chunk names is there, holds what the source has at these offsets, and nothing that was not to be taken. */
  async #expectRecords(truth: PartitionTruth, source: PartitionTruth, chunk: Chunk): Promise<void> {
    const { base, end, entries } = chunk;
    const name = `chunk ${base}-${end}`;
    const entry = decodeEntry(entries[0]!);
    if (entry.kind === 'inline' || chunk.level === 0) return this.#fail(truth, `${name} is not rewritten`);
    truth.ids.add(entry.id);
    const key = segmentKey({ prefix: this.#base.prefix, domain: truth.domain, level: 1, id: entry.id });
    const object = await this.#base.objects.get(key, 0, 1e9);
    if (object === null) return this.#fail(truth, `${name} names ${key}, which is not there`);
    const index = decodeSegment(object);
    for (const { partition, ...region } of index.level === 1 ? index.regions : []) {
      if (partition === truth.partition.partition && region.lastOffset >= truth.head.next)
        this.#fail(truth, `has ${key}, which holds ${region.lastOffset}`);
    }
    let offset = base;
    for (const { bytes } of splitBatches(object.subarray(entry.position, entry.position + entry.lengthBytes))) {
      for (const { offset: at, value } of decodeBatch(bytes)) {
        const isSame = at === offset && Buffer.from(value!).toString().trimEnd() === source.records[Number(at)];
        if (!isSame) this.#fail(truth, `${name} has something else at ${at}`);
        offset += 1n;
      }
    }
    if (offset !== end) this.#fail(truth, `${name} ends at ${offset}`);
  }

  /** Somebody was told that a fork is there: then it is, or was. */
  async acknowledged(attempt: ForkAttempt, { name, partitions }: TopicFork): Promise<void> {
    this.#oracle.count('forks acknowledged');
    const topicIds = [...this.#attempts].flatMap(([topicId, one]) => (one === attempt ? [topicId] : []));
    const made = topicIds.filter((topicId) => this.#made.has(partitionPk({ topicId, partition: 0 })));
    this.#oracle.expect(made.length === 1, 'Forked', () => `${name} was acknowledged, and made ${made.length} times`);
    for (const { partition, logStartOffset, highWatermark } of partitions) {
      const head = this.#made.get(partitionPk({ topicId: made[0]!, partition }));
      const isSo = head?.start === logStartOffset && head.next === highWatermark;
      this.#oracle.expect(isSo, 'Forked', () => `partition ${partition} of ${name} is not what was told`);
    }
    const topic = await this.#base.topics.get(name);
    const isOpen = topic?.topicId !== made[0] || topic?.state !== 'creating';
    this.#oracle.expect(isOpen, 'Forked', () => `${name} was acknowledged, and cannot be used`);
  }
}
