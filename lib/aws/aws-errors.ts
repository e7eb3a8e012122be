/**
 * The one mapping of the SDK's errors. First comes what is certain whatever the error says, then what the service's code means, then the HTTP status.
 *
 * Three kinds matter to a writer:
 * - *unanswered*: no answer, or one that does not tell (5xx; a repetition that the SDK made by itself): the request may have taken effect, or may do so later;
 * - *answered, retriable*: throttled or in conflict, nothing was written;
 * - *answered, final*: the same request will fail again.
 *
 * Sources: "Error responses" in the S3 API reference, "Error handling with DynamoDB" in the developer guide.
 */
import { MillraceError, UnansweredError } from '../errors.ts';
import { type Meaning, type Meanings, PROVIDER_ERRORS, statusMeaning } from './aws-error-meanings.ts';

/** What a request was about. */
export interface AwsRequest {
  /** As the service calls it. */
  readonly operation: string;
  readonly effect: 'read' | 'write';
  /** What the codes of the service mean. */
  readonly meanings: Meanings;
  /** Name of the bucket or table. */
  readonly container: string;
  /** Object key or item key. */
  readonly value: unknown;
}

/** What the SDK tells of how an answer came about. */
export interface AnswerMetadata {
  readonly httpStatusCode?: number | undefined;
  readonly attempts?: number | undefined;
  readonly clockSkewCorrected?: boolean | undefined;
}

/** What the SDK's errors have, or may have. */
interface SdkError {
  readonly name: string;
  readonly message: string;
  /** Of Node, when no answer came. */
  readonly code?: string;
  readonly $metadata?: AnswerMetadata;
  /** Of answers that the SDK could not read. */
  readonly $response?: { readonly statusCode?: number };
}

/** Node's codes for connections that were never made: not a byte was sent. */
const NEVER_SENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'];
/** Node's codes for connections that broke amidst the answer. */
const BROKEN_OFF = ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ERR_STREAM_PREMATURE_CLOSE'];
/** Codes of certificates that were not accepted: the connection ended before the request. */
const BAD_CERTIFICATE = /^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/;
/** The SDK reports damaged bytes by a plain error, whose message is all there is to know it by. */
const DAMAGED_BYTES = 'Checksum mismatch';

/** Whether the SDK repeated a write by itself: then the answer may speak of the effect of an attempt that it lost. */
export function wasRepeated(request: AwsRequest, metadata: AnswerMetadata | undefined): boolean {
  return request.effect === 'write' && (metadata?.attempts ?? 1) > 1;
}

/** The error for a write that the SDK repeated by itself. */
export function repeatedError(request: AwsRequest, cause?: unknown): UnansweredError {
  return new UnansweredError(`${request.operation} on ${request.container} was repeated by the SDK`, {
    value: request.value,
    hint: 'Its answer does not tell what the lost attempts did. Make the client with maxAttempts: 1, as connect does.',
    cause,
  });
}

function unanswered(request: AwsRequest, what: string, cause: unknown): UnansweredError {
  return new UnansweredError(`${request.operation} on ${request.container} ${what}`, {
    value: request.value,
    hint: 'Whether it took effect is not known. What is safe to repeat is repeated; look at the network if this goes on.',
    cause,
  });
}

function meant(request: AwsRequest, meaning: Meaning, error: SdkError): MillraceError {
  const { code, hint, retriable } = meaning;
  return new MillraceError(code, `${request.operation} on ${request.container}: ${error.name}: ${error.message}`, {
    value: request.value,
    hint: typeof hint === 'function' ? hint(request.container) : hint,
    cause: error,
    ...(retriable === undefined ? {} : { retriable }),
  });
}

/** What an error means that came without an answer; undefined when nothing is known about it. */
function meaningWithoutAnswer(error: SdkError): Meaning | undefined {
  const provider = PROVIDER_ERRORS.find(({ names }) => names.includes(error.name));
  if (provider) return provider.meaning(error.message);
  if (error.message === 'Region is missing') {
    return {
      code: 'INVALID_REQUEST',
      hint: 'Name the region: AWS_REGION, a profile, or region= in the connection string.',
    };
  }
  const nodeCode = error.code ?? '';
  if (NEVER_SENT.includes(nodeCode)) {
    return { code: 'STORE_UNAVAILABLE', hint: 'Nothing was sent: check the endpoint, the region and the network.' };
  }
  if (BAD_CERTIFICATE.test(nodeCode)) {
    return {
      code: 'STORE_UNAVAILABLE',
      retriable: false,
      hint: 'The certificate of the endpoint was not accepted; see NODE_EXTRA_CA_CERTS.',
    };
  }
  return undefined;
}

function codeMeaning({ name, message }: SdkError, meanings: Meanings): Meaning | undefined {
  const meaning = meanings[name];
  return typeof meaning === 'function' ? meaning(message) : meaning;
}

const clockIsOff: Meaning = {
  code: 'STORE_UNAVAILABLE',
  hint: 'The clock of this machine is off: set it. The SDK has corrected for it, so the next request may pass.',
};
const damagedOnTheWay: Meaning = {
  code: 'CHECKSUM_MISMATCH',
  hint: 'The answer was damaged on its way; ask again.',
};

/** The Millrace error for an error of the SDK; Millrace's own are returned as they are. */
export function awsError(thrown: unknown, request: AwsRequest): MillraceError {
  if (thrown instanceof MillraceError) return thrown;
  const error = thrown instanceof Error ? (thrown as SdkError) : { name: 'Error', message: String(thrown) };
  if (wasRepeated(request, error.$metadata)) return repeatedError(request, error);
  if (error.message.startsWith(DAMAGED_BYTES)) return meant(request, damagedOnTheWay, error);
  const status = error.$metadata?.httpStatusCode ?? error.$response?.statusCode;
  if (status === undefined) {
    const meaning = meaningWithoutAnswer(error);
    return meaning
      ? meant(request, meaning, error)
      : unanswered(request, `was left unanswered: ${error.message}`, error);
  }
  // A status without the body that says which of its meanings holds: a refused condition and a wrong request are both 400.
  if (BROKEN_OFF.includes(error.code ?? ''))
    return unanswered(request, `was answered in part: ${error.message}`, error);
  if (error.$metadata?.clockSkewCorrected) return meant(request, clockIsOff, error);
  const meaning = codeMeaning(error, request.meanings) ?? statusMeaning(status);
  return meaning ? meant(request, meaning, error) : unanswered(request, `ended in ${status} ${error.name}`, error);
}

/**
 * The error for a failure that an answer reports of one of its parts, such as a key of a removal: by its code alone, because the HTTP status was that of
 * a success or of the whole.
 */
export function partError(
  part: { readonly code: string; readonly message: string },
  request: AwsRequest,
): MillraceError {
  const error: SdkError = { name: part.code, message: part.message };
  const meaning = codeMeaning(error, request.meanings);
  if (meaning) return meant(request, meaning, error);
  if (part.code === 'InternalError') return unanswered(request, 'ended in InternalError', error);
  return meant(request, { code: 'STORE_UNAVAILABLE', retriable: false, hint: 'Look at the cause.' }, error);
}

/** The error for the body of an answer to a read that broke off, or did not fit its checksum. Asking again does no harm. */
export function brokenBodyError(thrown: unknown, request: AwsRequest): MillraceError {
  const error = thrown as SdkError;
  if (error.message.startsWith(DAMAGED_BYTES)) return meant(request, damagedOnTheWay, error);
  return meant(request, { code: 'STORE_UNAVAILABLE', hint: 'The answer broke off; ask again.' }, error);
}
