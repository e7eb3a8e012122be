/**
 * The reader: records of partitions that the caller chose, each in the order of its log.
 *
 * Always true:
 * - Records of one partition are given out in the order of their offsets, each once, until a seek.
 * - `position` is the offset behind the last record given out, so whoever stores it can go on from there.
 * - An error is thrown only after everything fetched before it was given out; iterating again tries again.
 */
import { MillraceError } from '../errors.ts';
import { type TopicRoute, unknownPartition } from '../log/topic-directory.ts';
import { AssignedPartition } from './assigned-partition.ts';
import type { ReaderDeps } from './read-ahead.ts';
import { checkReaderOptions, type TypedReaderOptions } from './reader-options.ts';
import type { RawBytes, ReceivedRecord } from './received-record.ts';
import { recordDecoder } from './record-decoder.ts';
import { type ReadProgress, type ReceivedBatch, RecordStream, type TopicPartition } from './record-stream.ts';
import { checkStartPosition, offsetOf, type StartPosition } from './start-position.ts';

/** What to read. */
export interface Assignment {
  readonly topic: string;
  /** Default: every partition that the topic has now. */
  readonly partition?: number;
  /** Where to begin. Default: where it is if it is assigned already, else 'beginning'. */
  readonly from?: StartPosition;
}

/** Look-ups by position at once. */
const LOOKUPS = 16;

/** Reads records; see the module comment. Made by `Millrace.reader`. */
export class Reader<K = RawBytes, V = RawBytes> implements AsyncIterable<ReceivedRecord<K, V>> {
  readonly #deps: ReaderDeps;
  readonly #stream: RecordStream;
  #assignCalls = 0;

