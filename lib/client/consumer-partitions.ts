/**
 * The partitions that a consumer holds for its group: claimed, and read.
 *
 * Always true: of a partition that is to go nothing more is given out, and its group is told only when nobody works on a record of it any more; a partition that has come is given out
 * only when the caller has been told. Listeners are called between two records, and the loop waits for them, so a commit in one of them covers nothing that is in hand.
 */
import type { Clock, Random } from '../clock.ts';
import { asMillraceError, hasCode, MillraceError } from '../errors.ts';
import type { AutoOffsetReset } from '../group/group-start.ts';
import type { OwnedPartition } from '../group/owned-partition.ts';
import type { PartitionListener } from '../group/partition-holder.ts';
import { inParallel } from '../log/in-parallel.ts';
import type { ListOffsetsDeps } from '../log/list-offsets.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import type { TopicDirectory } from '../log/topic-directory.ts';
import { AssignedPartition } from './assigned-partition.ts';
import type { CheckedConsumerOptions } from './consumer-options.ts';
import { readTopic } from './read-topic.ts';
import type { RecordStream, TopicPartition } from './record-stream.ts';
import { offsetOf } from './start-position.ts';

/** A partition that is claimed and read. */
export interface Holding extends TopicPartition {
  readonly owned: OwnedPartition;
  readonly read: AssignedPartition;
  /** What was committed last, as far as is known, or where the group begins. */
  committed: bigint;
}

/** What the partitions of a consumer need. */
export interface ConsumerPartitionsDeps {
  readonly stream: RecordStream;
  readonly topics: TopicDirectory;
  readonly store: ListOffsetsDeps['store'];
  readonly clock: Clock;
  readonly random: Random;
}

/** What the consumer does for its partitions. */
export interface ConsumerPartitionsEvents {
  /** Commits what was processed of these, when it commits by itself. Never rejects. */
  readonly onLeaving: (holdings: readonly Holding[]) => Promise<void>;
  /** The partition cannot be read, although the group has it: claim it again later. */
  readonly onUnreadable: (owned: OwnedPartition, error: MillraceError) => void;
  /** A topic is not what the group takes it for. */
  readonly onTopicChanged: () => void;
}

/** Look-ups of where to begin at once. */
const LOOKUPS = 16;
/** How long a topic that cannot be read is read again. */
const READ_TOPIC_MS = 10_000;

/** See the top of this file. */
export class ConsumerPartitions implements PartitionListener {
  readonly #deps: ConsumerPartitionsDeps;
  readonly #listeners: CheckedConsumerOptions['listeners'];
  readonly #reset: AutoOffsetReset;
  readonly #events: ConsumerPartitionsEvents;
  readonly #held = new Map<OwnedPartition, Holding>();
  /** On their way out: nothing is given out of them, commits still count. */
  readonly #leaving = new Map<OwnedPartition, Holding>();
  readonly #lost = new WeakSet<OwnedPartition>();
  /** Of all that were ever held, by topic and partition. */
  readonly #former = new Map<string, PartitionKey>();
  /** Lost with records that were given out and not committed, since the last commit of all. */
  #lostUncommitted: TopicPartition[] = [];
  /** What the loop was given last, and from which offset on; null when it has asked for more since. */
  #given: AssignedPartition | null = null;
  #givenOffset = 0n;
  #isWorking = false;
  #turn: Promise<void> | null = null;
  /** Null while nobody waits for it: the loop comes by here with every record. */
  #change: PromiseWithResolvers<void> | null = null;

  constructor(
    deps: ConsumerPartitionsDeps,
    { listeners, membership }: CheckedConsumerOptions,
    events: ConsumerPartitionsEvents,
  ) {
    this.#deps = deps;
    this.#listeners = listeners;
    this.#reset = membership.autoOffsetReset;
    this.#events = events;
  }

