/** Alarms and a dashboard, for those who want them: each has a price. docs/operations.md says what to do for each alarm. */
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { badProp, checkInteger } from './bad-prop.ts';
import { checkGiven } from './check-place.ts';
import { MAINTENANCE_JOBS, METRIC_PERIOD, twice } from './log-metrics.ts';
import type { Millrace } from './millrace.ts';
import type { Subscription } from './subscription.ts';

/** What is watched. */
export interface MonitoringProps {
  readonly millrace: Millrace;
  /**
   * Subscriptions, each with three alarms: stuck, lag in time, dead letters. $0.40 a month each: $0.10 for each metric that an alarm looks at, and the first looks at two.
   *
   * @default - none
   */
  readonly subscriptions?: readonly Subscription[];
  /**
   * What happens when an alarm rings, and when it stops.
   *
   * @default - it shows in the console
   */
  readonly actions?: readonly cloudwatch.IAlarmAction[];
  /**
   * How long the oldest record may wait that was not handled, 1 minute to 7 days. It is looked at with each sweep.
   *
   * @default Duration.hours(1)
   */
  readonly maxTimeLag?: Duration;
  /**
   * How many periods of five minutes a subscription may fail without any progress, 1 to 24.
   *
   * @default 3
   */
  readonly stuckPeriods?: number;
  /**
   * How long each job of maintenance may be without a success, 1 hour to 7 days. The four metrics cost $1.20 a month, and their alarms $0.40.
   *
   * @default Duration.days(1)
   */
  readonly maxJobAge?: Duration;
  /**
   * Whether there is a dashboard, for $3.00 a month; an account has three for nothing.
   *
   * @default false
   */
  readonly dashboard?: boolean;
}

const PERIOD = METRIC_PERIOD;

/**
 * Alarms on what needs a person: batches that were given up, throttles, jobs that do not run, and subscriptions that are stuck, late, or put records away. $2.10 a month beside the subscriptions.
 *
 * @example
 * new MillraceMonitoring(this, 'Monitoring', { millrace, subscriptions: [billing.subscription], actions: [new SnsAction(oncall)] });
 */
