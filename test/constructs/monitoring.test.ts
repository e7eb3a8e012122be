import { Duration } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as sns from 'aws-cdk-lib/aws-sns';
import { MillraceMonitoring, type MillraceProps, type MonitoringProps, Subscription, Topic } from 'millrace/constructs';
import { describe, expect, it } from 'vitest';
import { METRICS } from '../../lib/event-source/metrics/metric-names.ts';
import { prices } from '../../lib/prices.ts';
import { newFunction, newLog, newStack } from './stack-with-log.ts';

interface Alarm {
  readonly AlarmDescription: string;
  readonly MetricName?: string;
  readonly Namespace?: string;
  readonly Threshold: number;
  readonly TreatMissingData: string;
  readonly EvaluationPeriods: number;
  readonly Period?: number;
  readonly AlarmActions?: unknown[];
  readonly Metrics?: { MetricStat?: { Metric: { MetricName: string; Namespace: string } } }[];
}

function watched(props: Partial<MonitoringProps> = {}, subscriptions = 1, log: MillraceProps = {}) {
  const stack = newStack();
  const millrace = newLog(stack, log);
  const topic = new Topic(stack, 'Orders', { millrace });
  const made = Array.from(
    { length: subscriptions },
    (_, index) =>
      new Subscription(stack, `S${index}`, {
        topic,
        target: newFunction(stack, `F${index}`),
        subscriptionName: `s${index}`,
      }),
  );
  const actions = [new SnsAction(new sns.Topic(stack, 'Oncall'))];
  new MillraceMonitoring(stack, 'Monitoring', { millrace, subscriptions: made, actions, ...props });
  const template = Template.fromStack(stack);
  const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(
    ({ Properties }) => Properties as Alarm,
  );
  return { template, alarms };
}

const metricsOf = ({ MetricName, Metrics = [] }: Alarm) =>
  MetricName === undefined ? Metrics.flatMap(({ MetricStat }) => MetricStat?.Metric.MetricName ?? []) : [MetricName];

