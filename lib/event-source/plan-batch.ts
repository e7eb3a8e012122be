/** Which records to give to a function now: a pure decision. */
import { MAX_HOPS } from './hops.ts';
import { burstRecords } from './limits/rate-plan.ts';
import { includesOffset, type OffsetRange } from './offset-ranges.ts';
import type { FailedRecord, Progress } from './progress.ts';
import { keyHash, type ReceivedEvent } from './received-event.ts';
import type { SubscriptionOptions } from './subscription-options.ts';
import { isBehind, isOver, type WindowContext, windowFor } from './tumbling-window.ts';

/** What was read: everything from `from` to `end`. */
export interface ReadWindow {
  readonly from: bigint;
  readonly end: bigint;
  readonly records: readonly ReceivedEvent[];
  /** There is nothing behind it yet: what is missing to a full batch can only come later. */
  readonly isEnd: boolean;
}

/** What the plan is made by. */
export interface PlanContext {
  readonly options: Pick<
    SubscriptionOptions,
    | 'mode'
    | 'ordering'
    | 'batchSize'
    | 'parallelizationFactor'
    | 'maxBatchingWindowMs'
    | 'bisectBatchOnError'
    | 'maxRecordAgeMs'
    | 'maximumConcurrency'
    | 'recordsPerSecond'
    | 'tumblingWindowMs'
  >;
  readonly progress: Progress;
  readonly nowMs: number;
  readonly matches: (record: ReceivedEvent) => boolean;
  /** A record is not given before this; those behind it are not due sooner. */
  readonly dueMs: (record: ReceivedEvent) => number;
  /** It has come through too many functions. */
  readonly isLooping: (record: ReceivedEvent) => boolean;
  /** Since when its age counts. */
  readonly agesSinceMs: (record: ReceivedEvent) => bigint;
  /** Bytes that a record takes in the event. */
  readonly sizeOf: (record: ReceivedEvent) => number;
  /** Most of them. */
  readonly maxBytes: number;
}

/** Why a record is not given at all. */
export type Refusal = 'MaximumRecordAgeExceeded' | 'MaximumPayloadSizeExceeded' | 'MaximumHopsExceeded';

/** The same for people. */
export const REFUSALS: Readonly<Record<Refusal, string>> = {
  MaximumRecordAgeExceeded: 'the record is older than maxRecordAgeMs',
  MaximumPayloadSizeExceeded: 'the record is larger than an event may be',
  MaximumHopsExceeded: `the record has come through ${MAX_HOPS} functions: topics feed each other in a loop`,
};

/** Records that wait and ranges behind them, at most: a progress of about 20 KB. Beyond that nothing new is given until they are done. */
const MAX_REMEMBERED = 400;

/** What to do with a window. */
export interface BatchPlan {
  /** In order; empty: nothing is to be done now. */
  readonly batch: readonly ReceivedEvent[];
  /** Offsets that need nobody: gaps, and what the filter leaves out. */
  readonly passed: readonly OffsetRange[];
  readonly filteredCount: number;
  /** Records that go to the destination without being given. */
  readonly refused: readonly { readonly record: ReceivedEvent; readonly reason: Refusal }[];
  /** When something that waits may be given; null: nothing waits. */
  readonly notBeforeMs: number | null;
  /** The batch waits to be full since then; null: it does not. */
  readonly windowSinceMs: number | null;
  /** The tumbling window that is open is over: its function is called without records. */
  readonly closesWindow: boolean;
  /** More could be given if more were read. */
  readonly wantsMore: boolean;
}

/** The most records that are given at once, over all calls. */
export function batchLimit(options: PlanContext['options']): number {
  const { batchSize, parallelizationFactor, maximumConcurrency, recordsPerSecond } = options;
  const calls = maximumConcurrency === 0 ? parallelizationFactor : Math.min(parallelizationFactor, maximumConcurrency);
  return Math.min(batchSize * calls, burstRecords(recordsPerSecond));
}

/** The tumbling windows of a plan. Functions that pull have none. */
export function windowContext({ options, progress, nowMs }: Pick<PlanContext, 'options' | 'progress' | 'nowMs'>) {
  const { window, windowFloorMs } = progress;
  return { window: options.mode === 'push' ? window : null, windowFloorMs, sizeMs: options.tumblingWindowMs, nowMs };
}