export class MillraceMonitoring extends Construct {
  /** All alarms, by their ids. */
  readonly alarms: ReadonlyMap<string, cloudwatch.Alarm>;
  readonly dashboard: cloudwatch.Dashboard | undefined;
  readonly #actions: readonly cloudwatch.IAlarmAction[];

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    checkProps(this, props);
    this.#actions = props.actions ?? [];
    const { millrace, subscriptions = [] } = props;
    this.alarms = new Map([...this.#ofLog(props), ...subscriptions.flatMap((one) => this.#ofSubscription(one, props))]);
    this.dashboard = props.dashboard === true ? this.#makeDashboard(millrace, subscriptions) : undefined;
  }

  #ofLog({ millrace, maxJobAge = Duration.days(1) }: MonitoringProps): [string, cloudwatch.Alarm][] {
    return [
      this.#alarm('Failures', 'Batches or calls were given up after all attempts', {
        metric: millrace.metricFailures(),
        threshold: 0,
      }),
      this.#alarm(
        'FunctionThrottles',
        'Lambda has throttled functions of Millrace: the account runs too many at once',
        {
          metric: millrace.metricFunctionThrottles({ period: PERIOD }),
          threshold: 0,
          evaluationPeriods: 3,
        },
      ),
      this.#alarm(
        'TableThrottles',
        'DynamoDB has throttled writes of heads: a partition is too hot, or the table is limited',
        {
          metric: millrace.metricTableThrottles(),
          threshold: 0,
          evaluationPeriods: 3,
        },
      ),
      ...MAINTENANCE_JOBS.map((job) =>
        this.#alarm(`JobAge-${job}`, `The job ${job} has not succeeded for ${maxJobAge.toHumanString()}`, {
          metric: millrace.metricJobAge(job),
          threshold: maxJobAge.toSeconds(),
          // Who does not run tells nothing.
          treatMissingData: cloudwatch.TreatMissingData.BREACHING,
        }),
      ),
    ];
  }

  #ofSubscription(
    subscription: Subscription,
    { millrace, maxTimeLag = Duration.hours(1), stuckPeriods = 3 }: MonitoringProps,
  ): [string, cloudwatch.Alarm][] {
    const name = subscription.subscriptionName;
    return [
      this.#alarm(`Stuck-${name}`, `Subscription ${name} fails, and nothing gets through`, {
        metric: stuck(subscription),
        threshold: 0,
        evaluationPeriods: stuckPeriods,
      }),
      this.#alarm(
        `TimeLag-${name}`,
        `Records wait for subscription ${name} longer than ${maxTimeLag.toHumanString()}`,
        {
          metric: subscription.metricTimeLag({ period: twice(millrace.sweepInterval) }),
          threshold: maxTimeLag.toMilliseconds(),
        },
      ),
      this.#alarm(`DeadLetters-${name}`, `Subscription ${name} has given records up`, {
        metric: subscription.metricDeadLetters({ period: PERIOD }),
        threshold: 0,
      }),
    ];
  }

  #alarm(
    id: string,
    alarmDescription: string,
    options: Pick<cloudwatch.AlarmProps, 'metric' | 'threshold'> &
      Partial<Pick<cloudwatch.AlarmProps, 'evaluationPeriods' | 'treatMissingData'>>,
  ): [string, cloudwatch.Alarm] {
    const alarm = new cloudwatch.Alarm(this, id, {
      alarmDescription: `${alarmDescription}. See docs/operations.md of Millrace.`,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: 1,
      // What is idle has no metrics.
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      ...options,
    });
    for (const action of this.#actions) {
      alarm.addAlarmAction(action);
      alarm.addOkAction(action);
    }
    return [id, alarm];
  }

  #makeDashboard(millrace: Millrace, subscriptions: readonly Subscription[]): cloudwatch.Dashboard {
    const dashboard = new cloudwatch.Dashboard(this, 'Dashboard', { defaultInterval: Duration.hours(12) });
    const graph = (title: string, left: cloudwatch.IMetric[]) => new cloudwatch.GraphWidget({ title, left, width: 12 });
    dashboard.addWidgets(
      new cloudwatch.AlarmStatusWidget({ title: 'Alarms', alarms: [...this.alarms.values()], width: 24 }),
    );
    dashboard.addWidgets(
      graph(
        'Calls of functions',
        functionsOf(millrace).map((one) => one.metricInvocations({ period: PERIOD })),
      ),
      graph(
        'Errors of functions',
        functionsOf(millrace).map((one) => one.metricErrors({ period: PERIOD })),
      ),
    );
    for (const subscription of subscriptions) {
      const { subscriptionName: name } = subscription;
      dashboard.addWidgets(
        graph(`${name}: records`, [
          subscription.metricCommitted(),
          subscription.metricDeadLetters(),
          subscription.metricErrors(),
        ]),
        graph(`${name}: how late, ms`, [subscription.metricTimeLag(), subscription.metricIteratorAge()]),
      );
    }
    return dashboard;
  }
}

function checkProps(scope: Construct, props: MonitoringProps): void {
  const { millrace, subscriptions = [] } = props;
  checkGiven(scope, 'millrace', millrace);
  for (const one of subscriptions) checkGiven(scope, 'subscriptions', one);
  if (subscriptions.length > 0 && millrace.metricDetail === 'none') {
    const fix =
      "The log writes no metrics (metricDetail: 'none'), so that alarms on them never ring: choose 'subscription'.";
    throw badProp(scope, 'subscriptions', `${subscriptions.length} of them`, fix);
  }
  checkInteger(scope, 'stuckPeriods', props.stuckPeriods, { least: 1, most: 24 });
  checkSpan(scope, 'maxTimeLag', props.maxTimeLag, Duration.minutes(1));
  checkSpan(scope, 'maxJobAge', props.maxJobAge, Duration.hours(1));
}

function checkSpan(scope: Construct, prop: string, span: Duration | undefined, least: Duration): void {
  if (span === undefined || span.isUnresolved()) return;
  const ms = span.toMilliseconds();
  if (ms >= least.toMilliseconds() && ms <= Duration.days(7).toMilliseconds()) return;
  throw badProp(scope, prop, span.toHumanString(), `Give ${least.toHumanString()} to 7 days.`);
}

function functionsOf({ router, pump, releaser }: Millrace): readonly lambda.Function[] {
  return [router, pump, releaser];
}

/** 1 in a period in which calls failed and no committed offset moved. */
function stuck(subscription: Subscription): cloudwatch.MathExpression {
  return new cloudwatch.MathExpression({
    expression: 'IF(FILL(errors, 0) > 0 AND FILL(committed, 0) == 0, 1, 0)',
    usingMetrics: {
      errors: subscription.metricErrors({ period: PERIOD }),
      committed: subscription.metricCommitted({ period: PERIOD }),
    },
    period: PERIOD,
    label: `${subscription.subscriptionName} is stuck`,
  });
}