  /** What is held and may be given out. */
  get held(): readonly Holding[] {
    return [...this.#held.values()];
  }

  /** While a listener is to be called, or is: the loop waits for this. */
  get turn(): Promise<void> | null {
    return this.#turn;
  }

  /** What can be committed: also what is on its way out. */
  get committable(): readonly Holding[] {
    return [...this.#held.values(), ...this.#leaving.values()];
  }

  /** A partition that was lost with progress that can not be committed any more, since this was asked last; undefined for none. */
  takeLostUncommitted(): TopicPartition | undefined {
    const [first] = this.#lostUncommitted;
    this.#lostUncommitted = [];
    return first;
  }

  /** A partition that this consumer had once, by its key, or undefined. */
  former({ topic, partition }: TopicPartition): PartitionKey | undefined {
    return this.#former.get(`${topic}/${partition}`);
  }

  /** A partition whose offsets can be committed, or undefined. */
  find({ topic, partition }: TopicPartition): Holding | undefined {
    return this.committable.find((one) => one.partition === partition && one.topic === topic);
  }

  /** The offset behind what was processed: less than `position` while the loop is at work, or was left in the middle of it; of that, what the caller has committed counts as processed. */
  processed({ read, committed }: Holding): bigint {
    if (this.#given !== read) return read.position;
    const isBeyond = committed > this.#givenOffset && committed <= read.position;
    return isBeyond ? committed : this.#givenOffset;
  }

  /** The loop was given something. */
  taken(partition: AssignedPartition, offset: bigint): void {
    this.#given = partition;
    this.#givenOffset = offset;
    this.#isWorking = true;
  }

  /** The loop is at work no more; only when it asks for more it is known to have done what it was given. */
  returned(how: 'asked' | 'left'): void {
    if (how === 'asked') this.#given = null;
    if (!this.#isWorking) return;
    this.#isWorking = false;
    this.#changed();
  }

  async revoke(owned: readonly OwnedPartition[]): Promise<void> {
    const leaving = owned.map((one) => this.#held.get(one)).filter((one) => one !== undefined);
    for (const holding of leaving) {
      this.#held.delete(holding.owned);
      this.#leaving.set(holding.owned, holding);
    }
    this.#show();
    const left = () => leaving.filter((one) => this.#leaving.has(one.owned));
    await this.#betweenRecords(
      () => left().length > 0,
      async () => {
        await this.#tell(() => this.#listeners.onPartitionsRevoked?.(left().map(namesOf)));
        await this.#events.onLeaving(left());
      },
    );
    for (const one of leaving) this.#leaving.delete(one.owned);
  }

  async assign(owned: readonly OwnedPartition[]): Promise<void> {
    // A partition may be lost while it is looked up where to begin.
    const opened = (await this.#openAll(owned)).filter((one) => !this.#lost.has(one.owned));
    for (const holding of opened) {
      this.#held.set(holding.owned, holding);
      this.#former.set(`${holding.topic}/${holding.partition}`, holding.owned.partition);
    }
    this.#show();
    const kept = () => opened.filter((one) => this.#held.has(one.owned));
    await this.#betweenRecords(
      () => kept().length > 0,
      () => this.#tell(() => this.#listeners.onPartitionsAssigned?.(kept().map(namesOf))),
    );
    this.#deps.stream.release(opened.map(({ read }) => read));
  }

  /** Waits until the loop has finished what it has in hand, and keeps it from being given more meanwhile; not at all once there is no reason any more. */
  async #betweenRecords(isWanted: () => boolean, action: () => Promise<void>): Promise<void> {
    const turn = Promise.withResolvers<void>();
    this.#turn = turn.promise;
    while (this.#isWorking && isWanted()) {
      this.#change ??= Promise.withResolvers();
      await this.#change.promise;
    }
    if (isWanted()) await action();
    this.#turn = null;
    turn.resolve();
  }

  lose(owned: readonly OwnedPartition[], reason: MillraceError): void {
    const lost = owned.map((one) => this.#held.get(one) ?? this.#leaving.get(one)).filter((one) => one !== undefined);
    this.#lostUncommitted.push(...lost.filter(({ read, committed }) => read.position !== committed).map(namesOf));
    for (const one of owned) {
      this.#lost.add(one);
      this.#held.delete(one);
      this.#leaving.delete(one);
    }
    this.#show();
    this.#changed();
    if (lost.length > 0) void this.#tell(() => this.#listeners.onPartitionsLost?.(lost.map(namesOf), reason));
  }

  #show(): void {
    this.#deps.stream.setPartitions(this.held.map(({ read }) => read));
  }

  #changed(): void {
    this.#change?.resolve();
    this.#change = null;
  }

  /** What a listener throws is the caller's own error, and belongs into the caller's loop. */
  async #tell(listener: () => void | Promise<void>): Promise<void> {
    try {
      await listener();
    } catch (cause) {
      this.#deps.stream.fail(listenerFailed(cause));
    }
  }

  async #openAll(owned: readonly OwnedPartition[]): Promise<readonly Holding[]> {
    const opened: Holding[] = [];
    await inParallel(owned, LOOKUPS, async (one) => {
      try {
        const holding = await this.#open(one);
        if (holding !== null) opened.push(holding);
      } catch (cause) {
        this.#events.onUnreadable(one, asMillraceError(cause));
      }
    });
    return opened;
  }

  async #open(owned: OwnedPartition): Promise<Holding | null> {
    const { topic, partition, committed } = owned;
    const route = await this.#route(topic);
    if (route?.topicId !== partition.topicId || partition.partition >= route.partitionCount) {
      this.#events.onTopicChanged();
      return null;
    }
    const read = new AssignedPartition(route, partition.partition);
    read.held = true;
    // Nothing is fetched before the caller has sought; the loop hears why.
    if (committed === null && this.#reset === 'none') read.error = noOffset(topic, partition.partition);
    const start = committed ?? (await offsetOf(this.#deps, read.readable, 'beginning'));
    if (read.error === null) read.moveTo(start);
    else read.position = start;
    return { owned, read, committed: start, topic, partition: partition.partition };
  }

  async #route(topic: string) {
    try {
      return await readTopic(this.#deps, topic, this.#deps.clock.monotonicMs() + READ_TOPIC_MS);
    } catch (error) {
      if (hasCode(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return null;
      throw error;
    }
  }
}

function namesOf({ topic, partition }: Holding): TopicPartition {
  return { topic, partition };
}

function listenerFailed(cause: unknown): MillraceError {
  if (cause instanceof MillraceError) return cause;
  return new MillraceError('INVALID_REQUEST', 'a rebalance listener threw', {
    cause,
    hint: 'Look at the cause: it is what the listener threw.',
  });
}

function noOffset(topic: string, partition: number): MillraceError {
  return new MillraceError('NO_OFFSET_FOR_PARTITION', `the group has committed no offset of ${topic}-${partition}`, {
    value: { topic, partition },
    hint: "autoOffsetReset is 'none': seek the group there, or choose 'earliest' or 'latest'.",
  });
}
