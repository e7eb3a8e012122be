/**
 * How a function is called for the records of a topic. Names and limits are those of Lambda's event source mappings where they have one ("CreateEventSourceMapping" in the Lambda API reference); all of them may be changed at any
 * time.
 */
import { MillraceError } from '../errors.ts';
import { checkOptions, type OptionSchema } from '../log/check-options.ts';
import { parseDestination } from './failure-destination.ts';
import { compileFilters } from './filter/filter.ts';
import { type RedriveOptions, redriveOptions } from './redrive-options.ts';

/** See the module comment. */
export interface SubscriptionOptions {
  /** push: the function is handed records. pull: it is handed a pointer, and fetches them itself under the middleware. Default push. */
  readonly mode: 'push' | 'pull';
  /** The event of a pushed batch: that of an MSK cluster, of a self-managed Kafka cluster, of a Kinesis stream, or of an SQS queue. Default kafka. */
  readonly format: 'kafka' | 'self-managed-kafka' | 'kinesis' | 'sqs';
  /**
   * What a failed record holds back: all that follows it in its partition, only what has its key, or nothing. Default partition. With `partition` all records from the lowest failed one on are given again, those that succeeded
   * among them; otherwise only the failed ones, and with `key` what follows them under their key.
   */
  readonly ordering: 'partition' | 'key' | 'none';
  /** Most records of a batch, 1 to 10,000. Default 100. */
  readonly batchSize: number;
  /** How long to wait for a batch to be full, 0 to 300,000. Default 0. */
  readonly maxBatchingWindowMs: number;
  /** Batches of one partition at once, 1 to 10; more than one needs the ordering key or none. Default 1. */
  readonly parallelizationFactor: number;
  /** Cuts a batch that failed as a whole in half, which costs no attempt. Default true (Lambda's: false). */
  readonly bisectBatchOnError: boolean;
  /** How often a failed record is given again before it goes to the retry topics or to `onFailure`, 0 to 10,000, or -1 for ever. Default 3 (Lambda's: -1, which lets one bad record stop a partition), and 0 with `retryDelaysMs`. */
  readonly retryAttempts: number;
  /** Records older than this go to `onFailure`, 60,000 to 604,800,000, or -1 for never. The age is that of the record, by its timestamp in its topic, also while it waits in retry topics; of one that was sent back from the dead letters it counts from then. Default -1. */
  readonly maxRecordAgeMs: number;
  /** Whether the function answers `{ batchItemFailures }`. Default false, as Lambda's. */
  readonly reportBatchItemFailures: boolean;
  /** How long records wait, in topics of their own, before they are given again once `retryAttempts` are used up: up to 10 delays of 1,000 to 86,400,000, as `[10_000, 60_000, 600_000]`. They do not stop their partition, and come out of its order. Default none. */
  readonly retryDelaysMs: readonly number[];
  /** Event patterns, up to 10: only records that match one of them are given. Default none: all. See `filter/filter.ts`. */
  readonly filters: readonly object[];
  /** Where records go that were given up: `topic:NAME`, or the ARN of a queue, a topic of SNS or a bucket. Null: they are dropped with a line in the log. Default `topic:GROUP.dlq`. */
  readonly onFailure: string | null;
  /** So many records given up in a row, and none that succeeded between them, stop a partition for a while instead of filling the dead letters; 0: never. Default 10. */
  readonly circuitBreakerFailures: number;
  /** Length of the windows whose state the function hands on from batch to batch: 0 (none), or whole seconds up to 900,000. Needs the mode push, the ordering partition, the format kafka, self-managed-kafka or kinesis, and no `retryDelaysMs`. Default 0. See `tumbling-window.ts`. */
  readonly tumblingWindowMs: number;
  /** When dead letters go back by themselves; needs a topic as `onFailure`. Null: they do not. Default null. */
  readonly redrive: RedriveOptions | null;
  /**
   * Most calls of the function at once, over all partitions and workers, those for retry topics included; 1 to 1,000 (Lambda's event source mappings of queues: 2 to 1,000; a function that may run once only is as good a reason), 0: as
   * many as there is work for. Default 0.
   */
  readonly maximumConcurrency: number;
  /** Most records a second that the function is given, over all partitions and workers, those of retry topics included: 0.001 to 100,000, fractions too; 0: as fast as it can. A burst is what one second brings, at least one record. Default 0. */
  readonly recordsPerSecond: number;
  /** Default true. */
  readonly enabled: boolean;
}

const SCHEMA: OptionSchema<SubscriptionOptions> = {
  mode: { oneOf: ['push', 'pull'] },
  format: { oneOf: ['kafka', 'self-managed-kafka', 'kinesis', 'sqs'] },
  ordering: { oneOf: ['partition', 'key', 'none'] },
  batchSize: { integerFrom: 1, to: 10_000 },
  maxBatchingWindowMs: { integerFrom: 0, to: 300_000 },
  parallelizationFactor: { integerFrom: 1, to: 10 },
  bisectBatchOnError: { oneOf: [true, false] },
  retryAttempts: { integerFrom: -1, to: 10_000 },
  maxRecordAgeMs: { checkedElsewhere: true },
  retryDelaysMs: { checkedElsewhere: true },
  reportBatchItemFailures: { oneOf: [true, false] },
  filters: { checkedElsewhere: true },
  onFailure: { checkedElsewhere: true },
  circuitBreakerFailures: { integerFrom: 0, to: 10_000 },
  tumblingWindowMs: { integerFrom: 0, to: 900_000 },
  redrive: { checkedElsewhere: true },
  maximumConcurrency: { integerFrom: 0, to: 1_000 },
  recordsPerSecond: { checkedElsewhere: true },
  enabled: { oneOf: [true, false] },
};

