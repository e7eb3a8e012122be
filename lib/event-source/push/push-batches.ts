/** The pump: hands batches to a function that knows nothing of Millrace, as its event source would. */
import { asMillraceError, UnansweredError } from '../../errors.ts';
import { DEAD_LETTER_TIER, type FunctionSubscription } from '../function-subscription.ts';
import { PartitionWork, type WorkOutcome } from '../partition-work.ts';
import type { ReceivedEvent } from '../received-event.ts';
import { retryAfterMsOf } from '../retry-after.ts';
import { redriveOnSchedule, type ScheduledRedriveDeps } from '../scheduled-redrive.ts';
import type { BatchOutcome, Failure } from '../settle-batch.ts';
import type { SubscriptionOptions } from '../subscription-options.ts';
import { isTooMuchState, MAX_STATE_BYTES } from '../tumbling-window.ts';
import type { WakeRequest } from '../wake-request.ts';
import { parseBatchResponse } from './batch-response.ts';
import type { EventFormat, EventOrigin, EventPlace } from './event-format.ts';
import type { FunctionInvoker, InvokeAnswer } from './function-invoker.ts';
import { kafkaEvent, selfManagedKafkaEvent } from './kafka-event.ts';
import { kinesisEvent } from './kinesis-event.ts';
import { splitBatch } from './split-batch.ts';
import { sqsEvent } from './sqs-event.ts';
import { withState, withWindow } from './window-event.ts';

/** Lambda: the payload of a synchronous call. Source: "Lambda quotas" in the developer guide. */
export const MAX_EVENT_BYTES = 6 * 1024 * 1024;
/** What stands around the records. */
const ENVELOPE_BYTES = 4096;
const THROTTLED_MS = 1_000;
/** A call that is left unanswered as soon as this is no attempt: it is made again a little later. */
const QUICK_MS = 2_000;
const UNANSWERED_MS = 5_000;
/** A pump is small: to sleep is cheaper than to be woken. */
const MAY_SLEEP_MS = 1_000;
const MISSING_MS = 60_000;

const FORMATS: Readonly<Record<SubscriptionOptions['format'], EventFormat>> = {
  kafka: kafkaEvent,
  'self-managed-kafka': selfManagedKafkaEvent,
  kinesis: kinesisEvent,
  sqs: sqsEvent,
};

/** What the pump needs beside what every worker does. */
export interface PumpDeps extends ScheduledRedriveDeps {
  readonly invoker: FunctionInvoker;
  readonly originOf: (subscription: FunctionSubscription) => EventOrigin;
}

/** How long it may run. */
export interface PumpLimits {
  /** By the monotonic clock: no batch is handed over any more. */
  readonly deadlineMs: number;
  /** The lease is renewed three times in this time, so that a pump that dies is noticed after it. */
  readonly leaseMs: number;
  /** Once it is aborted no batch is handed over any more. Default: never. */
  readonly stop?: AbortSignal;
}

/** Works on one partition until there is nothing to do or no time left. Throws what the store throws after ten attempts. */
export async function pushBatches(deps: PumpDeps, request: WakeRequest, limits: PumpLimits): Promise<void> {
  const { options, retry } = request.subscription;
  if (retry?.tier === DEAD_LETTER_TIER) return redriveOnSchedule(deps, request, limits);
  const format = FORMATS[options.format];
  const encoded = new WeakMap<ReceivedEvent, string>();
  const origin = deps.originOf(request.subscription);
  const place = { topic: request.subscription.topic, partition: request.partition };
  const encode = (record: ReceivedEvent) => {
    const text = encoded.get(record) ?? format.encode(record, origin);
    encoded.set(record, text);
    return text;
  };
  const work = new PartitionWork(deps, request, {
    ...limits,
    maySleepMs: MAY_SLEEP_MS,
    sizeOf: (record) => Buffer.byteLength(encode(record)) + 1,
    maxBytes: MAX_EVENT_BYTES - ENVELOPE_BYTES - (options.tumblingWindowMs > 0 ? MAX_STATE_BYTES : 0),
  });
  for (let batch = await work.next(); batch !== null; batch = await work.next()) {
    // It was not handed over: no attempt is counted.
    if (limits.stop?.aborted) return work.finish();
    const split = { ...work.subscription.options, parallelizationFactor: work.callsAtOnce };
    const calls = splitBatch(batch, split).map((part) => call(deps, work, { part, place, format, encode, origin }));
    await work.settle(merge(batch, await keepingLease(deps, work, limits, Promise.all(calls))));
  }
}

/** Renews the lease until the calls are over; a lease that is lost needs nobody to renew it. */
async function keepingLease<T>(
  { clock }: PumpDeps,
  work: PartitionWork,
  { leaseMs }: PumpLimits,
  calls: Promise<T>,
): Promise<T> {
  const over = new AbortController();
  // A renewal that fails shows at the next write.
  const renewing = renewUntil(over.signal).catch(() => {});
  try {
    return await calls;
  } finally {
    over.abort();
    await renewing;
  }

  async function renewUntil(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(leaseMs / 3, signal);
      if (!signal.aborted && !(await work.renew())) return;
    }
  }
}

interface Call {
  readonly part: readonly ReceivedEvent[];
  readonly place: EventPlace;
  readonly format: EventFormat;
  readonly encode: (record: ReceivedEvent) => string;
  readonly origin: EventOrigin;
}

