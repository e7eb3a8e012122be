/** What becomes of a batch that was given to a function: a pure decision. */
import { addRange, advance, type OffsetRange } from './offset-ranges.ts';
import type { FailedRecord, Progress } from './progress.ts';
import { keyHash, type ReceivedEvent } from './received-event.ts';
import type { SubscriptionOptions } from './subscription-options.ts';

/** Why a record, or a batch, was not handled. */
export interface Failure {
  readonly error: string;
  /** Where it was thrown; absent when nobody knows. */
  readonly stack?: string;
  /** When it is to be given again, as the function wished; absent: as the attempts say. */
  readonly retryAfterMs?: number;
}

/** What a function made of a batch. */
export type BatchOutcome =
  /** It answered. Offsets that are neither in `failed` nor in `postponed`, which it was not given after all, are handled. */
  | {
      readonly kind: 'answered';
      readonly failed: ReadonlyMap<bigint, Failure>;
      readonly postponed?: ReadonlySet<bigint>;
      /** Of its tumbling window; absent: it has answered none. */
      readonly state?: unknown;
    }
  /** It threw, ran out of time, died, or answered nonsense: nothing is known of any record. */
  | (Failure & { readonly kind: 'failed' });

/** A record that is not given again. */
export interface GivenUp {
  readonly record: ReceivedEvent;
  /** How often it failed. */
  readonly failures: number;
  readonly error: string;
  /** Where it was thrown; '' when nobody knows. */
  readonly stack: string;
}

/** What follows. */
export interface Settlement {
  readonly progress: Progress;
  /** Records to send away; they are dealt with only once they are there, see `passRecords`. */
  readonly givenUp: readonly GivenUp[];
}

/** How it is decided. */
export interface SettleContext {
  readonly options: Pick<
    SubscriptionOptions,
    'ordering' | 'bisectBatchOnError' | 'retryAttempts' | 'circuitBreakerFailures'
  >;
  readonly nowMs: number;
}

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
/** Most that a function is left alone that was throttled or not reached; one that is not there is, for longer, by its first wait. */
const LAST_REFUSED_MS = 30_000;
/** How long a partition rests whose records all fail: doubles from the first to the last. */
const FIRST_REST_MS = 60_000;
const LAST_REST_MS = 900_000;

/** How long a record waits that has failed so often. */
export function retryDelayMs(failures: number): number {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10));
}

/** How long a function is left alone that could not be called so often in a row: first `firstMs`, then twice as long each time. */
export function refusedWaitMs(firstMs: number, inARow: number): number {
  return Math.max(firstMs, Math.min(LAST_REFUSED_MS, firstMs * 2 ** Math.min(inARow - 1, 10)));
}

/** Marks offsets as dealt with. */
export function passRanges(progress: Progress, ranges: readonly OffsetRange[]): Progress {
  return { ...progress, done: ranges.reduce(addRange, progress.done) };
}

/** Marks records as dealt with. */
export function passRecords(progress: Progress, records: readonly ReceivedEvent[]): Progress {
  const offsets = new Set(records.map(({ offset }) => offset));
  const failed = progress.failed.filter(({ offset }) => !offsets.has(offset));
  return passRanges(
    { ...progress, failed },
    records.map(({ offset }) => ({ from: offset, to: offset + 1n })),
  );
}

/** Moves the committed offset over everything that is dealt with. */
export function commitProgress(
  committed: bigint,
  progress: Progress,
): { readonly committed: bigint; readonly progress: Progress } {
  const next = advance(committed, progress.done);
  const { suspectEnd } = progress;
  return {
    committed: next.committed,
    progress: {
      ...progress,
      done: next.done,
      failed: progress.failed.filter(({ offset }) => offset >= next.committed),
      suspectEnd: suspectEnd !== null && suspectEnd <= next.committed ? null : suspectEnd,
    },
  };
}