  /** Throws INVALID_CONFIG. */
  constructor(deps: ReaderDeps, options: TypedReaderOptions<K, V> = {}) {
    this.#deps = deps;
    const checked = checkReaderOptions(options);
    const owner = { checkReadable: () => this.#checkAssigned() };
    this.#stream = new RecordStream(deps, checked, owner, recordDecoder(options));
  }

  /**
   * Replaces what is read; of several calls at once the last one made wins. Throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST, CLOSED; the assignment is as before then.
   *
   * @example await reader.assign([{ topic: 'orders' }, { topic: 'payments', partition: 0, from: 'end' }]);
   */
  async assign(assignments: readonly Assignment[]): Promise<void> {
    this.#checkOpen();
    const call = ++this.#assignCalls;
    const next = new Map<string, AssignedPartition>();
    const moves: { readonly partition: AssignedPartition; readonly from: StartPosition }[] = [];
    const routes = await this.#readTopics(assignments);
    for (const assignment of assignments) {
      for (const partition of expand(assignment, routes.get(assignment.topic)!)) {
        const at = { topic: assignment.topic, partition: partition.partition };
        const known = this.#stream.find(at);
        const isKept = known?.route.topicId === partition.route.topicId && assignment.from === undefined;
        next.set(`${at.topic}/${at.partition}`, isKept ? known! : partition);
        if (!isKept) moves.push({ partition, from: checkStartPosition(assignment.from ?? 'beginning') });
      }
    }
    const pending = [...moves];
    await Promise.all(Array.from({ length: LOOKUPS }, () => this.#moveAll(pending)));
    this.#checkOpen();
    if (call === this.#assignCalls) this.#stream.setPartitions(next.values());
  }

  /** What is read now. */
  get assignment(): readonly TopicPartition[] {
    return this.#stream.partitions.map(({ route, partition }) => ({ topic: route.name, partition }));
  }

  /** Goes on at another place: what was fetched of this partition is dropped. The last seek of a partition wins. Throws INVALID_REQUEST for a partition that is not assigned, UNKNOWN_TOPIC_OR_PARTITION, CLOSED. */
  async seek(topicPartition: TopicPartition, position: StartPosition): Promise<void> {
    this.#checkOpen();
    await this.#stream.seek(this.#partition(topicPartition), position);
  }

  /** Gives nothing out of these partitions until `resume`; what was fetched stays. Throws INVALID_REQUEST for one that is not assigned. */
  pause(partitions: readonly TopicPartition[]): void {
    this.#stream.pause(partitions.map((one) => this.#partition(one)));
  }

  /** Goes on with paused partitions. Throws INVALID_REQUEST for one that is not assigned. */
  resume(partitions: readonly TopicPartition[]): void {
    this.#stream.resume(partitions.map((one) => this.#partition(one)));
  }

  /** Offset of the next record; store it to go on from here. Throws INVALID_REQUEST when the partition is not assigned. */
  position(topicPartition: TopicPartition): bigint {
    return this.#partition(topicPartition).position;
  }

  /** Offset that the next record written gets, as the last fetch saw it; null before the first. Throws INVALID_REQUEST when the partition is not assigned. */
  highWatermark(topicPartition: TopicPartition): bigint | null {
    return this.#partition(topicPartition).highWatermark;
  }

  /** Records that are left, as the last fetch saw it; null before the first. Throws INVALID_REQUEST when the partition is not assigned. */
  lag(topicPartition: TopicPartition): bigint | null {
    return this.#partition(topicPartition).lag;
  }

  /** Position, high watermark and lag of every partition. */
  progress(): readonly ReadProgress[] {
    return this.#stream.progress();
  }

  /**
   * Record by record, one batch of each partition in turn. Leaving the loop stops reading ahead; another loop goes on at `position`. One loop at a time.
   *
   * Throws OFFSET_OUT_OF_RANGE (unless `outOfRange` says otherwise), UNKNOWN_TOPIC_OR_PARTITION when a topic was deleted, CORRUPT_MESSAGE, CORRUPT_OBJECT and
   * OBJECT_MISSING with the object's name, DESERIALIZATION_FAILED (the record stays the next one), what the store throws for good, and INVALID_REQUEST when nothing is assigned.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<ReceivedRecord<K, V>> {
    return this.#stream.records() as AsyncIterableIterator<ReceivedRecord<unknown, unknown>> as AsyncIterableIterator<
      ReceivedRecord<K, V>
    >;
  }

  /** Batch by batch; otherwise as by record. Positions move past a batch when it is given out. */
  batches(): AsyncIterableIterator<ReceivedBatch<K, V>> {
    return this.#stream.batches() as AsyncIterableIterator<ReceivedBatch<unknown, unknown>> as AsyncIterableIterator<
      ReceivedBatch<K, V>
    >;
  }

  /** Ends a running loop, and resolves when no fetch is under way any more. Calling it again is harmless. */
  async close(): Promise<void> {
    await this.#stream.close();
    this.#deps.onClosed?.();
  }

  #checkAssigned(): void {
    if (this.#stream.partitions.length > 0) return;
    throw new MillraceError('INVALID_REQUEST', 'nothing is assigned to this reader', {
      hint: "Tell it what to read: await reader.assign([{ topic: 'orders' }]).",
    });
  }

  /** Each topic once, however many of its partitions are named. */
  async #readTopics(assignments: readonly Assignment[]): Promise<ReadonlyMap<string, TopicRoute>> {
    const names = [...new Set(assignments.map(({ topic }) => topic))];
    return new Map(await Promise.all(names.map(async (name) => [name, await this.#deps.topics.read(name)] as const)));
  }

  async #moveAll(pending: { readonly partition: AssignedPartition; readonly from: StartPosition }[]): Promise<void> {
    for (let move = pending.pop(); move !== undefined; move = pending.pop()) {
      move.partition.moveTo(await offsetOf(this.#deps, move.partition.readable, move.from));
    }
  }

  #partition({ topic, partition }: TopicPartition): AssignedPartition {
    const assigned = this.#stream.find({ topic, partition });
    if (assigned !== undefined) return assigned;
    throw new MillraceError(
      'INVALID_REQUEST',
      `partition ${partition} of topic ${topic} is not assigned to this reader`,
      {
        value: { topic, partition },
        hint: 'Assign it first.',
      },
    );
  }

  #checkOpen(): void {
    if (!this.#stream.isClosed) return;
    throw new MillraceError('CLOSED', 'the reader is closed', { hint: 'Make another one.' });
  }
}

function expand({ partition }: Assignment, route: TopicRoute): readonly AssignedPartition[] {
  if (partition === undefined) {
    return Array.from({ length: route.partitionCount }, (_, index) => new AssignedPartition(route, index));
  }
  const exists = Number.isInteger(partition) && partition >= 0 && partition < route.partitionCount;
  if (!exists) throw unknownPartition(route, partition);
  return [new AssignedPartition(route, partition)];
}
