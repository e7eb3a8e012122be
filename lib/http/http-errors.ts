/** Errors as HTTP tells them: a status, and `{ "error": { code, message, hint, retriable } }`. */
import { asMillraceError, type ErrorCode, type MillraceError } from '../errors.ts';
import { type HttpResponse, jsonResponse } from './http-message.ts';

/** What a client can do something about; the rest is ours, or for later. */
const STATUSES: Readonly<Partial<Record<ErrorCode, number>>> = {
  INVALID_REQUEST: 400,
  INVALID_RECORD: 400,
  INVALID_TIMESTAMP: 400,
  INVALID_PARTITIONS: 400,
  INVALID_TOPIC_EXCEPTION: 400,
  INVALID_CONFIG: 400,
  // Whoever serves may not use the topic: it was made for others.
  ACCESS_DENIED: 403,
  UNKNOWN_TOPIC_OR_PARTITION: 404,
  UNKNOWN_TOPIC_ID: 404,
  OFFSET_MISMATCH: 409,
  MESSAGE_TOO_LARGE: 413,
  OFFSET_OUT_OF_RANGE: 416,
  THROTTLED: 429,
};
/** Seconds. */
const RETRY_AFTER = { 'retry-after': '1' };

/** What is told of an error. */
export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
  /** Whether the same may succeed later. */
  readonly retriable: boolean;
}

/** The status of an error: 4xx for what the client has to change, 503 for what may succeed later, 500 for what is ours. */
export function statusOf({ code, retriable }: MillraceError): number {
  return STATUSES[code] ?? (retriable ? 503 : 500);
}

/** What is told of it. */
export function errorBody({ code, message, hint, retriable }: MillraceError): ErrorBody {
  return { code, message, hint, retriable };
}

/** The answer for what was thrown. */
export function errorResponse(thrown: unknown): HttpResponse {
  const error = asMillraceError(thrown);
  const status = statusOf(error);
  const isForLater = status === 503 || status === 429;
  return jsonResponse(status, { error: errorBody(error) }, isForLater ? RETRY_AFTER : {});
}
