/**
 * The work of one invocation on one partition for one subscription: takes the lease, gives out batches, takes what became of them, and lets go so that no doorbell is lost.
 *
 * take → (batch → settle)* → release, until answered → read the head again, consistently → over only if nothing is new. Whoever rings while the lease is held is seen by that last read, and whoever rings later finds the lease free.
 * Where it is over before the end, because of time, rate or a record that has to wait, a wake-up is booked before the lease is released.
 *
 * What comes next is decided in `next-step.ts`; what is known while the lease is held is in `held-partition.ts`; letting go is in `release-partition.ts`.
 */

import { freshUuid } from '../log/fresh-uuid.ts';
import type { Head } from '../log/head.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { closeWindow } from './close-window.ts';
import type { DeadRecord, EventSourceDeps } from './event-source-deps.ts';
import { agesSinceMs, dueMs } from './failed-record.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import { HeldPartition } from './held-partition.ts';
import { isLooping } from './hops.ts';
import { LEASE_MARGIN_MS, takeLease } from './lease-session.ts';
import { Admissions } from './limits/admission.ts';
import { nextStep, type Step, type StepDecision } from './next-step.ts';
import { type PlanContext, planBatch, REFUSALS, windowContext } from './plan-batch.ts';
import type { ReceivedEvent } from './received-event.ts';
import { releasePartition, type Wait } from './release-partition.ts';
import { sendAway, UNREADABLE_MS } from './send-away.ts';
import { type BatchOutcome, passRanges, refusedWaitMs, retryDelayMs, settleBatch } from './settle-batch.ts';
import { handedOn, type WindowCall, windowCall } from './tumbling-window.ts';
import type { WakeRequest } from './wake-request.ts';
import { WatchedSubscription } from './watched-subscription.ts';
import { WorkPlace } from './work-place.ts';

/** How long the work may take. */
export interface WorkLimits {
  /** By the monotonic clock: nothing is given out any more. */
  readonly deadlineMs: number;
  /** How long the lease is taken for: longer than a batch takes, or than the pauses between two calls of `renew`. */
  readonly leaseMs: number;
  /** Bytes that a record takes in the event, and the most of them. */
  readonly sizeOf: (record: ReceivedEvent) => number;
  readonly maxBytes: number;
  /** A limit that is over so soon is slept through, with the lease; default 0: then somebody is woken. */
  readonly maySleepMs?: number;
  /** Ends such a sleep. Default: nothing does. */
  readonly stop?: AbortSignal;
}

/** What became of a batch: as the function answered, or it could not be called and no attempt was made; then it is called after `retryMs`, or later when that happened before. */
export type WorkOutcome = BatchOutcome | { readonly kind: 'refused'; readonly error: string; readonly retryMs: number };

/** What headers say is believed of retry topics alone, which nobody else writes to. */
const OF_TOPICS = { dueMs: () => 0, isLooping, agesSinceMs: ({ timestampMs }: ReceivedEvent) => timestampMs };
/** What comes back from the dead letters is given although it went round: somebody has decided so. */
const OF_RETRY_TOPICS = { dueMs, isLooping: () => false, agesSinceMs };

/** See the module comment. */
export class PartitionWork {
  readonly #place: WorkPlace;
  readonly #limits: WorkLimits;
  readonly #subscription: WatchedSubscription;
  readonly #admissions: Admissions;
  #held: HeldPartition | null = null;
  #seen: number;
  #head: Head | null;
  #givenOut: readonly ReceivedEvent[] | null = null;
  #windowCall: WindowCall | null = null;
  #isOver = false;

  constructor(deps: EventSourceDeps, request: WakeRequest, limits: WorkLimits) {
    this.#place = new WorkPlace(deps, request);
    this.#limits = limits;
    this.#subscription = new WatchedSubscription(this.#place, request);
    const { leaseMs, deadlineMs, maySleepMs = 0, stop } = limits;
    this.#admissions = new Admissions(this.#place, { leaseMs, deadlineMs, maySleepMs, stop });
    this.#seen = request.seen;
    this.#head = request.head;
  }

  /** The subscription, as it was read last. */
  get subscription(): FunctionSubscription {
    return this.#subscription.current;
  }

  /** Calls at once to which the batch that was given out last may be split. */
  get callsAtOnce(): number {
    return this.#admissions.callsOf(this.subscription);
  }

  /** What the function is to be told of its tumbling window with the batch that was given out last; null: it has none. */
  get windowCall(): WindowCall | null {
    return this.#windowCall;
  }

