/**
 * What must hold of an event source, checked at every change of a lease and at every call of a function. The oracle believes nothing that workers say of themselves: it sees what the store changed, what functions were given, and what
 * reached the destination.
 */
import type { Lease } from '../../../lib/event-source/lease.ts';
import { parseProgress } from '../../../lib/event-source/progress.ts';
import { keyHash, type ReceivedEvent } from '../../../lib/event-source/received-event.ts';
import type { SubscriptionOptions } from '../../../lib/event-source/subscription-options.ts';
import { START_MS, type VirtualTime } from '../../log/simulation/virtual-time.ts';
import { type RecorderOptions, RunRecorder } from '../../simulate/run-recorder.ts';
import { LimitsOracle } from './limits-oracle.ts';
import { WindowsOracle } from './windows-oracle.ts';

/** What a worker has read so lately may still go on: a second and what a request may take, or what a router has read, and the way to the worker. */
const PAUSE_MS = 12_000;

/** A subscription and a partition of its topic. */
export class PartitionTruth {
  readonly name: string;
  readonly options: SubscriptionOptions;
  /** Where it began, or was sought to: nothing below counts. */
  start = 0n;
  /** Behind the last offset that may be given; null: all may. */
  end: bigint | null = null;
  epoch = 0;
  sequence = 0;
  /** When the lease ends, by the clock of the one who took it; 0: it was released. */
  expiresAtMs = 0;
  committed: bigint | null = null;
  /** By offset: how often a call that had it ended well. */
  readonly handled = new Map<bigint, number>();
  readonly dead = new Set<bigint>();
  /** Handled or dead, whatever was sought since. */
  readonly wasSettled = new Set<bigint>();
  /** By offset: how often it was given, and to whom last. */
  readonly given = new Map<bigint, number>();
  readonly filtered: (offset: bigint) => boolean;

  constructor(name: string, options: SubscriptionOptions, filtered: (offset: bigint) => boolean) {
    this.name = name;
    this.options = options;
    this.filtered = filtered;
  }

  /** Of calls that were made before a seek came to know of it, what was settled before it counts. */
  wasEverSettled(offset: bigint): boolean {
    return this.wasSettled.has(offset) || this.isSettled(offset);
  }

  isSettled(offset: bigint): boolean {
    return offset < this.start || this.handled.has(offset) || this.dead.has(offset) || this.filtered(offset);
  }
}

/** See the top of this file. */
export class EventSourceOracle extends RunRecorder {
  readonly #truths = new Map<string, PartitionTruth>();

  readonly #time: VirtualTime;
  /** What must hold where calls are limited. */
  readonly limits: LimitsOracle;
  readonly windows: WindowsOracle;
  /** By group: when whoever paused it was told that it is. */
  readonly #pausedAtMs = new Map<string, number>();

  constructor(time: VirtualTime, options: RecorderOptions) {
    super(time, options);
    this.#time = time;
    this.limits = new LimitsOracle(time, this);
    this.windows = new WindowsOracle(this);
  }

  /** A subscription is paused, as its administrator was told; or is about to be resumed. */
  onPaused(group: string, isPaused: boolean): void {
    this.count(isPaused ? 'pauses' : 'resumes');
    if (isPaused) this.#pausedAtMs.set(group, this.#time.nowMs);
    else this.#pausedAtMs.delete(group);
  }

  /** A function is called by a process that has not stood still: then its subscription is not paused, or was not long ago. */
  checkEnabled(group: string): void {
    const sinceMs = this.#pausedAtMs.get(group) ?? this.#time.nowMs;
    this.expect(
      this.#time.nowMs - sinceMs < PAUSE_MS,
      'Paused',
      () => `${group} is called, which was paused at ${sinceMs.toFixed(0)}`,
    );
  }

  add(key: string, truth: PartitionTruth): void {
    this.#truths.set(key, truth);
  }

  get truths(): readonly PartitionTruth[] {
    return [...this.#truths.values()];
  }

  truth(key: string): PartitionTruth {
    return this.#truths.get(key)!;
  }

  /** A lease was taken. Clocks are wrong by less than a second. */
  onTake(key: string, lease: Lease): void {
    const truth = this.truth(key);
    this.count('takes');
    this.expect(
      lease.generation === truth.epoch + 1,
      'Monotonic',
      () => `${truth.name} is taken under ${lease.generation} behind ${truth.epoch}`,
    );
    this.expect(
      lease.committed === truth.committed,
      'Fenced progress',
      () => `the take of ${truth.name} moved ${truth.committed} to ${lease.committed}`,
    );
    const nowMs = START_MS + this.#time.nowMs;
    this.expect(
      truth.expiresAtMs <= nowMs + 1_000,
      'One worker',
      () => `${truth.name} is taken ${truth.expiresAtMs - nowMs} ms before its lease ends`,
    );
    Object.assign(truth, { epoch: lease.generation, sequence: 0, expiresAtMs: lease.expiresAtMs });
  }

  /** A lease was changed by its owner. */
  onUpdate(key: string, lease: Lease): void {
    const truth = this.truth(key);
    this.count('updates');
    const { name, committed } = truth;
    this.expect(
      lease.generation === truth.epoch && lease.sequence > truth.sequence,
      'Fenced progress',
      () =>
        `${name} was changed under ${lease.generation}#${lease.sequence}, it is at ${truth.epoch}#${truth.sequence}`,
    );
    this.expect(
      committed === null || (lease.committed !== null && lease.committed >= committed),
      'Monotonic',
      () => `${name} went back from ${committed} to ${lease.committed}`,
    );
    const from = committed ?? truth.start;
    for (let offset = from; offset < (lease.committed ?? from); offset++) this.#checkSettled(truth, offset);
    for (const range of parseProgress(lease.progress).done) {
      for (let offset = range.from; offset < range.to; offset++) this.#checkSettled(truth, offset);
    }
    this.windows.onStored(key, lease.progress);
    const { sequence, expiresAtMs } = lease;
    Object.assign(truth, { sequence, expiresAtMs, committed: lease.committed });
  }

  #checkSettled(truth: PartitionTruth, offset: bigint): void {
    this.expect(
      truth.isSettled(offset),
      'Nothing skipped',
      () => `${truth.name} passes ${offset}, which nobody has handled`,
    );
  }

