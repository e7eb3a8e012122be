/** A log in an account: its bucket, its two tables, and the functions that call others for what is committed. */
import { CustomResource, Duration, type IResource, RemovalPolicy, Resource, Stack } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { checkMillraceAttributes, checkMillraceProps } from './check-millrace.ts';
import type { LogPlace } from './log-access.ts';
import { denyOverwriting, logBucket, shareBucket } from './log-bucket.ts';
import type { FunctionSettings } from './log-function.ts';
import { LogFunctions } from './log-functions.ts';
import { jobAge, type MaintenanceJob, METRIC_PERIOD, sumOf, writeThrottles } from './log-metrics.ts';
import { groupsTable, logTable } from './log-tables.ts';
import type { MetricDetail } from './metric-detail.ts';
import { MillraceGrants } from './millrace-grants.ts';
import type { MillraceAttributes, MillraceProps } from './millrace-props.ts';
import { takePlace } from './taken-places.ts';

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
    checkMillraceProps(this, props);
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
    takePlace(this, this);
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
    checkMillraceAttributes(this, attributes);
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
