/** The options of a subscription by the names that the CDK has for event sources, and what the log makes of them. docs/event-source.md describes each. */
import type { Duration } from 'aws-cdk-lib';
import type * as events from 'aws-cdk-lib/aws-events';
import type { FailureDestination } from './failure-destination.ts';
import { given } from './given.ts';

/** How records are handed over. */
export interface SubscriptionOptionsProps {
  /**
   * push: the function is handed records, and knows nothing of Millrace. pull: it is handed a pointer, and fetches them itself under `millrace/middleware`.
   *
   * @default 'push'
   */
  readonly mode?: 'push' | 'pull';
  /**
   * The event of a pushed batch: that of an MSK cluster, of a self-managed Kafka cluster, of a Kinesis stream, or of an SQS queue.
   *
   * @default 'kafka'
   */
  readonly format?: 'kafka' | 'self-managed-kafka' | 'kinesis' | 'sqs';
  /**
   * What a failed record holds back: all that follows it in its partition, only what has its key, or nothing.
   *
   * @default 'partition'
   */
  readonly ordering?: 'partition' | 'key' | 'none';
  /**
   * Most records of a batch, 1 to 10,000.
   *
   * @default 100
   */
  readonly batchSize?: number;
  /**
   * How long to wait for a batch to be full, up to 5 minutes.
   *
   * @default Duration.seconds(0)
   */
  readonly maxBatchingWindow?: Duration;
  /**
   * Batches of one partition at once, 1 to 10; more than one needs the ordering key or none.
   *
   * @default 1
   */
  readonly parallelizationFactor?: number;
  /**
   * Cuts a batch that failed as a whole in half, which costs no attempt.
   *
   * @default true
   */
  readonly bisectBatchOnError?: boolean;
  /**
   * How often a failed record is given again before it goes to the retry topics or to `onFailure`, 0 to 10,000, or -1 for ever.
   *
   * @default - 3, and 0 with retryDelays
   */
  readonly retryAttempts?: number;
  /**
   * Records older than this go to `onFailure`: 1 minute to 7 days.
   *
   * @default - never
   */
  readonly maxRecordAge?: Duration;
  /**
   * Whether the function answers `{ batchItemFailures }`.
   *
   * @default false
   */
  readonly reportBatchItemFailures?: boolean;
  /**
   * How long records that failed wait in topics of their own before they are given again: up to 10 delays of 1 second to 1 day. Their partition goes on.
   *
   * @default - none
   */
  readonly retryDelays?: readonly Duration[];
  /**
   * Event patterns of EventBridge on `topic`, `partition`, `offset`, `timestamp`, `key`, `value` and `headers`, up to 10; what `lambda.FilterCriteria.filter` returns is taken too.
   *
   * @default - all records
   */
  readonly filters?: readonly Readonly<Record<string, unknown>>[];
  /**
   * Where records go that were given up.
   *
   * @default - the topic NAME.dlq
   */
  readonly onFailure?: FailureDestination;
  /**
   * So many records given up in a row stop a partition for a while instead of filling the dead letters, up to 10,000; 0: never.
   *
   * @default 10
   */
  readonly circuitBreakerFailures?: number;
  /**
   * Length of the windows whose state the function hands on: whole seconds up to 15 minutes.
   *
   * @default - no windows
   */
  readonly tumblingWindow?: Duration;
  /**
   * Most calls of the function at once, 1 to 1,000.
   *
   * @default - no limit
   */
  readonly maxConcurrency?: number;
  /**
   * Most records a second that the function is given, 0.001 to 100,000.
   *
   * @default - no limit
   */
  readonly recordsPerSecond?: number;
  /**
   * When dead letters go back by themselves.
   *
   * @default - they do not
   */
  readonly redrive?: RedriveProps;
  /** @default true */
  readonly enabled?: boolean;
}

/** How dead letters go back by themselves. */
export interface RedriveProps {
  /** In UTC, as `Schedule.rate(Duration.hours(1))`. */
  readonly schedule: events.Schedule;
  /**
   * Records a second, 0.001 to 10,000.
   *
   * @default 10
   */
  readonly rate?: number;
  /**
   * Those that were sent back so often stay, 1 to 100.
   *
   * @default 3
   */
  readonly maxAttempts?: number;
}

/** The options as the custom resource hands them to the log: those that were given, by their names there. */
export interface StoredOptions {
  readonly mode?: string;
  readonly format?: string;
  readonly ordering?: string;
  readonly batchSize?: number;
  readonly maxBatchingWindowMs?: number;
  readonly parallelizationFactor?: number;
  readonly bisectBatchOnError?: boolean;
  readonly retryAttempts?: number;
  readonly maxRecordAgeMs?: number;
  readonly reportBatchItemFailures?: boolean;
  readonly retryDelaysMs?: readonly number[];
  readonly filters?: readonly object[];
  readonly onFailure?: string | null;
  readonly circuitBreakerFailures?: number;
  readonly tumblingWindowMs?: number;
  readonly maximumConcurrency?: number;
  readonly recordsPerSecond?: number;
  readonly redrive?: { readonly schedule: string; readonly rate?: number; readonly maxAttempts?: number };
  readonly enabled?: boolean;
}

/** Translates props. */
export function storedOptions(props: SubscriptionOptionsProps): StoredOptions {
  const { redrive } = props;
  return given<StoredOptions>({
    mode: props.mode,
    format: props.format,
    ordering: props.ordering,
    batchSize: props.batchSize,
    maxBatchingWindowMs: props.maxBatchingWindow?.toMilliseconds(),
    parallelizationFactor: props.parallelizationFactor,
    bisectBatchOnError: props.bisectBatchOnError,
    retryAttempts: props.retryAttempts,
    maxRecordAgeMs: props.maxRecordAge?.toMilliseconds(),
    reportBatchItemFailures: props.reportBatchItemFailures,
    retryDelaysMs: props.retryDelays?.map((delay) => delay.toMilliseconds()),
    filters: props.filters?.map(patternOf),
    onFailure: props.onFailure?.onFailure,
    circuitBreakerFailures: props.circuitBreakerFailures,
    tumblingWindowMs: props.tumblingWindow?.toMilliseconds(),
    maximumConcurrency: props.maxConcurrency,
    recordsPerSecond: props.recordsPerSecond,
    redrive:
      redrive &&
      given({
        schedule: redrive.schedule.expressionString,
        rate: redrive.rate,
        maxAttempts: redrive.maxAttempts,
      }),
    enabled: props.enabled,
  });
}

/** A filter as the log has it: `lambda.FilterCriteria.filter` returns the pattern as text. */
export function patternOf(filter: Readonly<Record<string, unknown>>): object {
  const { pattern, ...others } = filter;
  return typeof pattern === 'string' && Object.keys(others).length === 0 ? JSON.parse(pattern) : filter;
}
