/** What Kafka's clients are told of our errors. */
import { asMillraceError, type ErrorCode, MillraceError } from '../errors.ts';
import { errorCodes, type KafkaErrorName } from './protocol/error-codes.ts';

/** Those that have another name in Kafka's protocol; all others that the protocol has keep theirs, and the rest is UNKNOWN_SERVER_ERROR. */
const NAMES: Partial<Record<ErrorCode, KafkaErrorName>> = {
  // Neither a client's fault nor lasting: it asks for metadata and tries again.
  TOPIC_BUSY: 'LEADER_NOT_AVAILABLE',
  // For certain not in the log: clients send it again.
  NOT_COMMITTED: 'KAFKA_STORAGE_ERROR',
  // May be in the log: what a broker says too when it cannot tell.
  COMMIT_UNKNOWN: 'REQUEST_TIMED_OUT',
  THROTTLED: 'KAFKA_STORAGE_ERROR',
  STORE_UNAVAILABLE: 'KAFKA_STORAGE_ERROR',
  CHECKSUM_MISMATCH: 'KAFKA_STORAGE_ERROR',
  CREDENTIALS_EXPIRED: 'KAFKA_STORAGE_ERROR',
  CLOSED: 'NOT_LEADER_OR_FOLLOWER',
  ACCESS_DENIED: 'CLUSTER_AUTHORIZATION_FAILED',
  STORE_READ_ONLY: 'POLICY_VIOLATION',
  CORRUPT_OBJECT: 'KAFKA_STORAGE_ERROR',
  OBJECT_MISSING: 'KAFKA_STORAGE_ERROR',
  // A batch of the formats before Kafka 0.11.
  UNSUPPORTED_FORMAT: 'INVALID_RECORD',
};

/** The name of an error in Kafka's protocol. */
export function kafkaErrorName(error: unknown): KafkaErrorName {
  const { code } = asMillraceError(error);
  const name = NAMES[code];
  if (name !== undefined) return name;
  return Object.hasOwn(errorCodes, code) ? (code as KafkaErrorName) : 'UNKNOWN_SERVER_ERROR';
}

/** An error as answers carry it. */
export interface KafkaError {
  readonly errorCode: number;
  /** With the way out, where there is one. */
  readonly errorMessage: string;
}

/** What an answer says of an error. */
export function kafkaError(error: unknown): KafkaError {
  const { message, hint } = asMillraceError(error);
  return {
    errorCode: errorCodes[kafkaErrorName(error)],
    errorMessage: hint === undefined ? message : `${message}. ${hint}`,
  };
}

/** No error, in the same shape. */
export const NO_ERROR = { errorCode: errorCodes.NONE, errorMessage: null } as const;

/** Runs an operation for an answer that says for each item how it went. */
export async function answeredError(operation: () => Promise<unknown>): Promise<KafkaError | typeof NO_ERROR> {
  try {
    await operation();
    return NO_ERROR;
  } catch (error) {
    return kafkaError(error);
  }
}

/** For what Kafka's clients may ask and does not exist here. */
export function unsupported(what: string, hint: string, code: ErrorCode = 'INVALID_REQUEST'): MillraceError {
  return new MillraceError(code, what, { hint });
}
