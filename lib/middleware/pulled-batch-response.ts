import { MillraceError } from '../errors.ts';
import type { ReceivedEvent } from '../event-source/received-event.ts';
import type { Failure } from '../event-source/settle-batch.ts';

/** What a handler may answer: which records failed, by their offsets or their ids. Nothing: all are handled. */
export interface PulledBatchResponse {
  readonly batchItemFailures: readonly {
    readonly itemIdentifier: bigint | number | string | { readonly offset: bigint | number };
  }[];
}

const REPORTED: Failure = { error: 'the handler reported it as failed' };

/** The failed records that an answer names; an error when it makes no sense. */
export function failedOffsets(
  response: unknown,
  batch: readonly ReceivedEvent[],
): ReadonlyMap<bigint, Failure> | MillraceError {
  const { batchItemFailures } = (response ?? {}) as { readonly batchItemFailures?: unknown };
  const failed = new Map<bigint, Failure>();
  if (batchItemFailures === undefined || batchItemFailures === null) return failed;
  if (!Array.isArray(batchItemFailures)) return nonsense('its batchItemFailures is no array');
  const offsets = new Set(batch.map(({ offset }) => offset));
  for (const failure of batchItemFailures as readonly ({ readonly itemIdentifier?: unknown } | null)[]) {
    const offset = offsetOf(failure?.itemIdentifier);
    if (offset === null || !offsets.has(offset)) {
      return nonsense(`its itemIdentifier ${String(failure?.itemIdentifier)} is not in the batch`);
    }
    failed.set(offset, REPORTED);
  }
  return failed;
}

function offsetOf(identifier: unknown): bigint | null {
  const isNested = typeof identifier === 'object' && identifier !== null && 'offset' in identifier;
  const plain = isNested ? identifier.offset : identifier;
  if (typeof plain === 'bigint') return plain;
  if (typeof plain === 'number') return Number.isSafeInteger(plain) ? BigInt(plain) : null;
  const digits = typeof plain === 'string' ? /(?:^|-)(\d{1,19})$/.exec(plain)?.[1] : undefined;
  return digits === undefined ? null : BigInt(digits);
}

function nonsense(why: string): MillraceError {
  return new MillraceError('INVALID_REQUEST', `the answer of the handler makes no sense: ${why}`, {
    hint: 'Answer nothing, or { batchItemFailures: [{ itemIdentifier: record.offset }] }.',
  });
}
