import {
  badCredentials,
  conflict,
  denied,
  expired,
  invalid,
  type Meaning,
  type Meanings,
  noCredentials,
  throttled,
} from './aws-error-meanings.ts';

const itemFull: Meaning = {
  code: 'ITEM_FULL',
  hint: 'An item would grow above 400 KB: send smaller batches, or lower the inline limit of the topic.',
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

/** What the codes of DynamoDB mean. */
export const DYNAMO_MEANINGS: Meanings = {
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
};
