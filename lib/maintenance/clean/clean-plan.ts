/**
 * Which part of a partition key compaction cleans next, and whether it is due: pure. Source: Kafka's `LogCleanerManager.cleanableOffsets` and `LogToClean`.
 *
 * ```
 * start            cleanedEnd               end                     tailBase     next
 *   |  clean: no key  |  dirty: to be cleaned  |  not yet: of level 0, |   tail   |
 *   |  is there twice |                        |  or younger than the  |          |
 *                                              |  least lag            |          |
 * ```
 *
 * As Kafka leaves its active segment alone, chunks of level 0 are: recent records are read as they were written.
 */
import type { Chunk } from '../../log/chunk.ts';
import type { Head } from '../../log/head.ts';
import { indexGap } from '../../log/locate.ts';
import type { PartitionKey } from '../../log/partition-key.ts';
import type { TopicConfig } from '../../log/topic-config.ts';
import { idTimeMs } from '../../segment/segment-id.ts';
import { chunkExtents } from '../retention-plan.ts';

/** What a topic says about key compaction. */
export interface CleanPolicy {
  /** `min.cleanable.dirty.ratio`. */
  readonly minDirtyRatio: number;
  /** `min.compaction.lag.ms` and `max.compaction.lag.ms`. */
  readonly minLagMs: bigint;
  readonly maxLagMs: bigint;
  readonly deleteRetentionMs: bigint;
}

/** The policy of a topic; null for one that is not compacted by key. */
export function cleanPolicy(config: TopicConfig): CleanPolicy | null {
  if (!config.cleanupPolicy.includes('compact')) return null;
  return {
    minDirtyRatio: config.minCleanableDirtyRatio,
    minLagMs: config.minCompactionLagMs,
    maxLagMs: config.maxCompactionLagMs,
    deleteRetentionMs: config.deleteRetentionMs,
  };
}

/** A part of a partition that is to be cleaned. */
export interface DirtyPart {
  /** Below it the partition is clean. */
  readonly cleanedEnd: bigint;
  /** The end of a chunk; the records from it on are left alone. */
  readonly end: bigint;
}

/** What a plan is made by. */
export interface CleanPlanRequest {
  readonly partition: PartitionKey;
  readonly head: Pick<Head, 'start' | 'cleanedEnd' | 'cleanedBytes'>;
  readonly policy: CleanPolicy;
  /** ms since 1970. */
  readonly nowMs: number;
}

/** Takes chunks one by one, so that any number of them can be judged. */
export class CleanPlan {
  readonly #request: CleanPlanRequest;
  readonly #cleanedEnd: bigint;
  #end: bigint;
  #dirtyBytes = 0;
  #isOverdue = false;

  constructor(request: CleanPlanRequest) {
    this.#request = request;
    const { start, cleanedEnd } = request.head;
    this.#cleanedEnd = start > cleanedEnd ? start : cleanedEnd;
    this.#end = this.#cleanedEnd;
  }

  /** From where on chunks are given; the one that covers this offset comes first. */
  get fromOffset(): bigint {
    return this.#cleanedEnd;
  }

  /** The next chunk; false when it and what follows is not to be cleaned yet. Throws OBJECT_MISSING for a gap between chunks, CORRUPT_OBJECT. */
  add(chunk: Chunk): boolean {
    if (chunk.end <= this.#end) return true;
    if (chunk.base > this.#end) throw indexGap(this.#request.partition, this.#end);
    if (chunk.level === 0) return false;
    const [extent] = chunkExtents(chunk);
    const { policy, nowMs } = this.#request;
    const { minLagMs, maxLagMs } = policy;
    if (minLagMs > 0n && extent!.maxTimestampMs > BigInt(Math.floor(nowMs)) - minLagMs) return false;
    if (BigInt(idTimeMs(chunk.minId)) < BigInt(Math.floor(nowMs)) - maxLagMs) this.#isOverdue = true;
    this.#dirtyBytes += extent!.bytes;
    this.#end = chunk.end;
    return true;
  }

  /** What is to be cleaned now; null: nothing. Behind all chunks, or one that was refused. */
  get part(): DirtyPart | null {
    if (this.#end === this.#cleanedEnd) return null;
    const cleanBytes = Number(this.#request.head.cleanedBytes);
    const isDirty = this.#dirtyBytes / (cleanBytes + this.#dirtyBytes) > this.#request.policy.minDirtyRatio;
    return isDirty || this.#isOverdue ? { cleanedEnd: this.#cleanedEnd, end: this.#end } : null;
  }
}
