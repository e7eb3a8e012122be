/**
 * The work of one invocation on one partition for one subscription: takes the lease, gives out batches, takes what became of them, and lets go so that no doorbell is lost.
 *
 * take → (batch → settle)* → release, until answered → read the head again, consistently → over only if nothing is new. Whoever rings while the lease is held is seen by that last read, and whoever rings later finds the lease free.
 * Where it is over before the end, because of time, rate or a record that has to wait, a wake-up is booked before the lease is released. What was counted or committed here is known from answers to its own updates alone.
 */

import { asMillraceError } from '../errors.ts';
import { freshUuid } from '../log/fresh-uuid.ts';
import type { Head } from '../log/head.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { DeadRecord, EventSourceDeps, EventSourceNews, NewsBody } from './event-source-deps.ts';
import { dueMs } from './failed-record.ts';
import { compileFilters, type RecordFilter } from './filter/filter.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import type { Lease } from './lease.ts';
import { LEASE_MARGIN_MS, type LeaseSession, takeLease } from './lease-session.ts';
import { PartitionReader } from './partition-reader.ts';
import { type BatchPlan, planBatch } from './plan-batch.ts';
import { formatProgress, type Progress, parseProgress } from './progress.ts';
import type { ReceivedEvent } from './received-event.ts';
import {
  type BatchOutcome,
  commitProgress,
  passRanges,
  passRecords,
  retryDelayMs,
  settleBatch,
} from './settle-batch.ts';
import { decideWake } from './wake-decision.ts';

/** What wakes a worker. */
export interface WakeRequest {
  readonly subscription: FunctionSubscription;
  readonly partition: number;
  /** The epoch of the lease that was seen, 0 for none. */
  readonly seen: number;
  /** The head that was seen: its data is used, but nothing is ever concluded from what it does not have. */
  readonly head: Head | null;
  /** It is at least this late, whatever the clock says here: the time of the wake-up that led here; 0 or absent: none. */
  readonly atMs?: number;
}

/** How long the work may take. */
export interface WorkLimits {
  /** By the monotonic clock: nothing is given out any more. */
  readonly deadlineMs: number;
  /** How long the lease is taken for: longer than a batch takes, or than the pauses between two calls of `renew`. */
  readonly leaseMs: number;
  /** Bytes that a record takes in the event, and the most of them. */
  readonly sizeOf: (record: ReceivedEvent) => number;
  readonly maxBytes: number;
}

/** What became of a batch: as the function answered, or it could not be called and no attempt was made. */
export type WorkOutcome = BatchOutcome | { readonly kind: 'refused'; readonly error: string; readonly retryMs: number };

/** A pump may end by itself, whatever its function does: once in a row that counts for nothing. A function that pulls ends with its handler. */
const UNREPORTED_ENDS_FORGIVEN = { push: 1, pull: 0 } as const;
/** How long what could not be read waits. */
const UNREADABLE_MS = 60_000;

/** See the module comment. */
export class PartitionWork {
  readonly #deps: EventSourceDeps;
  readonly #limits: WorkLimits;
  readonly #request: WakeRequest;
  #subscription: FunctionSubscription;
  #matches: RecordFilter;
  #reader: PartitionReader | null = null;
  #session: LeaseSession | null = null;
  #seen: number;
  #head: Head | null;
  #committed: bigint | null = null;
  #progress: Progress = parseProgress('');
  /** Something is to be written before a batch is given out. */
  #isDirty = false;
  #givenOut: readonly ReceivedEvent[] | null = null;
  /** As the take counted, until something was reported; then the next batch is the first to be begun. */
  #attempts = 1;
  #isOver = false;

  constructor(deps: EventSourceDeps, request: WakeRequest, limits: WorkLimits) {
    this.#deps = deps;
    this.#request = request;
    this.#limits = limits;
    this.#subscription = request.subscription;
    this.#matches = compileFilters(request.subscription.options.filters);
    this.#seen = request.seen;
    this.#head = request.head;
  }

  /** The subscription, as it was read last. */
  get subscription(): FunctionSubscription {
    return this.#subscription;
  }

