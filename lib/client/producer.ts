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
import type { Clock, Random } from '../clock.ts';
import { asMillraceError, hasCode, type MillraceError } from '../errors.ts';
import type { AppendResult } from '../log/append-part.ts';
import type { Appender } from '../log/appender.ts';
import { BufferMemory } from './buffer-memory.ts';
import { checkRecord } from './check-record.ts';
import { LingerLine } from './linger-line.ts';
import { type Acknowledge, OPEN_BATCH_BYTES, OpenBatch, type RecordMetadata } from './open-batch.ts';
import { type OutgoingRecord, type PreparedRecord, prepareRecord } from './outgoing-record.ts';
import { type PartitionQueue, TopicQueues } from './partition-queue.ts';
import { bufferExhausted, largerThanBuffer, producerClosed, sentBehind } from './producer-errors.ts';
import { type CheckedProducerOptions, checkProducerOptions, type ProducerOptions } from './producer-options.ts';
import { readTopic } from './read-topic.ts';
import type { TopicDirectory, TopicRoute } from './topic-directory.ts';

/** What a producer needs of an appender. */
export type BatchAppender = Pick<Appender, 'append' | 'flush' | 'close'>;

/** What a producer is made of. */
export interface ProducerDeps {
  readonly appender: BatchAppender;
  readonly topics: TopicDirectory;
  readonly clock: Clock;
  readonly random: Random;
  /** Called when it is closed: nobody needs to close it any more. */
  readonly onClosed?: () => void;
}

interface PendingSend extends Acknowledge {
  readonly record: PreparedRecord;
  /** Monotonic. */
  readonly deadlineMs: number;
}

/**
 * What a record takes beside its bytes: its promise and who waits for it (570 bytes measured, with one `then`), and a part of the batch and the segment that hold its bytes again. So
 * the bound is one on real memory.
 */
const SEND_MEMORY_BYTES = 640;

/** Sends records; see the module comment for what it promises. Made by `Millrace.producer`. */
export class Producer {
  readonly #options: CheckedProducerOptions;
  readonly #deps: ProducerDeps;
  readonly #memory: BufferMemory;
  /** By topic name. */
  readonly #topics = new Map<string, TopicQueues>();
  /** Sends whose topic is being read, by its name. */
  readonly #unread = new Map<string, PendingSend[]>();
  readonly #reading = new Set<Promise<void>>();
  readonly #underWay = new Set<Promise<void>>();
  /** Queues whose batch may leave at the end of this turn. */
  readonly #ready = new Set<PartitionQueue>();
  #draining = false;
  #turn: Promise<void> | null = null;
  /** Records in batches, open or under way. */
  #unacknowledged = 0;
  readonly #lingering: LingerLine<{ readonly queue: PartitionQueue; readonly batch: OpenBatch }>;
  #closing: Promise<void> | null = null;

  /** Throws INVALID_CONFIG. */
  constructor(deps: ProducerDeps, options: ProducerOptions = {}) {
    this.#deps = deps;
    this.#options = checkProducerOptions(options);
    const { bufferMemoryBytes, lingerMs } = this.#options;
    this.#memory = new BufferMemory(deps.clock, bufferMemoryBytes);
    const onDue = ({ queue, batch }: { queue: PartitionQueue; batch: OpenBatch }) => this.#becomeDue(queue, batch);
    this.#lingering = new LingerLine({ clock: deps.clock, lingerMs, onDue });
  }