interface CallOutcome {
  readonly part: readonly ReceivedEvent[];
  readonly outcome: WorkOutcome;
}

async function call(deps: PumpDeps, work: PartitionWork, one: Call): Promise<CallOutcome> {
  const { subscription } = work;
  const { part, place } = one;
  const startMs = deps.clock.monotonicMs();
  const newest = part.at(-1)?.timestampMs;
  const ageMs = newest === undefined ? 0 : Math.max(0, deps.clock.nowMs() - Number(newest));
  const outcome = await callInWindow(deps, work, one);
  if (outcome.kind !== 'refused') {
    deps.onNews({
      kind: 'invoked',
      group: subscription.group,
      partition: { topicId: subscription.topicId, partition: place.partition },
      records: part.length,
      failed: outcome.kind === 'failed' ? part.length : outcome.failed.size,
      durationMs: deps.clock.monotonicMs() - startMs,
      ageMs,
      error: outcome.kind === 'failed' ? outcome.error : '',
    });
  }
  return { part, outcome };
}

/** Calls the function, and once more when its window has to end because it hands on too much: then both calls have to go well, since nothing of the first is stored. */
async function callInWindow(
  deps: PumpDeps,
  { subscription, windowCall }: PartitionWork,
  one: Call,
): Promise<WorkOutcome> {
  const { part, place, format, encode, origin } = one;
  const event = format.wrap(part.map(encode), place, origin);
  if (windowCall === null) return invoke(deps, subscription, event, one);
  const at = { format, place, origin };
  const outcome = await invoke(
    deps,
    subscription,
    withWindow(event, windowCall, { ...at, isEarly: false }),
    one,
    withState,
  );
  if (windowCall.isFinal || outcome.kind !== 'answered' || !isTooMuchState(outcome.state)) return outcome;
  const last = { ...windowCall, state: outcome.state, isFinal: true };
  const end = withWindow(format.wrap([], place, origin), last, { ...at, isEarly: true });
  const ended = await invoke(deps, subscription, end, { ...one, part: [] }, withState);
  // The window goes on without it.
  return ended.kind === 'answered' ? { ...outcome, state: undefined } : ended;
}

async function invoke(
  { invoker, clock }: PumpDeps,
  { target, options }: FunctionSubscription,
  payload: string,
  { part, format }: Call,
  read: (outcome: BatchOutcome, payload: string) => BatchOutcome = (outcome) => outcome,
): Promise<WorkOutcome> {
  const startMs = clock.monotonicMs();
  try {
    const answer = await invoker.invoke(target, payload);
    if (answer.kind === 'throttled') {
      return { kind: 'refused', error: `${target} is throttled`, retryMs: THROTTLED_MS };
    }
    if (answer.kind === 'missing') return { kind: 'refused', error: answer.error, retryMs: MISSING_MS };
    if (answer.kind === 'failed') {
      return failureOf(answer);
    }
    const reports = options.reportBatchItemFailures && part.length > 0;
    const all: BatchOutcome = { kind: 'answered', failed: new Map() };
    return read(reports ? parseBatchResponse(answer.payload, part, format) : all, answer.payload);
  } catch (cause) {
    const error = asMillraceError(cause);
    // The service failed, or the way to it: a function that had begun with the batch would have taken its time, mostly.
    const isQuick = clock.monotonicMs() - startMs < QUICK_MS;
    if (error instanceof UnansweredError && isQuick)
      return { kind: 'refused', error: error.message, retryMs: UNANSWERED_MS };
    return { kind: 'failed', error: error.message };
  }
}

/** A function that throws `RetryAfter` says when it wishes to be called again; its message begins with the milliseconds. */
function failureOf({ errorType, errorMessage, stack }: InvokeAnswer & { readonly kind: 'failed' }): WorkOutcome {
  const failure = { kind: 'failed', error: `${errorType}: ${errorMessage}`, stack } as const;
  const retryAfterMs = errorType === 'RetryAfter' ? retryAfterMsOf(errorMessage) : null;
  return retryAfterMs === null ? failure : { ...failure, retryAfterMs };
}

/** What became of a batch, from what became of its parts. */
function merge(batch: readonly ReceivedEvent[], calls: readonly CallOutcome[]): WorkOutcome {
  const isWhole = calls.length === 1 && calls[0]!.part.length === batch.length;
  if (isWhole) return calls[0]!.outcome;
  const { outcome: first } = calls[0]!;
  const all = (kind: WorkOutcome['kind']) => calls.every(({ outcome }) => outcome.kind === kind);
  if (all('refused') || all('failed')) return first;
  const failed = new Map<bigint, Failure>();
  const called = new Set(calls.flatMap(({ part }) => part.map(({ offset }) => offset)));
  const postponed = new Set(batch.map(({ offset }) => offset).filter((offset) => !called.has(offset)));
  for (const { part, outcome } of calls) {
    if (outcome.kind === 'answered') for (const [offset, failure] of outcome.failed) failed.set(offset, failure);
    else if (outcome.kind === 'failed') for (const { offset } of part) failed.set(offset, outcome);
    else for (const { offset } of part) postponed.add(offset);
  }
  return { kind: 'answered', failed, postponed };
}
