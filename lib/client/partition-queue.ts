import type { Random } from '../clock.ts';
import type { MillraceError } from '../errors.ts';
import type { TopicRoute } from '../log/topic-directory.ts';
import type { OpenBatch } from './open-batch.ts';
import type { PreparedRecord } from './outgoing-record.ts';
import { askPartitioner, type Partitioner, partitionForKey, StickyPartition } from './partitioner.ts';

/** What a producer holds for one partition; it exists while there is something. */
export class PartitionQueue {
  readonly topic: TopicQueues;
  readonly partition: number;
  open: OpenBatch | null = null;
  /** Batches that were handed over and are not settled. */
  underWay = 0;
  /** Records that wait for memory on their way here. */
  waiting = 0;
  /** The last batch that was given up; whoever was queued behind it is given up too. */
  failure: MillraceError | null = null;
  failureCount = 0;
  /** Batches that are given up and whose senders are about to be told: until then, nothing may be sent behind them. */
  givingUp = 0;

  constructor(topic: TopicQueues, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  get isIdle(): boolean {
    return this.open === null && this.underWay === 0 && this.waiting === 0 && this.givingUp === 0;
  }

  /** Something was given up: what waits behind it is given up too. */
  failed(error: MillraceError): void {
    this.failure = error;
    this.failureCount += 1;
  }

  /** The senders of a batch that was given up hear of it next. */
  told(): void {
    this.givingUp -= 1;
    this.topic.dropIdle(this);
  }
}

/** What a producer holds for one topic: nothing grows with the number of partitions but those in use. */
export class TopicQueues {
  /** Replaced when the topic is read again; its topicId stays. */
  route: TopicRoute;
  readonly #queues = new Map<number, PartitionQueue>();
  readonly #sticky: StickyPartition;
  readonly #partitioner: Partitioner | undefined;

  constructor(route: TopicRoute, random: Random, batchBytes: number, partitioner: Partitioner | undefined) {
    this.route = route;
    this.#partitioner = partitioner;
    this.#sticky = new StickyPartition(random, batchBytes);
  }

  /** The queue that a record must go to, or null when any partition will do. Throws INVALID_PARTITIONS when the partitioner names none. */
  fixedQueue(record: PreparedRecord): PartitionQueue | null {
    const { partition, key } = record;
    if (partition !== undefined) return this.#queue(partition);
    if (this.#partitioner !== undefined) {
      const { name, partitionCount } = this.route;
      return this.#queue(askPartitioner(this.#partitioner, record, name, partitionCount));
    }
    return key === null ? null : this.#queue(partitionForKey(key, this.route.partitionCount));
  }

  /** The queue for a record that may go anywhere. */
  stickyQueue(record: PreparedRecord): PartitionQueue {
    return this.#queue(this.#sticky.next(record.encodedBytes, this.route.partitionCount));
  }

  get queues(): Iterable<PartitionQueue> {
    return this.#queues.values();
  }

  get queueCount(): number {
    return this.#queues.size;
  }

  /** Forgets a queue that holds nothing. */
  dropIdle(queue: PartitionQueue): void {
    if (queue.isIdle) this.#queues.delete(queue.partition);
  }

  #queue(partition: number): PartitionQueue {
    const existing = this.#queues.get(partition);
    if (existing !== undefined) return existing;
    const queue = new PartitionQueue(this, partition);
    this.#queues.set(partition, queue);
    return queue;
  }
}
