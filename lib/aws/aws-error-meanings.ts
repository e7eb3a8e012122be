/** What the codes and states of S3, DynamoDB, SQS and SNS mean to a caller: tables, used by `aws-errors.ts`. */
import type { ErrorCode } from '../errors.ts';

/** Which service answers: their codes differ. */
export type AwsService = 's3' | 'dynamodb' | 'sqs' | 'sns' | 'lambda' | 'scheduler';

/** A code of Millrace, and what to do about it. */
export interface Meaning {
  readonly code: ErrorCode;
  /** A function of the bucket's or table's name where that must be in it. */
  readonly hint: string | ((container: string) => string);
  readonly retriable?: boolean;
}

type Meanings = Readonly<Record<string, Meaning | ((message: string) => Meaning | undefined)>>;

const throttled: Meaning = { code: 'THROTTLED', hint: 'Nothing was done. Ask again after a growing wait.' };
const conflict: Meaning = {
  code: 'THROTTLED',
  hint: 'Another request was changing the same; nothing was done. Ask again.',
};
const expired: Meaning = {
  code: 'CREDENTIALS_EXPIRED',
  hint: 'Sign in again (aws sso login) or renew the session token.',
};
const badCredentials: Meaning = {
  code: 'ACCESS_DENIED',
  hint: 'The credentials are not known to AWS: check AWS_ACCESS_KEY_ID, AWS_PROFILE, the role and the region.',
};
const noCredentials: Meaning = {
  code: 'ACCESS_DENIED',
  hint: 'There are no credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the function a role.',
};
const denied: Meaning = {
  code: 'ACCESS_DENIED',
  hint: 'Allow the action that the message names. Without s3:ListBucket a missing object is refused like a forbidden one.',
};
const damaged: Meaning = {
  code: 'CHECKSUM_MISMATCH',
  hint: 'The bytes were damaged on their way and not stored; send them again.',
};
const itemFull: Meaning = {
  code: 'ITEM_FULL',
  hint: 'An item would grow above 400 KB: send smaller batches, or lower the inline limit of the topic.',
};
const invalid: Meaning = {
  code: 'INVALID_REQUEST',
  hint: 'The service refused the request as it is; look at the cause.',
};
const otherRegion: Meaning = {
  code: 'INVALID_REQUEST',
  hint: (bucket) => `The bucket ${bucket} is in another region: name it with region= or AWS_REGION.`,
};

const clockIsOff: Meaning = { code: 'ACCESS_DENIED', hint: 'The clock of this machine is off: set it.' };

const noBucket: Meaning = {
  code: 'STORE_MISSING',
  hint: (bucket) => `Create the bucket (aws s3 mb s3://${bucket}), or check name and account.`,
};
const noTable: Meaning = {
  code: 'STORE_MISSING',
  hint: (table) =>
    `Create the table (createTables of millrace/aws, or aws dynamodb create-table --table-name ${table} --billing-mode PAY_PER_REQUEST ` +
    '--attribute-definitions AttributeName=pk,AttributeType=S AttributeName=sk,AttributeType=S ' +
    '--key-schema AttributeName=pk,KeyType=HASH AttributeName=sk,KeyType=RANGE ' +
    '--stream-specification StreamEnabled=true,StreamViewType=NEW_IMAGE), or check its name and region.',
};

/** DynamoDB says by its text alone that an item is too large, when a condition allowed the update. */
const validation = (message: string): Meaning => (/item size/i.test(message) ? itemFull : invalid);

const deniedNotice: Meaning = {
  code: 'ACCESS_DENIED',
  hint: 'Allow sqs:GetQueueUrl and sqs:SendMessage, or sns:Publish and sns:GetTopicAttributes, and the use of its KMS key.',
};
const noQueue: Meaning = {
  code: 'STORE_MISSING',
  hint: (arn) => `Create ${arn}, or check its name, account and region.`,
};

