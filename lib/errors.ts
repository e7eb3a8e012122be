/**
 * One family of errors. `code` says what happened (Kafka's name where Kafka has one), `retriable` whether the same call may
 * succeed later unchanged, `value` is the offending value, `hint` the way out.
 *
 * A lost conditional write is never an error: it is a returned outcome.
 */

/** Every code that Millrace throws, with its default for `retriable`. Names are Kafka's where Kafka has one. */
const RETRIABLE = {
  // bad input
  INVALID_REQUEST: false,
  UNSUPPORTED_VERSION: false,
  INVALID_TOPIC_EXCEPTION: false,
  INVALID_PARTITIONS: false,
  INVALID_REPLICATION_FACTOR: false,
  INVALID_CONFIG: false,
  INVALID_RECORD: false,
  INVALID_REQUIRED_ACKS: false,
  INVALID_TIMESTAMP: false,
  SERIALIZATION_FAILED: false,
  DESERIALIZATION_FAILED: false,
  INVALID_CONNECTION_STRING: false,
  MESSAGE_TOO_LARGE: false,
  UNSUPPORTED_COMPRESSION_TYPE: false,
  // topics and offsets
  UNKNOWN_TOPIC_OR_PARTITION: false,
  /** The id belongs to no topic, or its topic was deleted. */
  UNKNOWN_TOPIC_ID: false,
  TOPIC_ALREADY_EXISTS: false,
  TOPIC_BUSY: true,
  OFFSET_OUT_OF_RANGE: false,
  /** `expectedOffset` is not the partition's high watermark; nothing was written. */
  OFFSET_MISMATCH: false,
  // consumer groups
  INVALID_GROUP_ID: false,
  GROUP_ID_NOT_FOUND: false,
  NON_EMPTY_GROUP: false,
  GROUP_MAX_SIZE_REACHED: false,
  INVALID_SESSION_TIMEOUT: false,
  /** The members of a group have no assignor in common, or the group is of another kind. */
  INCONSISTENT_GROUP_PROTOCOL: false,
  INVALID_REGULAR_EXPRESSION: false,
  /** Another member owns the partition by now; nothing was committed. */
  ILLEGAL_GENERATION: false,
  /** This member was taken for dead, or has left. */
  UNKNOWN_MEMBER_ID: false,
  /** Another process has joined under this instance id. */
  FENCED_INSTANCE_ID: false,
  /** Nothing was ever committed, and `autoOffsetReset` is `none`. */
  NO_OFFSET_FOR_PARTITION: false,
  OFFSET_METADATA_TOO_LARGE: false,
  // subscriptions of functions
  SUBSCRIPTION_NOT_FOUND: false,
  SUBSCRIPTION_ALREADY_EXISTS: false,
  // outcome of a produce
  /** For certain not in the log and never will be: safe to send again. */
  NOT_COMMITTED: true,
  /** May or may not be in the log, and nobody can find out any more: sending again may duplicate. */
  COMMIT_UNKNOWN: false,
  BUFFER_EXHAUSTED: true,
  CLOSED: false,
  /** A batch of an idempotent producer does not follow its last one. */
  OUT_OF_ORDER_SEQUENCE_NUMBER: false,
  /** An idempotent producer has gone on under a newer epoch. */
  INVALID_PRODUCER_EPOCH: false,
  // data
  CORRUPT_MESSAGE: false,
  CORRUPT_OBJECT: false,
  UNSUPPORTED_FORMAT: false,
  /** The index names an object that the store does not have. */
  OBJECT_MISSING: false,
  // stores
  REQUEST_TIMED_OUT: true,
  THROTTLED: true,
  STORE_UNAVAILABLE: true,
  STORE_FULL: false,
  STORE_READ_ONLY: false,
  STORE_MISSING: false,
  ITEM_FULL: false,
  ACCESS_DENIED: false,
  CREDENTIALS_EXPIRED: false,
  CHECKSUM_MISMATCH: true,
} as const;

/** What went wrong; the list is above. */
export type ErrorCode = keyof typeof RETRIABLE;

/** What an error carries beside its code and message. */
export interface ErrorDetails {
  /** The value that was refused or is damaged, as the caller gave it. */
  readonly value?: unknown;
  /** What to do about it, as an imperative sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Overrides the default of the code. */
  readonly retriable?: boolean;
}

/** The base of every error that Millrace throws. */
export class MillraceError extends Error {
  override readonly name: string = 'MillraceError';
  readonly code: ErrorCode;
  readonly retriable: boolean;
  readonly value: unknown;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retriable = details.retriable ?? RETRIABLE[code];
    this.value = details.value;
    this.hint = details.hint;
  }
}

/**
 * A store request that got no answer: it may have taken effect, may do so later, or never.
 *
 * A class of its own because the caller decides differently: a conditional write that was left unanswered may only be
 * repeated with the same bytes, never replaced by another.
 */
export class UnansweredError extends MillraceError {
  override readonly name: string = 'UnansweredError';

  constructor(message: string, details: ErrorDetails = {}) {
    super('REQUEST_TIMED_OUT', message, details);
  }
}

/** Whether `error` is Millrace's and has this code. */
export function hasCode(error: unknown, code: ErrorCode): error is MillraceError {
  return error instanceof MillraceError && error.code === code;
}

/** Millrace's errors as they are; anything else, which a store should not throw, as a failure of the store. */
export function asMillraceError(error: unknown): MillraceError {
  if (error instanceof MillraceError) return error;
  return new MillraceError('STORE_UNAVAILABLE', 'the store failed in an unexpected way', {
    cause: error,
    hint: 'This is a defect: report it with the cause.',
    retriable: false,
  });
}
