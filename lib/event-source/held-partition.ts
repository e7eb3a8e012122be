/** A partition while a worker has its lease: what was read of it, and what is known of it that may not be stored yet. What was counted or committed here is known from answers to this worker's own updates alone. */
import type { Head } from '../log/head.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import type { LeaseSession } from './lease-session.ts';
import { PartitionReader } from './partition-reader.ts';
import { formatProgress, type Progress, parseProgress } from './progress.ts';
import { commitProgress } from './settle-batch.ts';
import type { WorkPlace } from './work-place.ts';

/** A pump may end by itself, whatever its function does: once in a row that counts for nothing. A function that pulls ends with its handler. */
const UNREPORTED_ENDS_FORGIVEN = { push: 1, pull: 0 } as const;

/** What a write is for. */
export type HoldWrite =
  /** The lease stays. */
  | { readonly kind: 'keep'; readonly leaseMs: number }
  /** It is let go of; `notBeforeMs`: when something that waits may be given, 0: nothing waits. */
  | { readonly kind: 'release'; readonly notBeforeMs: number };

/** See the top of this file. */
export class HeldPartition {
  readonly session: LeaseSession;
  readonly reader: PartitionReader;
  /** Something is to be written before a batch is given out. */
  isDirty = false;
  /** As the take counted, until something was reported; then the next batch is the first to be begun. */
  attempts: number;
  /** Workers before this one have ended without a word: the batch that they had counts as failed. */
  hasCrashedBefore: boolean;
  /** Nothing before this. */
  restUntilMs = 0;
  readonly #place: WorkPlace;
  /** Monotonic: when the lease was taken, or written last. */
  #writtenMs: number;
  #committed: bigint;
  /** What is stored of it. */
  #stored: bigint;
  #progress: Progress;

  constructor(place: WorkPlace, session: LeaseSession, subscription: FunctionSubscription, head: Head | null) {
    const { taken } = session;
    this.#place = place;
    this.#writtenMs = place.deps.clock.monotonicMs();
    this.session = session;
    const { partition } = place.partition;
    const range = subscription.replay?.ranges.find((one) => one.partition === partition);
    this.#committed = taken.committed ?? range?.from ?? head?.start ?? 0n;
    this.#stored = this.#committed;
    this.#progress = parseProgress(taken.progress);
    this.reader = new PartitionReader(place.deps.fetcher, subscription, partition, this.#committed, range?.to);
    if (head !== null) this.reader.see(head);
    this.attempts = taken.attempts;
    this.hasCrashedBefore = taken.attempts > UNREPORTED_ENDS_FORGIVEN[subscription.options.mode] + 1;
  }

  get committed(): bigint {
    return this.#committed;
  }

  get progress(): Progress {
    return this.#progress;
  }

  /** What was read and is not committed. */
  window() {
    return this.reader.window(this.#committed);
  }

  /** Remembers something that need not be written for its own sake. */
  remember(changes: Partial<Omit<Progress, 'done' | 'failed'>>): void {
    this.#progress = { ...this.#progress, ...changes };
  }

  /** Takes a progress over, and commits what is dealt with. */
  move(progress: Progress): void {
    const moved = commitProgress(this.#committed, progress);
    if (moved.committed !== this.#committed) this.isDirty = true;
    this.#committed = moved.committed;
    this.#progress = moved.progress;
  }

  /** A third of the lease has passed: whoever goes on working has to write it. */
  isDueToBeKept(leaseMs: number): boolean {
    return this.#place.deps.clock.monotonicMs() - this.#writtenMs >= leaseMs / 3;
  }

  /** The batch that was given out last was reported: what is given out next is begun for the first time. */
  report(): void {
    this.isDirty = true;
    this.attempts = 1;
  }

  /** Stores everything that is known. False: the lease is lost. */
  async write(write: HoldWrite): Promise<boolean> {
    const isReleased = write.kind === 'release';
    // Before the request: what is stored may run out a little later than is thought here, never sooner.
    this.#writtenMs = this.#place.deps.clock.monotonicMs();
    const committed = this.#committed;
    const isOurs = await this.session.update({
      committed,
      attempts: isReleased ? 0 : this.attempts,
      progress: formatProgress(this.#progress),
      expiresAtMs: isReleased ? 0 : Math.ceil(this.#place.nowMs() + write.leaseMs),
      notBeforeMs: isReleased ? write.notBeforeMs : 0,
    });
    this.isDirty = false;
    if (isOurs) this.#tellCommitted(committed);
    else this.#place.tell({ kind: 'fenced' });
    return isOurs;
  }

  #tellCommitted(committed: bigint): void {
    if (committed === this.#stored) return;
    const lag = this.reader.lagBehind(committed);
    this.#place.tell({ kind: 'committed', from: this.#stored, to: committed, lag });
    this.#stored = committed;
  }
}