  /** Nothing is left to do here. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The next batch, or null when there is nothing to do any more; an empty one for the end of a tumbling window. At null the lease is released, or lost. The one before must be settled. Throws what the store throws after ten attempts. */
  async next(): Promise<readonly ReceivedEvent[] | null> {
    while (!this.#isOver) {
      this.#held ??= await this.#take();
      if (this.#held === null) break;
      const held = this.#held;
      const batch = await this.#advance(held);
      if (batch !== null) return batch;
      // Much may be read that is not to be given out, and much sent away.
      if (this.#held === held) await this.#keepIfDue(held);
    }
    await this.#admissions.free();
    return null;
  }

  /** Takes what became of the batch that was given out last. Nothing is written yet. */
  async settle(outcome: WorkOutcome): Promise<void> {
    const batch = this.#givenOut;
    const held = this.#held;
    if (batch === null || held === null || this.#isOver) return;
    this.#givenOut = null;
    held.report();
    if (outcome.kind === 'refused') return this.#rest(held, batch.length, outcome);
    held.remember({ refusedInARow: 0 });
    await this.#settle(held, batch, outcome);
  }

  /** Keeps the lease while a batch is being handled; false when it is lost, and what becomes of the batch does not count any more. Not beside `next`, `settle` or `finish`. */
  async renew(): Promise<boolean> {
    if (this.#held === null || this.#isOver || !(await this.#keep(this.#held))) return false;
    await this.#admissions.renew();
    return true;
  }

  /** Lets go now, and rings if there is more: for whoever can handle one batch only, or has no time left. */
  async finish(): Promise<void> {
    const held = this.#held;
    if (held === null || this.#isOver) return;
    const { restUntilMs, reader } = held;
    const isResting = restUntilMs > this.#place.nowMs();
    const plan = planBatch(held.window(), this.#planContext(held));
    const isLeft =
      !isResting && (plan.batch.length > 0 || plan.refused.length > 0 || plan.closesWindow || reader.canReadOn);
    const notBeforeMs = isResting ? restUntilMs : (plan.notBeforeMs ?? 0);
    held.remember({ windowSinceMs: plan.windowSinceMs });
    const hasMore = await this.#release(held, { notBeforeMs: isLeft ? 0 : notBeforeMs, waitsFor: 'records' });
    if (hasMore || (isLeft && !this.#isOver)) await this.#ring();
    this.#isOver = true;
  }

  async #take(): Promise<HeldPartition | null> {
    const { deps, group, partition } = this.#place;
    if (this.#seen === 0 && !(await this.#isThere())) return null;
    const { current } = this.#subscription;
    const request = { group, topic: current.topic, partition, seen: this.#seen, leaseMs: this.#limits.leaseMs };
    const take = await takeLease(deps, request);
    if (take.outcome === 'taken') return new HeldPartition(this.#place, take.session, current, this.#head);
    // Whoever has it may be dead: then somebody has to come when it has run out.
    if (take.outcome === 'busy') await this.#place.book(take.untilMs + LEASE_MARGIN_MS);
    this.#isOver = true;
    return null;
  }

  /** A lease that nobody has had yet tells nothing of a subscription that was deleted meanwhile. */
  async #isThere(): Promise<boolean> {
    await this.#subscription.read();
    this.#isOver = this.#subscription.state !== 'enabled';
    return !this.#isOver;
  }

  /** One step. A batch is given out; otherwise null: look again. */
  async #advance(held: HeldPartition): Promise<readonly ReceivedEvent[] | null> {
    const { step, found } = nextStep({
      state: this.#subscription.state,
      isOutOfTime: this.#place.deps.clock.monotonicMs() >= this.#limits.deadlineMs,
      restUntilMs: held.restUntilMs,
      hasCrashedBefore: held.hasCrashedBefore,
      window: held.window(),
      context: this.#planContext(held),
    });
    if (found !== null) this.#note(held, found);
    if (step.kind === 'give-out') return this.#giveOut(held, step.batch);
    await this.#carryOut(held, step);
    return null;
  }

  #planContext({ progress }: HeldPartition): PlanContext {
    const { current, matches } = this.#subscription;
    const { sizeOf, maxBytes } = this.#limits;
    const nowMs = this.#place.nowMs();
    const { options, retry } = current;
    return { options, progress, nowMs, matches, sizeOf, maxBytes, ...(retry === null ? OF_TOPICS : OF_RETRY_TOPICS) };
  }

  #note(held: HeldPartition, { passed, filteredCount, windowSinceMs }: NonNullable<StepDecision['found']>): void {
    if (passed.length > 0) held.move(passRanges(held.progress, passed));
    if (filteredCount > 0) this.#place.tell({ kind: 'filtered', records: filteredCount });
    held.remember({ windowSinceMs });
  }

  async #carryOut(held: HeldPartition, step: Exclude<Step, { kind: 'give-out' }>): Promise<void> {
    switch (step.kind) {
      case 'leave':
        return this.#wait(held, { notBeforeMs: 0, waitsFor: 'records' });
      case 'stop':
        if (step.why === 'time-limit') this.#place.tell({ kind: step.why });
        return this.finish();
      case 'wait':
        return this.#wait(held, { notBeforeMs: step.notBeforeMs, waitsFor: 'records' });
      case 'read-on':
        return this.#readOn(held);
      case 'send-away': {
        const dead = step.refused.map(
          (one): DeadRecord => ({ ...one, failures: 0, error: REFUSALS[one.reason], stack: '' }),
        );
        await this.#sendAway(held, dead);
        return;
      }
      case 'count-crash': {
        const error = 'the function or its worker ended without an answer';
        held.hasCrashedBefore = false;
        held.report();
        this.#place.tell({ kind: 'crashed-before' });
        return this.#settle(held, step.batch, { kind: 'failed', error });
      }
    }
  }

  async #giveOut(held: HeldPartition, batch: readonly ReceivedEvent[]): Promise<readonly ReceivedEvent[] | null> {
    const admission = await this.#admissions.ask(held, this.subscription, batch);
    if (admission.kind === 'wait') {
      await this.#wait(held, admission);
      return null;
    }
    if (held.isDirty && !(await this.#keep(held))) return null;
    // It may have been paused, changed or deleted since: then all is decided anew.
    if (this.#subscription.isStale && (await this.#subscription.read())) return null;
    if (batch.length > 0 && this.#admissions.isTooLate(held, this.subscription)) return null;
    held.remember({ reserved: null });
    this.#givenOut = admission.batch;
    const [first] = admission.batch;
    this.#windowCall = windowCall(first?.timestampMs ?? null, windowContext(this.#planContext(held)));
    return admission.batch;
  }

  async #readOn(held: HeldPartition): Promise<void> {
    const { reader } = held;
    const read = await reader.readOn();
    if (read.outcome === 'gone') {
      this.#isOver = true;
    } else if (read.outcome === 'trimmed') {
      if (held.session.taken.committed !== null)
        this.#place.tell({ kind: 'skipped', from: reader.end, to: read.start });
      held.isDirty = true;
      held.move(passRanges(held.progress, [{ from: held.committed, to: read.start }]));
    } else if (read.outcome === 'failed') {
      const untilMs = this.#place.nowMs() + (read.error.retriable ? retryDelayMs(1) : UNREADABLE_MS);
      this.#place.tell({ kind: 'unreadable', error: read.error.message, untilMs });
      held.remember({ error: read.error.message });
      held.restUntilMs = untilMs;
    } else if (read.records > 0) {
      this.#place.tell({ kind: 'read', records: read.records });
    }
  }

  /** Releases, with a wake-up where something waits; goes on only if something new has come meanwhile. */
  async #wait(held: HeldPartition, wait: Wait): Promise<void> {
    const hasMore = await this.#release(held, wait);
    if (!hasMore) this.#isOver = true;
  }

  async #settle(held: HeldPartition, batch: readonly ReceivedEvent[], outcome: BatchOutcome): Promise<void> {
    const { options } = this.subscription;
    const call = this.#windowCall;
    if (batch.length === 0) return closeWindow(this.#place, held, this.subscription, { call: call!, outcome });
    const context = { options, nowMs: this.#place.nowMs() };
    const { progress, givenUp } = settleBatch(batch, outcome, held.progress, context);
    const window = call !== null && outcome.kind === 'answered' ? handedOn(call, outcome.state) : {};
    held.move({ ...progress, windowSinceMs: null, ...window });
    const dead = givenUp.map((one): DeadRecord => ({ ...one, reason: 'RetryAttemptsExhausted' }));
    if (dead.length > 0) await this.#sendAway(held, dead);
  }

  #sendAway(held: HeldPartition, records: readonly DeadRecord[]): Promise<boolean> {
    return sendAway(this.#place, held, this.subscription, records, () => this.#keepIfDue(held));
  }

  /** The function cannot be called now: no attempt was made. */
  #rest(
    held: HeldPartition,
    records: number,
    { error, retryMs }: { readonly error: string; readonly retryMs: number },
  ): void {
    const refusedInARow = held.progress.refusedInARow + 1;
    const untilMs = this.#place.nowMs() + refusedWaitMs(retryMs, refusedInARow);
    held.restUntilMs = untilMs;
    held.remember({ error, refusedInARow });
    this.#place.tell({ kind: 'throttled', records, error, untilMs });
  }

  /** False: the lease is lost. */
  async #keep(held: HeldPartition): Promise<boolean> {
    const isOurs = await held.write({ kind: 'keep', leaseMs: this.#limits.leaseMs });
    if (!isOurs) this.#isOver = true;
    return isOurs;
  }

  /** False: the lease is lost. */
  async #keepIfDue(held: HeldPartition): Promise<boolean> {
    if (this.#isOver) return false;
    return !held.isDueToBeKept(this.#limits.leaseMs) || this.#keep(held);
  }

  /** Whether there is something to do for whoever takes the lease next. */
  async #release(held: HeldPartition, wait: Wait): Promise<boolean> {
    // While it has the lease: another worker of this partition would wait for what this one still has.
    await this.#admissions.free();
    const release = await releasePartition(this.#place, held, this.#subscription, wait);
    if (release.outcome === 'lost') {
      this.#isOver = true;
      return false;
    }
    this.#held = null;
    this.#seen = held.session.epoch;
    this.#head = release.head ?? this.#head;
    if (release.hasMore || wait.waitsFor !== 'slot' || this.#subscription.state !== 'enabled') return release.hasMore;
    // Whoever has stopped calling rang while the lease was held.
    return this.#admissions.hasSlotWaiting(this.subscription);
  }

  async #ring(): Promise<void> {
    const { deps, key } = this.#place;
    await repeatRequest(deps, () => deps.store.bells.ring(key, freshUuid(deps.random)));
  }
}
