/**
 * A consumer: a member of a group, which gets partitions from it and gives out their records.
 *
 * Always true:
 * - What is given out belongs to this member: of a partition that went, or whose session is over, nothing more is given out.
 * - Offsets are committed under the claim by which they were read; once another member has claimed the partition, nothing of this one's is committed.
 * - A partition goes in order: the loop has finished the record of it that it was given, and the caller was told in time to commit.
 */
import { asMillraceError, hasCode, MillraceError } from '../errors.ts';
import type { GroupDeps } from '../group/group-deps.ts';
import { Membership } from '../group/membership.ts';
import { OffsetCommitter } from '../group/offset-committer.ts';
import { parseSubscription, type Subscription } from '../group/subscription.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { type CommitRequest, type CommittedOffset, notAssigned } from './commit-request.ts';
import { ConsumerCommits } from './consumer-commits.ts';
import {
  type CheckedConsumerOptions,
  type ConsumerOptions,
  checkConsumerOptions,
  pollTooLate,
} from './consumer-options.ts';
import { ConsumerPartitions, type Holding } from './consumer-partitions.ts';
import type { ReaderDeps } from './read-ahead.ts';
import type { RawBytes, ReceivedRecord } from './received-record.ts';
import { recordDecoder } from './record-decoder.ts';
import { type ReadProgress, type ReceivedBatch, RecordStream, type TopicPartition } from './record-stream.ts';
import type { StartPosition } from './start-position.ts';

/** What a consumer is made of. */
export interface ConsumerDeps extends Omit<ReaderDeps, 'store'> {
  readonly store: GroupDeps['store'];
}

/** Records between two looks at the clock: whether the session lasts, and whether timers have had a turn. */
const RECORDS_PER_LOOK = 64;
/** A loop that never waits would keep heartbeats from being sent. */
const TURN_MS = 20;

/** Reads for a group; see the module comment. Made by `Millrace.consumer`. */
export class Consumer<K = RawBytes, V = RawBytes> implements AsyncIterable<ReceivedRecord<K, V>> {
  readonly #deps: ConsumerDeps;
  readonly #options: CheckedConsumerOptions;
  readonly #stream: RecordStream;
  readonly #partitions: ConsumerPartitions;
  readonly #membership: Membership;
  readonly #commits: ConsumerCommits;
  #subscription: Subscription | null = null;
  #watching: Promise<void> | null = null;
  #subscribing: Promise<void> = Promise.resolve();
  #isMember = false;
  #isAsking = false;
  /** Items given out. */
  #takenCount = 0;
  #records = 0;
  #turnMs = 0;
  /** Under way: joining again after the loop was taken to hang. */
  #rejoining: Promise<void> | null = null;
  readonly #ended = new AbortController();
  #closing: Promise<void> | null = null;
  #isClosed = false;