/** See the top of this file. */
export function planBatch(window: ReadWindow, context: PlanContext): BatchPlan {
  const picked = new Picker(window, context).run();
  const { options, progress, nowMs } = context;
  const { maxBatchingWindowMs } = options;
  const isFull = picked.batch.length >= batchLimit(options) || picked.isCutBySize || picked.isCutByWindow;
  const mayWait =
    maxBatchingWindowMs > 0 && picked.batch.length > 0 && !isFull && window.isEnd && progress.suspectEnd === null;
  if (!mayWait) return { ...picked.plan(), windowSinceMs: null };
  const sinceMs = progress.windowSinceMs ?? nowMs;
  const untilMs = Math.min(sinceMs + maxBatchingWindowMs, picked.windowEndMs);
  if (untilMs <= nowMs) return { ...picked.plan(), windowSinceMs: null };
  const plan = picked.plan();
  const notBeforeMs = plan.notBeforeMs === null ? untilMs : Math.min(plan.notBeforeMs, untilMs);
  return { ...plan, batch: [], wantsMore: false, notBeforeMs, windowSinceMs: sinceMs };
}

/** Goes through a window record by record. */
class Picker {
  readonly batch: ReceivedEvent[] = [];
  isCutBySize = false;
  /** What comes next belongs to a later tumbling window. */
  isCutByWindow = false;
  readonly #windows: WindowContext;
  #closesWindow = false;
  readonly #window: ReadWindow;
  readonly #context: PlanContext;
  readonly #failed: ReadonlyMap<bigint, FailedRecord>;
  readonly #passed: OffsetRange[] = [];
  readonly #refused: { record: ReceivedEvent; reason: Refusal }[] = [];
  /** Keys of which something waits. */
  readonly #heldKeys = new Set<number>();
  #filteredCount = 0;
  #bytes = 0;
  #notBeforeMs: number | null = null;
  /** Nothing behind this may be given. */
  #isStopped = false;
  /** See `Progress`; null also when none of those records can be given now: then they hold nothing up. */
  readonly #suspectEnd: bigint | null;
  readonly #limit: number;

  constructor(window: ReadWindow, context: PlanContext) {
    this.#window = window;
    this.#context = context;
    this.#windows = windowContext(context);
    this.#failed = new Map(context.progress.failed.map((one) => [one.offset, one]));
    const { suspectEnd } = context.progress;
    const suspects =
      suspectEnd === null
        ? []
        : window.records.filter((record) => record.offset < suspectEnd && this.#isPending(record));
    this.#suspectEnd = suspects.length === 0 ? null : suspectEnd;
    // A batch that failed as a whole is cut in half until the record that fails stands alone.
    const isCut = this.#suspectEnd !== null && context.options.bisectBatchOnError;
    this.#limit = Math.min(
      batchLimit(context.options),
      isCut ? Math.ceil(suspects.length / 2) : Number.POSITIVE_INFINITY,
    );
  }

