import type { LogStore } from '../log/log-store.ts';
import { type AwsPlace, dynamoClient, s3Client } from './aws-clients.ts';
import { type AwsStoreOptions, type AwsTables, awsLog } from './aws-log.ts';

/** How to connect to AWS, or to an emulator. Credentials are the SDK's: environment, profile, role. */
export interface ConnectAwsOptions extends AwsPlace, Omit<AwsStoreOptions, 's3' | 'dynamodb'> {}

/** As `connectAws`, with the log and those ports that the caller makes over the tables. */
export function connectPorts<P extends object>(
  options: ConnectAwsOptions,
  ports: (tables: AwsTables) => P,
): LogStore & P {
  const [s3, dynamodb] = [s3Client(options), dynamoClient(options)];
  const { store, tables } = awsLog({ ...options, s3, dynamodb });
  return {
    ...store,
    ...ports(tables),
    async close() {
      await store.close();
      s3.destroy();
      dynamodb.destroy();
    },
  };
}
