import { CREDENTIAL_MEANINGS, deniedAction, type Meaning, type Meanings, throttled } from './aws-error-meanings.ts';

const noFunction: Meaning = {
  code: 'STORE_MISSING',
  hint: (arn) => `Deploy the function ${arn}, or check its name, account and region.`,
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

/** What the codes of Lambda mean. */
export const LAMBDA_MEANINGS: Meanings = {
  ...CREDENTIAL_MEANINGS,
  ...Object.fromEntries(CANNOT_RUN.map((name) => [name, cannotRun])),
  TooManyRequestsException: throttled,
  EC2ThrottledException: throttled,
  ResourceConflictException: throttled,
  ResourceNotReadyException: throttled,
  ResourceNotFoundException: noFunction,
  AccessDeniedException: deniedAction,
};
