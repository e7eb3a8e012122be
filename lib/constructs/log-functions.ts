/** The functions of a deployment, and what rings them. */
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { grantAll } from './access.ts';
import { acknowledge } from './acknowledge.ts';
import { listenToHeads } from './listen-to-heads.ts';
import { type LogPlace, pumpAccess, releaserAccess, routerAccess, wholeLogAccess } from './log-access.ts';
import { type FunctionSettings, type LogFunctionOptions, logFunction } from './log-function.ts';
import type { MetricDetail } from './metric-detail.ts';

/** What they need. */
export interface LogFunctionsProps extends FunctionSettings {
  readonly place: LogPlace;
  /** Where the log is, as `MILLRACE_STORE` says it. */
  readonly store: string;
  readonly metricDetail: MetricDetail;
  readonly maintenanceInterval: Duration;
  readonly sweepInterval: Duration;
  readonly pumpMemorySize: number;
}

/** What a function is beside what all have. */
type Own = Pick<LogFunctionOptions, 'name' | 'description' | 'memorySize' | 'timeout' | 'access'> & {
  readonly environment?: Readonly<Record<string, string>>;
};

/** See the module comment. */
export class LogFunctions extends Construct {
  /** What no retry could do: batches of the stream, and asynchronous calls. */
  readonly failures: sqs.Queue;
  readonly releaser: lambda.Function;
  readonly pump: lambda.Function;
  readonly router: lambda.Function;
  readonly maintenance: lambda.Function;
  readonly provider: lambda.Function;
  readonly #props: LogFunctionsProps;

  constructor(scope: Construct, id: string, props: LogFunctionsProps) {
    super(scope, id);
    this.#props = props;
    this.failures = this.#makeFailures();
    this.releaser = this.#make('Releaser', {
      name: 'releaser',
      description: 'Makes delayed records visible when they are due',
      memorySize: 256,
      timeout: Duration.minutes(15),
      access: releaserAccess(props.place),
    });
    this.pump = this.#make('Pump', {
      name: 'pump',
      description: 'Hands records to the functions that are subscribed by push',
      memorySize: props.pumpMemorySize,
      timeout: Duration.minutes(15),
      access: pumpAccess(props.place),
      environment: { MILLRACE_METRICS: props.metricDetail },
    });
    this.router = this.#makeRouter();
    this.maintenance = this.#make('Maintenance', {
      name: 'maintenance',
      description: 'Drops what retention has passed, rewrites small pieces, and collects objects that nothing names',
      memorySize: 1024,
      timeout: Duration.minutes(15),
      access: wholeLogAccess(props.place),
    });
    this.provider = this.#make('Provider', {
      name: 'provider',
      description: 'Makes and changes topics and subscriptions for CloudFormation',
      memorySize: 256,
      timeout: Duration.minutes(15),
      access: wholeLogAccess(props.place),
    });
    this.#schedule('Maintain', this.maintenance, props.maintenanceInterval, {});
    this.#schedule('Sweep', this.router, props.sweepInterval, { sweep: true });
    listenToHeads(this.router, { table: props.place.logTable, failures: this.failures });
  }

  #makeFailures(): sqs.Queue {
    const { encryptionKey } = this.#props.place;
    const queue = new sqs.Queue(this, 'Failures', {
      retentionPeriod: Duration.days(14),
      enforceSSL: true,
      ...(encryptionKey === undefined
        ? { encryption: sqs.QueueEncryption.SQS_MANAGED }
        : { encryption: sqs.QueueEncryption.KMS, encryptionMasterKey: encryptionKey }),
    });
    acknowledge(queue, {
      'AwsSolutions-SQS3': 'It is a queue of dead letters itself.',
      'Serverless-SQSRedrivePolicy': 'It is a queue of dead letters itself.',
    });
    return queue;
  }

  #make(id: string, { environment, ...own }: Own): lambda.Function {
    return logFunction(this, id, {
      ...own,
      environment: { MILLRACE_STORE: this.#props.store, ...environment },
      settings: this.#props,
      deadLetterQueue: this.failures,
    });
  }

  #makeRouter(): lambda.Function {
    // Its name is the same whenever the stack is made again: one that stayed would be in the way of it. It holds no data, since the sweep books again what is due.
    const schedules = new scheduler.ScheduleGroup(this, 'WakeUps', { removalPolicy: RemovalPolicy.DESTROY });
    const scheduleRole = new iam.Role(this, 'WakeUpsRole', {
      assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
      description: 'Of the schedules that wake Millrace',
    });
    const router = this.#make('Router', {
      name: 'router',
      description: 'Wakes functions for what was committed',
      memorySize: 256,
      timeout: Duration.minutes(5),
      access: [
        ...routerAccess(this.#props.place),
        { actions: ['lambda:InvokeFunction'], resourceArns: [this.pump.functionArn, this.releaser.functionArn] },
        { actions: ['scheduler:CreateSchedule'], resourceArns: [schedulesIn(schedules)] },
        {
          actions: ['iam:PassRole'],
          resourceArns: [scheduleRole.roleArn],
          conditions: { StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' } },
        },
      ],
      environment: {
        MILLRACE_METRICS: this.#props.metricDetail,
        MILLRACE_PUMP_FUNCTION: this.pump.functionArn,
        MILLRACE_RELEASER_FUNCTION: this.releaser.functionArn,
        MILLRACE_SCHEDULE_GROUP: schedules.scheduleGroupName,
        MILLRACE_SCHEDULE_ROLE: scheduleRole.roleArn,
      },
    });
    grantAll(scheduleRole, [{ actions: ['lambda:InvokeFunction'], resourceArns: [this.releaser.functionArn] }]);
    return router;
  }

  #schedule(id: string, target: lambda.Function, interval: Duration, input: object): void {
    const rule = new events.Rule(this, id, {
      schedule: events.Schedule.rate(interval),
      targets: [new targets.LambdaFunction(target, { event: events.RuleTargetInput.fromObject(input) })],
    });
    acknowledge(rule, { 'Serverless-EventBusDLQ': 'A call that was lost comes again with the next interval.' });
  }
}

/** All schedules of a group. */
function schedulesIn(group: scheduler.IScheduleGroup): string {
  return Stack.of(group).formatArn({
    service: 'scheduler',
    resource: 'schedule',
    resourceName: `${group.scheduleGroupName}/*`,
  });
}
