/** A log in an account: its bucket, its two tables, and the functions that call others for what is committed. */
import { CustomResource, Duration, type IResource, RemovalPolicy, Resource, Stack, Token } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { badProp, checkInteger } from './bad-prop.ts';
import type { LogPlace } from './log-access.ts';
import { denyOverwriting, logBucket, shareBucket } from './log-bucket.ts';
import type { FunctionSettings } from './log-function.ts';
import { LogFunctions } from './log-functions.ts';
import { jobAge, type MaintenanceJob, METRIC_PERIOD, sumOf, writeThrottles } from './log-metrics.ts';
import { groupsTable, logTable } from './log-tables.ts';
import { METRIC_DETAILS, type MetricDetail } from './metric-detail.ts';
import { MillraceGrants } from './millrace-grants.ts';

/** A log, made here or elsewhere. */
export interface IMillrace extends IResource, LogPlace {
  /** Where the log is, as `connect` and the variable `MILLRACE_STORE` take it. */
  readonly connectionString: string;
  /** Service token of the custom resources by which topics and subscriptions are made. */
  readonly providerArn: string;
  /** Calls functions that are subscribed by push. */
  readonly pumpRole: iam.IRole;
  /** Calls functions that pull. */
  readonly routerRole: iam.IRole;
  /** Looks whether destinations of subscriptions are there. */
  readonly providerRole: iam.IRole;
  /** Metrics of subscriptions that the log writes. */
  readonly metricDetail: MetricDetail;
  /** What functions of the log have in common; those that are added to it take it over. */
  readonly functionSettings: FunctionSettings;
  /** Permissions on the log as a whole. */
  readonly grants: MillraceGrants;
  /** Everything: makes topics, reads and writes all of them, and all groups. The same as `grants.manage`. */
  grantManage(grantee: iam.IGrantable): iam.Grant;
}

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

/** A prefix as `lib/segment` takes it. */
const PREFIX = /^(?!\.{1,2}(\/|$))[A-Za-z0-9!_.*'()=-]+(\/(?!\.{1,2}(\/|$))[A-Za-z0-9!_.*'()=-]+)*$/;
/** A wildcard in a prefix would widen every grant. */
const WIDENS_GRANTS = /[*]/;

abstract class MillraceBase extends Resource implements IMillrace {
  abstract readonly bucket: s3.IBucket;
  abstract readonly logTable: dynamodb.ITable;
  abstract readonly groupsTable: dynamodb.ITable;
  abstract readonly objectPrefix: string;
  abstract readonly encryptionKey: kms.IKey | undefined;
  abstract readonly providerArn: string;
  abstract readonly pumpRole: iam.IRole;
  abstract readonly routerRole: iam.IRole;
  abstract readonly providerRole: iam.IRole;
  abstract readonly metricDetail: MetricDetail;
  abstract readonly functionSettings: FunctionSettings;

  get connectionString(): string {
    return connectionStringOf(this);
  }

  get grants(): MillraceGrants {
    return new MillraceGrants(this);
  }

  grantManage(grantee: iam.IGrantable): iam.Grant {
    return this.grants.manage(grantee);
  }
}

/** What `connect` takes. The deployment has a releaser, so delayed records are taken. */
function connectionStringOf({ bucket, logTable: log, groupsTable: groups, objectPrefix }: LogPlace): string {
  const prefix = objectPrefix === '' ? '' : `&prefix=${encodeURIComponent(objectPrefix)}`;
  return `aws:?bucket=${bucket.bucketName}&table=${log.tableName}&groups=${groups.tableName}${prefix}&delays=true`;
}

/**
 * A log: a bucket, two tables, and the functions that call others for what is committed.
 *
 * When nothing happens it costs its storage and about two cents a month.
 *
 * @example
 * const millrace = new Millrace(this, 'Millrace');
 * const orders = new Topic(this, 'Orders', { millrace, topicName: 'orders', partitions: 4 });
 * orders.grants.produce(shop);
 * billing.addEventSource(new TopicEventSource(orders, { batchSize: 100 }));
 */
