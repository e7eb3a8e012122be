/**
 * Retention of one partition: raises its log start offset over what has expired and deletes the chunks that lie below it.
 *
 * Always true: the floor is at or above every id of a chunk before the chunk is deleted (floor before forgetting), and the log start offset at or above its end. Chunks go in the order of their offsets, so
 * a crash leaves some that are dead already; the next time deletes them. Objects stay: they may hold records of others, and collection deletes them.
 */
import type { Chunk } from '../log/chunk.ts';
import { chunkPages } from '../log/chunk-pages.ts';
import type { Head } from '../log/head.ts';
import type { Change } from '../log/head-transitions.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { type RepeatedAnswer, repeatRequest } from '../log/repeat-request.ts';
import { rollTail } from '../log/roll.ts';
import type { SegmentId } from '../segment/segment-id.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { chunkExtents, expiredPrefix, KeptSuffix, type RecordExtent, tailExtents } from './retention-plan.ts';
import type { RetentionPolicy } from './retention-policy.ts';

/** What is to be retained, by which time. */
export interface RetentionRequest {
  readonly partition: PartitionKey;
  readonly policy: RetentionPolicy;
  /** Time as retention may trust it, see `trusted-time.ts`. */
  readonly nowMs: number;
  /** Whether to stop although not all is done; asked after each hundred chunks. Default: never. */
  readonly isOver?: () => boolean;
}

/** What was done. */
export interface RetainedPartition {
  readonly recordsDropped: bigint;
  readonly chunksRemoved: number;
}

const NOTHING_RETAINED: RetainedPartition = { recordsDropped: 0n, chunksRemoved: 0 };

/** Looks at a head that others move all the time. */
const MAX_ROUNDS = 16;

const CONSISTENT = { consistent: true } as const;

const least = (one: bigint, other: bigint): bigint => (one < other ? one : other);
const most = (one: bigint, other: bigint): bigint => (one > other ? one : other);

/**
 * Whether a partition needs anything, by its head and one eventually consistent query of two chunks: what it misses is found the next time. Throws what the store throws, CORRUPT_OBJECT for what cannot be
 * read.
 */
export async function needsRetention(
  deps: MaintenanceDeps,
  { partition, policy, nowMs }: RetentionRequest,
  head: Head,
): Promise<boolean> {
  if (head.next === 0n) return false;
  const { minBytes, maxAgeMs } = policy;
  if (minBytes !== null && head.start < head.next && head.appendedBytes > minBytes) return true;
  const query = { order: 'ascending', limit: 2, consistent: false } as const;
  const { answer } = await repeatRequest(deps, () => deps.store.chunks.query(partition, query));
  const [first, second] = answer;
  const isFirstDead = first !== undefined && least(first.end, second?.base ?? first.end) <= head.start;
  const [tailEnd] = tailExtents(head);
  const isTailDead = tailEnd !== undefined && tailEnd.endOffset <= head.start;
  if (isFirstDead || isTailDead) return true;
  if (maxAgeMs === null) return false;
  const extents = first === undefined ? tailExtents(head) : chunkExtents(first);
  const oldest = extents.filter(({ endOffset }) => endOffset > head.start);
  return expiredPrefix(oldest.slice(0, 1), { nowMs, maxAgeMs }).endOffset !== null;
}

/** Pages of chunks, of a hundred, that are looked through before what has expired of them is dropped. */
const PAGES_MOST = 10;

/**
 * Drops what the policy says, and deletes what is dead, a thousand chunks at a time: so a slice gets somewhere however much has expired. May be run again after a crash, and by several at once.
 *
 * Requests: 1 read, 1 query for 100 chunks that are looked at; for 100 chunks that go 1 update of the head and 100 deletions; 3 requests more when the tail has expired too. Throws what the store throws after
 * ten attempts, CORRUPT_OBJECT for what cannot be read.
 */
export async function retainPartition(deps: MaintenanceDeps, request: RetentionRequest): Promise<RetainedPartition> {
  let [recordsDropped, chunksRemoved] = [0n, 0];
  for (;;) {
    const retained = await retainSome(deps, request);
    recordsDropped += retained.recordsDropped;
    chunksRemoved += retained.chunksRemoved;
    const hasMoved = retained.recordsDropped > 0n || retained.chunksRemoved > 0;
    if (retained.isWhole || !hasMoved || request.isOver?.()) return { recordsDropped, chunksRemoved };
  }
}

async function retainSome(
  deps: MaintenanceDeps,
  request: RetentionRequest,
): Promise<RetainedPartition & { readonly isWhole: boolean }> {
  const { partition } = request;
  const read = async () => (await repeatRequest(deps, () => deps.store.heads.read(partition, CONSISTENT))).answer;
  let head: Head | null = await read();
  if (head === null) return { ...NOTHING_RETAINED, isWhole: true };
  const { start } = head;
  const { below, isWhole } = await expiredBelow(deps, request, head);
  const target = most(start, below);
  for (let round = 0; round < MAX_ROUNDS && (await rollExpired(deps, partition, head, target)); round++) {
    head = await read();
    if (head === null) return { ...NOTHING_RETAINED, isWhole: true };
  }
  const { chunksRemoved, logStartOffset } = await removeBelow(deps, request, head, target);
  return { recordsDropped: logStartOffset - start, chunksRemoved, isWhole };
}

