/**
 * What a function's answer says about its batch. Source: "Implementing partial batch responses" for Kafka, Kinesis and SQS in the Lambda developer guide.
 *
 * Nothing, null, an object without `batchItemFailures`, or an empty or null list: all is handled. An identifier that is missing, empty, or not of this batch: nothing is known, so the whole batch has failed.
 */
import type { ReceivedEvent } from '../received-event.ts';
import type { BatchOutcome, Failure } from '../settle-batch.ts';
import type { EventFormat } from './event-format.ts';

/** What a function returns that tells which records of a Kafka event failed; `@types/aws-lambda` has none. */
export interface KafkaBatchResponse {
  readonly batchItemFailures: readonly {
    readonly itemIdentifier: { readonly partition: string; readonly offset: number };
  }[];
}

const REPORTED: Failure = { error: 'the function reported it as failed' };
const ALL_HANDLED: BatchOutcome = { kind: 'answered', failed: new Map() };

/** `payload` is what the function returned, as JSON. */
export function parseBatchResponse(
  payload: string,
  batch: readonly ReceivedEvent[],
  format: EventFormat,
): BatchOutcome {
  if (payload.trim() === '') return ALL_HANDLED;
  let response: unknown;
  try {
    response = JSON.parse(payload);
  } catch {
    return nonsense(`it is no JSON: ${payload.slice(0, 100)}`);
  }
  if (response === null) return ALL_HANDLED;
  if (typeof response !== 'object' || Array.isArray(response)) {
    return nonsense(`it is no object: ${payload.slice(0, 100)}`);
  }
  const { batchItemFailures: failures } = response as { readonly batchItemFailures?: unknown };
  if (failures === undefined || failures === null) return ALL_HANDLED;
  if (!Array.isArray(failures)) return nonsense('its batchItemFailures is no array');
  return namedFailures(failures, batch, format);
}

function namedFailures(
  failures: readonly unknown[],
  batch: readonly ReceivedEvent[],
  format: EventFormat,
): BatchOutcome {
  const offsets = new Set(batch.map(({ offset }) => offset));
  const failed = new Map<bigint, Failure>();
  for (const failure of failures) {
    const { itemIdentifier } = (failure ?? {}) as { readonly itemIdentifier?: unknown };
    const offset = format.offsetOf(itemIdentifier, batch[0]!);
    if (offset === null || !offsets.has(offset)) {
      return nonsense(`its itemIdentifier ${JSON.stringify(itemIdentifier) ?? 'undefined'} is not in the batch`);
    }
    failed.set(offset, REPORTED);
  }
  return { kind: 'answered', failed };
}

function nonsense(why: string): BatchOutcome {
  return { kind: 'failed', error: `the function's answer makes no sense: ${why}` };
}