export class Millrace extends MillraceBase {
  readonly bucket: s3.IBucket;
  readonly logTable: dynamodb.ITable;
  readonly groupsTable: dynamodb.ITable;
  readonly objectPrefix: string;
  readonly encryptionKey: kms.IKey | undefined;
  readonly providerArn: string;
  readonly pumpRole: iam.IRole;
  readonly routerRole: iam.IRole;
  readonly providerRole: iam.IRole;
  readonly metricDetail: MetricDetail;
  /** Takes batches and calls that failed for good; what it holds was found again by the sweep, and why it failed is worth a look. */
  readonly failureQueue: sqs.IQueue;
  /** The functions, for alarms and settings that have no prop. */
  readonly router: lambda.Function;
  readonly pump: lambda.Function;
  readonly releaser: lambda.Function;
  readonly maintenance: lambda.Function;
  readonly provider: lambda.Function;
  /** How often maintenance looks whether something is due. */
  readonly maintenanceInterval: Duration;
  /** How often everything is looked at. */
  readonly sweepInterval: Duration;
  readonly functionSettings: FunctionSettings;

  constructor(scope: Construct, id: string, props: MillraceProps = {}) {
    super(scope, id);
    checkProps(this, props);
    this.encryptionKey = props.encryptionKey;
    this.objectPrefix = props.objectPrefix ?? '';
    const removalPolicy = props.removalPolicy ?? RemovalPolicy.RETAIN;
    const tables = {
      removalPolicy,
      encryptionKey: props.encryptionKey,
      pointInTimeRecovery: props.pointInTimeRecovery ?? true,
      deletionProtection: props.deletionProtection ?? removalPolicy !== RemovalPolicy.DESTROY,
    };
    this.bucket = props.bucket ?? logBucket(this, { ...tables, autoDeleteObjects: props.autoDeleteObjects ?? false });
    this.logTable = props.logTable ?? logTable(this, tables);
    this.groupsTable = props.groupsTable ?? groupsTable(this, tables);
    if (props.bucket !== undefined) shareBucket(this, props.bucket, this.objectPrefix);
    denyOverwriting(this, this.bucket, this.objectPrefix);
    this.maintenanceInterval = props.maintenanceInterval ?? Duration.minutes(15);
    this.sweepInterval = props.sweepInterval ?? Duration.hours(1);
    this.metricDetail = props.metricDetail ?? 'subscription';
    const functions = new LogFunctions(this, 'Functions', {
      ...props,
      place: this,
      store: connectionStringOf(this),
      metricDetail: this.metricDetail,
      maintenanceInterval: this.maintenanceInterval,
      sweepInterval: this.sweepInterval,
      pumpMemorySize: props.pumpMemorySize ?? 512,
    });
    ({
      failures: this.failureQueue,
      router: this.router,
      pump: this.pump,
      releaser: this.releaser,
      maintenance: this.maintenance,
      provider: this.provider,
    } = functions);
    this.providerArn = functions.provider.functionArn;
    this.#guardPlace();
    this.pumpRole = functions.pump.role!;
    this.routerRole = functions.router.role!;
    this.providerRole = functions.provider.role!;
    this.functionSettings = props;
  }

  /** The provider looks whether the objects are where the log is said to be, before any other function is told so. */
  #guardPlace(): void {
    const place = new CustomResource(this, 'Place', {
      serviceToken: this.providerArn,
      resourceType: 'Custom::MillracePlace',
      properties: { Bucket: this.bucket.bucketName, Prefix: this.objectPrefix },
    });
    for (const one of [this.router, this.pump, this.releaser, this.maintenance]) one.node.addDependency(place);
  }

  /** Batches of the stream and calls that were given up after all attempts, as they lie in `failureQueue`. */
  metricFailures(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    const options = { period: METRIC_PERIOD, statistic: 'Maximum', ...props };
    return this.failureQueue.metricApproximateNumberOfMessagesVisible(options);
  }

  /** Calls of router, pump and releaser that Lambda has throttled, summed over five minutes. */
  metricFunctionThrottles(props?: cloudwatch.MathExpressionOptions): cloudwatch.MathExpression {
    const period = props?.period ?? METRIC_PERIOD;
    const functions = [this.router, this.pump, this.releaser];
    return sumOf(
      functions.map((one) => one.metricThrottles({ period })),
      props,
    );
  }

  /** Writes of heads that DynamoDB has throttled, summed over five minutes. */
  metricTableThrottles(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return writeThrottles(this.logTable, props);
  }

  /** Seconds since a job of maintenance has succeeded. Maintenance writes these metrics once one of them is asked for: $1.20 a month for the four. */
  metricJobAge(job: MaintenanceJob, props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    this.maintenance.addEnvironment('MILLRACE_JOB_METRICS', 'true');
    return jobAge(job, this.maintenanceInterval, props);
  }

  /** A log that another app made, by the outputs of its stack; in the account and region of this one. */
  static fromMillraceAttributes(scope: Construct, id: string, attributes: MillraceAttributes): IMillrace {
    return new ImportedMillrace(scope, id, attributes);
  }
}

