/**
 * The lane of a partition: its parts in flush order, and the commits that put them there.
 *
 * Always true: parts are committed in the order in which they were flushed, one commit in the air; a part that is decided as not committed or unknown and told
 * so takes everything behind it along; nothing is committed while an older attempt may still land.
 */
import { asMillraceError, MillraceError } from '../errors.ts';
import type { SegmentId } from '../segment/segment-id.ts';
import { ZERO_ID } from '../segment/segment-id.ts';
import { commitUnknown, offsetMismatch, queuedBehind } from './append-errors.ts';
import type { AppendPart } from './append-part.ts';
import { backoffMs } from './backoff.ts';
import { type CommitDeps, type CommitResult, commitGroup } from './commit-group.ts';
import { entryRecordCount } from './entry.ts';
import { SLOW_FLUSH_MS } from './flush-plan.ts';
import { commitArgs, type GroupLimits, planGroup, type ReadyPart } from './group-plan.ts';
import type { Head } from './head.ts';
import { entriesBytes } from './head-transitions.ts';
import { LaneProducers } from './lane-producers.ts';
import { partitionGone } from './partition-gone.ts';
import type { PartitionKey } from './partition-key.ts';
import { rollTail } from './roll.ts';
import { shouldRoll, type TailBudget } from './roll-plan.ts';

/** What a lane needs of its appender. */
export interface LaneDeps extends CommitDeps {
  readonly limits: GroupLimits;
  readonly tailBudget: TailBudget;
  /** Uploads a part again by itself, or gives it a new id; the part tells when it is ready. */
  readonly upload: (part: AppendPart, lane: PartitionLane) => void;
  /** Whether the id is further ahead of the store's clock than may be committed. */
  readonly isTooFarAhead: (id: SegmentId) => boolean;
  /** Entries under lower ids are not looked for batches of idempotent producers. */
  readonly producerHorizon: () => SegmentId;
  /** Fails what is not flushed yet for this partition. */
  readonly failOpen: (partition: PartitionKey, error: MillraceError) => void;
}

/** A `next` older than this is read again before it is used: by then others have probably rolled the tail past it. */
const KNOWN_MAX_AGE_MS = 5_000;

/** The largest timestamp below a `tailBase`, which a chunk needs. */
interface RunningMax {
  readonly tailBase: bigint;
  readonly maxTimestampMs: bigint;
  readonly maxTimestampOffset: bigint;
}

/** See the module comment. */
export class PartitionLane {
  readonly partition: PartitionKey;
  /** The highest floor that this lane has seen. */
  floor: SegmentId = ZERO_ID;
  readonly #deps: LaneDeps;
  #queue: AppendPart[] = [];
  /** Monotonic; when the first part of the queue became the first. */
  #movedMs = 0;
  #running: Promise<void> | null = null;
  #rolling: Promise<void> | null = null;
  #known: { readonly next: bigint; readonly atMs: number } | null = null;
  #runningMax: RunningMax | null = null;
  readonly #producers: LaneProducers;
  /** Attempts under ids up to this may still land. */
  #fence: SegmentId | null = null;

  constructor(deps: LaneDeps, partition: PartitionKey) {
    this.#deps = deps;
    this.partition = partition;
    this.#producers = new LaneProducers(deps.clock);
  }

  /** Takes a flushed part; it is settled once it is decided. */
  enqueue(part: AppendPart): void {
    if (this.#queue.length === 0) this.#movedMs = this.#deps.clock.monotonicMs();
    this.#queue.push(part);
    this.#running ??= this.#run();
  }

  /** Whether it has been at the same part for longer than a flush takes: its store is slow, or refuses. */
  get stuck(): boolean {
    return this.#queue.length > 0 && this.#deps.clock.monotonicMs() - this.#movedMs >= SLOW_FLUSH_MS;
  }

  get idle(): boolean {
    return this.#running === null && this.#rolling === null;
  }

  /** Whether forgetting this lane loses nothing. */
  get disposable(): boolean {
    return this.idle && this.#fence === null;
  }

  /** Resolves when nothing is queued, committed or rolled any more. */
  async settled(): Promise<void> {
    while (!this.idle) {
      await this.#running;
      await this.#rolling;
    }
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) await this.#step();
    this.#running = null;
  }