/** Codes that both have. */
const NOTICE_MEANINGS: Meanings = {
  RequestThrottled: throttled,
  Throttling: throttled,
  ThrottlingException: throttled,
  Throttled: throttled,
  ThrottledException: throttled,
  OverLimit: throttled,
  KmsThrottled: throttled,
  KMSThrottling: throttled,
  KMSThrottlingException: throttled,
  RequestLimitExceeded: throttled,
  ExpiredToken: expired,
  ExpiredTokenException: expired,
  InvalidClientTokenId: badCredentials,
  UnrecognizedClientException: badCredentials,
  InvalidSecurity: badCredentials,
  InvalidSecurityException: badCredentials,
  SignatureDoesNotMatch: badCredentials,
  MissingAuthenticationToken: noCredentials,
  AccessDenied: deniedNotice,
  AccessDeniedException: deniedNotice,
  AuthorizationError: deniedNotice,
  AuthorizationErrorException: deniedNotice,
  KmsAccessDenied: deniedNotice,
  KMSAccessDenied: deniedNotice,
  KMSAccessDeniedException: deniedNotice,
  QueueDoesNotExist: noQueue,
  'AWS.SimpleQueueService.NonExistentQueue': noQueue,
  NotFound: noQueue,
  NotFoundException: noQueue,
  // Of entries of a batch.
  InternalError: { code: 'STORE_UNAVAILABLE', hint: 'Ask again.' },
  ServiceUnavailable: { code: 'STORE_UNAVAILABLE', hint: 'Ask again.' },
};

/** Codes that all services with a JSON protocol have. */
const CREDENTIAL_MEANINGS: Meanings = {
  ThrottlingException: throttled,
  ExpiredTokenException: expired,
  UnrecognizedClientException: badCredentials,
  InvalidSignatureException: badCredentials,
};
const noFunction: Meaning = {
  code: 'STORE_MISSING',
  hint: (arn) => `Deploy the function ${arn}, or check its name, account and region.`,
};
const noGroup: Meaning = {
  code: 'STORE_MISSING',
  hint: (group) => `Create the schedule group ${group}, or check its name and region.`,
};
/** It was not called, and will not be before somebody has mended it: its key, its network or its files. */
const cannotRun: Meaning = {
  code: 'STORE_MISSING',
  hint: (arn) => `Look at the configuration of the function ${arn}.`,
};
const CANNOT_RUN = [
  'KMSAccessDeniedException',
  'KMSDisabledException',
  'KMSInvalidStateException',
  'KMSNotFoundException',
  'EC2AccessDeniedException',
  'EC2UnexpectedException',
  'EFSIOException',
  'EFSMountConnectivityException',
  'EFSMountFailureException',
  'EFSMountTimeoutException',
  'ENILimitReachedException',
  'SubnetIPAddressLimitReachedException',
  'InvalidRuntimeException',
  'InvalidSecurityGroupIDException',
  'InvalidSubnetIDException',
  'InvalidZipFileException',
  'SnapStartException',
];
const deniedAction: Meaning = { code: 'ACCESS_DENIED', hint: 'Allow the action that the message names.' };

/** By the code in the answer. What is not here goes by the HTTP status. */
export const CODE_MEANINGS: Readonly<Record<AwsService, Meanings>> = {
  s3: {
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
  },
  dynamodb: {
    ProvisionedThroughputExceededException: throttled,
    ProvisionedThroughputExceeded: throttled,
    ThrottlingException: throttled,
    ThrottlingError: throttled,
    RequestLimitExceeded: throttled,
    LimitExceededException: throttled,
    TransactionConflictException: conflict,
    TransactionConflict: conflict,
    ReplicatedWriteConflictException: conflict,
    ExpiredTokenException: expired,
    ExpiredToken: expired,
    UnrecognizedClientException: badCredentials,
    InvalidSignatureException: badCredentials,
    IncompleteSignatureException: badCredentials,
    MissingAuthenticationTokenException: noCredentials,
    AccessDeniedException: denied,
    AccessDenied: denied,
    ResourceNotFoundException: noTable,
    ItemCollectionSizeLimitExceededException: itemFull,
    ItemCollectionSizeLimitExceeded: itemFull,
    ValidationException: validation,
    ValidationError: validation,
  },
  sqs: NOTICE_MEANINGS,
  sns: NOTICE_MEANINGS,
  lambda: {
    ...CREDENTIAL_MEANINGS,
    ...Object.fromEntries(CANNOT_RUN.map((name) => [name, cannotRun])),
    TooManyRequestsException: throttled,
    EC2ThrottledException: throttled,
    ResourceConflictException: throttled,
    ResourceNotReadyException: throttled,
    ResourceNotFoundException: noFunction,
    AccessDeniedException: deniedAction,
  },
  scheduler: {
    ...CREDENTIAL_MEANINGS,
    ServiceQuotaExceededException: throttled,
    ResourceNotFoundException: noGroup,
    AccessDeniedException: deniedAction,
  },
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
