/** The package door `millrace/aws`: a store on S3 and DynamoDB. Needs the peers @aws-sdk/client-s3 and @aws-sdk/client-dynamodb. */
export type { AwsStoreOptions } from './aws-log.ts';
export { awsStore } from './aws-store.ts';
export { connectAws } from './connect-aws.ts';
export type { ConnectAwsOptions } from './connect-ports.ts';
export { type CreateTablesOptions, createTables, groupsTable, logTable } from './tables.ts';