  /**
   * Sends a record, and resolves when it is durable, with its place.
   *
   * Rejects with MESSAGE_TOO_LARGE, INVALID_RECORD, INVALID_TIMESTAMP, INVALID_PARTITIONS, UNKNOWN_TOPIC_OR_PARTITION (this record alone is refused);
   * BUFFER_EXHAUSTED when there was no room for `maxBlockMs`; OFFSET_MISMATCH; NOT_COMMITTED (not in the log, safe to send again) and
   * COMMIT_UNKNOWN (may be there) with everything that was sent to its partition behind it; CLOSED; and what the store throws for good. Retries are
   * made inside and write nothing twice.
   *
   * A tight loop that never awaits holds all its records: await `room()` in it. Bytes given must not be changed before this settles.
   */
  send(record: OutgoingRecord): Promise<RecordMetadata> {
    if (this.#closing !== null) return Promise.reject(producerClosed());
    return new Promise((resolve, reject) => {
      // What this throws rejects the promise.
      const prepared = prepareRecord(record);
      this.#submit(prepared, resolve, reject);
    });
  }

  /** Resolves when the buffer has room for more: the back-pressure of those who do not await each record. */
  room(): Promise<void> {
    return this.#memory.room();
  }

  /** Bytes that are buffered and not acknowledged, with what each record costs beside its bytes. */
  get bufferedBytes(): number {
    return this.#memory.usedBytes;
  }

  /** Lets go of everything sent before, without lingering, and resolves when all of it is settled; failures are told to those who sent. */
  async flush(): Promise<void> {
    this.#handOverAll();
    if (this.#reading.size > 0 || this.#memory.waiterCount > 0) await this.#admitAll();
    await Promise.all(this.#underWay);
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
    await Promise.all(this.#reading);
    this.#handOverAll();
    // Behind those who wait now: whoever goes on sending must not keep it from ending.
    if (this.#memory.waiterCount > 0) await this.#memory.room();
    this.#handOverAll();
  }

  #submit(record: PreparedRecord, resolve: Acknowledge['resolve'], reject: Acknowledge['reject']): void {
    const nowMs = this.#deps.clock.monotonicMs();
    const send = { record, resolve, reject, deadlineMs: nowMs + this.#options.maxBlockMs };
    const line = this.#unread.get(record.topic);
    if (line !== undefined) {
      line.push(send);
      return;
    }
    const route = this.#deps.topics.peek(record, nowMs);
    if (route === null) this.#readTopic(send);
    else this.#admit(send, route);
  }

  #readTopic(send: PendingSend): void {
    const { topic } = send.record;
    const line = [send];
    this.#unread.set(topic, line);
    const reading = readTopic(this.#deps, topic, send.deadlineMs).then(
      (route) => {
        this.#unread.delete(topic);
        for (const waiting of line) this.#admit(waiting, route);
      },
      (error) => {
        this.#unread.delete(topic);
        for (const waiting of line) waiting.reject(error);
      },
    );
    this.#reading.add(reading);
    void reading.finally(() => this.#reading.delete(reading));
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
    const queues = new TopicQueues(route, this.#deps.random, this.#options.batchBytes);
    this.#topics.set(route.name, queues);
    return queues;
  }

  #admit(send: PendingSend, route: TopicRoute): void {
    const refusal = checkRecord(send.record, route, this.#deps.clock.nowMs());
    if (refusal !== null) {
      send.reject(refusal);
      return;
    }
    const memoryBytes = send.record.encodedBytes + SEND_MEMORY_BYTES;
    if (memoryBytes + OPEN_BATCH_BYTES > this.#memory.totalBytes) {
      send.reject(largerThanBuffer(memoryBytes, this.#memory.totalBytes));
      return;
    }
    const topic = this.#queuesOf(route);
    const queue = topic.fixedQueue(send.record);
    if (this.#memory.tryTake(memoryBytes)) this.#enqueue(send, topic, queue, memoryBytes);
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
      deadlineMs: send.deadlineMs,
      admit: () => {
        leave();
        if (queue?.failureCount === failuresBefore) this.#enqueue(send, topic, queue, memoryBytes);
        else this.#rejectBehind(send, queue!, memoryBytes);
      },
      expire: () => {
        leave();
        if (queue) topic.dropIdle(queue);
        send.reject(bufferExhausted(this.#memory, this.#options.maxBlockMs));
      },
    });
    this.#lingering.end(); // Nobody may linger while others wait for the memory.
  }

  #rejectBehind(send: PendingSend, queue: PartitionQueue, memoryBytes: number): void {
    send.reject(sentBehind(queue));
    queue.topic.dropIdle(queue);
    this.#memory.release(memoryBytes);
  }

  #enqueue(send: PendingSend, topic: TopicQueues, fixed: PartitionQueue | null, memoryBytes: number): void {
    const queue = fixed ?? topic.stickyQueue(send.record);
    if (queue.givingUp > 0) this.#rejectBehind(send, queue, memoryBytes);
    else this.#addToBatch(send, queue, memoryBytes);
  }

  #addToBatch(send: PendingSend, queue: PartitionQueue, memoryBytes: number): void {
    const { record } = send;
    const { config } = queue.topic.route;
    const nowMs = BigInt(Math.floor(this.#deps.clock.nowMs()));
    const timestampMs = config.messageTimestampType === 'LogAppendTime' ? nowMs : (record.timestampMs ?? nowMs);
    const batchBytes = Math.min(this.#options.batchBytes, config.maxMessageBytes);
    const isStrict = record.expectedOffset !== undefined;
    if (queue.open && (isStrict || queue.open.encodedBytes + record.encodedBytes > batchBytes)) this.#handOver(queue);
    const batch = queue.open ?? this.#openBatch(queue);
    try {
      batch.add(record, timestampMs, memoryBytes, this.#options.acks === 0 ? null : send);
    } catch (error) {
      this.#memory.release(memoryBytes);
      send.reject(error);
      return;
    }
    this.#unacknowledged += 1;
    if (this.#options.acks === 0) {
      send.resolve({ topic: record.topic, partition: queue.partition, offset: -1n, timestampMs });
    }
    if (isStrict) this.#handOver(queue, record.expectedOffset);
    else if (batch.encodedBytes >= batchBytes) this.#handOver(queue);
  }

  #openBatch(queue: PartitionQueue): OpenBatch {
    const { route } = queue.topic;
    const topicCompression = route.config.compressionType;
    const batch = new OpenBatch({
      topic: route.name,
      partition: queue.partition,
      compression: topicCompression === 'producer' ? (this.#options.compression ?? 'none') : topicCompression,
      compressionLevel: topicCompression === 'producer' ? this.#options.compressionLevel : undefined,
      timestampType: route.config.messageTimestampType,
    });
    queue.open = batch;
    this.#memory.take(OPEN_BATCH_BYTES);
    if (this.#options.lingerMs === 0 || this.#memory.waiterCount > 0) this.#becomeDue(queue, batch);
    else this.#lingering.add({ queue, batch });
    return batch;
  }

  #becomeDue(queue: PartitionQueue, batch: OpenBatch): void {
    if (queue.open !== batch) return;
    batch.due = true;
    if (queue.underWay === 0) this.#drainSoon(queue);
  }

  #drainSoon(queue: PartitionQueue): void {
    this.#ready.add(queue);
    if (this.#draining) return;
    this.#draining = true;
    void this.#turnEnd().then(() => {
      this.#draining = false;
      for (const ready of this.#ready) if (ready.open?.due && ready.underWay === 0) this.#handOver(ready);
      this.#ready.clear();
    });
  }

  /**
   * When small batches may leave: at once when the producer was idle, or when only one record is unacknowledged, so that whoever sends seldom, or one by one, does not
   * wait. Otherwise a turn of the event loop (a millisecond) later, so that whoever sends from a loop full of awaits does not get a batch for each record.
   */
  #turnEnd(): Promise<void> {
    if (this.#turn !== null && this.#unacknowledged > 1) return this.#turn;
    this.#turn ??= this.#deps.clock.sleep(0).then(() => {
      this.#turn = null;
    });
    return Promise.resolve();
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
        if (isGivenUp) queueMicrotask(() => queue.told());
        else if (!hasCode(error, 'OFFSET_MISMATCH')) this.#failed(queue, route, asMillraceError(error));
        this.#settled(queue, batch);
        batch.fail(error);
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
        target: {
          partition: { topicId: route.topicId, partition: queue.partition },
          domain: route.domain,
          inlineMaxBytes: route.config.inlineMaxBytes,
        },
        batches: batch.build(),
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
    queue.failure = error;
    queue.failureCount += 1;
    const open = queue.open;
    if (open === null) return;
    queue.open = null;
    open.fail(sentBehind(queue));
    this.#letGo(open);
  }

  #settled(queue: PartitionQueue, batch: OpenBatch): void {
    queue.underWay -= 1;
    if (queue.underWay === 0 && queue.open?.due) this.#drainSoon(queue);
    this.#letGo(batch);
    queue.topic.dropIdle(queue);
  }

  #letGo(batch: OpenBatch): void {
    this.#unacknowledged -= batch.recordCount;
    this.#memory.release(batch.memoryBytes);
  }
}
