/** What a deployed log costs in a month in which nothing happens, resource by resource. */
import { Template } from 'aws-cdk-lib/assertions';
import { ProduceApi, Topic, TopicEventSource } from 'millrace/constructs';
import { describe, expect, it } from 'vitest';
import { prices } from '../../lib/prices.ts';
import { readDocument, tableBelow } from '../docs/markdown.ts';
import { newFunction, newLog, newStack } from './stack-with-log.ts';

const HOURS = 30 * 24;
/** A function that is called seldom starts anew each time, and its start is charged: more than was measured for any of them. */
const SECONDS_PER_CALL = 1;
/** Of START, END and REPORT. */
const LOG_BYTES_PER_CALL = 500;
/** A look at the jobs, or at the heads and leases of a few partitions. */
const READ_UNITS_PER_CALL = 10;

/** Types that are free, or are paid by what goes through them and what lies in them. */
const FREE_WHEN_IDLE = [
  'AWS::S3::Bucket',
  'AWS::S3::BucketPolicy',
  'AWS::DynamoDB::GlobalTable',
  'AWS::SQS::Queue',
  'AWS::SQS::QueuePolicy',
  'AWS::Logs::LogGroup',
  'AWS::IAM::Role',
  'AWS::IAM::Policy',
  'AWS::Lambda::Function',
  'AWS::Lambda::Permission',
  'AWS::Lambda::Url',
  // Lambda reads streams of DynamoDB at no charge.
  'AWS::Lambda::EventSourceMapping',
  'AWS::Scheduler::ScheduleGroup',
  'Custom::MillracePlace',
  'Custom::MillraceTopic',
  'Custom::MillraceSubscription',
];

type Resource = { Type: string; Properties: Record<string, unknown> };

function callsPerMonth(expression: string): number {
  const [, count, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression)!;
  const perHour = { minute: 60, hour: 1, day: 1 / 24 }[unit as 'minute' | 'hour' | 'day'];
  return (HOURS * perHour) / Number(count);
}

/** Dollars a month of each resource that costs something. */
function idleCost(template: Template): Map<string, number> {
  const resources = template.toJSON().Resources as Record<string, Resource>;
  const costs = new Map<string, number>();
  for (const [id, { Type, Properties }] of Object.entries(resources)) {
    if (FREE_WHEN_IDLE.includes(Type)) continue;
    // A type that nobody has thought of is no rule of this kind, and fails here.
    expect(Type, id).toBe('AWS::Events::Rule');
    const [{ Arn }] = Properties.Targets as [{ Arn: { 'Fn::GetAtt': [string] } }];
    const memoryGb = Number(resources[Arn['Fn::GetAtt'][0]]!.Properties.MemorySize) / 1024;
    const calls = callsPerMonth(String(Properties.ScheduleExpression));
    const time = SECONDS_PER_CALL * memoryGb * prices.lambdaArmGbSecond;
    const requests = (prices.lambdaCallPerMillion + READ_UNITS_PER_CALL * prices.dynamoReadUnitPerMillion) / 1e6;
    costs.set(id, calls * (time + requests + (LOG_BYTES_PER_CALL / 1e9) * prices.cloudWatchLogsPerGb));
  }
  return costs;
}

describe('a month in which nothing happens', () => {
  it('costs less than five cents beside storage, for what runs by the clock', () => {
    const stack = newStack();
    const millrace = newLog(stack);
    const topic = new Topic(stack, 'Events', { millrace, partitions: 4 });
    new ProduceApi(stack, 'Api', { millrace });
    newFunction(stack).addEventSource(new TopicEventSource(topic));
    const costs = idleCost(Template.fromStack(stack));
    expect([...costs.keys()].map((id) => id.replace(/[0-9A-F]{8}$/, ''))).toEqual([
      'MillraceFunctionsMaintain',
      'MillraceFunctionsSweep',
    ]);
    const total = [...costs.values()].reduce((sum, dollars) => sum + dollars, 0);
    expect(total).toBeLessThan(0.05);
    const stated = tableBelow(readDocument('docs/cost.md').text, '## Your own workload').map(([, dollars]) => dollars);
    expect(stated).toEqual([...costs.values(), 0, total].map((dollars) => (dollars === 0 ? '0' : dollars.toFixed(3))));
  });
});
