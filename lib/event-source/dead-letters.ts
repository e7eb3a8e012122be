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
import { repeatRequest } from '../log/repeat-request.ts';
import type { Topic } from '../log/topic.ts';
import type { EventSourceDeps } from './event-source-deps.ts';
import { FAILURE_HEADERS, failureHeader } from './failed-record.ts';
import { parseDestination } from './failure-destination.ts';
import { compileFilters } from './filter/filter.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import type { RecordSender } from './give-up.ts';
import { takeLease } from './lease-session.ts';
import { addRange, advance, includesOffset, type OffsetRange } from './offset-ranges.ts';
import { PartitionReader } from './partition-reader.ts';
import { formatProgress, NO_PROGRESS, parseProgress } from './progress.ts';
import type { ReceivedEvent } from './received-event.ts';
import { deadLetterGroup, redriveTopic } from './retry-topics.ts';
import type { SubscriptionAdmin } from './subscription-admin.ts';

/** What it needs. */
export interface DeadLettersDeps extends Pick<EventSourceDeps, 'store' | 'clock' | 'random'> {
  readonly fetcher: Pick<Fetcher, 'fetch'>;
  readonly subscriptions: SubscriptionAdmin;
  readonly records: RecordSender;
}

/** A dead letter that nobody has done anything about yet. */
export interface DeadLetter {
  readonly record: ReceivedEvent;
  readonly origin: { readonly topic: string; readonly partition: number; readonly offset: bigint };
  readonly attempts: number;
  readonly redrives: number;
  readonly reason: string;
  readonly error: string;
  readonly stack: string;
  readonly failedAtMs: number;
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
  /** Those that were sent back so often stay. Default 3, so that nothing goes round for ever. */
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

const LEASE_MS = 15_000;
const BATCH = 100;
const DEFAULT_MAX_REDRIVES = 3;

/** See the module comment. */
export class DeadLetters {
  readonly #deps: DeadLettersDeps;

  constructor(deps: DeadLettersDeps) {
    this.#deps = deps;
  }

  /** The dead letters of a subscription, oldest first in each partition of their topic. Throws SUBSCRIPTION_NOT_FOUND, INVALID_CONFIG when they do not go to a topic. */
  async list(name: string, selection: DeadLetterSelection = {}): Promise<readonly DeadLetter[]> {
    const found: DeadLetter[] = [];
    const { limit = Number.POSITIVE_INFINITY } = selection;
    await this.#eachPartition(name, async (place) => {
      for await (const letter of this.#pending(place, await this.#doneOf(place))) {
        if (found.length >= limit) return;
        if (this.#isSelected(letter, name, selection)) found.push(letter);
      }
    });
    return found;
  }

