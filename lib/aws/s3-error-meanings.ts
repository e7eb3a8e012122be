import {
  badCredentials,
  conflict,
  denied,
  expired,
  type Meaning,
  type Meanings,
  otherRegion,
  throttled,
} from './aws-error-meanings.ts';

const damaged: Meaning = {
  code: 'CHECKSUM_MISMATCH',
  hint: 'The bytes were damaged on their way and not stored; send them again.',
};
const clockIsOff: Meaning = { code: 'ACCESS_DENIED', hint: 'The clock of this machine is off: set it.' };

const noBucket: Meaning = {
  code: 'STORE_MISSING',
  hint: (bucket) => `Create the bucket (aws s3 mb s3://${bucket}), or check name and account.`,
};

/** What the codes of S3 mean. */
export const S3_MEANINGS: Meanings = {
  SlowDown: throttled,
  ServiceUnavailable: throttled,
  Throttling: throttled,
  ThrottlingException: throttled,
  RequestLimitExceeded: throttled,
  ConditionalRequestConflict: conflict,
  OperationAborted: conflict,
  // S3 gave up waiting for the body: an answer, and nothing was stored.
  RequestTimeout: {
    code: 'STORE_UNAVAILABLE',
    hint: 'S3 waited too long for the bytes; nothing was stored. Send them again.',
  },
  ExpiredToken: expired,
  ExpiredTokenException: expired,
  TokenRefreshRequired: expired,
  InvalidAccessKeyId: badCredentials,
  InvalidToken: badCredentials,
  SignatureDoesNotMatch: badCredentials,
  RequestTimeTooSkewed: clockIsOff,
  AccessDenied: denied,
  AllAccessDisabled: denied,
  NoSuchBucket: noBucket,
  PermanentRedirect: otherRegion,
  AuthorizationHeaderMalformed: otherRegion,
  BadDigest: damaged,
  InvalidDigest: damaged,
  XAmzContentChecksumMismatch: damaged,
  XAmzContentSHA256Mismatch: damaged,
  QuotaExceeded: {
    code: 'STORE_FULL',
    hint: 'Raise the quota of the bucket; nothing that was acknowledged is lost.',
  },
};
