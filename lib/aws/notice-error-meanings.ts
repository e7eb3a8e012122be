import {
  badCredentials,
  expired,
  type Meaning,
  type Meanings,
  noCredentials,
  throttled,
} from './aws-error-meanings.ts';

const deniedNotice: Meaning = {
  code: 'ACCESS_DENIED',
  hint: 'Allow sqs:GetQueueUrl and sqs:SendMessage, or sns:Publish and sns:GetTopicAttributes, and the use of its KMS key.',
};
const noQueue: Meaning = {
  code: 'STORE_MISSING',
  hint: (arn) => `Create ${arn}, or check its name, account and region.`,
};

/** What the codes of SQS and SNS mean. */
export const NOTICE_MEANINGS: Meanings = {
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
