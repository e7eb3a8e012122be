import { asMillraceError } from '../../errors.ts';
import type { KafkaErrorName } from '../protocol/error-codes.ts';

/** What a client is told when the store failed: to come again, or that something is broken here. */
export function storeErrorOf(error: unknown): KafkaErrorName {
  return asMillraceError(error).retriable ? 'COORDINATOR_NOT_AVAILABLE' : 'UNKNOWN_SERVER_ERROR';
}