  /** An administrator moved the committed offset. */
  onSeek(key: string, lease: Lease): void {
    const truth = this.truth(key);
    this.count('seeks');
    this.expect(lease.generation === truth.epoch + 1, 'Monotonic', () => `${truth.name} is sought under an old epoch`);
    this.windows.onSeek(key);
    truth.handled.clear();
    truth.dead.clear();
    truth.given.clear();
    const { committed } = lease;
    Object.assign(truth, { epoch: lease.generation, sequence: 0, expiresAtMs: 0, committed, start: committed! });
  }

  /** Its progress is gone with its subscription: who works all the same begins anew. */
  onForgotten(key: string): void {
    this.windows.onSeek(key);
    Object.assign(this.truth(key), { epoch: 0, sequence: 0, expiresAtMs: 0, committed: null });
  }

  /** A function is called. */
  onGiven(key: string, batch: readonly ReceivedEvent[]): void {
    const truth = this.truth(key);
    const { name, options } = truth;
    this.count('calls');
    this.expect(
      batch.length > 0 &&
        batch.length <= options.batchSize * (options.mode === 'pull' ? options.parallelizationFactor : 1),
      'Batch size',
      () => `${batch.length} records of ${name} in one call`,
    );
    const inBatch = new Set(batch.map(({ offset }) => offset));
    for (const [index, record] of batch.entries()) {
      const { offset } = record;
      this.expect(!truth.filtered(offset), 'Filter', () => `${offset} of ${name} does not match`);
      const isInRange = truth.end === null || (offset >= truth.start && offset < truth.end);
      this.expect(isInRange, 'Range', () => `${offset} of ${name} is out of its range`);
      this.expect(
        index === 0 || batch[index - 1]!.offset < offset,
        'Order',
        () => `${offset} of ${name} stands behind ${batch[index - 1]!.offset}`,
      );
      truth.given.set(offset, (truth.given.get(offset) ?? 0) + 1);
      if (options.ordering === 'partition') this.#checkBelow(truth, record, inBatch);
    }
  }

  /** Everything below was handled before, or stands in the same batch. */
  #checkBelow(truth: PartitionTruth, { offset }: ReceivedEvent, inBatch: ReadonlySet<bigint>): void {
    for (let below = offset - 1n; below >= truth.start && !inBatch.has(below); below--) {
      this.expect(
        truth.wasEverSettled(below),
        'Order',
        () => `${offset} of ${truth.name} is given before ${below} is done with`,
      );
      if (truth.wasEverSettled(below)) return;
    }
  }

  /** By key: a record is not given before what stands before it under its key is done with, or stands in the same batch. */
  onGivenByKey(key: string, batch: readonly ReceivedEvent[], keysOf: ReadonlyMap<bigint, number | null>): void {
    const truth = this.truth(key);
    const inBatch = new Set(batch.map(({ offset }) => offset));
    for (const record of batch) {
      const own = keyHash(record);
      if (own === null) continue;
      for (let below = record.offset - 1n; below >= truth.start; below--) {
        if (keysOf.get(below) !== own) continue;
        this.expect(
          inBatch.has(below) || truth.wasEverSettled(below),
          'Order',
          () => `${record.offset} of ${truth.name} is given before ${below} of its key is done with`,
        );
        break;
      }
    }
  }

  /** A call ended well for some of its records. */
  onHandled(key: string, offsets: readonly bigint[]): void {
    const truth = this.truth(key);
    for (const offset of offsets) {
      const times = (truth.handled.get(offset) ?? 0) + 1;
      truth.handled.set(offset, times);
      truth.wasSettled.add(offset);
      this.count(times === 1 ? 'handled' : 'handled again');
    }
  }

  /** A record reached the destination. */
  onDead(key: string, offset: bigint, failures: number): void {
    const truth = this.truth(key);
    this.count('dead');
    truth.dead.add(offset);
    truth.wasSettled.add(offset);
    this.expect(
      failures > truth.options.retryAttempts && truth.options.retryAttempts >= 0,
      'Attempts',
      () => `${offset} of ${truth.name} was given up after ${failures} failures`,
    );
  }
}
