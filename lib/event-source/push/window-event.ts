/**
 * What a function is told of a tumbling window, and what it answers. Source: "Stateful processing" in "Using AWS Lambda with Amazon Kinesis" of the Lambda developer guide. A Kafka event has the same fields beside its records.
 */
import { windowTime } from '../close-window.ts';
import type { BatchOutcome } from '../settle-batch.ts';
import type { WindowCall } from '../tumbling-window.ts';
import type { EventFormat, EventOrigin, EventPlace } from './event-format.ts';

/** What a function of Kafka events returns that hands a state on; for Kinesis events `@types/aws-lambda` has `KinesisStreamStateResponse`. */
export interface WindowResponse {
  /** Any JSON, up to 64 KB. Of some of a batch: of what stands before the first record in `batchItemFailures`. */
  readonly state: unknown;
  readonly batchItemFailures?: readonly { readonly itemIdentifier: unknown }[];
}

/** The event with its window, from the event without. `isEarly`: the state is more than may be handed on. */
export function withWindow(
  event: string,
  { startMs, endMs, state, isFinal }: WindowCall,
  at: {
    readonly format: EventFormat;
    readonly place: EventPlace;
    readonly origin: EventOrigin;
    readonly isEarly: boolean;
  },
): string {
  const fields = {
    window: { start: windowTime(startMs), end: windowTime(endMs) },
    state,
    shardId: at.format.shardId(at.place),
    eventSourceARN: at.origin.eventSourceArn,
    isFinalInvokeForWindow: isFinal,
    isWindowTerminatedEarly: at.isEarly,
  };
  return `${event.slice(0, -1)},${JSON.stringify(fields).slice(1)}`;
}

/** The outcome with the state that an answer hands on. Nothing, null, or an object without `state`: it begins anew. Any other answer makes no sense, and the batch has failed. */
export function withState(outcome: BatchOutcome, payload: string): BatchOutcome {
  if (outcome.kind !== 'answered') return outcome;
  try {
    const answer: unknown = payload.trim() === '' ? null : JSON.parse(payload);
    if (answer === null) return outcome;
    if (typeof answer === 'object' && !Array.isArray(answer)) {
      const { state } = answer as { readonly state?: unknown };
      return { ...outcome, state };
    }
  } catch {
    // As below.
  }
  const error = `the function's answer makes no sense: it is no object with a state: ${payload.slice(0, 100)}`;
  return { kind: 'failed', error };
}
