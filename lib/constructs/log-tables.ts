import type { RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';

/** How both tables are made. */
export interface LogTableOptions {
  readonly removalPolicy: RemovalPolicy;
  readonly encryptionKey: IKey | undefined;
  readonly pointInTimeRecovery: boolean;
  readonly deletionProtection: boolean;
}

function table(
  scope: Construct,
  id: string,
  { encryptionKey, removalPolicy, ...options }: LogTableOptions,
  stream: { readonly dynamoStream?: dynamodb.StreamViewType },
): dynamodb.ITable {
  const made = new dynamodb.TableV2(scope, id, {
    partitionKey: { name: 'pk', type: dynamodb.AttributeType.STRING },
    sortKey: { name: 'sk', type: dynamodb.AttributeType.STRING },
    // An idle table costs its storage.
    billing: dynamodb.Billing.onDemand(),
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: options.pointInTimeRecovery },
    deletionProtection: options.deletionProtection,
    removalPolicy,
    ...(encryptionKey && { encryption: dynamodb.TableEncryptionV2.customerManagedKey(encryptionKey) }),
    ...stream,
  });
  // The CDK's own declarations do not hold with exact optional properties.
  return made as dynamodb.ITable;
}

/** The table of topics, heads and chunks, with the stream that wakes functions. */
export function logTable(scope: Construct, options: LogTableOptions): dynamodb.ITable {
  return table(scope, 'LogTable', options, { dynamoStream: dynamodb.StreamViewType.NEW_IMAGE });
}

/** The table of groups, leases, subscriptions and delayed records. */
export function groupsTable(scope: Construct, options: LogTableOptions): dynamodb.ITable {
  return table(scope, 'GroupsTable', options, {});
}
