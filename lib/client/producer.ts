/**
 * The producer: records in, record batches out to the appender.
 *
 *   send → topic known? → room in the buffer? → batch of its partition → appender → acknowledgement
 *          (line per topic)  (one line for all)   (leaves when full, or when due and none of its partition is under way)
 *
 * Always true:
 * - Records of one partition enter batches, and batches the appender, in the order of the `send` calls.
 * - A batch that is given up takes along everything sent to its partition before that was told, so what is in the log of one producer is
 *   in order, and without a gap up to the first failure that was told.
 * - Buffered records take at most `bufferMemoryBytes`; the memory is given back when a batch is settled.
 */
import { isDelayed } from '../delay/delay-time.ts';
import { asMillraceError, hasCode, type MillraceError } from '../errors.ts';
import type { AppendResult } from '../log/append-part.ts';
import { appendTarget, type TopicRoute } from '../log/topic-directory.ts';
import { BufferMemory } from './buffer-memory.ts';
import { checkRecord } from './check-record.ts';
import { type DelayedMetadata, type DelayedOutgoingRecord, DelayedSends } from './delayed-sends.ts';
import { Departures } from './departures.ts';
import { LingerLine } from './linger-line.ts';
import { batchOptions, OPEN_BATCH_BYTES, OpenBatch } from './open-batch.ts';
import { type Bytes, type OutgoingRecord, prepareRecord } from './outgoing-record.ts';
import { type PartitionQueue, TopicQueues } from './partition-queue.ts';
import type { PendingSend } from './pending-send.ts';
import type { ProducerDeps } from './producer-deps.ts';
import { bufferExhausted, largerThanBuffer, noList, producerClosed, sentBehind } from './producer-errors.ts';
import { type CheckedProducerOptions, checkProducerOptions, type ProducerOptions } from './producer-options.ts';
import { SendClock, type SendTime } from './send-clock.ts';
import { ManySends, OneSend, type RecordMetadata, type SendWaiter } from './send-waiter.ts';
import { type Serializing, serializingOf } from './serializing.ts';
import { type GivenUp, UnreadTopics } from './unread-topics.ts';

/** Sends records; see the module comment for what it promises. Made by `Millrace.producer`. */
export class Producer<K = Bytes, V = Bytes> {
  readonly #options: CheckedProducerOptions;
  readonly #deps: ProducerDeps;
  readonly #memory: BufferMemory;
  /** By topic name. */
  readonly #topics = new Map<string, TopicQueues>();
  readonly #unread: UnreadTopics;
  readonly #underWay = new Set<Promise<void>>();
  readonly #departures: Departures;
  readonly #sendClock: SendClock;
  /** Records in batches, open or under way. */
  #unacknowledged = 0;
  readonly #lingering: LingerLine<{ readonly queue: PartitionQueue; readonly batch: OpenBatch }>;
  /** Null without serializers. */
  readonly #serializing: Serializing<K, V> | null;
  readonly #delayed: DelayedSends<K, V>;
  #closing: Promise<void> | null = null;

