/**
 * Key compaction of one partition, round by round. A round takes in as many keys as its map has room for:
 *
 * ```
 * 1  the last offset of each key of the dirty part is noted, up to `mappedEnd`
 * 2  every chunk below is read, from the oldest on; those of which a record goes, or a tombstone begins to wait, are rewritten, and others that stand in what these leave behind
 * 3  the head notes that the partition is clean below `mappedEnd`
 * ```
 *
 * Always true: a record goes only when a later one of its key is in the log; the time of a tombstone begins only when nothing before it of its key is any more, and it goes behind that. So it may be killed at any point, done twice, and by several at
 * once. Where a chunk was changed by somebody else the round ends, and step 3 is left to another one.
 */
import { MillraceError } from '../../errors.ts';
import type { Chunk } from '../../log/chunk.ts';
import type { Head } from '../../log/head.ts';
import type { PartitionKey } from '../../log/partition-key.ts';
import { repeatRequest } from '../../log/repeat-request.ts';
import { parseBatchHeader } from '../../record/batch-header.ts';
import type { IdSource } from '../../segment/id-source.ts';
import type { MaintenanceDeps } from '../maintenance-deps.ts';
import { type RewrittenChunk, rewriteChunks } from '../rewrite-chunks.ts';
import { ChangedChunks } from './changed-chunks.ts';
import { type CleanRule, cleanBatch } from './clean-batch.ts';
import type { CleanPolicy, DirtyPart } from './clean-plan.ts';
import { CleanTransactions } from './clean-transactions.ts';
import { mapKeys } from './map-keys.ts';
import type { OffsetMap } from './offset-map.ts';
import { type ChunkBatches, readInGroups } from './read-in-groups.ts';

/** What is to be cleaned. */
export interface CleanRequest {
  readonly partition: PartitionKey;
  readonly domain: string;
  /** As it was read. */
  readonly head: Head;
  readonly policy: CleanPolicy;
  /** Time as deletions may trust it, see `trusted-time.ts`; ms since 1970. */
  readonly nowMs: number;
  /** The time as it seems to be, which may be later: tombstones that are met now wait from then on. */
  readonly latestMs: number;
  readonly map: OffsetMap;
  readonly ids: IdSource;
  /** About what is read at once, and what one object holds. */
  readonly readBytes: number;
  readonly objectBytes: number;
  /** Whether there is no more time. */
  readonly isOver: () => boolean;
  /** Called before chunks are rewritten. */
  readonly beforeRewrite: () => Promise<void>;
  /** Called now and then, with what a round can be gone on with that is killed; null: it has rewritten nothing yet. */
  readonly onProgress: (progress: RoundProgress | null) => Promise<void>;
}

/** How far a round is. */
export interface RoundProgress extends DirtyPart {
  /** Chunks below it are done; the begin of a chunk. */
  readonly doneBelow: bigint;
  /** Bytes of the batches that are left below. */
  readonly leftBytes: number;
}

/** What was done. */
export interface CleanResult {
  /** `moved`: somebody else has changed the partition meanwhile, and a later pass looks again. */
  readonly outcome: 'done' | 'moved' | { readonly unfinished: RoundProgress };
  readonly recordsRemoved: number;
  readonly chunksRewritten: number;
  readonly objects: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** Chunks of one object: each is an update, and 76 bytes of its index. */
const CHUNKS_MOST = 10_000;

/** Carries out a round, or what is left of one. Throws what the store throws after ten attempts, and CORRUPT_OBJECT, CORRUPT_MESSAGE, OBJECT_MISSING, UNSUPPORTED_FORMAT for what cannot be cleaned. */
export async function cleanPart(
  deps: MaintenanceDeps,
  request: CleanRequest,
  part: DirtyPart | RoundProgress,
): Promise<CleanResult & { readonly mappedEnd: bigint }> {
  const round = new CleanRound(deps, request);
  const isBegun = 'doneBelow' in part;
  const mapped = await round.map(part, isBegun ? () => false : request.isOver);
  const progress = isBegun ? part : { ...mapped, doneBelow: request.head.start, leftBytes: 0 };
  const outcome = await round.rewrite({ ...progress, end: mapped.end });
  return { ...round.counts, outcome, mappedEnd: mapped.end };
}

class CleanRound {
  readonly counts = { recordsRemoved: 0, chunksRewritten: 0, objects: 0, bytesRead: 0, bytesWritten: 0 };
  readonly #deps: MaintenanceDeps;
  readonly #request: CleanRequest;

  constructor(deps: MaintenanceDeps, request: CleanRequest) {
    this.#deps = deps;
    this.#request = request;
  }

