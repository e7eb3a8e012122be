/**
 * What becomes of dead letters: they are looked at, sent back to the function that gave them up, or discarded.
 *
 * A dead letter is done with once it is marked so, in the progress of a lease of its own on the dead-letter topic: whoever ends half-way sends some of them twice, and loses none. Sent back, they go to a topic that only their
 * subscription reads, so that no other group of the origin sees them again.
 */
import { MillraceError } from '../errors.ts';
import { describeTopic } from '../log/describe-topic.ts';
import type { Fetcher } from '../log/fetcher.ts';
import { findTopic } from '../log/find-topic.ts';
import { type DeadLetter, redrivenRecord } from './dead-letter.ts';
import {
  type DeadLetterMarks,
  type DeadLetterPlace,
  pendingLetters,
  readDone,
  withMarks,
} from './dead-letter-marks.ts';
import type { EventSourceDeps } from './event-source-deps.ts';
import { deadLetterTopicOf } from './failure-destination.ts';
import { compileFilters } from './filter/filter.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import type { RecordSender } from './give-up.ts';
import { DEFAULT_MAX_REDRIVES } from './redrive-options.ts';
import { redriveTopic } from './retry-topics.ts';
import type { SubscriptionAdmin } from './subscription-admin.ts';

/** What it needs. */
export interface DeadLettersDeps extends Pick<EventSourceDeps, 'store' | 'clock' | 'random'> {
  readonly fetcher: Pick<Fetcher, 'fetch'>;
  readonly subscriptions: SubscriptionAdmin;
  readonly records: RecordSender;
}

/** Which dead letters. */
export interface DeadLetterSelection {
  /** Event patterns, see `filter/filter.ts`: one must match. Default: all. */
  readonly filters?: readonly object[];
  /** Most of them. Default: all. */
  readonly limit?: number;
}

/** How they are sent back. */
export interface RedriveRequest extends DeadLetterSelection {
  /** Records a second. Default: as fast as it goes. */
  readonly recordsPerSecond?: number;
  /** Those that were sent back so often stay, by whomever they were sent. Default: as the subscription says for those that go back by themselves, or 3, so that nothing goes round for ever. */
  readonly maxRedrives?: number;
  /** Says what would be done and writes nothing. Default false. */
  readonly dryRun?: boolean;
  /** Told of each that was sent. */
  readonly onSent?: (letter: DeadLetter) => void;
}

/** What was done. */
export interface RedriveReport {
  /** Sent back, or discarded; with `dryRun`, would be. */
  readonly done: number;
  /** Selected, but sent back too often already. */
  readonly exhausted: number;
}

/** See the module comment. */
export class DeadLetters {
  readonly #deps: DeadLettersDeps;

  constructor(deps: DeadLettersDeps) {
    this.#deps = deps;
  }

  /** The dead letters of a subscription, oldest first in each partition of their topic. Throws SUBSCRIPTION_NOT_FOUND, INVALID_CONFIG when they do not go to a topic. */
  async list(name: string, selection: DeadLetterSelection = {}): Promise<readonly DeadLetter[]> {
    const found: DeadLetter[] = [];
    const { filters = [], limit = Number.POSITIVE_INFINITY } = selection;
    const isSelected = compileFilters(filters);
    for await (const place of this.#places(name)) {
      for await (const letter of this.#pending(place, null)) {
        if (found.length >= limit) return found;
        if (isSelected(letter.record)) found.push(letter);
      }
    }
    return found;
  }

  /** Sends dead letters back to their function. Throws SUBSCRIPTION_NOT_FOUND, INVALID_CONFIG, TOPIC_BUSY when somebody else is at it. */
  async redrive(name: string, request: RedriveRequest = {}): Promise<RedriveReport> {
    const { recordsPerSecond, onSent, dryRun = false } = request;
    const { redrive } = (await this.#deps.subscriptions.get(name)).options;
    const maxRedrives = request.maxRedrives ?? redrive?.maxAttempts ?? DEFAULT_MAX_REDRIVES;
    if (!dryRun) await this.#deps.subscriptions.makeRedrive(name);
    const topic = redriveTopic(name);
    let startMs: number | null = null;
    let sent = 0;
    return this.#work(name, request, async (letter) => {
      if (letter.redrives >= maxRedrives) return 'exhausted';
      if (dryRun) return 'done';
      if (recordsPerSecond !== undefined) {
        startMs ??= this.#deps.clock.monotonicMs();
        const dueMs = startMs + (sent / recordsPerSecond) * 1000;
        await this.#deps.clock.sleep(Math.max(0, dueMs - this.#deps.clock.monotonicMs()));
      }
      await this.#deps.records.send(topic, redrivenRecord(letter));
      sent += 1;
      onSent?.(letter);
      return 'done';
    });
  }

  /** Marks dead letters as done with. They stay in their topic as long as it keeps them. */
  discard(name: string, request: DeadLetterSelection & { readonly dryRun?: boolean } = {}): Promise<RedriveReport> {
    return this.#work(name, request, async () => 'done');
  }

  async #work(
    name: string,
    request: DeadLetterSelection & { readonly dryRun?: boolean },
    handle: (letter: DeadLetter) => Promise<'done' | 'exhausted'>,
  ): Promise<RedriveReport> {
    const { filters = [], limit = Number.POSITIVE_INFINITY, dryRun = false } = request;
    const isSelected = compileFilters(filters);
    const report = { done: 0, exhausted: 0 };
    const work = async (place: DeadLetterPlace, marks: DeadLetterMarks | null) => {
      for await (const letter of this.#pending(place, marks)) {
        if (report.done >= limit) return;
        await marks?.keep();
        if (!isSelected(letter.record)) continue;
        const outcome = await handle(letter);
        report[outcome] += 1;
        if (outcome === 'done') await marks?.mark(letter.record);
      }
    };
    for await (const place of this.#places(name)) {
      if (report.done >= limit) break;
      if (dryRun) await work(place, null);
      else await withMarks(this.#deps, place, (marks) => work(place, marks));
    }
    return report;
  }

  async *#places(name: string): AsyncGenerator<DeadLetterPlace> {
    const topic = await findTopic(this.#deps, topicOf(await this.#deps.subscriptions.get(name)));
    const { partitions } = await describeTopic(this.#deps, topic.name);
    for (const { partition, logStartOffset } of partitions) yield { name, topic, partition, start: logStartOffset };
  }

  async *#pending(place: DeadLetterPlace, marks: DeadLetterMarks | null): AsyncGenerator<DeadLetter> {
    const done = marks?.done ?? (await readDone(this.#deps, place));
    yield* pendingLetters(this.#deps.fetcher, place, done, (record) => marks?.pass(record));
  }
}

/** Throws INVALID_CONFIG when the dead letters of a subscription do not go to a topic. */
function topicOf({ group, options }: FunctionSubscription): string {
  const topic = deadLetterTopicOf(options.onFailure, group);
  if (topic !== null) return topic;
  throw new MillraceError('INVALID_CONFIG', `the dead letters of ${group} do not go to a topic`, {
    value: options.onFailure,
    hint: 'Look at them where they go.',
  });
}
