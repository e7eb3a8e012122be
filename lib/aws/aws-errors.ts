/**
 * What errors of the SDK mean. The one distinction that correctness hangs on is whether the service answered: time-outs, broken connections and 5xx
 * leave open whether a write took or will take effect (`UnansweredError`); throttling and 4xx say that it did not and will not.
 *
 * Sources: "Error handling with DynamoDB" in its developer guide; "Error responses" in the API reference of S3.
 */
import { type ErrorCode, MillraceError, UnansweredError } from '../errors.ts';

/** What was asked of whom, for messages. */
export interface RequestContext {
  readonly service: 'S3' | 'DynamoDB';
  /** Bucket or table. */
  readonly resource: string;
  /** The operation, such as `PutObject`. */
  readonly operation: string;
}

interface Meaning {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly retriable?: boolean;
}

const throttled: Meaning = {
  code: 'THROTTLED',
  hint: 'It is repeated with growing pauses. If it lasts, spread the load over more partitions or lower the request rate.',
};
const denied: Meaning = {
  code: 'ACCESS_DENIED',
  hint: 'Grant this identity the action on the bucket or table, and check the credentials and the region.',
};
const expired: Meaning = {
  code: 'CREDENTIALS_EXPIRED',
  hint: 'Renew the credentials (for SSO: aws sso login) and run it again. Nothing was written by this request.',
};
const missing: Meaning = {
  code: 'STORE_MISSING',
  hint: 'Create the bucket and the table first (docs/stores.md), and check the names and the region.',
};
const itemFull: Meaning = {
  code: 'ITEM_FULL',
  hint: 'An item of DynamoDB holds 400 KB. Lower millrace.inline.max.bytes of the topic.',
};
const checksum: Meaning = {
  code: 'CHECKSUM_MISMATCH',
  hint: 'The bytes were damaged on their way; nothing was written. It is sent again.',
};
const refusedConnection: Meaning = {
  code: 'STORE_UNAVAILABLE',
  hint: 'Check the network, the region and AWS_ENDPOINT_URL: nothing answers there.',
};
const other: Meaning = {
  code: 'STORE_UNAVAILABLE',
  hint: 'The service refused the request; look at the cause.',
  retriable: false,
};

const BY_NAME: Readonly<Record<string, Meaning>> = {
  ProvisionedThroughputExceededException: throttled,
  ThrottlingException: throttled,
  ThrottlingError: throttled,
  Throttling: throttled,
  RequestLimitExceeded: throttled,
  TransactionConflictException: throttled,
  TransactionInProgressException: throttled,
  ReplicatedWriteConflictException: throttled,
  LimitExceededException: throttled,
  SlowDown: throttled,
  // "A conflicting operation occurred during the request": the conditional write did not happen and may be sent again.
  ConditionalRequestConflict: throttled,
  OperationAborted: throttled,
  RequestTimeout: { code: 'STORE_UNAVAILABLE', hint: 'The body did not arrive in time; it is sent again.' },
  ExpiredToken: expired,
  ExpiredTokenException: expired,
  TokenRefreshRequired: expired,
  RequestExpired: expired,
  AccessDenied: denied,
  AccessDeniedException: denied,
  AllAccessDisabled: denied,
  InvalidAccessKeyId: denied,
  SignatureDoesNotMatch: denied,
  InvalidSignatureException: denied,
  MissingAuthenticationTokenException: denied,
  IncompleteSignatureException: denied,
  UnrecognizedClientException: denied,
  CredentialsProviderError: {
    ...denied,
    hint: 'No credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
  },
  RequestTimeTooSkewed: { ...denied, hint: "This machine's clock is wrong: set it." },
  NoSuchBucket: missing,
  ResourceNotFoundException: missing,
  ItemCollectionSizeLimitExceededException: itemFull,
  BadDigest: checksum,
  InvalidDigest: checksum,
  XAmzContentSHA256Mismatch: checksum,
  XAmzContentChecksumMismatch: checksum,
};

/** The connection never came about, so the request was never there. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

interface SdkError {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
  readonly $response?: { readonly statusCode?: number };
}

/** Translates an error of the SDK. Millrace's own errors pass. */
export function fromSdkError(error: unknown, context: RequestContext): MillraceError {
  if (error instanceof MillraceError) return error;
  const { name = '', message = String(error), ...rest } = error as SdkError;
  const text = `${context.service} ${context.operation} on ${context.resource}: ${name ? `${name}: ` : ''}${message}`;
  const meaning = meaningOf({ name, message, ...rest });
  if (meaning === 'unanswered') {
    return new UnansweredError(text, { value: context.resource, hint: 'It is repeated unchanged.', cause: error });
  }
  const { code, hint, retriable } = meaning;
  const details = { value: context.resource, hint, cause: error };
  return new MillraceError(code, text, retriable === undefined ? details : { ...details, retriable });
}

function meaningOf(error: SdkError): Meaning | 'unanswered' {
  const { name = '', message = '', code = '', $metadata } = error;
  // A hidden repetition reports only its last answer; an earlier attempt may still take effect.
  if (($metadata?.attempts ?? 1) > 1) return 'unanswered';
  const known = BY_NAME[name];
  if (known) return known;
  if (isItemTooLarge(name, message)) return itemFull;
  const status = $metadata?.httpStatusCode ?? error.$response?.statusCode;
  if (status === undefined) return NEVER_SENT.has(code) ? refusedConnection : 'unanswered';
  if (status >= 500) return status === 503 && name === 'SlowDown' ? throttled : 'unanswered';
  // A success that cannot be read is an answer that was lost.
  if (status < 400) return 'unanswered';
  if (status === 429) return throttled;
  return status === 401 || status === 403 ? denied : other;
}

function isItemTooLarge(name: string, message: string): boolean {
  return name === 'ValidationException' && /item size/i.test(message);
}

/** Answers after a hidden repetition count as none: an earlier attempt may still take effect, or have caused the refusal. */
export function requireFirstAttempt(attempts: number | undefined, context: RequestContext): void {
  if ((attempts ?? 1) <= 1) return;
  throw new UnansweredError(
    `${context.service} ${context.operation} on ${context.resource}: the SDK repeated it by itself`,
    {
      value: attempts,
      hint: 'Make the client with maxAttempts: 1, as connect does.',
    },
  );
}
