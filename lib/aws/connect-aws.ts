import type { EventSourceStore } from '../event-source/event-source-store.ts';
import { type AwsPlace, dynamoClient, s3Client } from './aws-clients.ts';
import { type AwsStoreOptions, awsStore } from './aws-store.ts';

/** How to connect to AWS, or to an emulator. Credentials are the SDK's: environment, profile, role. */
export interface ConnectAwsOptions extends AwsPlace, Omit<AwsStoreOptions, 's3' | 'dynamodb'> {}

/**
 * A store on S3 and DynamoDB with clients of its own, which end with it. Nothing is sent before the first request, so a bucket or table that does not exist shows then,
 * as STORE_MISSING.
 *
 * Throws INVALID_REQUEST when `prefix` is not one.
 */
export function connectAws(options: ConnectAwsOptions): EventSourceStore {
  const [s3, dynamodb] = [s3Client(options), dynamoClient(options)];
  const store = awsStore({ ...options, s3, dynamodb });
  return {
    ...store,
    async close() {
      await store.close();
      s3.destroy();
      dynamodb.destroy();
    },
  };
}