  async #step(): Promise<void> {
    const first = this.#queue[0]!;
    if (first.settled) {
      this.#queue.shift();
    } else if (first.state.kind === 'failed') {
      this.#failAll(first.state.error);
    } else {
      const prepared = await this.#prepare(first);
      if (prepared === 'failed') return;
      this.#uploadStale();
      const group = planGroup(this.#queue, this.#deps.limits);
      if (group.length > 0) await this.#commit(group, prepared === 'read');
      else if (first.state.kind === 'uploading') await first.changed;
    }
  }

  /** Fences what may still land and learns `next`, reading it where what is known will not do. */
  async #prepare(first: AppendPart): Promise<'known' | 'read' | 'failed'> {
    const isStale = !this.#known || this.#deps.clock.monotonicMs() - this.#known.atMs > KNOWN_MAX_AGE_MS;
    // A strict commit is sent only at a `next` that was really read; a mismatch is told only after a fresh read.
    const isElsewhere =
      first.state.kind === 'ready' && first.expectedOffset !== null && first.expectedOffset !== this.#known?.next;
    const fence = this.#fence;
    if (!fence && !isStale && !isElsewhere) return 'known';
    const head = await this.#ask(first.deliverByMs, async () => {
      if (!fence) return this.#deps.store.heads.read(this.partition, { consistent: true });
      return (await this.#deps.store.heads.raiseFloor(this.partition, fence)).item ?? null;
    });
    if (head instanceof MillraceError) this.#failAll(head);
    else if (head === null) this.#failAll(partitionGone(this.partition));
    else {
      this.#fence = null;
      this.#learn(head);
      return 'read';
    }
    return 'failed';
  }

  /** Repeats a harmless request until `deliverByMs`; the error that ended it otherwise. */
  async #ask<T>(deliverByMs: number, request: () => Promise<T>): Promise<T | MillraceError> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await request();
      } catch (error) {
        const known = error instanceof MillraceError ? error : null;
        if (!known?.retriable) return known ?? asMillraceError(error);
        if (this.#deps.clock.monotonicMs() >= deliverByMs) {
          return new MillraceError('NOT_COMMITTED', 'the head of the partition could not be read in time', {
            value: this.partition,
            hint: 'Nothing was committed: send the records again.',
            cause: error,
          });
        }
      }
      await this.#deps.clock.sleep(backoffMs(attempt, this.#deps.random));
    }
  }

  #learn(head: Head): void {
    this.#known = { next: head.next, atMs: this.#deps.clock.monotonicMs() };
    this.#runningMax = head;
    if (head.floor > this.floor) this.floor = head.floor;
  }

  /** Ids at or below the floor can never land: their parts are uploaded again before they are grouped with fresh ones. */
  #uploadStale(): void {
    for (const part of this.#queue) {
      if (part.state.kind !== 'ready') continue;
      if (part.state.id <= this.floor || this.#deps.isTooFarAhead(part.state.id)) this.#deps.upload(part, this);
    }
  }

  async #commit(group: readonly ReadyPart[], wasRead: boolean): Promise<void> {
    const first = group[0]!.part;
    const known = this.#known!.next;
    if (first.expectedOffset !== null && first.expectedOffset !== known) {
      // A part that became ready since the lane was prepared meets a `next` that may be old: the next step reads it.
      if (wasRead) this.#failAll(offsetMismatch(this.partition, first.expectedOffset, known));
      else this.#known = null;
      return;
    }
    const isSequenced = group.some(({ part }) => part.sequenced !== null);
    const decided = isSequenced ? await this.#decideSequences(group, wasRead) : group;
    if (decided.length > 0) await this.#commitAt(this.#known!.next, decided);
  }

  /** What of a group with batches of idempotent producers is to be committed now; the lane looks again when that is nothing. */
  async #decideSequences(group: readonly ReadyPart[], wasRead: boolean): Promise<readonly ReadyPart[]> {
    const { deliverByMs } = group[0]!.part;
    const isCovered = this.#producers.covers(this.#known!.next);
    if (!isCovered && !(await this.#loadProducers(deliverByMs))) return [];
    const decided = this.#producers.decide(this.partition, group, wasRead || !isCovered);
    // One would be refused: what is known may be old.
    if (decided === null && !(await this.#loadProducers(deliverByMs))) return [];
    const append = decided ?? this.#producers.decide(this.partition, group, true)!;
    this.#queue = this.#queue.filter((part) => !part.settled);
    return append;
  }

  /** Reads the head and what others have appended; false when everything was given up. */
  async #loadProducers(deliverByMs: number): Promise<boolean> {
    const loaded = await this.#ask(deliverByMs, () => this.#producers.load(this.#deps, this.partition));
    if (loaded === null || loaded instanceof MillraceError) {
      this.#failAll(loaded ?? partitionGone(this.partition));
      return false;
    }
    this.#learn(loaded);
    return true;
  }

  async #commitAt(known: bigint, group: readonly ReadyPart[]): Promise<void> {
    const deadlines = {
      deliverByMs: Math.min(...group.map(({ part }) => part.deliverByMs)),
      settleByMs: Math.min(...group.map(({ part }) => part.settleByMs)),
    };
    const result = await commitGroup(
      this.#deps,
      this.partition,
      commitArgs(group, known, this.#deps.limits),
      deadlines,
    );
    this.#settle(group, result);
  }

  #settle(group: readonly ReadyPart[], result: CommitResult): void {
    this.#known = null;
    switch (result.outcome) {
      case 'committed':
        this.#committed(group, result);
        break;
      case 'refloored':
        // The next step uploads again whatever the floor has passed, this group's members first.
        if (result.floor > this.floor) this.floor = result.floor;
        break;
      case 'mismatch':
        // Of a batch of an idempotent producer it says that others have appended: it is decided again by what they did.
        if (group[0]!.part.expectedOffset !== null)
          this.#failAll(offsetMismatch(this.partition, group[0]!.part.expectedOffset, result.next));
        break;
      case 'gone':
        this.#failAll(partitionGone(this.partition));
        break;
      case 'not-committed':
        this.#failAll(result.error);
        break;
      case 'unknown':
        this.#fence = result.fence;
        this.#failUnknown(group, result.cause);
        break;
    }
  }

  #committed(group: readonly ReadyPart[], result: Extract<CommitResult, { outcome: 'committed' }>): void {
    this.#producers.committed(
      group.map(({ part }) => part),
      result.baseOffset,
    );
    let offset = result.baseOffset;
    for (const { part } of group) {
      part.committed(offset);
      offset += BigInt(part.recordCount);
    }
    this.#queue.splice(0, group.length);
    this.#movedMs = this.#deps.clock.monotonicMs();
    this.#known = { next: result.next, atMs: this.#deps.clock.monotonicMs() };
    if (result.tail) this.#rollIfDue(group, result.next, result.tail);
  }

  #rollIfDue(group: readonly ReadyPart[], next: bigint, tail: { entries: readonly Uint8Array[]; bytes: number }): void {
    if (this.#rolling) return;
    const after = { entries: tail.entries.length, bytes: tail.bytes };
    const ours = { entries: group.length, bytes: entriesBytes(group.map(({ entry }) => entry)) };
    const before = { entries: after.entries - ours.entries, bytes: after.bytes - ours.bytes };
    if (shouldRoll(before, after, this.#deps.tailBudget)) this.#rolling = this.#roll(next, tail.entries);
  }

  /** In the background: acknowledgements do not wait for it, and a roll that fails is done by the next writer. */
  async #roll(next: bigint, tail: readonly Uint8Array[]): Promise<void> {
    try {
      const tailBase = next - tail.reduce((sum, entry) => sum + BigInt(entryRecordCount(entry)), 0n);
      const head = await this.#headForRoll(tailBase, tail);
      const rolled = head && (await rollTail(this.#deps.store, this.partition, head));
      if (rolled) this.#runningMax = rolled;
    } catch {
      // Both steps are conditional and safe to leave undone: whoever finds the tail at twice the budget rolls it.
    }
    this.#rolling = null;
  }

  /** The largest timestamp below the tail is read only when this lane does not know it for just this `tailBase`. */
  async #headForRoll(tailBase: bigint, tail: readonly Uint8Array[]) {
    const max = this.#runningMax;
    if (max?.tailBase === tailBase) {
      const { maxTimestampMs, maxTimestampOffset } = max;
      return { tailBase, tail, maxTimestampMs, maxTimestampOffset };
    }
    return this.#deps.store.heads.read(this.partition, { consistent: true });
  }

  #failUnknown(group: readonly ReadyPart[], cause: unknown): void {
    const unknown = commitUnknown(this.partition, cause);
    for (const { part } of group) part.reject(unknown);
    this.#queue.splice(0, group.length);
    this.#failAll(queuedBehind(this.partition, unknown));
  }

  /** Order per producer: once a part is given up, what was sent behind it must not be in the log without it. */
  #failAll(error: MillraceError): void {
    const [first, ...rest] = this.#queue;
    this.#queue = [];
    first?.reject(error);
    const behind = queuedBehind(this.partition, error);
    for (const part of rest) part.reject(behind);
    this.#deps.failOpen(this.partition, behind);
  }
}
