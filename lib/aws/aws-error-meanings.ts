/** What answers of AWS mean to a caller: what its services have in common, used by `aws-errors.ts`. The codes of each service stand in a table of its own. */
import type { ErrorCode } from '../errors.ts';

/** A code of Millrace, and what to do about it. */
export interface Meaning {
  readonly code: ErrorCode;
  /** A function of the bucket's or table's name where that must be in it. */
  readonly hint: string | ((container: string) => string);
  readonly retriable?: boolean;
}

/** By the code in an answer, which differs from service to service: each client carries its own. What is not there goes by the HTTP status. */
export type Meanings = Readonly<Record<string, Meaning | ((message: string) => Meaning | undefined)>>;

/** Too many requests. */
export const throttled: Meaning = { code: 'THROTTLED', hint: 'Nothing was done. Ask again after a growing wait.' };
/** A request beside others to the same. */
export const conflict: Meaning = {
  code: 'THROTTLED',
  hint: 'Another request was changing the same; nothing was done. Ask again.',
};
/** Credentials whose time is over. */
export const expired: Meaning = {
  code: 'CREDENTIALS_EXPIRED',
  hint: 'Sign in again (aws sso login) or renew the session token.',
};
/** Credentials that nobody knows. */
export const badCredentials: Meaning = {
  code: 'ACCESS_DENIED',
  hint: 'The credentials are not known to AWS: check AWS_ACCESS_KEY_ID, AWS_PROFILE, the role and the region.',
};
/** No credentials at all. */
export const noCredentials: Meaning = {
  code: 'ACCESS_DENIED',
  hint: 'There are no credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the function a role.',
};
/** A store that may not be used. */
export const denied: Meaning = {
  code: 'ACCESS_DENIED',
  hint: 'Allow the action that the message names. Without s3:ListBucket a missing object is refused like a forbidden one.',
};
/** A request that makes no sense to the service. */
export const invalid: Meaning = {
  code: 'INVALID_REQUEST',
  hint: 'The service refused the request as it is; look at the cause.',
};
/** A bucket that is elsewhere. */
export const otherRegion: Meaning = {
  code: 'INVALID_REQUEST',
  hint: (bucket) => `The bucket ${bucket} is in another region: name it with region= or AWS_REGION.`,
};

/** A service that may not be used. */
export const deniedAction: Meaning = { code: 'ACCESS_DENIED', hint: 'Allow the action that the message names.' };

/** Codes that all services with a JSON protocol have. */
export const CREDENTIAL_MEANINGS: Meanings = {
  ThrottlingException: throttled,
  ExpiredTokenException: expired,
  UnrecognizedClientException: badCredentials,
  InvalidSignatureException: badCredentials,
};

/**
 * What an HTTP status means when the code says nothing; undefined: the answer does not tell whether the request took effect. So it is with every 5xx
 * of DynamoDB ("the write may have succeeded or failed"), with those of a proxy, and with a success that cannot be read.
 */
export function statusMeaning(status: number): Meaning | undefined {
  if (status === 403 || status === 401) return denied;
  if (status === 409 || status === 429) return throttled;
  if (status === 507) return { code: 'STORE_FULL', hint: 'Free some space behind the endpoint.' };
  if (status === 501)
    return { code: 'STORE_UNAVAILABLE', retriable: false, hint: 'The endpoint lacks this operation.' };
  if (status >= 300 && status < 400) return otherRegion;
  return status >= 400 && status < 500 ? invalid : undefined;
}

/** Errors of the SDK's credential providers: no request was sent. */
export const PROVIDER_ERRORS: readonly {
  readonly names: readonly string[];
  readonly meaning: (message: string) => Meaning;
}[] = [
  {
    names: ['CredentialsProviderError', 'TokenProviderError', 'ProviderError'],
    meaning: (message) => (/expired|sso login/i.test(message) ? expired : noCredentials),
  },
  { names: ['EndpointError'], meaning: () => invalid },
];