class ImportedMillrace extends MillraceBase {
  readonly bucket: s3.IBucket;
  readonly logTable: dynamodb.ITable;
  readonly groupsTable: dynamodb.ITable;
  readonly objectPrefix: string;
  readonly encryptionKey: kms.IKey | undefined;
  readonly providerArn: string;
  readonly pumpRole: iam.IRole;
  readonly routerRole: iam.IRole;
  readonly providerRole: iam.IRole;
  readonly metricDetail: MetricDetail;
  readonly functionSettings = {};

  constructor(scope: Construct, id: string, attributes: MillraceAttributes) {
    super(scope, id);
    const { encryptionKeyArn } = attributes;
    this.bucket = s3.Bucket.fromBucketName(this, 'Objects', attributes.bucketName);
    this.logTable = dynamodb.TableV2.fromTableName(this, 'LogTable', attributes.logTableName);
    this.groupsTable = dynamodb.TableV2.fromTableName(this, 'GroupsTable', attributes.groupsTableName);
    this.objectPrefix = attributes.objectPrefix ?? '';
    this.encryptionKey = encryptionKeyArn === undefined ? undefined : kms.Key.fromKeyArn(this, 'Key', encryptionKeyArn);
    this.providerArn = attributes.providerArn;
    this.pumpRole = iam.Role.fromRoleArn(this, 'PumpRole', attributes.pumpRoleArn);
    this.routerRole = iam.Role.fromRoleArn(this, 'RouterRole', attributes.routerRoleArn);
    this.providerRole = iam.Role.fromRoleArn(this, 'ProviderRole', attributes.providerRoleArn);
    this.metricDetail = attributes.metricDetail ?? 'subscription';
  }
}

function checkProps(scope: Construct, props: MillraceProps): void {
  const { objectPrefix = '', metricDetail = 'subscription', deletionProtection, removalPolicy } = props;
  if (objectPrefix !== '' && (!PREFIX.test(objectPrefix) || WIDENS_GRANTS.test(objectPrefix))) {
    const fix = "Use words of letters, digits and !_.'()=- joined by single slashes, without one at its end.";
    throw badProp(scope, 'objectPrefix', Token.isUnresolved(objectPrefix) ? 'a token' : objectPrefix, fix);
  }
  if (!METRIC_DETAILS.includes(metricDetail)) {
    throw badProp(scope, 'metricDetail', metricDetail, `Give one of ${METRIC_DETAILS.join(', ')}.`);
  }
  if (deletionProtection === true && removalPolicy === RemovalPolicy.DESTROY) {
    throw badProp(
      scope,
      'deletionProtection',
      true,
      'With removalPolicy DESTROY leave it out: the stack could not be deleted.',
    );
  }
  if (props.autoDeleteObjects === true && (removalPolicy !== RemovalPolicy.DESTROY || props.bucket !== undefined)) {
    throw badProp(scope, 'autoDeleteObjects', true, 'It needs removalPolicy DESTROY, and a bucket that is made here.');
  }
  checkInteger(scope, 'pumpMemorySize', props.pumpMemorySize, { least: 256, most: 10_240 });
  checkInterval(scope, 'maintenanceInterval', props.maintenanceInterval, 1);
  checkInterval(scope, 'sweepInterval', props.sweepInterval, 5);
}

function checkInterval(scope: Construct, prop: string, interval: Duration | undefined, leastMinutes: number): void {
  if (interval === undefined || interval.isUnresolved()) return;
  const minutes = interval.toMinutes({ integral: false });
  if (Number.isInteger(minutes) && minutes >= leastMinutes && minutes <= 1_440) return;
  throw badProp(scope, prop, interval, `Give whole minutes from ${leastMinutes} to 1440, by Duration.minutes(…).`);
}

/** Names of the outputs by which another app, or the command line, finds a log. */
export function outputsOf(millrace: Millrace): Readonly<Record<string, string>> {
  return {
    ConnectionString: millrace.connectionString,
    BucketName: millrace.bucket.bucketName,
    LogTableName: millrace.logTable.tableName,
    GroupsTableName: millrace.groupsTable.tableName,
    ProviderArn: millrace.providerArn,
    PumpRoleArn: millrace.pumpRole.roleArn,
    RouterRoleArn: millrace.routerRole.roleArn,
    ProviderRoleArn: millrace.providerRole.roleArn,
    Region: Stack.of(millrace).region,
  };
}
