import type { FunctionSubscription } from './function-subscription.ts';
import type { HeldPartition } from './held-partition.ts';
import type { ReceivedEvent } from './received-event.ts';
import { sendAway } from './send-away.ts';
import { type BatchOutcome, retryDelayMs } from './settle-batch.ts';
import { closed, failedToClose, type WindowCall } from './tumbling-window.ts';
import type { WorkPlace } from './work-place.ts';

/** Takes what became of the last call of a window: it is closed, called again later, or given up. Its state then goes where records go that are given up, as one that stands behind the last that it counts. */
export async function closeWindow(
  place: WorkPlace,
  held: HeldPartition,
  subscription: FunctionSubscription,
  { call, outcome }: { readonly call: WindowCall; readonly outcome: BatchOutcome },
): Promise<void> {
  held.hasCrashedBefore = false;
  if (outcome.kind === 'answered') return held.remember({ ...closed(call), error: '' });
  const { error, stack = '' } = outcome;
  const { retryAttempts } = subscription.options;
  const failed = failedToClose(held.progress.window!, outcome, { retryAttempts, delayMs: retryDelayMs });
  held.remember({ window: failed.window, error });
  if (!failed.isGivenUp) {
    held.restUntilMs = Math.ceil(place.nowMs() + failed.waitMs);
    return;
  }
  const record = windowRecord(place, held, subscription, call);
  const dead = { record, reason: 'RetryAttemptsExhausted', failures: failed.window.failures, error, stack } as const;
  if (await sendAway(place, held, subscription, [dead])) held.remember(closed(call));
}

/** Headers of a state that was given up: the times of its window. */
export const WINDOW_HEADERS = { start: 'millrace-window-start', end: 'millrace-window-end' } as const;

function windowRecord(
  { partition: { partition } }: WorkPlace,
  { committed }: HeldPartition,
  { topic }: FunctionSubscription,
  { startMs, endMs, state }: WindowCall,
): ReceivedEvent {
  const encoder = new TextEncoder();
  const offset = committed - 1n;
  return {
    topic,
    partition,
    offset,
    gapFrom: offset,
    timestampMs: BigInt(startMs),
    timestampType: 'CREATE_TIME',
    keyBytes: null,
    valueBytes: encoder.encode(JSON.stringify(state)),
    headers: [
      { key: WINDOW_HEADERS.start, value: encoder.encode(windowTime(startMs)) },
      { key: WINDOW_HEADERS.end, value: encoder.encode(windowTime(endMs)) },
    ],
  };
}

/** As events tell it: to the second. */
export function windowTime(atMs: number): string {
  return new Date(atMs).toISOString().replace('.000Z', 'Z');
}
