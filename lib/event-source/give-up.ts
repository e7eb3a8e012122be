/** Where records go that are not given to their function any more: the next retry topic, or the destination of the subscription. */
import type { Clock } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import type { DeadRecord, DeadRecordSink, GivenUpTo } from './event-source-deps.ts';
import { type FailedRecordData, failedRecord } from './failed-record.ts';
import { parseDestination } from './failure-destination.ts';
import { failureNotice } from './failure-notice.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import type { NoticeSender, OutsideDestination } from './notice-sender.ts';
import { deadLetterTopic, retryTopic } from './retry-topics.ts';

/** Writes records to topics of the log. */
export interface RecordSender {
  /** Resolves when the record is durable. `partition`: null: by its key. */
  send(topic: string, record: FailedRecordData): Promise<void>;
}

/** What it needs. */
export interface GiveUpDeps {
  readonly records: RecordSender;
  /** Null: there is nothing but topics here. */
  readonly notices: NoticeSender | null;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** Where a record goes that was given up for a reason. Only what has failed is given again. */
export function givenUpTo(
  { retry, options }: Pick<FunctionSubscription, 'retry' | 'options'>,
  reason: DeadRecord['reason'],
): GivenUpTo {
  const hasNextDelay = options.retryDelaysMs[retry?.tier ?? 0] !== undefined;
  if (reason === 'RetryAttemptsExhausted' && hasNextDelay) return 'retry-topic';
  return options.onFailure === null ? 'nowhere' : 'destination';
}

/** See the top of this file. */
export class GiveUp implements DeadRecordSink {
  readonly #deps: GiveUpDeps;

  constructor(deps: GiveUpDeps) {
    this.#deps = deps;
  }

  async send(subscription: FunctionSubscription, records: readonly DeadRecord[]): Promise<void> {
    const { retry, replay, group, options } = subscription;
    const nextTier = (retry?.tier ?? 0) + 1;
    const delayMs = options.retryDelaysMs[nextTier - 1];
    const isAgain = ({ reason }: DeadRecord) => givenUpTo(subscription, reason) === 'retry-topic';
    const again = records.filter(isAgain);
    const over = records.filter((dead) => !isAgain(dead));
    const owner = replay?.failuresFrom === null ? replay.of : group;
    const root = retry?.of ?? owner;
    await Promise.all([
      this.#toTopic(retryTopic(root, nextTier), root, again, delayMs ?? null),
      this.#toDestination(subscription, root, over),
    ]);
  }

  async #toTopic(topic: string, group: string, records: readonly DeadRecord[], delayMs: number | null): Promise<void> {
    const nowMs = Math.floor(this.#deps.clock.nowMs());
    const dueMs = delayMs === null ? null : nowMs + delayMs;
    await Promise.all(
      records.map((dead) => this.#deps.records.send(topic, failedRecord(dead, group, { nowMs, dueMs }))),
    );
  }

  async #toDestination(
    subscription: FunctionSubscription,
    group: string,
    records: readonly DeadRecord[],
  ): Promise<void> {
    const { onFailure } = subscription.options;
    // Without a destination they are dropped; the news of it is the line in the log.
    if (records.length === 0 || onFailure === null) return;
    const destination = parseDestination(onFailure);
    if (destination.kind === 'topic') return this.#toTopic(destination.topic, group, records, null);
    await this.#toOutside(destination, subscription, group, records);
  }

  /** What it can never take goes to the dead-letter topic before the notice of it leaves. */
  async #toOutside(
    destination: OutsideDestination,
    subscription: FunctionSubscription,
    group: string,
    records: readonly DeadRecord[],
  ): Promise<void> {
    const { notices } = this.#deps;
    if (notices === null) throw onlyTopics(destination);
    const nowMs = Math.floor(this.#deps.clock.nowMs());
    const noticesOf = (of: readonly DeadRecord[], payloadTopic: string | null) =>
      of.map((dead) => failureNotice(subscription, dead, { group, nowMs, payloadTopic }));
    const outcomes = await notices.send(destination, noticesOf(records, null));
    const tooLarge = records.filter((_, index) => outcomes[index] === 'too-large');
    if (tooLarge.length === 0) return;
    const topic = deadLetterTopic(group);
    await this.#toTopic(topic, group, tooLarge, null);
    await notices.send(destination, noticesOf(tooLarge, topic));
  }
}

/** The error for a destination where there is nothing but topics. */
export function onlyTopics(destination: OutsideDestination): MillraceError {
  const name = destination.kind.toUpperCase();
  return new MillraceError('INVALID_CONFIG', `there is no ${name} here to send failed records to`, {
    value: destination.kind === 's3' ? destination.bucket : destination.arn,
    hint: 'Give topic:NAME as the destination.',
  });
}