  /** Throws INVALID_CONFIG, INVALID_GROUP_ID, INVALID_SESSION_TIMEOUT, INVALID_REQUEST. */
  constructor(deps: ConsumerDeps, options: ConsumerOptions<K, V>) {
    this.#deps = deps;
    this.#options = checkConsumerOptions(options);
    const { membership, reader } = this.#options;
    const owner = {
      onTaken: (partition: Holding['read'], offset: bigint) => this.#taken(partition, offset),
      onReturned: (how: 'asked' | 'left') => this.#returned(how),
      gate: () => this.#gate(),
      onPartitionError: (_: Holding['read'], error: MillraceError) => this.#mends(error),
      checkReadable: () => this.#checkSubscribed(),
      mayEnd: () => this.#membership.isSettled,
    };
    this.#stream = new RecordStream(deps, reader, owner, recordDecoder(options));
    const { topics, store, clock, random } = deps;
    const events = {
      onLeaving: async (holdings: readonly Holding[]) => {
        if (this.#options.autoCommit) await this.#commits.commitProcessed(holdings);
      },
      onUnreadable: (owned: Holding['owned'], error: MillraceError) => this.#unreadable(owned, error),
      onTopicChanged: () => this.#membership.recheckTopics(),
    };
    this.#partitions = new ConsumerPartitions(
      { stream: this.#stream, topics, store, clock, random },
      this.#options,
      events,
    );
    this.#membership = new Membership(deps, membership, {
      revoke: (owned) => this.#partitions.revoke(owned),
      assign: (owned) => this.#partitions.assign(owned),
      lose: (owned, reason) => this.#partitions.lose(owned, reason),
      fail: (error) => this.#stream.fail(error),
    });
    this.#commits = new ConsumerCommits({
      partitions: this.#partitions,
      committer: new OffsetCommitter(deps, membership.group),
      membership: this.#membership,
      onFailed: this.#options.listeners.onCommitFailed,
    });
  }

  /**
   * Joins the group to read these topics, or all whose names match a pattern; called again, it changes what is read. Partitions come while the loop runs.
   *
   * Throws UNKNOWN_TOPIC_OR_PARTITION for a topic of a list that is not there, INVALID_TOPIC_EXCEPTION, INVALID_REGULAR_EXPRESSION, INVALID_REQUEST; GROUP_MAX_SIZE_REACHED,
   * INCONSISTENT_GROUP_PROTOCOL; CLOSED.
   *
   * @example await consumer.subscribe(['orders', 'payments']);
   * @example await consumer.subscribe(/^orders-/);
   */
  async subscribe(subscription: Subscription): Promise<void> {
    this.#checkOpen();
    const parsed = parseSubscription(subscription);
    // One after another; what became of the one before is its caller's business.
    const before = this.#subscribing;
    const subscribing = before.catch(() => {}).then(() => this.#subscribe(parsed));
    this.#subscribing = subscribing;
    await subscribing;
    // Closing waits for the join, and leaves again.
    this.#checkOpen();
  }

  async #subscribe(subscription: Subscription): Promise<void> {
    this.#checkOpen();
    if (this.#isMember) await this.#membership.resubscribe(subscription);
    else await this.#membership.start(subscription);
    this.#isMember = true;
    this.#watching ??= this.#watch();
    this.#subscription = subscription;
    this.#stream.changed();
  }

  /** Leaves the group, after letting go of everything in order; `subscribe` joins again. */
  async unsubscribe(): Promise<void> {
    await this.#subscribing.catch(() => {});
    this.#subscription = null;
    if (!this.#isMember) return;
    this.#isMember = false;
    await this.#membership.stop({ leave: true });
  }

  /** What this consumer reads now. */
  get assignment(): readonly TopicPartition[] {
    return this.#partitions.held.map(({ topic, partition }) => ({ topic, partition }));
  }

  /** Id in the group; another after every join, null while it is not in it. */
  get memberId(): string | null {
    return this.#membership.memberId;
  }

  /** The group's generation as this member saw it last; 0 before it has joined. */
  get generation(): number {
    return this.#membership.group?.generation ?? 0;
  }

  /**
   * Record by record; a record is processed when the loop asks for the next. Leaving the loop keeps the partitions; another loop goes on at `position`. One loop at a time.
   *
   * Throws as a `Reader`, and FENCED_INSTANCE_ID, NO_OFFSET_FOR_PARTITION, what the group or the store refuses for good, and what a rebalance listener threw.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<ReceivedRecord<K, V>> {
    return this.#stream.records() as AsyncIterableIterator<ReceivedRecord<unknown, unknown>> as AsyncIterableIterator<
      ReceivedRecord<K, V>
    >;
  }

  /** Batch by batch; otherwise as by record. */
  batches(): AsyncIterableIterator<ReceivedBatch<K, V>> {
    return this.#stream.batches() as AsyncIterableIterator<ReceivedBatch<unknown, unknown>> as AsyncIterableIterator<
      ReceivedBatch<K, V>
    >;
  }

  /**
   * Commits what the group has processed, and resolves when it is durable: without an argument the positions of all partitions, the record in hand included (so call it from the loop or a listener); a record means that it and all
   * before it in its partition are processed; or offsets (the next to read), with metadata if wanted. One write unit for each partition that has moved.
   *
   * Throws ILLEGAL_GENERATION when a partition belongs to another member by now (which, is in the message) or has gone from this one: then nothing of it was committed, and its records come again there; INVALID_REQUEST for a partition that this consumer never had; OFFSET_METADATA_TOO_LARGE; CLOSED; what the store throws after ten attempts.
   */
  async commit(what?: CommitRequest): Promise<void> {
    if (this.#isClosed) throw consumerClosed();
    await this.#commits.commit(what ?? this.#everything());
  }

  /** As `commit`, without waiting: a failure is told to `onCommitFailed`. Of several, the newest of each partition is sent. Throws what is wrong with the request itself. */
  commitAsync(what?: CommitRequest): void {
    if (this.#isClosed) throw consumerClosed();
    this.#commits.commitSoon(what ?? this.#everything());
  }

  /** While it closes, what the loop has in hand may be in the middle of its work. */
  #everything(): 'positions' | 'processed' {
    return this.#closing === null ? 'positions' : 'processed';
  }

  /** What the group has committed in these partitions, with its metadata, null where nothing was: a consistent read of each. Throws UNKNOWN_TOPIC_OR_PARTITION. */
  async committed(partitions: readonly TopicPartition[]): Promise<readonly (CommittedOffset | null)[]> {
    const keys = await Promise.all(
      partitions.map(async ({ topic, partition }) => ({
        topicId: (await this.#deps.topics.read(topic)).topicId,
        partition,
      })),
    );
    const { group } = this.#options.membership;
    const { answer } = await repeatRequest(this.#deps, () => this.#deps.store.offsets.readMany(group, keys));
    return answer.map((stored) => {
      const offset = stored?.committed ?? null;
      return offset === null ? null : { offset, metadata: stored!.metadata };
    });
  }

  /** Goes on at another place. What is committed stays until the next commit. Throws INVALID_REQUEST for a partition that is not assigned or no position; UNKNOWN_TOPIC_OR_PARTITION, CLOSED. */
  async seek(topicPartition: TopicPartition, position: StartPosition): Promise<void> {
    this.#checkOpen();
    await this.#stream.seek(this.#held(topicPartition).read, position);
  }

  /** Gives nothing out of these partitions until `resume`, or until they go; what was fetched stays. Throws INVALID_REQUEST for one that is not assigned. */
  pause(partitions: readonly TopicPartition[]): void {
    this.#stream.pause(partitions.map((one) => this.#held(one).read));
  }

  /** Goes on with paused partitions. Throws INVALID_REQUEST for one that is not assigned. */
  resume(partitions: readonly TopicPartition[]): void {
    this.#stream.resume(partitions.map((one) => this.#held(one).read));
  }

  /** Offset of the next record that is given out; in `onPartitionsRevoked` also of what goes. Throws INVALID_REQUEST when the partition is not assigned. */
  position(topicPartition: TopicPartition): bigint {
    const holding = this.#partitions.find(topicPartition);
    if (holding === undefined) throw notAssigned(topicPartition);
    return holding.read.position;
  }

  /** Position, high watermark and lag of every partition that is assigned. */
  progress(): readonly ReadProgress[] {
    return this.#stream.progress();
  }

  /** Ends the loop that runs when it asks for the next item. Call it to end in order, then wait for the loop, then `close`. */
  stop(): void {
    this.#stream.endLoop();
  }

  /**
   * Ends a running loop, lets go of everything in order, commits what was processed if it commits by itself, and leaves the group, so that others go on at once. A static member stays in
   * it for its session, so that it gets its partitions back when it starts again; `leave` says otherwise. What the loop has in hand counts as not processed: `commit()` in `onPartitionsRevoked` leaves it out. Calling it
   * again waits for the same end. Throws what a listener threw.
   */
  close(options: { readonly leave?: boolean } = {}): Promise<void> {
    this.#closing ??= this.#close(options.leave ?? this.#options.membership.groupInstanceId === null);
    return this.#closing;
  }

  async #close(leave: boolean): Promise<void> {
    this.#ended.abort();
    await this.#subscribing.catch(() => {});
    await this.#watching;
    await this.#stream.close();
    this.#returned('left');
    this.#stream.takeFailure();
    try {
      await this.#rejoining?.catch(() => {});
      await this.#membership.stop({ leave });
    } catch (error) {
      // Whoever cannot tell the group goodbye is missed when the session ends.
      if (!asMillraceError(error).retriable) throw error;
    } finally {
      this.#isClosed = true;
      this.#deps.onClosed?.();
    }
    const listenerFailure = this.#stream.takeFailure();
    if (listenerFailure !== null) throw listenerFailure;
  }

  #taken(partition: Holding['read'], offset: bigint): void {
    this.#takenCount += 1;
    this.#isAsking = false;
    this.#partitions.taken(partition, offset);
  }

  #returned(how: 'asked' | 'left'): void {
    this.#isAsking = how === 'asked';
    this.#partitions.returned(how);
  }

  #gate(): Promise<void> | null {
    if (this.#rejoining !== null) return this.#rejoining;
    if (this.#partitions.turn !== null) return this.#partitions.turn;
    if (this.#subscription !== null && !this.#isMember && this.#closing === null) return this.#rejoin();
    this.#records += 1;
    if (this.#records % RECORDS_PER_LOOK !== 0) return null;
    this.#membership.checkAlive();
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - this.#turnMs < TURN_MS) return null;
    return this.#deps.clock.sleep(0).then(() => {
      this.#turnMs = this.#deps.clock.monotonicMs();
    });
  }

  /** The loop asks again after it was taken to hang. */
  #rejoin(): Promise<void> {
    const subscription = this.#subscription!;
    this.#rejoining = this.#membership
      .start(subscription)
      .then(() => {
        this.#isMember = true;
      })
      .finally(() => {
        this.#rejoining = null;
      });
    return this.#rejoining;
  }

  /** A store that cannot be read now may be later; anything else belongs into the loop. */
  #unreadable(owned: Holding['owned'], error: MillraceError): void {
    if (!error.retriable && !this.#mends(error)) this.#stream.fail(error);
    this.#membership.fenced(owned, error);
  }

  /** A topic that is gone goes from the group too, and no loop ends for it. */
  #mends(error: MillraceError): boolean {
    if (!hasCode(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return false;
    this.#membership.recheckTopics();
    return true;
  }

  /** Commits by itself, and notices a loop that hangs, until it is closed. */
  async #watch(): Promise<void> {
    const { autoCommit, autoCommitIntervalMs, maxPollIntervalMs } = this.#options;
    const { clock } = this.#deps;
    const { signal } = this.#ended;
    const pauseMs = Math.min(autoCommit ? autoCommitIntervalMs : maxPollIntervalMs, Math.ceil(maxPollIntervalMs / 4));
    let [seenCount, seenMs] = [this.#takenCount, clock.monotonicMs()];
    let committedMs = seenMs;
    while (!signal.aborted) {
      await clock.sleep(pauseMs, signal);
      if (signal.aborted) return;
      const nowMs = clock.monotonicMs();
      if (this.#isAsking || this.#takenCount !== seenCount) [seenCount, seenMs] = [this.#takenCount, nowMs];
      if (nowMs - seenMs > maxPollIntervalMs && this.#isMember) {
        await this.#giveUpOnLoop();
        continue;
      }
      if (!autoCommit || nowMs - committedMs < autoCommitIntervalMs) continue;
      committedMs = nowMs;
      await this.#commits.commitProcessed(this.#partitions.held);
    }
  }

  async #giveUpOnLoop(): Promise<void> {
    const { membership, maxPollIntervalMs } = this.#options;
    this.#isMember = false;
    const left = this.#membership.abandon(pollTooLate(membership.group, maxPollIntervalMs));
    // It has let go at once; that the group hears of it may fail, then its session ends by itself.
    await left.catch(() => {});
    this.#stream.changed();
  }

  #held(at: TopicPartition): Holding {
    const holding = this.#partitions.held.find((one) => one.topic === at.topic && one.partition === at.partition);
    if (holding !== undefined) return holding;
    throw notAssigned(at);
  }

  #checkOpen(): void {
    if (this.#closing !== null) throw consumerClosed();
  }

  #checkSubscribed(): void {
    if (this.#subscription !== null) return;
    throw new MillraceError('INVALID_REQUEST', 'this consumer has not subscribed to anything', {
      hint: "Tell it what to read: await consumer.subscribe(['orders']).",
    });
  }
}

function consumerClosed(): MillraceError {
  return new MillraceError('CLOSED', 'the consumer is closed', { hint: 'Make another one.' });
}