  /** Step 1. The part that is in the map. When the time is over it is half of what could be read until then, so that the next slice has time for step 2. */
  async map({ cleanedEnd, end }: DirtyPart, isOver: () => boolean): Promise<DirtyPart> {
    const { map } = this.#request;
    map.clear(cleanedEnd);
    const options = { map, fromOffset: cleanedEnd, transactions: new CleanTransactions([]) };
    const ends: bigint[] = [];
    for await (const group of this.#read(cleanedEnd, end)) {
      for (const { batches } of group) {
        for (const bytes of batches) {
          const firstLeft = mapKeys(bytes, options);
          if (firstLeft !== null) return { cleanedEnd, end: firstLeft };
        }
      }
      ends.push(group.at(-1)!.chunk.end);
      await this.#request.onProgress(null);
      if (isOver()) return { cleanedEnd, end: ends[(ends.length - 1) >> 1]! };
    }
    return { cleanedEnd, end };
  }

  /** Steps 2 and 3. */
  async rewrite(progress: RoundProgress): Promise<CleanResult['outcome']> {
    const { isOver, objectBytes } = this.#request;
    const { start } = this.#request.head;
    let doneBelow = progress.doneBelow > start ? progress.doneBelow : start;
    let { leftBytes } = progress;
    let written: RoundProgress = { ...progress, doneBelow };
    const changed = new ChangedChunks(objectBytes);
    for await (const group of this.#read(doneBelow, progress.end)) {
      for (const one of group) {
        const { batches, isChanged, isLast } = this.#clean(one, progress);
        leftBytes += batches.reduce((sum, { length }) => sum + length, 0);
        changed.add({ partition: this.#request.partition, chunk: one.chunk, batches, isLast }, isChanged);
      }
      doneBelow = group.at(-1)!.chunk.end;
      const isFull = changed.bytes >= objectBytes || changed.count >= CHUNKS_MOST;
      if (isFull || isOver()) {
        if (!(await this.#write(changed.take()))) return 'moved';
        written = { ...progress, doneBelow, leftBytes };
        if (isOver() && doneBelow < progress.end) return { unfinished: written };
      }
      await this.#request.onProgress(written);
    }
    if (!(await this.#write(changed.take()))) return 'moved';
    const note = { cleanedEnd: progress.end, cleanedBytes: BigInt(leftBytes) };
    await repeatRequest(this.#deps, () => this.#deps.store.heads.noteCleaned(this.#request.partition, note));
    return 'done';
  }

  async *#read(fromOffset: bigint, end: bigint): AsyncGenerator<readonly ChunkBatches[]> {
    const { partition, domain, head, readBytes } = this.#request;
    const query = { partition, fromOffset, tailBase: head.tailBase, end, readBytes };
    for await (const group of readInGroups(this.#deps, domain, query)) {
      for (const { chunk, batches } of group) for (const bytes of batches) this.#checkBatch(chunk, bytes);
      yield group;
    }
  }

  /** Which transactions were aborted is not known here, so nothing of a partition that has any is touched. */
  #checkBatch({ base }: Chunk, bytes: Uint8Array): void {
    this.counts.bytesRead += bytes.length;
    const { transactional, control, baseOffset } = parseBatchHeader(bytes);
    if (!transactional && !control) return;
    throw new MillraceError('UNSUPPORTED_FORMAT', `the batch at offset ${baseOffset} belongs to a transaction`, {
      value: { chunk: base, baseOffset },
      hint: 'Millrace has no transactions; something else wrote this.',
    });
  }

  /** `isLast`: the time of a tombstone in it begins, so what that buries in other chunks is to be gone before. */
  #clean({ chunk, batches }: ChunkBatches, { cleanedEnd, end }: DirtyPart) {
    const { map, nowMs, latestMs, policy } = this.#request;
    const rule: CleanRule = {
      map,
      mappedEnd: end,
      cleanedEnd,
      nowMs,
      horizonMs: BigInt(Math.ceil(Math.max(nowMs, latestMs))) + policy.deleteRetentionMs,
      transactions: new CleanTransactions([]),
      // Readers see by the last batch of a chunk where it ends.
      keepsEmpty: ({ baseOffset, lastOffsetDelta }) => baseOffset + BigInt(lastOffsetDelta) + 1n === chunk.end,
    };
    const left: Uint8Array[] = [];
    let isChanged = false;
    let isLast = false;
    for (const bytes of batches) {
      const cleaned = cleanBatch(bytes, rule);
      if (cleaned.bytes !== null) left.push(cleaned.bytes);
      isChanged ||= cleaned.isChanged;
      isLast ||= cleaned.beginsToWait;
      this.counts.recordsRemoved += parseBatchHeader(bytes).recordCount - cleaned.recordCount;
    }
    return { batches: left, isChanged, isLast };
  }

  /** False: somebody else has changed one of the chunks. */
  async #write(rewritten: readonly RewrittenChunk[]): Promise<boolean> {
    if (rewritten.length === 0) return true;
    await this.#request.beforeRewrite();
    const { domain, ids } = this.#request;
    const { id, sizeBytes, replaced } = await rewriteChunks(this.#deps, { domain, rewritten, ids });
    this.counts.objects += id === null ? 0 : 1;
    this.counts.bytesWritten += sizeBytes;
    this.counts.chunksRewritten += replaced;
    return replaced === rewritten.length;
  }
}
