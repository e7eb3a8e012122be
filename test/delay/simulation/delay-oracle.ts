/**
 * What must hold of delayed records, checked at every change in the store. The oracle believes nothing that senders and releasers say of themselves: it sees what was stored, cancelled and released, and holds what callers were told against
 * that.
 */

import type { CancelOutcome } from '../../../lib/delay/delay-admin.ts';
import { parseDelayedId } from '../../../lib/delay/delayed-id.ts';
import { MINUTE_MS, minuteOf } from '../../../lib/delay/due-minute.ts';
import { type DuePlace, dueKey } from '../../../lib/delay/due-record.ts';
import type { PartitionKey } from '../../../lib/log/partition-key.ts';
import { START_MS, type VirtualTime } from '../../log/simulation/virtual-time.ts';
import { type RecorderOptions, RunRecorder } from '../../simulate/run-recorder.ts';

/** Clocks are wrong by half a second, and by another one before they have heard of the store's. */
const CLOCKS_MS = 2_000;

/** One delayed record. */
export interface DelayTruth {
  readonly partition: PartitionKey;
  readonly place: DuePlace;
  /** By which it is known in the log; null: only a fence came of it. */
  readonly number: number | null;
  state: 'waiting' | 'delivered' | 'cancelled';
  readonly storedMs: number;
  /** When its sender was told that it waits. */
  acknowledgedMs: number | null;
}

/** See the top of this file. */
export class DelayOracle extends RunRecorder {
  readonly #time: VirtualTime;
  readonly #traceMs: number;
  readonly #truths = new Map<string, DelayTruth>();
  /** Numbers of records that their senders were told do not wait. */
  readonly #refused = new Set<number>();

  constructor(time: VirtualTime, traceMs: number, options: RecorderOptions) {
    super(time, options);
    this.#time = time;
    this.#traceMs = traceMs;
  }

  get truths(): readonly DelayTruth[] {
    return [...this.#truths.values()];
  }

  get #nowMs(): number {
    return START_MS + this.#time.nowMs;
  }

  /** A record came to wait, or a trace to stand where none shall. */
  onPut(partition: PartitionKey, place: DuePlace, number: number | null): void {
    const key = keyOf(partition, place);
    if (this.#truths.has(key)) {
      // Its trace is forgotten.
      this.count('ghosts');
      return;
    }
    const { dueMs, id } = place;
    const state = number === null ? 'cancelled' : 'waiting';
    this.count(number === null ? 'fences' : 'stored');
    this.#truths.set(key, {
      partition,
      place: { dueMs, id },
      number,
      state,
      storedMs: this.#nowMs,
      acknowledgedMs: null,
    });
  }

  onCancel(partition: PartitionKey, place: DuePlace): void {
    const truth = this.#truths.get(keyOf(partition, place))!;
    this.count('cancelled');
    // A copy that nobody will ever release may be cancelled for all that it matters.
    if (truth.state === 'waiting') truth.state = 'cancelled';
  }

  /** Records entered their partition. */
  onRelease(partition: PartitionKey, places: readonly DuePlace[]): void {
    this.count('releases');
    for (const place of places) {
      const truth = this.#truths.get(keyOf(partition, place))!;
      this.count('delivered');
      this.expect(truth.state === 'waiting', 'Once', () => `${this.#name(truth)} is released, it is ${truth.state}`);
      this.expect(
        truth.number !== null && !this.#refused.has(truth.number),
        'Refused',
        () => `${this.#name(truth)} is released, its sender was told that it does not wait`,
      );
      this.expect(
        this.#nowMs + CLOCKS_MS >= place.dueMs,
        'Not before its time',
        () => `${this.#name(truth)} is released ${place.dueMs - this.#nowMs} ms too early`,
      );
      truth.state = 'delivered';
    }
    this.#checkOrder(partition, places);
  }

  /** What was acknowledged before its time, and was due before one that is released, is released before it. */
  #checkOrder(partition: PartitionKey, places: readonly DuePlace[]): void {
    const ordered = places.every((place, index) => index === 0 || isBefore(places[index - 1]!, place));
    this.expect(ordered, 'Order', () => `a group of partition ${partition.partition} is not in order`);
    const last = places.at(-1)!;
    for (const truth of this.#truths.values()) {
      const isHere = truth.partition.partition === partition.partition;
      const wasInTime = truth.acknowledgedMs !== null && truth.acknowledgedMs + CLOCKS_MS < truth.place.dueMs;
      this.expect(
        !(isHere && wasInTime && truth.state === 'waiting' && isBefore(truth.place, last)),
        'Order',
        () => `${this.#name(truth)} still waits, what is due behind it is released`,
      );
    }
  }

  onAcknowledged(number: number, id: string): void {
    const { partition, place } = parseDelayedId(id);
    const truth = this.#truths.get(keyOf(partition, place));
    this.count('acknowledged');
    this.expect(truth?.number === number, 'Durable', () => `${number} was acknowledged, and is not stored`);
    if (truth) truth.acknowledgedMs = this.#nowMs;
  }

  /** Its sender was told that it does not wait, and never will. */
  onRefused(number: number): void {
    this.count('refused');
    this.#refused.add(number);
    const truth = this.truths.find((one) => one.number === number);
    this.expect(
      truth === undefined || truth.state === 'cancelled',
      'Refused',
      () => `${number} is ${truth?.state}, its sender was told that it does not wait`,
    );
  }

  /** What waits although its time is over. What was stored when its minute was over, and acknowledged to nobody, may wait for the next look at its partition that forgets traces. */
  overdue(): readonly DelayTruth[] {
    return this.truths.filter(({ state, storedMs, acknowledgedMs, place: { dueMs } }) => {
      const isOrphan = acknowledgedMs === null && storedMs + CLOCKS_MS >= minuteOf(dueMs) + MINUTE_MS;
      if (state === 'waiting' && isOrphan) this.count('orphans');
      return state === 'waiting' && !isOrphan;
    });
  }

  /** Somebody who asked to cancel was told this. */
  onOutcome(id: string, outcome: CancelOutcome): void {
    const { partition, place } = parseDelayedId(id);
    const truth = this.#truths.get(keyOf(partition, place))!;
    this.count(`told ${outcome}`);
    const isOld = place.dueMs < this.#nowMs - this.#traceMs / 2;
    const holds = outcome === 'unknown' ? truth.state !== 'waiting' && isOld : truth.state === outcome;
    this.expect(holds, 'One winner', () => `${this.#name(truth)} is ${truth.state}, and was told to be ${outcome}`);
  }

  #name({ number, place, partition }: DelayTruth): string {
    return `${number} of partition ${partition.partition}, due at ${place.dueMs - START_MS}`;
  }
}

function keyOf(partition: PartitionKey, place: DuePlace): string {
  const { pk, sk } = dueKey(partition, place);
  return `${pk} ${sk}`;
}

function isBefore(a: DuePlace, b: DuePlace): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.id < b.id);
}