  run(): this {
    const { records, end } = this.#window;
    for (const record of records) {
      const isBehind = this.#suspectEnd !== null && record.offset >= this.#suspectEnd;
      if (this.#isStopped || this.batch.length >= this.#limit || isBehind) break;
      this.#look(record);
    }
    const isWhole = !this.#isStopped && this.batch.length < this.#limit && this.#suspectEnd === null;
    const trailing = records.length === 0 ? this.#window.from : records.at(-1)!.offset + 1n;
    if (isWhole) this.#pass(trailing, end);
    if (isWhole && this.#window.isEnd && this.batch.length === 0) this.#waitForWindow();
    return this;
  }

  /** Where the tumbling window ends to which the batch belongs. */
  get windowEndMs(): number {
    const [first] = this.batch;
    if (first === undefined || this.#windows.sizeMs === 0) return Number.POSITIVE_INFINITY;
    return windowFor(first.timestampMs, this.#windows).endMs;
  }

  /** Nothing is left to give: what is open is over, or has to be closed when it is. */
  #waitForWindow(): void {
    const { window } = this.#windows;
    if (window === null) return;
    if (isOver(window, this.#windows)) this.#closesWindow = true;
    else this.#notBeforeMs = Math.min(this.#notBeforeMs ?? window.endMs, window.endMs);
  }

  plan(): Omit<BatchPlan, 'windowSinceMs'> {
    const { options } = this.#context;
    const mayHaveMore = !this.#isStopped && !this.#window.isEnd && this.#suspectEnd === null;
    return {
      batch: this.batch,
      passed: this.#passed,
      filteredCount: this.#filteredCount,
      refused: this.#refused,
      notBeforeMs: this.#notBeforeMs,
      closesWindow: this.#closesWindow,
      wantsMore: mayHaveMore && this.batch.length < batchLimit(options),
    };
  }

  #isPending(record: ReceivedEvent): boolean {
    const { progress, matches, nowMs } = this.#context;
    const waits = (this.#failed.get(record.offset)?.notBeforeMs ?? 0) > nowMs;
    return !includesOffset(progress.done, record.offset) && !waits && matches(record);
  }

  #look(record: ReceivedEvent): void {
    const { progress, matches } = this.#context;
    const { offset, gapFrom } = record;
    if (gapFrom < offset) this.#pass(gapFrom, offset);
    if (includesOffset(progress.done, offset)) return;
    if (!matches(record)) {
      this.#filteredCount += 1;
      this.#pass(offset, offset + 1n);
      return;
    }
    const dueMs = this.#context.dueMs(record);
    if (dueMs > this.#context.nowMs) this.#stopUntil(dueMs);
    else if (this.#isTooMuch(record)) this.#isStopped = true;
    else if (!this.#isHeldBack(record)) this.#offer(record);
  }

  /** Neighbours are one range: where a filter leaves most out, they are many. */
  #pass(from: bigint, to: bigint): void {
    const last = this.#passed.at(-1);
    if (last?.to === from) this.#passed[this.#passed.length - 1] = { from: last.from, to };
    else this.#passed.push({ from, to });
  }

  #stopUntil(atMs: number): void {
    this.#isStopped = true;
    this.#notBeforeMs = Math.min(this.#notBeforeMs ?? atMs, atMs);
  }

  /** Whether to give it out would be more to remember than is bearable. */
  #isTooMuch({ offset }: ReceivedEvent): boolean {
    const { done, failed } = this.#context.progress;
    const lastDone = done.at(-1);
    return failed.length + done.length >= MAX_REMEMBERED && lastDone !== undefined && offset >= lastDone.to;
  }

  /** Whether it waits, for itself or for one before it. */
  #isHeldBack(record: ReceivedEvent): boolean {
    const { options, nowMs } = this.#context;
    const failed = this.#failed.get(record.offset);
    const key = options.ordering === 'key' ? keyHash(record) : null;
    if (failed !== undefined && failed.notBeforeMs > nowMs) {
      this.#notBeforeMs = Math.min(this.#notBeforeMs ?? failed.notBeforeMs, failed.notBeforeMs);
      if (key !== null) this.#heldKeys.add(key);
      this.#isStopped = options.ordering === 'partition';
      return true;
    }
    return key !== null && this.#heldKeys.has(key);
  }

  #offer(record: ReceivedEvent): void {
    const { options, sizeOf, maxBytes } = this.#context;
    const bytes = sizeOf(record);
    const reason = this.#refusalOf(record, bytes);
    if (reason !== null) {
      // What goes away out of turn would overtake what stands before it and may still fail.
      if (options.ordering === 'partition' && this.batch.length > 0) this.#isStopped = true;
      else this.#refused.push({ record, reason });
      return;
    }
    if (this.#isOfLaterWindow(record)) {
      this.#isStopped = true;
      this.isCutByWindow = this.batch.length > 0;
      this.#closesWindow = this.batch.length === 0;
      return;
    }
    if (this.#bytes + bytes > maxBytes) {
      this.isCutBySize = true;
      this.#isStopped = true;
      return;
    }
    this.#bytes += bytes;
    this.batch.push(record);
  }

  #refusalOf(record: ReceivedEvent, bytes: number): Refusal | null {
    const { options, nowMs, maxBytes, isLooping, agesSinceMs } = this.#context;
    const isOld = options.maxRecordAgeMs >= 0 && nowMs - Number(agesSinceMs(record)) > options.maxRecordAgeMs;
    if (isOld) return 'MaximumRecordAgeExceeded';
    if (bytes > maxBytes) return 'MaximumPayloadSizeExceeded';
    return isLooping(record) ? 'MaximumHopsExceeded' : null;
  }

  #isOfLaterWindow({ timestampMs }: ReceivedEvent): boolean {
    const { window, sizeMs } = this.#windows;
    if (window === null && (sizeMs === 0 || this.batch.length === 0)) return false;
    return isBehind(window ?? windowFor(this.batch[0]!.timestampMs, this.#windows), timestampMs, this.#windows);
  }
}