describe('monitoring', () => {
  const { template, alarms } = watched({ dashboard: true });

  it('has an alarm for what was given up, throttles, jobs, and each subscription', () => {
    expect(alarms.map((alarm) => metricsOf(alarm).join()).sort()).toEqual(
      [
        'ApproximateNumberOfMessagesVisible',
        'Throttles,Throttles,Throttles',
        'WriteThrottleEvents',
        'SecondsSinceSuccess',
        'SecondsSinceSuccess',
        'SecondsSinceSuccess',
        'SecondsSinceSuccess',
        'InvokeErrorCount,CommittedEventCount',
        'MaxTimeLag',
        'OnFailureDestinationDeliveredEventCount',
      ].sort(),
    );
  });

  it('looks at metrics that are written', () => {
    const ours = alarms
      .flatMap(({ MetricName, Namespace, Metrics = [] }) => [
        { MetricName, Namespace },
        ...Metrics.flatMap(({ MetricStat }) => MetricStat?.Metric ?? []),
      ])
      .filter(({ Namespace }) => Namespace === 'Millrace')
      .map(({ MetricName }) => MetricName!);
    expect(ours.filter((name) => name !== 'SecondsSinceSuccess' && !(name in METRICS))).toEqual([]);
    template.hasResourceProperties('AWS::Lambda::Function', {
      Description: Match.stringLikeRegexp('^Drops what retention has passed'),
      Environment: { Variables: { MILLRACE_JOB_METRICS: 'true' } },
    });
  });

  it('takes silence for health, but not that of maintenance', () => {
    for (const alarm of alarms) {
      const isJob = alarm.MetricName === 'SecondsSinceSuccess';
      expect(alarm.TreatMissingData, alarm.AlarmDescription).toBe(isJob ? 'breaching' : 'notBreaching');
    }
  });

  it('says what to do, and tells whoever is to be told', () => {
    for (const alarm of alarms) {
      expect(alarm.AlarmDescription).toMatch(/See docs\/operations\.md/);
      expect(alarm.AlarmActions).toHaveLength(1);
    }
    template.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
  });

  it('costs what it says', () => {
    const monthly = (subscriptions: number) =>
      watched({}, subscriptions).alarms.flatMap(metricsOf).length * prices.cloudWatchAlarmMetricMonth;
    const jobMetrics = 4 * prices.cloudWatchMetricMonth;
    expect(monthly(0) + jobMetrics).toBeCloseTo(2.1);
    expect(monthly(2) - monthly(1)).toBeCloseTo(0.4);
    expect(prices.cloudWatchDashboardMonth).toBe(3);
    watched().template.resourceCountIs('AWS::CloudWatch::Dashboard', 0);
  });

  it('takes other limits', () => {
    const other = watched({ maxTimeLag: Duration.minutes(5), stuckPeriods: 6, maxJobAge: Duration.hours(6) }).alarms;
    const by = (name: string) => other.find((alarm) => metricsOf(alarm).includes(name))!;
    expect(by('MaxTimeLag').Threshold).toBe(300_000);
    expect(by('InvokeErrorCount').EvaluationPeriods).toBe(6);
    expect(by('SecondsSinceSuccess')).toMatchObject({ Threshold: 21_600, Period: 3_600 });
  });

  it('watches nothing that nobody writes, and looks as often as there is something to see', () => {
    expect(() => watched({}, 1, { metricDetail: 'none' })).toThrow(/choose 'subscription'/);
    const { alarms: seldom } = watched({}, 1, { sweepInterval: Duration.hours(4) });
    expect(seldom.find(({ MetricName }) => MetricName === 'MaxTimeLag')!.Period).toBe(8 * 3_600);
  });

  it.each<[Partial<MonitoringProps>, RegExp]>([
    [{ stuckPeriods: 0 }, /stuckPeriods cannot be 0/],
    [{ maxTimeLag: Duration.seconds(1) }, /maxTimeLag cannot be "1 second"\. Give 1 minute to 7 days/],
    [{ maxJobAge: Duration.days(8) }, /maxJobAge cannot be "8 days"/],
  ])('refuses %o', (props, message) => {
    expect(() => watched(props)).toThrow(message);
  });
});

describe('metrics of a log', () => {
  const stack = newStack();
  const millrace = newLog(stack);

  it('tell of what was given up, and of throttles', () => {
    expect(millrace.metricFailures()).toMatchObject({
      metricName: 'ApproximateNumberOfMessagesVisible',
      statistic: 'Maximum',
    });
    expect(millrace.metricTableThrottles({ period: Duration.hours(1) })).toMatchObject({
      namespace: 'AWS/DynamoDB',
      metricName: 'WriteThrottleEvents',
      dimensions: { TableName: millrace.logTable.tableName },
      period: Duration.hours(1),
    });
    const throttles = millrace.metricFunctionThrottles({ period: Duration.hours(1), label: 'throttled' });
    expect(throttles).toMatchObject({ expression: 'm0 + m1 + m2', label: 'throttled', period: Duration.hours(1) });
    expect(Object.values(throttles.usingMetrics)).toMatchObject(Array(3).fill({ metricName: 'Throttles' }));
  });

  it('tell of jobs, which are measured only where somebody asks', () => {
    const isMeasured = (of: typeof stack) =>
      Object.values(Template.fromStack(of).findResources('AWS::Lambda::Function')).some(
        ({ Properties }) => Properties.Environment?.Variables?.MILLRACE_JOB_METRICS === 'true',
      );
    const other = newStack();
    expect(newLog(other).metricJobAge('retention')).toMatchObject({
      namespace: 'Millrace',
      metricName: 'SecondsSinceSuccess',
      dimensions: { Job: 'retention' },
      period: Duration.seconds(3_600),
    });
    expect([isMeasured(other), isMeasured(stack)]).toEqual([true, false]);
  });
});