  /** Throws INVALID_CONFIG. */
  constructor(deps: ProducerDeps, options: ProducerOptions<K, V> = {}) {
    this.#deps = deps;
    this.#options = checkProducerOptions(options);
    this.#serializing = serializingOf(options);
    const { bufferMemoryBytes, lingerMs, maxBlockMs } = this.#options;
    this.#sendClock = new SendClock(deps.clock);
    this.#memory = new BufferMemory(deps.clock, bufferMemoryBytes);
    const delayedDeps = { ...deps, writer: deps.delays, memory: this.#memory, options: this.#options };
    this.#delayed = new DelayedSends({ ...delayedDeps, serializing: this.#serializing });
    this.#unread = new UnreadTopics(deps, maxBlockMs, {
      admit: (send, route, givenUp) => this.#admit(send, route, givenUp),
      refuse,
    });
    const isBusy = () => this.#unacknowledged > 1;
    this.#departures = new Departures(deps.clock, isBusy, (queue) => this.#handOver(queue));
    const onDue = ({ queue, batch }: { queue: PartitionQueue; batch: OpenBatch }) => this.#becomeDue(queue, batch);
    this.#lingering = new LingerLine({ clock: deps.clock, lingerMs, onDue });
  }

  /**
   * Sends a record, and resolves when it is durable, with its place.
   *
   * Rejects with MESSAGE_TOO_LARGE, INVALID_RECORD, INVALID_TIMESTAMP, INVALID_PARTITIONS, UNKNOWN_TOPIC_OR_PARTITION, SERIALIZATION_FAILED (this record alone is refused); BUFFER_EXHAUSTED when there was no room for `maxBlockMs`; OFFSET_MISMATCH; NOT_COMMITTED (not in the log, safe to send again) and
   * COMMIT_UNKNOWN (may be there) with everything that was sent to its partition behind it; CLOSED; and what the store throws for good. Retries are
   * made inside and write nothing twice.
   *
   * A tight loop that never awaits holds all its records: await `room()` in it. Bytes given must not be changed before this settles.
   */
  send(record: OutgoingRecord<K, V>): Promise<RecordMetadata>;
  /** Sends a record that enters its topic later, and resolves when that is certain, with its id; see docs/delays.md. Rejects as above, and with INVALID_REQUEST for a time that is none, too near or too far. */
  send(record: DelayedOutgoingRecord<K, V>): Promise<DelayedMetadata>;
  send(record: OutgoingRecord<K, V> | DelayedOutgoingRecord<K, V>): Promise<RecordMetadata | DelayedMetadata> {
    if (this.#closing !== null) return Promise.reject(producerClosed());
    const when = this.#sendClock.now();
    if (isDelayed(record)) return this.#delayed.send(record as DelayedOutgoingRecord<K, V>, when);
    return new Promise((resolve, reject) =>
      this.#give(record as OutgoingRecord<K, V>, new OneSend(resolve, reject), 0, when),
    );
  }

  /**
   * Sends records as `send` does one after another, for one promise: less work where each record's own is not wanted. Resolves to the place of each, in their order. Resolves or rejects when all
   * are settled; rejects with what the first of them in the list was refused with, and others may be in the log then.
   */
  sendAll(records: readonly OutgoingRecord<K, V>[]): Promise<readonly RecordMetadata[]> {
    if (this.#closing !== null) return Promise.reject(producerClosed());
    if (!Array.isArray(records)) return Promise.reject(noList(records));
    return new Promise((resolve, reject) => {
      const waiter = new ManySends(records.length, resolve, reject);
      const when = this.#sendClock.now();
      for (let index = 0; index < records.length; index++) this.#give(records[index]!, waiter, index, when);
    });
  }

  #give(record: OutgoingRecord<K, V>, waiter: SendWaiter, index: number, when: SendTime): void {
    const refuse = (error: unknown) => waiter.refused(index, error);
    try {
      if (this.#serializing === null)
        this.#submit({ record: prepareRecord(record as OutgoingRecord), waiter, index, when });
      else
        this.#serializing.run(
          record,
          (bytes) => this.#submit({ record: prepareRecord(bytes), waiter, index, when }),
          refuse,
        );
    } catch (error) {
      refuse(error);
    }
  }

  /** Resolves when the buffer has room for more, and no record waits for its topic to be read: the back-pressure of those who do not await each record. */
  async room(): Promise<void> {
    while (this.#unread.isBusy) await this.#unread.idle();
    const room = this.#memory.room();
    if (this.#memory.waiterCount > 0) this.#lingering.end(); // Nobody may linger while others wait for the memory.
    await room;
  }

  /** Bytes that are buffered and not acknowledged, with what each record costs beside its bytes. */
  get bufferedBytes(): number {
    return this.#memory.usedBytes;
  }

  /** Lets go of everything sent before, without lingering, and resolves when all of it is settled; failures are told to those who sent. */
  async flush(): Promise<void> {
    if (this.#serializing !== null) await this.#serializing.idle();
    this.#handOverAll();
    if (this.#unread.isBusy || this.#memory.waiterCount > 0) await this.#admitAll();
    await Promise.all([...this.#underWay, this.#delayed.flush()]);
  }

  /** Flushes and ends; `send` rejects with CLOSED from now on. Calling it again waits for the same end. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.flush();
    await this.#deps.appender.close();
    this.#deps.onClosed?.();
  }

  /** Gets everything that waits for its topic or for memory on its way. */
  async #admitAll(): Promise<void> {
    await this.#unread.idle();
    this.#handOverAll();
    // Behind those who wait now: whoever goes on sending must not keep it from ending.
    if (this.#memory.waiterCount > 0) await this.#memory.room();
    this.#handOverAll();
  }

  #submit(send: PendingSend): void {
    if (this.#unread.join(send)) return;
    const route = this.#deps.topics.peek(send.record, send.when.monotonicMs);
    if (route === null) this.#unread.read(send);
    else this.#admit(send, route, null);
  }

  #queuesOf(route: TopicRoute): TopicQueues {
    const known = this.#topics.get(route.name);
    if (known?.route === route) return known;
    if (known?.route.topicId === route.topicId) {
      known.route = route;
      return known;
    }
    // New, or made again: what is open for the old one leaves now, and ends by itself.
    if (known) this.#handOverTopic(known);
    const queues = new TopicQueues(route, this.#deps.random, this.#options.batchBytes, this.#options.partitioner);
    this.#topics.set(route.name, queues);
    return queues;
  }

  /** `givenUp`: what was given up while it waited for its topic; null when it did not wait. */
  #admit(send: PendingSend, route: TopicRoute, givenUp: GivenUp | null): void {
    const refusal = checkRecord(send.record, route, this.#deps.clock);
    if (refusal !== null) {
      refuse(send, refusal);
      return;
    }
    const memoryBytes = send.record.encodedBytes + send.waiter.bytesPerRecord;
    if (memoryBytes + OPEN_BATCH_BYTES > this.#memory.totalBytes) {
      refuse(send, largerThanBuffer(memoryBytes, this.#memory.totalBytes));
      return;
    }
    const topic = this.#queuesOf(route);
    let queue: PartitionQueue | null;
    try {
      queue = topic.fixedQueue(send.record);
    } catch (error) {
      refuse(send, error);
      return;
    }
    const failure = queue && givenUp?.({ topicId: route.topicId, partition: queue.partition });
    if (failure) this.#rejectBehind(send, queue!, failure);
    else if (this.#memory.tryTake(memoryBytes)) this.#enqueue(send, topic, queue, memoryBytes);
    else this.#awaitMemory(send, topic, queue, memoryBytes);
  }

  #awaitMemory(send: PendingSend, topic: TopicQueues, queue: PartitionQueue | null, memoryBytes: number): void {
    const failuresBefore = queue?.failureCount;
    if (queue) queue.waiting += 1;
    const leave = () => {
      if (queue) queue.waiting -= 1;
    };
    this.#memory.wait({
      bytes: memoryBytes,
      deadlineMs: send.when.monotonicMs + this.#options.maxBlockMs,
      admit: () => {
        leave();
        if (queue?.failureCount === failuresBefore) this.#enqueue(send, topic, queue, memoryBytes);
        else {
          this.#memory.release(memoryBytes);
          this.#rejectBehind(send, queue!, queue!.failure!);
        }
      },
      expire: () => {
        leave();
        if (queue) topic.dropIdle(queue);
        refuse(send, bufferExhausted(this.#memory, this.#options.maxBlockMs));
      },
    });
    this.#lingering.end(); // Nobody may linger while others wait for the memory.
  }

  /** What was sent before the sender of this one is told, and waits for memory or its topic too, was sent behind it. */
  #rejectBehind(send: PendingSend, queue: PartitionQueue, failure: MillraceError): void {
    refuse(send, sentBehind(queue, failure));
    queue.failed(failure);
    queue.givingUp += 1;
    this.#toldNext(queue, failure);
  }

  /** Senders hear of a failure in the microtasks that come now; until then, nothing may be sent behind it. */
  #toldNext(queue: PartitionQueue, failure: MillraceError): void {
    const { route } = queue.topic;
    queueMicrotask(() => {
      queue.told();
      this.#unread.told(route.name, { topicId: route.topicId, partition: queue.partition }, failure);
    });
  }

  #enqueue(send: PendingSend, topic: TopicQueues, fixed: PartitionQueue | null, memoryBytes: number): void {
    const queue = fixed ?? topic.stickyQueue(send.record);
    if (queue.givingUp > 0) {
      this.#memory.release(memoryBytes);
      this.#rejectBehind(send, queue, queue.failure!);
    } else this.#addToBatch(send, queue, memoryBytes);
  }

  #addToBatch(send: PendingSend, queue: PartitionQueue, memoryBytes: number): void {
    const { record } = send;
    const { config } = queue.topic.route;
    const isStamped = config.messageTimestampType === 'LogAppendTime' || record.timestampMs === undefined;
    const timestampMs = isStamped ? send.when.timestampMs : record.timestampMs!;
    const batchBytes = Math.min(this.#options.batchBytes, config.maxMessageBytes);
    const isStrict = record.expectedOffset !== undefined;
    if (queue.open && (isStrict || queue.open.encodedBytes + record.encodedBytes > batchBytes)) this.#handOver(queue);
    const batch = queue.open ?? this.#openBatch(queue);
    try {
      batch.add(record, timestampMs, memoryBytes);
    } catch (error) {
      this.#memory.release(memoryBytes);
      refuse(send, error);
      return;
    }
    this.#unacknowledged += 1;
    if (this.#options.acks === 0) {
      send.waiter.acknowledged(send.index, {
        topic: record.topic,
        partition: queue.partition,
        offset: -1n,
        timestampMs,
      });
    } else batch.await(send.waiter, send.index);
    if (isStrict) this.#handOver(queue, record.expectedOffset);
    else if (batch.encodedBytes >= batchBytes) this.#handOver(queue);
  }

  #openBatch(queue: PartitionQueue): OpenBatch {
    const batch = new OpenBatch(batchOptions(queue.topic.route, queue.partition, this.#options));
    queue.open = batch;
    this.#memory.take(OPEN_BATCH_BYTES);
    if (this.#options.lingerMs === 0 || this.#memory.waiterCount > 0) this.#becomeDue(queue, batch);
    else this.#lingering.add({ queue, batch });
    return batch;
  }

  /** False when it has left already. */
  #becomeDue(queue: PartitionQueue, batch: OpenBatch): boolean {
    if (queue.open !== batch) return false;
    batch.due = true;
    if (queue.underWay === 0) this.#departures.add(queue);
    return true;
  }

  #handOverAll(): void {
    this.#lingering.end();
    for (const topic of this.#topics.values()) this.#handOverTopic(topic);
  }

  #handOverTopic(topic: TopicQueues): void {
    for (const queue of topic.queues) if (queue.open !== null) this.#handOver(queue);
  }

  #handOver(queue: PartitionQueue, expectedOffset?: bigint): void {
    const batch = queue.open!;
    const { route } = queue.topic;
    queue.open = null;
    queue.underWay += 1;
    let isGivenUp = false;
    const onGivenUp = (error: MillraceError) => {
      isGivenUp = !hasCode(error, 'OFFSET_MISMATCH');
      if (isGivenUp) this.#failed(queue, route, error);
      queue.givingUp += isGivenUp ? 1 : 0;
    };
    const settled = this.#append(queue, route, batch, { expectedOffset, onGivenUp }).then(
      ({ baseOffset }) => {
        this.#settled(queue, batch);
        batch.acknowledge(baseOffset);
      },
      (error) => {
        const failure = asMillraceError(error);
        if (!isGivenUp) onGivenUp(failure);
        if (isGivenUp) this.#toldNext(queue, failure);
        this.#settled(queue, batch);
        this.#fail(queue, batch, error);
      },
    );
    this.#underWay.add(settled);
    void settled.finally(() => this.#underWay.delete(settled));
  }

  #append(
    queue: PartitionQueue,
    route: TopicRoute,
    batch: OpenBatch,
    { expectedOffset, onGivenUp }: { expectedOffset: bigint | undefined; onGivenUp: (error: MillraceError) => void },
  ): Promise<AppendResult> {
    try {
      return this.#deps.appender.append({
        target: appendTarget(route, queue.partition),
        batches: batch.finish(),
        onGivenUp,
        ...(expectedOffset === undefined ? {} : { expectedOffset }),
      });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Order per producer: what was queued behind a batch that is given up must not be in the log without it. */
  #failed(queue: PartitionQueue, route: TopicRoute, error: MillraceError): void {
    if (error.code === 'UNKNOWN_TOPIC_OR_PARTITION') this.#deps.topics.forget(route);
    queue.failed(error);
    const open = queue.open;
    if (open === null) return;
    queue.open = null;
    this.#fail(queue, open, sentBehind(queue, error));
    this.#letGo(open);
  }

  #fail(queue: PartitionQueue, batch: OpenBatch, error: unknown): void {
    batch.fail(error);
    if (this.#options.acks !== 0) return;
    const { topic, partition } = queue;
    const failed = { topic: topic.route.name, partition, recordCount: batch.recordCount };
    this.#options.onSendFailed?.(asMillraceError(error), failed);
  }

  #settled(queue: PartitionQueue, batch: OpenBatch): void {
    queue.underWay -= 1;
    if (queue.underWay === 0 && queue.open?.due) this.#departures.add(queue);
    this.#letGo(batch);
    queue.topic.dropIdle(queue);
  }

  #letGo(batch: OpenBatch): void {
    this.#unacknowledged -= batch.recordCount;
    this.#memory.release(batch.memoryBytes);
  }
}

function refuse({ waiter, index }: PendingSend, error: unknown): void {
  waiter.refused(index, error);
}