  /** Nothing is left to do here. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The next batch, or null when there is nothing to do any more; then the lease is released, or lost. The one before must be settled. Throws what the store throws after ten attempts. */
  async next(): Promise<readonly ReceivedEvent[] | null> {
    while (!this.#isOver) {
      if (this.#session === null && !(await this.#take())) break;
      const batch = await this.#step();
      if (batch !== null) return batch;
    }
    return null;
  }

  /** Takes what became of the batch that was given out last. Nothing is written yet. */
  async settle(outcome: WorkOutcome): Promise<void> {
    const batch = this.#givenOut;
    if (batch === null || this.#isOver) return;
    this.#givenOut = null;
    this.#isDirty = true;
    this.#attempts = 1;
    if (outcome.kind === 'refused') return this.#rest(outcome);
    await this.#settle(batch, outcome);
  }

  /** Keeps the lease while a batch is being handled; false when it is lost, and what becomes of the batch does not count any more. Not beside `next`, `settle` or `finish`. */
  async renew(): Promise<boolean> {
    return this.#session !== null && !this.#isOver && this.#write({ isReleased: false, notBeforeMs: 0 });
  }

  /** Lets go now, and rings if there is more: for whoever can handle one batch only, or has no time left. */
  async finish(): Promise<void> {
    if (this.#session === null || this.#isOver) return;
    const isResting = this.#restUntilMs > this.#nowMs();
    const plan = planBatch(this.#reader!.window(this.#committed!), this.#planContext());
    const isLeft = !isResting && (plan.batch.length > 0 || plan.refused.length > 0 || this.#reader!.canReadOn);
    const notBeforeMs = isResting ? this.#restUntilMs : (plan.notBeforeMs ?? 0);
    this.#progress = { ...this.#progress, windowSinceMs: plan.windowSinceMs };
    const hasMore = await this.#release(isLeft ? 0 : notBeforeMs);
    if (hasMore || (isLeft && !this.#isOver)) await this.#ring();
    this.#isOver = true;
  }

  async #take(): Promise<boolean> {
    const { partition } = this.#request;
    const { group, topic, topicId } = this.#subscription;
    const key = { topicId, partition };
    if (this.#seen === 0 && !(await this.#isThere())) return false;
    const request = { group, topic, partition: key, seen: this.#seen, leaseMs: this.#limits.leaseMs };
    const take = await takeLease(this.#deps, request);
    if (take.outcome === 'gone') {
      this.#isOver = true;
      return false;
    }
    if (take.outcome === 'busy') {
      // Whoever has it may be dead: then somebody has to come when it has run out.
      await this.#deps.wakeUps.book({ ...this.#key(), atMs: take.untilMs + LEASE_MARGIN_MS });
      this.#isOver = true;
      return false;
    }
    this.#session = take.session;
    this.#accept(take.session.taken);
    return true;
  }

  /** A lease that nobody has had yet tells nothing of a subscription that was deleted meanwhile. */
  async #isThere(): Promise<boolean> {
    const { store } = this.#deps;
    const { answer } = await repeatRequest(this.#deps, () => store.subscriptions.get(this.#subscription));
    this.#isOver = answer === null;
    return answer !== null;
  }

  #accept(lease: Lease): void {
    const from = lease.committed ?? this.#head?.start ?? 0n;
    this.#committed = from;
    this.#progress = parseProgress(lease.progress);
    this.#reader = new PartitionReader(this.#deps.fetcher, this.#subscription, this.#request.partition, from);
    if (this.#head !== null) this.#reader.see(this.#head);
    this.#isDirty = false;
    this.#attempts = lease.attempts;
    this.#hasCrashedBefore = lease.attempts > UNREPORTED_ENDS_FORGIVEN[this.#subscription.options.mode] + 1;
    this.#restUntilMs = 0;
  }

  /** Workers before this one have ended without a word: the batch that they had counts as failed. */
  #hasCrashedBefore = false;
  /** Nothing before this. */
  #restUntilMs = 0;

  /** One decision. A batch is given out; otherwise null: look again. */
  async #step(): Promise<readonly ReceivedEvent[] | null> {
    const { clock } = this.#deps;
    if (clock.monotonicMs() >= this.#limits.deadlineMs) {
      this.#tell({ kind: 'time-limit' });
      await this.finish();
      return null;
    }
    if (this.#restUntilMs > this.#nowMs()) return this.#wait(this.#restUntilMs);
    const reader = this.#reader!;
    const window = reader.window(this.#committed!);
    if (window.records.length === 0 && !window.isEnd) return this.#readOn();
    const plan = planBatch(window, this.#planContext());
    if (plan.wantsMore) return this.#readOn();
    return this.#carryOut(plan);
  }

  #planContext() {
    const { options, retry } = this.#subscription;
    const { sizeOf, maxBytes } = this.#limits;
    const nowMs = this.#nowMs();
    return {
      options,
      progress: this.#progress,
      nowMs,
      matches: this.#matches,
      sizeOf,
      maxBytes,
      dueMs: retry === null ? () => 0 : dueMs,
    };
  }

  async #carryOut(plan: BatchPlan): Promise<readonly ReceivedEvent[] | null> {
    const { batch, passed, refused, filteredCount, notBeforeMs, windowSinceMs } = plan;
    if (passed.length > 0) this.#move(passRanges(this.#progress, passed));
    if (filteredCount > 0) this.#tell({ kind: 'filtered', records: filteredCount });
    this.#progress = { ...this.#progress, windowSinceMs };
    if (refused.length > 0) {
      await this.#sendAway(
        refused.map(({ record, reason }) => ({ record, reason, failures: 0, error: '', stack: '' })),
      );
      return null;
    }
    if (batch.length === 0) return this.#wait(notBeforeMs ?? 0);
    if (this.#hasCrashedBefore) {
      this.#hasCrashedBefore = false;
      this.#isDirty = true;
      this.#attempts = 1;
      this.#tell({ kind: 'crashed-before' });
      await this.#settle(batch, { kind: 'failed', error: 'the function or its worker ended without an answer' });
      return null;
    }
    if (this.#isDirty && !(await this.#write({ isReleased: false, notBeforeMs: 0 }))) return null;
    this.#givenOut = batch;
    return batch;
  }

  async #readOn(): Promise<null> {
    const read = await this.#reader!.readOn();
    if (read.outcome === 'gone') {
      this.#isOver = true;
    } else if (read.outcome === 'trimmed') {
      const from = this.#reader!.end;
      if (this.#session!.taken.committed !== null) this.#tell({ kind: 'skipped', from, to: read.start });
      this.#isDirty = true;
      this.#move(passRanges(this.#progress, [{ from: this.#committed!, to: read.start }]));
    } else if (read.outcome === 'failed') {
      const untilMs = this.#nowMs() + (read.error.retriable ? retryDelayMs(1) : UNREADABLE_MS);
      this.#tell({ kind: 'unreadable', error: read.error.message, untilMs });
      this.#progress = { ...this.#progress, error: read.error.message };
      this.#restUntilMs = untilMs;
    }
    return null;
  }

  /** Releases, with a wake-up where something waits; goes on only if something new has come meanwhile. */
  async #wait(notBeforeMs: number): Promise<null> {
    const hasMore = await this.#release(notBeforeMs);
    if (!hasMore) this.#isOver = true;
    return null;
  }

  async #settle(batch: readonly ReceivedEvent[], outcome: BatchOutcome): Promise<void> {
    const { options } = this.#subscription;
    const nowMs = this.#nowMs();
    const { progress, givenUp } = settleBatch(batch, outcome, this.#progress, { options, nowMs });
    this.#move({ ...progress, windowSinceMs: null });
    const dead = givenUp.map((one): DeadRecord => ({ ...one, reason: 'RetryAttemptsExhausted' }));
    if (dead.length > 0) await this.#sendAway(dead);
  }

  /** The function cannot be called now: no attempt was made. */
  #rest({ error, retryMs }: { readonly error: string; readonly retryMs: number }): void {
    const untilMs = this.#nowMs() + retryMs;
    this.#restUntilMs = untilMs;
    this.#progress = { ...this.#progress, error };
    this.#tell({ kind: 'throttled', error, untilMs });
  }

  /** What was given up is dealt with once it is durable where it goes, and waits like what failed until then. */
  async #sendAway(records: readonly DeadRecord[]): Promise<void> {
    this.#isDirty = true;
    try {
      await this.#deps.sink.send(this.#subscription, records);
    } catch (cause) {
      const error = asMillraceError(cause);
      this.#tell({ kind: 'destination-failed', records: records.length, error: error.message });
      this.#restUntilMs = this.#nowMs() + UNREADABLE_MS;
      this.#progress = { ...this.#progress, error: error.message };
      return;
    }
    for (const reason of new Set(records.map((one) => one.reason))) {
      const of = records.filter((one) => one.reason === reason);
      this.#tell({ kind: 'given-up', records: of.length, reason, error: of[0]!.error });
    }
    this.#move(
      passRecords(
        this.#progress,
        records.map(({ record }) => record),
      ),
    );
  }

  #move(progress: Progress): void {
    const moved = commitProgress(this.#committed!, progress);
    if (moved.committed !== this.#committed) this.#isDirty = true;
    this.#committed = moved.committed;
    this.#progress = moved.progress;
  }

  /** False: the lease is lost. */
  async #write({
    isReleased,
    notBeforeMs,
  }: {
    readonly isReleased: boolean;
    readonly notBeforeMs: number;
  }): Promise<boolean> {
    const nowMs = this.#nowMs();
    const isOurs = await this.#session!.update({
      committed: this.#committed,
      attempts: isReleased ? 0 : this.#attempts,
      progress: formatProgress(this.#progress),
      expiresAtMs: isReleased ? 0 : Math.ceil(nowMs + this.#limits.leaseMs),
      notBeforeMs,
    });
    this.#isDirty = false;
    if (isOurs) return true;
    this.#tell({ kind: 'fenced' });
    this.#isOver = true;
    return false;
  }

  /** Whether there is something to do for whoever takes the lease next, as far as the head tells after the release. */
  async #release(notBeforeMs: number): Promise<boolean> {
    const key = this.#key();
    const reader = this.#reader!;
    this.#progress = { ...this.#progress, seenEnd: notBeforeMs > 0 && !reader.isFull ? reader.end : null };
    if (notBeforeMs > 0) {
      // First the wake-up: if this worker ends now, somebody comes.
      await this.#deps.wakeUps.book({ ...key, atMs: notBeforeMs });
      this.#tell({ kind: 'waiting', untilMs: notBeforeMs });
    }
    const session = this.#session!;
    if (!(await this.#write({ isReleased: true, notBeforeMs }))) return false;
    // By another clock it may have come already, and found the lease held: once more, now that it is free.
    const isNear = notBeforeMs > 0 && notBeforeMs - this.#nowMs() < LEASE_MARGIN_MS;
    if (isNear) await this.#deps.wakeUps.book({ ...key, atMs: notBeforeMs });
    this.#session = null;
    this.#seen = session.epoch;
    return this.#looksAgain(notBeforeMs);
  }

  async #looksAgain(notBeforeMs: number): Promise<boolean> {
    const { store } = this.#deps;
    const key = this.#key();
    const { answer: head } = await repeatRequest(this.#deps, () =>
      store.heads.read(key.partition, { consistent: true }),
    );
    if (head === null) return false;
    this.#head = head;
    const lease = {
      committed: this.#committed,
      progress: formatProgress(this.#progress),
      notBeforeMs,
      expiresAtMs: 0,
    } as Lease;
    const subscription = this.#subscription;
    return decideWake({ subscription, lease, head, nowMs: this.#nowMs() }).kind === 'wake';
  }

  async #ring(): Promise<void> {
    await repeatRequest(this.#deps, () => this.#deps.store.bells.ring(this.#key(), freshUuid(this.#deps.random)));
  }

  /** A clock that is behind would wait once more for what has come. */
  #nowMs(): number {
    return Math.max(Math.floor(this.#deps.clock.nowMs()), this.#request.atMs ?? 0);
  }

  #key() {
    const { group, topicId } = this.#subscription;
    return { group, partition: { topicId, partition: this.#request.partition } };
  }

  #tell(news: NewsBody): void {
    this.#deps.onNews({ ...this.#key(), ...news } as EventSourceNews);
  }
}