/** Names of all options. */
export const SUBSCRIPTION_OPTION_NAMES = Object.keys(SCHEMA) as readonly (keyof SubscriptionOptions)[];

const MAX_FILTERS = 10;
/** Retry topics of a subscription. */
export const MAX_RETRY_DELAYS = 10;
const DELAY_MS = { least: 1_000, most: 86_400_000 };
const RATE = { least: 0.001, most: 100_000 };
const AGE_MS = { least: 60_000, most: 604_800_000 };

/** Checks options and fills in the defaults. Throws INVALID_CONFIG, which names the option and what it may be. */
export function subscriptionOptions(given: Partial<SubscriptionOptions>, group: string): SubscriptionOptions {
  const set = checkOptions('subscription', given, SCHEMA as OptionSchema<Partial<SubscriptionOptions>>);
  const options: SubscriptionOptions = {
    mode: 'push',
    format: 'kafka',
    ordering: 'partition',
    batchSize: 100,
    maxBatchingWindowMs: 0,
    parallelizationFactor: 1,
    bisectBatchOnError: true,
    retryAttempts: set.retryDelaysMs === undefined || set.retryDelaysMs.length === 0 ? 3 : 0,
    maxRecordAgeMs: -1,
    retryDelaysMs: [],
    reportBatchItemFailures: false,
    filters: [],
    onFailure: `topic:${group}.dlq`,
    circuitBreakerFailures: 10,
    maximumConcurrency: 0,
    recordsPerSecond: 0,
    tumblingWindowMs: 0,
    enabled: true,
    ...set,
    redrive: redriveOptions(set.redrive),
  };
  checkRanges(options);
  checkDelays(options.retryDelaysMs);
  checkFilters(options.filters);
  checkFailures(options);
  if (options.tumblingWindowMs > 0) checkWindows(options);
  return options;
}

function checkRanges(options: SubscriptionOptions): void {
  const { maxRecordAgeMs, ordering, parallelizationFactor, recordsPerSecond } = options;
  const isAge = Number.isInteger(maxRecordAgeMs) && maxRecordAgeMs >= AGE_MS.least && maxRecordAgeMs <= AGE_MS.most;
  if (maxRecordAgeMs !== -1 && !isAge) {
    throw badOption('maxRecordAgeMs', maxRecordAgeMs, `Give -1, or ${AGE_MS.least} to ${AGE_MS.most}.`);
  }
  const isRate =
    typeof recordsPerSecond === 'number' && recordsPerSecond >= RATE.least && recordsPerSecond <= RATE.most;
  if (recordsPerSecond !== 0 && !isRate) {
    throw badOption('recordsPerSecond', recordsPerSecond, `Give 0 for no limit, or ${RATE.least} to ${RATE.most}.`);
  }
  if (parallelizationFactor > 1 && ordering === 'partition') {
    throw badOption(
      'parallelizationFactor',
      parallelizationFactor,
      "With the ordering 'partition' one batch follows another: choose the ordering 'key' or 'none', or a factor of 1.",
    );
  }
}

function checkDelays(delays: unknown): void {
  const isDelay = (delay: unknown) =>
    Number.isInteger(delay) && (delay as number) >= DELAY_MS.least && (delay as number) <= DELAY_MS.most;
  if (Array.isArray(delays) && delays.length <= MAX_RETRY_DELAYS && delays.every(isDelay)) return;
  const hint = `Give an array of at most ${MAX_RETRY_DELAYS} delays of ${DELAY_MS.least} to ${DELAY_MS.most}.`;
  throw badOption('retryDelaysMs', delays, hint);
}

function checkFilters(filters: unknown): void {
  if (!Array.isArray(filters) || filters.length > MAX_FILTERS) {
    throw badOption('filters', filters, `Give an array of at most ${MAX_FILTERS} event patterns.`);
  }
  compileFilters(filters);
}

function checkWindows({ tumblingWindowMs, mode, format, ordering, retryDelaysMs }: SubscriptionOptions): void {
  const problem = [
    tumblingWindowMs % 1_000 !== 0 && 'Give whole seconds: events tell the time of a window in seconds.',
    mode === 'pull' && "A function that pulls is not called at the end of a window: choose the mode 'push'.",
    format === 'sqs' && "The event of a queue has no place for a window: choose the format 'kafka' or 'kinesis'.",
    ordering !== 'partition' && "A state follows the order of a partition: choose the ordering 'partition'.",
    retryDelaysMs.length > 0 && 'A record that waits elsewhere would miss its window: leave out retryDelaysMs.',
  ].find((one) => one !== false);
  if (problem !== undefined) throw badOption('tumblingWindowMs', tumblingWindowMs, problem);
}

function checkFailures({ onFailure, redrive }: SubscriptionOptions): void {
  const destination = onFailure === null ? null : parseDestination(onFailure);
  if (redrive === null || destination?.kind === 'topic') return;
  throw badOption('redrive', redrive.schedule, 'Dead letters go back from a topic: give topic:NAME as onFailure.');
}

function badOption(name: keyof SubscriptionOptions, value: unknown, hint: string): MillraceError {
  return new MillraceError('INVALID_CONFIG', `the option ${name} of a subscription cannot be ${String(value)}`, {
    value,
    hint,
  });
}
