/** The options of a subscription as flags, by Lambda's names. */

import type { SubscriptionOptions } from '../event-source/subscription-options.ts';
import { parseDuration } from '../log/duration.ts';
import type { CliCommand } from './cli-command.ts';
import { UsageError } from './cli-errors.ts';
import { collect, parseCount } from './parse-values.ts';

/** What the parser makes of the flags. */
export interface SubscriptionFlags {
  readonly mode?: SubscriptionOptions['mode'];
  readonly format?: SubscriptionOptions['format'];
  readonly ordering?: SubscriptionOptions['ordering'];
  readonly batchSize?: number;
  readonly maxBatchingWindow?: number;
  readonly parallelizationFactor?: number;
  readonly bisect?: boolean;
  readonly retryAttempts?: number;
  readonly maxRecordAge?: number;
  readonly retryDelays?: readonly number[];
  readonly reportBatchItemFailures?: boolean;
  readonly filter?: readonly string[];
  readonly onFailure?: string;
  readonly circuitBreakerFailures?: number;
  readonly maximumConcurrency?: number;
  readonly recordsPerSecond?: number;
  readonly tumblingWindow?: number;
  readonly redrive?: string;
  readonly redriveRate?: number;
  readonly redriveMaxAttempts?: number;
}

/** Adds the flags to a command. */
export function addSubscriptionFlags(command: CliCommand): CliCommand {
  command
    .option('--mode <mode>', 'push: the function is handed records; pull: it fetches them under the middleware')
    .option('--format <format>', 'event of a pushed batch: kafka, self-managed-kafka, kinesis, sqs')
    .option('--ordering <ordering>', 'what a failed record holds back: its partition, its key, or none')
    .option('--batch-size <n>', 'most records of a batch', parseCount('--batch-size', 1))
    .option(
      '--max-batching-window <duration>',
      'how long to wait for a full batch: 5s',
      duration('--max-batching-window'),
    )
    .option('--parallelization-factor <n>', 'batches of a partition at once', parseCount('--parallelization-factor', 1))
    .option('--bisect', 'cut a batch in half that failed as a whole')
    .option('--no-bisect', 'give it again as it was')
    .option('--retry-attempts <n>', 'how often a failed record is given again; -1: for ever', retryAttempts)
    .option('--retry-delays <list>', 'waits in topics of their own behind that: 10s,1m,10m; none', delays)
    .option('--max-record-age <duration>', 'older records are given up: 1h; never', age)
    .option('--report-batch-item-failures', 'the function answers which records failed')
    .option('--no-report-batch-item-failures', 'it does not')
    .option('--filter <pattern>', 'event pattern as JSON, repeatable: one must match; none', collect)
    .option('--on-failure <destination>', 'topic:NAME, the ARN of a queue, an SNS topic or a bucket, or none')
    .option(
      '--circuit-breaker-failures <n>',
      'so many given up in a row stop a partition for a while; 0: never',
      parseCount('--circuit-breaker-failures', 0),
    )
    .option(
      '--maximum-concurrency <n>',
      'calls of the function at once, over all partitions; 0: no limit',
      parseCount('--maximum-concurrency', 0),
    )
    .option('--records-per-second <n>', 'records given to it in a second, 0.5 too; 0: no limit', recordsPerSecond)
    .option(
      '--tumbling-window <duration>',
      'windows with a state: 30s, up to 15m; 0s: none',
      duration('--tumbling-window'),
    )
    .option('--redrive <schedule>', 'dead letters go back: rate(1 hour), cron(0 9 ? * MON-FRI *) in UTC; none')
    .option('--redrive-rate <n>', 'so many of them a second, with --redrive (default: 10)', redriveRate)
    .option(
      '--redrive-max-attempts <n>',
      'those that were sent back so often stay, with --redrive (default: 3)',
      parseCount('--redrive-max-attempts', 1),
    );
  return command;
}

/** The options that were given; nothing for the others. Throws UsageError. */
export function optionsOf(flags: SubscriptionFlags): Partial<SubscriptionOptions> {
  const { maxBatchingWindow, bisect, maxRecordAge, retryDelays, filter, onFailure, ...same } = flags;
  const all: Partial<Record<keyof SubscriptionOptions, unknown>> = {
    mode: same.mode,
    format: same.format,
    ordering: same.ordering,
    batchSize: same.batchSize,
    parallelizationFactor: same.parallelizationFactor,
    retryAttempts: same.retryAttempts,
    reportBatchItemFailures: same.reportBatchItemFailures,
    circuitBreakerFailures: same.circuitBreakerFailures,
    maximumConcurrency: same.maximumConcurrency,
    recordsPerSecond: same.recordsPerSecond,
    maxBatchingWindowMs: maxBatchingWindow,
    bisectBatchOnError: bisect,
    maxRecordAgeMs: maxRecordAge,
    retryDelaysMs: retryDelays,
    filters: filter === undefined ? undefined : filtersOf(filter),
    onFailure: onFailure === 'none' ? null : onFailure,
    tumblingWindowMs: flags.tumblingWindow,
    redrive: redriveOf(flags),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** The three flags say one option. Throws UsageError. */
function redriveOf({ redrive, redriveRate: rate, redriveMaxAttempts: maxAttempts }: SubscriptionFlags): unknown {
  const isAlone = rate === undefined && maxAttempts === undefined;
  if (redrive === 'none' && isAlone) return null;
  if (redrive !== undefined && redrive !== 'none') {
    return {
      schedule: redrive,
      ...(rate !== undefined && { rate }),
      ...(maxAttempts !== undefined && { maxAttempts }),
    };
  }
  if (isAlone) return undefined;
  throw new UsageError(
    `${rate === undefined ? '--redrive-max-attempts' : '--redrive-rate'} needs a schedule`,
    "For example: --redrive 'rate(1 hour)' --redrive-rate 5",
  );
}

const redriveRate = rate('--redrive-rate');

function recordsPerSecond(text: string): number {
  return text === '0' ? 0 : rate('--records-per-second')(text);
}

function rate(name: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value > 0) return value;
    throw new UsageError(`${name} ${text} is no rate`, 'Give records a second: 5, or 0.1 for one in ten.', text);
  };
}

/** Event patterns as they are typed; `none` alone: no filter. Throws UsageError. */
export function filtersOf(texts: readonly string[]): readonly object[] {
  if (texts.length === 1 && texts[0] === 'none') return [];
  return texts.map((text) => {
    try {
      return JSON.parse(text) as object;
    } catch {
      throw new UsageError(
        `--filter ${text} is no JSON`,
        'For example: --filter \'{"value":{"status":["paid"]}}\'',
        text,
      );
    }
  });
}

function duration(name: string): (text: string) => number {
  return (text) => {
    try {
      return parseDuration(text);
    } catch {
      throw new UsageError(`${name} ${text} is no duration`, `For example: ${name} 250ms, 30s, 10m, 2h`, text);
    }
  };
}

function delays(text: string): readonly number[] {
  return text === 'none' ? [] : text.split(',').map(duration('--retry-delays'));
}

function age(text: string): number {
  return text === 'never' ? -1 : duration('--max-record-age')(text);
}

function retryAttempts(text: string): number {
  return text === '-1' ? -1 : parseCount('--retry-attempts', 0)(text);
}
