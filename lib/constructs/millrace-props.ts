import type { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { FunctionSettings } from './log-function.ts';
import type { MetricDetail } from './metric-detail.ts';

/** How a log is made. */
export interface MillraceProps extends FunctionSettings {
  /**
   * A bucket that is there already, without versions, in the region of the stack.
   *
   * @default - one is made
   */
  readonly bucket?: s3.IBucket;
  /**
   * Prefix of all object keys, such as `logs/prod`, where others use the bucket too. It is not to be changed: a deployment by which no object would be found any more is refused.
   *
   * @default - none
   */
  readonly objectPrefix?: string;
  /**
   * A table that is there already, with the keys `pk` and `sk` (texts) and a stream of new images.
   *
   * @default - one is made
   */
  readonly logTable?: dynamodb.ITable;
  /**
   * A table that is there already, with the keys `pk` and `sk` (texts).
   *
   * @default - one is made
   */
  readonly groupsTable?: dynamodb.ITable;
  /**
   * A customer's key for what is made here: bucket, tables and queue. It costs $1.00 a month and $3.00 per million requests to KMS; the key of the bucket saves most of them.
   *
   * @default - keys of AWS, at no charge
   */
  readonly encryptionKey?: kms.IKey;
  /**
   * What becomes of bucket and tables when they are taken out of the stack. With DESTROY a bucket has to be empty, and `deletionProtection` off.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
  /**
   * Whether the objects are deleted with the bucket, by a function of the CDK; needs removalPolicy DESTROY, and a bucket that is made here.
   *
   * @default false
   */
  readonly autoDeleteObjects?: boolean;
  /**
   * Whether DynamoDB refuses to delete the tables.
   *
   * @default - true, unless removalPolicy is DESTROY
   */
  readonly deletionProtection?: boolean;
  /**
   * Whether the tables can be restored to any second of the last 35 days, for $0.20 per GB of the tables and month. See docs/maintenance.md before you do so.
   *
   * @default true
   */
  readonly pointInTimeRecovery?: boolean;
  /**
   * Metrics of subscriptions, with their price at `MetricDetail`.
   *
   * @default 'subscription'
   */
  readonly metricDetail?: MetricDetail;
  /**
   * How often maintenance looks whether something is due, which costs one read and a call of a function; from 1 minute to 1 day.
   *
   * @default Duration.minutes(15)
   */
  readonly maintenanceInterval?: Duration;
  /**
   * How often everything is looked at that a lost call may have left; from 5 minutes to 1 day.
   *
   * @default Duration.hours(1)
   */
  readonly sweepInterval?: Duration;
  /**
   * MB of the function that hands records over, 256 to 10,240. A batch and its event have to fit several times.
   *
   * @default 512
   */
  readonly pumpMemorySize?: number;
}

/** What names a log that was made elsewhere: the outputs of its stack. */
export interface MillraceAttributes {
  readonly bucketName: string;
  readonly logTableName: string;
  readonly groupsTableName: string;
  readonly providerArn: string;
  readonly pumpRoleArn: string;
  readonly routerRoleArn: string;
  readonly providerRoleArn: string;
  /** @default 'subscription' */
  readonly metricDetail?: MetricDetail;
  /** @default - none */
  readonly objectPrefix?: string;
  /** @default - keys of AWS */
  readonly encryptionKeyArn?: string;
}
