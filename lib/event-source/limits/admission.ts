/** Whether a batch may be given out now, by the limits of its subscription. Without limits nothing is asked. */
import type { FunctionSubscription } from '../function-subscription.ts';
import type { HeldPartition } from '../held-partition.ts';
import { splitBatch } from '../push/split-batch.ts';
import type { ReceivedEvent } from '../received-event.ts';
import type { WorkPlace } from '../work-place.ts';
import { type Reservation, stateOf } from './rate-plan.ts';
import { RateSession } from './rate-session.ts';
import { SlotSession } from './slot-session.ts';

/** Who waits for a slot looks again after this at the latest, evenly spread over as much again: for when the one who should have told it has died. */
const LOOK_AGAIN_MS = 60_000;
/** Reservations whose time was over when their answer came. */
const MAX_TRIES = 5;

/** What came of asking. */
export type Admission =
  /** So much of the batch. */
  | { readonly kind: 'go'; readonly batch: readonly ReceivedEvent[] }
  | { readonly kind: 'wait'; readonly waitsFor: 'rate' | 'slot'; readonly notBeforeMs: number };

/** How a worker waits. */
export interface AdmissionLimits {
  readonly leaseMs: number;
  /** It sleeps this long, rather than to let go and be woken again. */
  readonly maySleepMs: number;
  /** By the monotonic clock: it does not sleep beyond that. */
  readonly deadlineMs: number;
  readonly stop: AbortSignal | undefined;
}

/** See the top of this file. */
export class Admissions {
  readonly #place: WorkPlace;
  readonly #limits: AdmissionLimits;
  readonly #slots: SlotSession;
  readonly #rate: RateSession;

  constructor(place: WorkPlace, limits: AdmissionLimits) {
    this.#place = place;
    this.#limits = limits;
    this.#slots = new SlotSession(place, limits.leaseMs);
    this.#rate = new RateSession(place);
  }

  /** Asks for a batch; what is reserved for it is remembered with the partition. */
  async ask(
    held: HeldPartition,
    subscription: FunctionSubscription,
    batch: readonly ReceivedEvent[],
  ): Promise<Admission> {
    const { maximumConcurrency, recordsPerSecond, mode } = subscription.options;
    if (maximumConcurrency === 0) await this.#slots.free();
    else if (!(await this.#hasSlots(held, subscription, batch.length))) return this.#waitForSlot();
    const isLimited = maximumConcurrency > 0 || recordsPerSecond > 0;
    const allowed = isLimited && mode === 'push' ? this.#callable(subscription, batch) : batch;
    // The end of a window is a call without records.
    const isFree = recordsPerSecond === 0 || batch.length === 0;
    return isFree ? { kind: 'go', batch: allowed } : this.#inTime(held, subscription, allowed);
  }

  /** Calls that may be made at once. */
  callsOf({ options }: FunctionSubscription): number {
    return options.maximumConcurrency === 0 ? options.parallelizationFactor : Math.max(1, this.#slots.calls);
  }

  /** Whether what was reserved cannot be used any more. */
  isTooLate({ progress }: HeldPartition, { options }: FunctionSubscription): boolean {
    const { recordsPerSecond } = options;
    if (recordsPerSecond === 0) return false;
    const { reserved } = progress;
    return reserved === null || stateOf(reserved, { nowMs: this.#place.nowMs(), recordsPerSecond }) !== 'use';
  }

  /** Makes what it has last as long as the lease. */
  renew(): Promise<void> {
    return this.#slots.renew();
  }

  /** Gives back what it has. */
  free(): Promise<void> {
    return this.#slots.free();
  }

  /** For whoever waits for a slot and has released its lease: whether one came free meanwhile. */
  hasSlotWaiting(subscription: FunctionSubscription): Promise<boolean> {
    return this.#slots.isKept(subscription);
  }

  async #hasSlots(held: HeldPartition, subscription: FunctionSubscription, records: number): Promise<boolean> {
    const { mode, parallelizationFactor } = subscription.options;
    if (this.#slots.isTurnOver && (await this.#slots.yieldTurn())) return false;
    const wanted = mode === 'pull' ? 1 : Math.min(parallelizationFactor, Math.max(1, records));
    return this.#slots.take(subscription, held.session.epoch, wanted);
  }

  #waitForSlot(): Admission {
    const waitMs = LOOK_AGAIN_MS * (1 + this.#place.deps.random.fraction());
    return { kind: 'wait', waitsFor: 'slot', notBeforeMs: Math.ceil(this.#place.nowMs() + waitMs) };
  }

  /** What the calls will take: what is left out of them is not to be paid for. */
  #callable(subscription: FunctionSubscription, batch: readonly ReceivedEvent[]): readonly ReceivedEvent[] {
    const { ordering, batchSize } = subscription.options;
    const calls = this.callsOf(subscription);
    const first = batch.slice(0, calls * batchSize);
    const parts = splitBatch(first, { ordering, batchSize, parallelizationFactor: calls });
    const taken = new Set(parts.flat());
    return first.filter((record) => taken.has(record));
  }

  async #inTime(
    held: HeldPartition,
    subscription: FunctionSubscription,
    batch: readonly ReceivedEvent[],
  ): Promise<Admission> {
    const { recordsPerSecond } = subscription.options;
    let atMs = 0;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const { reserved } = held.progress;
      const terms = { nowMs: this.#place.nowMs(), recordsPerSecond };
      const state = reserved === null ? 'gone' : stateOf(reserved, terms);
      if (state === 'use') return { kind: 'go', batch: batch.slice(0, reserved!.records) };
      if (state === 'gone') held.remember({ reserved: await this.#rate.reserve(subscription, batch.length) });
      else if (!(await this.#sleepUntil(reserved!))) return this.#waitForRate(reserved!.atMs);
      atMs = reserved?.atMs ?? 0;
    }
    return this.#waitForRate(atMs);
  }

  /** Comes a little early: what is left then is slept. */
  #waitForRate(atMs: number): Admission {
    const earliestMs = this.#place.nowMs() + 1;
    const notBeforeMs = Math.max(earliestMs, Math.floor(atMs - this.#limits.maySleepMs / 2));
    return { kind: 'wait', waitsFor: 'rate', notBeforeMs };
  }

  /** False: that is too long. */
  async #sleepUntil({ atMs }: Reservation): Promise<boolean> {
    const { clock } = this.#place.deps;
    const { maySleepMs, deadlineMs, stop } = this.#limits;
    const waitMs = atMs - this.#place.nowMs();
    if (waitMs > maySleepMs || stop?.aborted || clock.monotonicMs() + waitMs >= deadlineMs) return false;
    await clock.sleep(waitMs, stop);
    return true;
  }
}