/** How much may go. */
interface Expired {
  /** The offset below which everything may go; 0 when nothing may. */
  readonly below: bigint;
  /** Whether nothing above it may. */
  readonly isWhole: boolean;
}

async function expiredBelow(deps: MaintenanceDeps, request: RetentionRequest, head: Head): Promise<Expired> {
  const byAge = await expiredByAge(deps, request, head);
  return { ...byAge, below: most(byAge.below, await expiredByBytes(deps, request, head)) };
}

async function expiredByAge(
  deps: MaintenanceDeps,
  { partition, policy: { maxAgeMs }, nowMs }: RetentionRequest,
  head: Head,
): Promise<Expired> {
  if (maxAgeMs === null) return { below: 0n, isWhole: true };
  let below = 0n;
  let pages = 0;
  /** False when something in it has not expired. */
  const isExpired = (extents: readonly RecordExtent[]): boolean => {
    const live = extents.filter(({ endOffset }) => endOffset > head.start);
    const { endOffset, isAll } = expiredPrefix(live, { nowMs, maxAgeMs });
    below = most(below, endOffset ?? 0n);
    return isAll;
  };
  let end = head.start;
  for await (const page of chunkPages(deps, partition, { toBase: head.tailBase - 1n, order: 'ascending' })) {
    for (const chunk of page) {
      // Where a chunk is missing, nothing behind it is touched. One that a late roller brought back reaches into others and holds what they hold.
      if (chunk.base > end || !isExpired(chunkExtents(chunk))) return { below, isWhole: true };
      end = most(end, chunk.end);
    }
    pages += 1;
    if (pages === PAGES_MOST) return { below, isWhole: false };
  }
  if (end >= head.tailBase) isExpired(tailExtents(head));
  return { below, isWhole: true };
}

async function expiredByBytes(
  deps: MaintenanceDeps,
  { partition, policy: { minBytes } }: RetentionRequest,
  head: Head,
): Promise<bigint> {
  if (minBytes === null || head.appendedBytes <= minBytes) return 0n;
  const kept = new KeptSuffix(minBytes);
  kept.add(tailExtents(head), head.tailBase);
  let end = head.tailBase;
  const query = { toBase: head.tailBase - 1n, order: 'descending' } as const;
  for await (const page of chunkPages(deps, partition, query)) {
    for (const chunk of page) {
      if (kept.startOffset !== null || chunk.end <= head.start) return kept.startOffset ?? 0n;
      if (chunk.end === end) {
        kept.add(chunkExtents(chunk), chunk.base);
        end = chunk.base;
      }
    }
  }
  return kept.startOffset ?? 0n;
}

/** Entries of the tail that lie below `target` go into a chunk, so that they can be deleted; true when the head has changed by that or otherwise. */
async function rollExpired(
  deps: MaintenanceDeps,
  partition: PartitionKey,
  head: Head,
  target: bigint,
): Promise<boolean> {
  const count = tailExtents(head).filter(({ endOffset }) => endOffset <= target).length;
  if (count === 0) return false;
  await repeatRequest(deps, () => rollTail(deps.store, partition, { ...head, tail: head.tail.slice(0, count) }));
  return true;
}

/** Raises the log start offset to `target`, page by page, and deletes the chunks below it. */
async function removeBelow(
  deps: MaintenanceDeps,
  { partition, isOver = () => false }: RetentionRequest,
  headAtFirst: Head,
  target: bigint,
): Promise<{ readonly chunksRemoved: number; readonly logStartOffset: bigint }> {
  const limit = least(target, headAtFirst.tailBase);
  let head = headAtFirst;
  let chunksRemoved = 0;
  for await (const page of chunkPages(deps, partition, { toBase: limit - 1n, order: 'ascending' })) {
    const dead = page.filter(({ end }) => end <= limit);
    const isLast = dead.length < page.length;
    const raised = await raise(deps, partition, head, isLast ? target : page.at(-1)!.end, dead);
    if (raised === null) return { chunksRemoved, logStartOffset: head.start };
    head = raised;
    const { floor } = head;
    for (const { base } of dead) {
      const args = { endAtMost: limit, maxIdAtMost: floor };
      const { answer } = await repeatRequest(deps, () => deps.store.chunks.remove(partition, base, args));
      if (answer) chunksRemoved += 1;
    }
    if (isOver()) return { chunksRemoved, logStartOffset: head.start };
  }
  const last = await raise(deps, partition, head, target, []);
  return { chunksRemoved, logStartOffset: (last ?? head).start };
}

/** Puts log start offset and floor where these chunks can be forgotten; the head as it is then, null when there is none any more. */
async function raise(
  deps: MaintenanceDeps,
  partition: PartitionKey,
  headAtFirst: Head,
  start: bigint,
  dead: readonly Chunk[],
): Promise<Head | null> {
  const { heads } = deps.store;
  const needed = dead.reduce<SegmentId>((floor, { maxId }) => (maxId > floor ? maxId : floor), headAtFirst.floor);
  let head: Head | undefined = headAtFirst;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const floor: SegmentId = needed > head.floor ? needed : head.floor;
    const isStart: boolean = head.start < start;
    if (!isStart && floor === head.floor) return head;
    const { answer }: RepeatedAnswer<Change<Head>> = await repeatRequest(deps, () =>
      isStart ? heads.advanceStart(partition, { start, floor }) : heads.raiseFloor(partition, floor),
    );
    head = answer.item;
    if (head === undefined) return null;
    if (answer.outcome === 'done') return head;
  }
  return null;
}