/** See the top of this file. `batch` is not empty. */
export function settleBatch(
  batch: readonly ReceivedEvent[],
  outcome: BatchOutcome,
  progress: Progress,
  context: SettleContext,
): Settlement {
  if (outcome.kind === 'answered') return settleAnswered(batch, outcome, progress, context);
  const { options } = context;
  const end = batch.at(-1)!.offset + 1n;
  const failing = { ...progress, suspectEnd: end, error: outcome.error };
  // Cutting a batch in half costs no attempt; who wishes to be called later does not say that some record is bad.
  if (options.bisectBatchOnError && batch.length > 1 && outcome.retryAfterMs === undefined)
    return { progress: failing, givenUp: [] };
  const [first] = batch;
  const isWhole = options.ordering === 'partition';
  const counted = isWhole ? [first!] : batch;
  const failures = new Map(counted.map((record) => [record.offset, outcome]));
  const settled = fail(counted, failures, failing, context);
  if (settled.givenUp.length === 0) return settled;
  // Of a batch that cannot be told apart all goes, as with Lambda.
  const gone = isWhole ? batch.map((record) => ({ ...settled.givenUp[0]!, record })) : settled.givenUp;
  return { ...settled, givenUp: gone };
}

function settleAnswered(
  batch: readonly ReceivedEvent[],
  { failed, postponed }: BatchOutcome & { readonly kind: 'answered' },
  progress: Progress,
  context: SettleContext,
): Settlement {
  const isOpen = (offset: bigint) => failed.has(offset) || postponed?.has(offset) === true;
  const handled = handledRecords(batch, isOpen, context.options.ordering);
  const passed = passRecords(progress, handled);
  const succeeded = handled.length > 0 ? { ...passed, givenUpInARow: 0 } : passed;
  if (failed.size === 0) return { progress: { ...succeeded, error: '' }, givenUp: [] };
  const { ordering } = context.options;
  const candidates = batch.filter(({ offset }) => failed.has(offset));
  const counted = ordering === 'partition' ? candidates.slice(0, 1) : candidates;
  // It has named what fails: nothing else is suspect any more.
  return fail(counted, failed, { ...succeeded, suspectEnd: null }, context);
}

/** What need not be given again. */
function handledRecords(
  batch: readonly ReceivedEvent[],
  isOpen: (offset: bigint) => boolean,
  ordering: SubscriptionOptions['ordering'],
): readonly ReceivedEvent[] {
  if (ordering === 'partition') {
    const first = batch.findIndex(({ offset }) => isOpen(offset));
    return first < 0 ? batch : batch.slice(0, first);
  }
  const heldKeys = new Set<number>();
  return batch.filter((record) => {
    const key = ordering === 'key' ? keyHash(record) : null;
    const isHeld = key !== null && heldKeys.has(key);
    if (key !== null && isOpen(record.offset)) heldKeys.add(key);
    return !isOpen(record.offset) && !isHeld;
  });
}

/** Counts a failure of each of these records, and gives up those that have had enough. */
function fail(
  records: readonly ReceivedEvent[],
  causes: ReadonlyMap<bigint, Failure>,
  progress: Progress,
  { options, nowMs }: SettleContext,
): Settlement {
  const { retryAttempts, circuitBreakerFailures, ordering } = options;
  const failed = new Map(progress.failed.map((one) => [one.offset, one]));
  const givenUp: GivenUp[] = [];
  let { givenUpInARow, error } = progress;
  for (const record of records) {
    const { offset } = record;
    const { stack = '', retryAfterMs, ...cause } = causes.get(offset)!;
    ({ error } = cause);
    const failures = (failed.get(offset)?.failures ?? 0) + 1;
    const isOver = retryAttempts >= 0 && failures > retryAttempts;
    const isOpen = circuitBreakerFailures > 0 && givenUpInARow >= circuitBreakerFailures;
    if (isOver && !isOpen) {
      givenUpInARow += 1;
      failed.delete(offset);
      givenUp.push({ record, failures, error, stack });
      continue;
    }
    const waitMs = retryAfterMs ?? (isOver ? restMs(failures - retryAttempts) : retryDelayMs(failures));
    const key = ordering === 'key' ? keyHash(record) : null;
    failed.set(offset, { offset, failures, notBeforeMs: Math.ceil(nowMs + waitMs), key });
  }
  return { progress: { ...progress, failed: byOffset(failed.values()), givenUpInARow, error }, givenUp };
}

function restMs(rests: number): number {
  return Math.min(LAST_REST_MS, FIRST_REST_MS * 2 ** Math.min(rests - 1, 10));
}

function byOffset(failed: Iterable<FailedRecord>): readonly FailedRecord[] {
  return [...failed].sort((left, right) => (left.offset < right.offset ? -1 : 1));
}
