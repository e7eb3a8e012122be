/** What the log would refuse is refused at synthesis, where it is cheaper to find. The bounds are those of `lib/event-source/subscription-options.ts`; a test compares the two. */
import { type Duration, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { compileFilters } from '../event-source/filter/filter.ts';
import { parseSchedule } from '../event-source/redrive-schedule.ts';
import { badProp, checkInteger } from './bad-prop.ts';
import { checkAsTheLog, checkDuration } from './check-values.ts';
import { patternOf, type SubscriptionOptionsProps } from './subscription-props.ts';

const MAX_RETRY_DELAYS = 10;
const MAX_FILTERS = 10;
const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

/** Checks what is known at synthesis. Throws INVALID_CONFIG. */
export function checkSubscriptionOptions(scope: Construct, props: SubscriptionOptionsProps): void {
  checkChoice(scope, 'mode', props.mode, ['push', 'pull']);
  checkChoice(scope, 'format', props.format, ['kafka', 'self-managed-kafka', 'kinesis', 'sqs']);
  checkChoice(scope, 'ordering', props.ordering, ['partition', 'key', 'none']);
  checkInteger(scope, 'batchSize', props.batchSize, { least: 1, most: 10_000 });
  checkDuration(scope, 'maxBatchingWindow', props.maxBatchingWindow, { leastMs: 0, mostMs: 300_000 });
  checkInteger(scope, 'parallelizationFactor', props.parallelizationFactor, { least: 1, most: 10 });
  checkInteger(scope, 'retryAttempts', props.retryAttempts, { least: -1, most: 10_000 });
  checkDuration(scope, 'maxRecordAge', props.maxRecordAge, { leastMs: 60 * SECOND_MS, mostMs: 7 * DAY_MS });
  checkInteger(scope, 'circuitBreakerFailures', props.circuitBreakerFailures, { least: 0, most: 10_000 });
  checkInteger(scope, 'maxConcurrency', props.maxConcurrency, { least: 1, most: 1_000 });
  checkRate(scope, 'recordsPerSecond', props.recordsPerSecond, 100_000);
  checkRate(scope, 'redrive.rate', props.redrive?.rate, 10_000);
  checkInteger(scope, 'redrive.maxAttempts', props.redrive?.maxAttempts, { least: 1, most: 100 });
  checkLists(scope, props);
  checkTogether(scope, props);
}

function checkChoice(scope: Construct, prop: string, value: string | undefined, choices: readonly string[]): void {
  if (value === undefined || choices.includes(value)) return;
  throw badProp(scope, prop, value, `Give one of ${choices.join(', ')}.`);
}

function checkRate(scope: Construct, prop: string, value: number | undefined, most: number): void {
  if (value === undefined || (!Token.isUnresolved(value) && value >= 0.001 && value <= most)) return;
  const shown = Token.isUnresolved(value) ? 'a token' : value;
  throw badProp(scope, prop, shown, `Give 0.001 to ${most} records a second, or leave it out for no limit.`);
}

function checkLists(scope: Construct, { retryDelays = [], filters = [] }: SubscriptionOptionsProps): void {
  if (retryDelays.length > MAX_RETRY_DELAYS) {
    throw badProp(scope, 'retryDelays', `${retryDelays.length} delays`, `Give at most ${MAX_RETRY_DELAYS}.`);
  }
  for (const delay of retryDelays) checkDuration(scope, 'retryDelays', delay, { leastMs: SECOND_MS, mostMs: DAY_MS });
  if (filters.length > MAX_FILTERS) {
    throw badProp(scope, 'filters', `${filters.length} patterns`, `Give at most ${MAX_FILTERS}.`);
  }
  for (const filter of filters) checkFilter(scope, filter);
}

/** What is a token in a pattern is a text to whoever compiles it. */
function checkFilter(scope: Construct, filter: Readonly<Record<string, unknown>>): void {
  try {
    checkAsTheLog(scope, 'filters', JSON.stringify(filter), () => compileFilters([patternOf(filter)]), true);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw badProp(scope, 'filters', JSON.stringify(filter), 'Give the pattern as JSON text, or as an object.');
  }
}

/** What cannot go together. */
function checkTogether(scope: Construct, props: SubscriptionOptionsProps): void {
  const { ordering = 'partition', parallelizationFactor = 1, tumblingWindow, redrive, onFailure } = props;
  if (parallelizationFactor > 1 && ordering === 'partition') {
    const fix = "One batch follows another with the ordering partition: choose 'key' or 'none', or a factor of 1.";
    throw badProp(scope, 'parallelizationFactor', parallelizationFactor, fix);
  }
  if (redrive !== undefined && onFailure !== undefined && onFailure.onFailure?.startsWith('topic:') !== true) {
    const fix = 'Dead letters go back from a topic: leave onFailure out, or give FailureDestination.topic(…).';
    throw badProp(scope, 'redrive', redrive.schedule.expressionString, fix);
  }
  if (redrive !== undefined) {
    const text = redrive.schedule.expressionString;
    if (!Token.isUnresolved(text)) checkAsTheLog(scope, 'redrive.schedule', text, () => parseSchedule(text));
  }
  checkDuration(scope, 'tumblingWindow', tumblingWindow, { leastMs: 0, mostMs: 900_000 });
  if (tumblingWindow !== undefined && tumblingWindow.toMilliseconds() > 0) checkWindow(scope, props, tumblingWindow);
}

function checkWindow(scope: Construct, props: SubscriptionOptionsProps, window: Duration): void {
  checkDuration(scope, 'tumblingWindow', window, { leastMs: SECOND_MS, mostMs: 900_000 });
  const { mode = 'push', format = 'kafka', ordering = 'partition', retryDelays = [] } = props;
  const problem = [
    window.toMilliseconds() % SECOND_MS !== 0 && 'Give whole seconds.',
    mode === 'pull' && "A function that pulls is not called at the end of a window: choose the mode 'push'.",
    format === 'sqs' && "The event of a queue has no place for a window: choose the format 'kafka' or 'kinesis'.",
    ordering !== 'partition' && "A state follows the order of a partition: choose the ordering 'partition'.",
    retryDelays.length > 0 && 'A record that waits elsewhere would miss its window: leave out retryDelays.',
  ].find((one) => one !== false);
  if (problem !== undefined) throw badProp(scope, 'tumblingWindow', window, problem);
}
