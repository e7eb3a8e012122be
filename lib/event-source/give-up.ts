/** Where records go that are not given to their function any more: the next retry topic, or the destination of the subscription. */
import type { Clock } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import type { DeadRecord, DeadRecordSink } from './event-source-deps.ts';
import { type FailedRecordData, failedRecord } from './failed-record.ts';
import { type FailureDestination, parseDestination } from './failure-destination.ts';
import { failureNotices } from './failure-notice.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import { retryTopic } from './retry-topics.ts';

/** Writes records to topics of the log. */
export interface RecordSender {
  /** Resolves when the record is durable. `partition`: null: by its key. */
  send(topic: string, record: FailedRecordData): Promise<void>;
}

/** Hands messages to what is not a topic of the log. */
export interface NoticeSender {
  /** `body` is JSON. Resolves when it is durable there. */
  send(destination: Exclude<FailureDestination, { kind: 'topic' }>, body: string): Promise<void>;
}

/** What it needs. */
export interface GiveUpDeps {
  readonly records: RecordSender;
  /** Null: there is nothing but topics here. */
  readonly notices: NoticeSender | null;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** See the top of this file. */
export class GiveUp implements DeadRecordSink {
  readonly #deps: GiveUpDeps;

  constructor(deps: GiveUpDeps) {
    this.#deps = deps;
  }

  async send(subscription: FunctionSubscription, records: readonly DeadRecord[]): Promise<void> {
    const { retry, group, options } = subscription;
    const nextTier = (retry?.tier ?? 0) + 1;
    const delayMs = options.retryDelaysMs[nextTier - 1];
    const isLate = (dead: DeadRecord) => dead.reason === 'RetryAttemptsExhausted' && delayMs !== undefined;
    const again = records.filter(isLate);
    const over = records.filter((dead) => !isLate(dead));
    const root = retry?.of ?? group;
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
    const { notices } = this.#deps;
    if (notices === null) {
      throw new MillraceError(
        'INVALID_CONFIG',
        `there is no ${destination.kind.toUpperCase()} here to send failed records to`,
        {
          value: onFailure,
          hint: 'Give topic:NAME as the destination.',
        },
      );
    }
    const nowMs = Math.floor(this.#deps.clock.nowMs());
    for (const body of failureNotices(subscription, records, nowMs)) await notices.send(destination, body);
  }
}