  /** Sends dead letters back to their function. Throws SUBSCRIPTION_NOT_FOUND, INVALID_CONFIG, TOPIC_BUSY when somebody else is at it. */
  async redrive(name: string, request: RedriveRequest = {}): Promise<RedriveReport> {
    const { maxRedrives = DEFAULT_MAX_REDRIVES, recordsPerSecond, onSent, dryRun = false } = request;
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
      await this.#deps.records.send(topic, redriven(letter));
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
    const { limit = Number.POSITIVE_INFINITY, dryRun = false } = request;
    const report = { done: 0, exhausted: 0 };
    await this.#eachPartition(name, async (place) => {
      const marks = dryRun ? null : await this.#takeMarks(place);
      for await (const letter of this.#pending(place, marks?.done ?? (await this.#doneOf(place)))) {
        if (report.done >= limit) break;
        if (!this.#isSelected(letter, name, request)) continue;
        const outcome = await handle(letter);
        report[outcome] += 1;
        if (outcome === 'done') await marks?.mark(letter.record.offset);
      }
      await marks?.release();
    });
    return report;
  }

  #isSelected(letter: DeadLetter, name: string, { filters = [] }: DeadLetterSelection): boolean {
    // Several subscriptions may have one topic for their dead letters.
    return failureHeader(letter.record, 'group') === name && compileFilters(filters)(letter.record);
  }

  async #eachPartition(name: string, action: (place: Place) => Promise<void>): Promise<void> {
    const subscription = await this.#deps.subscriptions.get(name);
    const destination =
      subscription.options.onFailure === null ? null : parseDestination(subscription.options.onFailure);
    if (destination?.kind !== 'topic') {
      throw new MillraceError('INVALID_CONFIG', `the dead letters of ${name} do not go to a topic`, {
        value: subscription.options.onFailure,
        hint: 'Look at them where they go.',
      });
    }
    const topic = await findTopic(this.#deps, destination.topic);
    const { partitions } = await describeTopic(this.#deps, topic.name);
    for (const { partition, logStartOffset } of partitions) {
      await action({ group: deadLetterGroup(name), topic, partition, start: logStartOffset, subscription });
    }
  }

  async #doneOf({ group, topic, partition, start }: Place): Promise<Done> {
    const key = { topicId: topic.topicId, partition };
    const { answer } = await repeatRequest(this.#deps, () =>
      this.#deps.store.leases.readMany([{ group, partition: key }]),
    );
    const committed = answer[0]?.committed ?? start;
    return { committed: committed > start ? committed : start, ranges: parseProgress(answer[0]?.progress ?? '').done };
  }

  /** What is done is written for every so many. */
  async #takeMarks(place: Place): Promise<Marks> {
    const { group, topic, partition } = place;
    const key = { topicId: topic.topicId, partition };
    const { answer } = await repeatRequest(this.#deps, () =>
      this.#deps.store.leases.readMany([{ group, partition: key }]),
    );
    const seen = answer[0]?.generation ?? 0;
    const take = await takeLease(this.#deps, { group, topic: topic.name, partition: key, seen, leaseMs: LEASE_MS });
    if (take.outcome !== 'taken') {
      throw new MillraceError('TOPIC_BUSY', `somebody else is at the dead letters of ${place.subscription.group}`, {
        value: topic.name,
        hint: 'Try again in a minute.',
      });
    }
    const { session } = take;
    let { committed, ranges } = await this.#doneOf(place);
    let unwritten = 0;
    let writtenMs = this.#deps.clock.monotonicMs();
    const write = async (expiresAtMs: number) => {
      ({ committed, done: ranges } = advance(committed, ranges));
      const progress = formatProgress({ ...NO_PROGRESS, done: ranges });
      const isOurs = await session.update({ committed, attempts: 0, progress, expiresAtMs, notBeforeMs: 0 });
      if (isOurs) return;
      throw new MillraceError('TOPIC_BUSY', 'somebody else has begun with the dead letters meanwhile', {
        value: topic.name,
      });
    };
    return {
      done: { committed, ranges },
      mark: async (offset) => {
        ranges = addRange(ranges, { from: offset, to: offset + 1n });
        unwritten += 1;
        const isDue = this.#deps.clock.monotonicMs() - writtenMs > LEASE_MS / 3;
        if (unwritten < BATCH && !isDue) return;
        unwritten = 0;
        writtenMs = this.#deps.clock.monotonicMs();
        await write(Math.floor(this.#deps.clock.nowMs()) + LEASE_MS);
      },
      release: () => write(0),
    };
  }

  async *#pending({ topic, partition }: Place, done: Done): AsyncGenerator<DeadLetter> {
    const { topicId, domain, name } = topic;
    const of = { topic: name, topicId, domain };
    const reader = new PartitionReader(this.#deps.fetcher, of, partition, done.committed);
    let from = done.committed;
    while (reader.canReadOn) {
      const read = await reader.readOn();
      if (read.outcome === 'failed') throw read.error;
      if (read.outcome !== 'read') return;
      for (const record of reader.window(from).records) {
        if (!includesOffset(done.ranges, record.offset)) yield letterOf(record);
      }
      from = reader.end;
    }
  }
}

interface Place {
  readonly group: string;
  readonly topic: Topic;
  readonly partition: number;
  readonly start: bigint;
  readonly subscription: FunctionSubscription;
}

interface Done {
  readonly committed: bigint;
  readonly ranges: readonly OffsetRange[];
}

interface Marks {
  readonly done: Done;
  mark(offset: bigint): Promise<void>;
  release(): Promise<void>;
}

function letterOf(record: ReceivedEvent): DeadLetter {
  const text = (name: keyof typeof FAILURE_HEADERS) => failureHeader(record, name) ?? '';
  return {
    record,
    origin: {
      topic: text('topic') || record.topic,
      partition: Number(text('partition')),
      offset: BigInt(/^\d+$/.test(text('offset')) ? text('offset') : 0),
    },
    attempts: Number(text('attempts')),
    redrives: Number(text('redrives')),
    reason: text('reason'),
    error: text('error'),
    stack: text('stack'),
    failedAtMs: Number(text('failedAtMs')),
  };
}

const encoder = new TextEncoder();

/** Key, value and headers as they are; only that it was sent back once more. */
function redriven({ record, redrives }: DeadLetter) {
  const others = record.headers.filter(({ key }) => key !== FAILURE_HEADERS.redrives && key !== FAILURE_HEADERS.dueMs);
  const count = { key: FAILURE_HEADERS.redrives, value: encoder.encode(`${redrives + 1}`) };
  return { key: record.keyBytes, value: record.valueBytes, headers: [...others, count] };
}
