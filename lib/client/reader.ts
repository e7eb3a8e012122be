/**
 * The reader: records of partitions that the caller chose, each in the order of its log.
 *
 * Always true:
 * - Records of one partition are given out in the order of their offsets, each once, until a seek.
 * - `position` is the offset behind the last record given out, so whoever stores it can go on from there.
 * - An error is thrown only after everything fetched before it was given out; iterating again tries again.
 */
import { MillraceError } from '../errors.ts';
import { AssignedPartition } from './assigned-partition.ts';
import { ReadAhead, type ReaderDeps } from './read-ahead.ts';
import { checkReaderOptions, type ReaderOptions } from './reader-options.ts';
import type { ReceivedRecord } from './received-record.ts';
import { checkStartPosition, offsetOf, type StartPosition } from './start-position.ts';
import { type TopicRoute, unknownPartition } from './topic-directory.ts';

/** A partition by the name of its topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** What to read. */
export interface Assignment {
  readonly topic: string;
  /** Default: every partition that the topic has now. */
  readonly partition?: number;
  /** Where to begin. Default: where it is if it is assigned already, else 'beginning'. */
  readonly from?: StartPosition;
}

/** How far a reader is in one partition. */
export interface ReadProgress extends TopicPartition {
  /** The next record given out is the first at or after it. */
  readonly position: bigint;
  /** As the last fetch saw it; null before the first. */
  readonly highWatermark: bigint | null;
  /** Records between the two; null before the first fetch. */
  readonly lag: bigint | null;
}

/** Records of one record batch. */
export interface ReceivedBatch extends TopicPartition {
  /** At least one. */
  readonly records: readonly ReceivedRecord[];
}

/** Look-ups by position at once. */
const LOOKUPS = 16;

/** Reads records; see the module comment. Made by `Millrace.reader`. */
export class Reader implements AsyncIterable<ReceivedRecord> {
  readonly #deps: ReaderDeps;
  readonly #options: Required<ReaderOptions>;
  readonly #readAhead: ReadAhead;
  /** By topic and partition. */
  #assigned = new Map<string, AssignedPartition>();
  /** Partitions with something to give out; one batch each in turn. */
  #line: AssignedPartition[] = [];
  #current: AssignedPartition | null = null;
  #arrival = Promise.withResolvers<void>();
  #closed = false;

  /** Throws INVALID_CONFIG. */
  constructor(deps: ReaderDeps, options: ReaderOptions = {}) {
    this.#deps = deps;
    this.#options = checkReaderOptions(options);
    this.#readAhead = new ReadAhead(deps, this.#options, {
      partitions: () => this.#assigned.values(),
      ready: (partition) => this.#lineUp(partition),
      change: () => this.#arrived(),
    });
  }

  /**
   * Replaces what is read. Throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST, CLOSED; the assignment is as before then.
   *
   * @example await reader.assign([{ topic: 'orders' }, { topic: 'payments', partition: 0, from: 'end' }]);
   */
  async assign(assignments: readonly Assignment[]): Promise<void> {
    this.#checkOpen();
    const next = new Map<string, AssignedPartition>();
    const moves: { readonly partition: AssignedPartition; readonly from: StartPosition }[] = [];
    const routes = await this.#readTopics(assignments);
    for (const assignment of assignments) {
      for (const partition of expand(assignment, routes.get(assignment.topic)!)) {
        const key = keyOf(assignment.topic, partition.partition);
        const known = this.#assigned.get(key);
        const isKept = known?.route.topicId === partition.route.topicId && assignment.from === undefined;
        next.set(key, isKept ? known! : partition);
        if (!isKept) moves.push({ partition, from: checkStartPosition(assignment.from ?? 'beginning') });
      }
    }
    const pending = [...moves];
    await Promise.all(Array.from({ length: LOOKUPS }, () => this.#moveAll(pending)));
    this.#checkOpen();
    for (const [key, old] of this.#assigned) if (next.get(key) !== old) old.breakOff();
    this.#assigned = next;
    this.#changed();
  }

  /** What is read now. */
  get assignment(): readonly TopicPartition[] {
    return [...this.#assigned.values()].map(({ route, partition }) => ({ topic: route.name, partition }));
  }

  /** Goes on at another place: what was fetched of this partition is dropped. The last seek of a partition wins. Throws INVALID_REQUEST for a partition that is not assigned, UNKNOWN_TOPIC_OR_PARTITION, CLOSED. */
  async seek(topicPartition: TopicPartition, position: StartPosition): Promise<void> {
    this.#checkOpen();
    const partition = this.#partition(topicPartition);
    checkStartPosition(position);
    const version = partition.breakOff();
    try {
      const offset = await offsetOf(this.#deps, partition.readable, position);
      if (partition.version === version) partition.moveTo(offset);
    } catch (error) {
      if (partition.version === version) partition.moveTo(partition.position);
      throw error;
    }
    this.#changed();
  }

  /** Gives nothing out of these partitions until `resume`; what was fetched stays. Throws INVALID_REQUEST for one that is not assigned. */
  pause(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions.map((one) => this.#partition(one))) partition.paused = true;
    // What these hold may be all that keeps the others from being fetched.
    this.#readAhead.wake();
  }

  /** Goes on with paused partitions. Throws INVALID_REQUEST for one that is not assigned. */
  resume(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions.map((one) => this.#partition(one))) {
      partition.paused = false;
      if (partition.isReady) this.#lineUp(partition);
    }
    this.#changed();
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
    return lagOf(this.#partition(topicPartition));
  }

  /** Position, high watermark and lag of every partition. */
  progress(): readonly ReadProgress[] {
    return [...this.#assigned.values()].map((assigned) => ({
      topic: assigned.route.name,
      partition: assigned.partition,
      position: assigned.position,
      highWatermark: assigned.highWatermark,
      lag: lagOf(assigned),
    }));
  }

  /**
   * Record by record, one batch of each partition in turn. Leaving the loop stops reading ahead; another loop goes on at `position`. One loop at a time.
   *
   * Throws OFFSET_OUT_OF_RANGE (unless `outOfRange` says otherwise), UNKNOWN_TOPIC_OR_PARTITION when a topic was deleted, CORRUPT_MESSAGE, CORRUPT_OBJECT and
   * OBJECT_MISSING with the object's name, what the store throws for good, and INVALID_REQUEST when nothing is assigned.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<ReceivedRecord> {
    return this.#iterate(() => this.#nextRecord());
  }

  /** Batch by batch; otherwise as by record. Positions move past a batch when it is given out. */
  batches(): AsyncIterableIterator<ReceivedBatch> {
    return this.#iterate(() => this.#nextBatch());
  }

  /** Ends a running loop, and resolves when no fetch is under way any more. Calling it again is harmless. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#arrived();
    await this.#readAhead.stop();
    this.#deps.onClosed?.();
  }

  #iterate<T>(take: () => T | null): AsyncIterableIterator<T> {
    const done: IteratorReturnResult<undefined> = { done: true, value: undefined };
    let isLeft = false;
    const isOver = () => isLeft || this.#closed;
    const iterator: AsyncIterableIterator<T> = {
      [Symbol.asyncIterator]: () => iterator,
      next: () => {
        // Almost always the record is there, and one promise is all that it costs.
        try {
          const value = isOver() ? null : take();
          if (value !== null) return Promise.resolve({ done: false, value });
        } catch (error) {
          return this.#readAhead.stop().then(() => Promise.reject(error));
        }
        return this.#waitFor(take, isOver).then((value) => (value === null ? done : { done: false, value }));
      },
      return: async () => {
        isLeft = true;
        this.#arrived();
        await this.#readAhead.stop();
        return done;
      },
    };
    return iterator;
  }

  async #waitFor<T>(take: () => T | null, isOver: () => boolean): Promise<T | null> {
    try {
      for (;;) {
        if (isOver()) return null;
        const arrival = this.#arrival.promise;
        const value = take();
        if (value !== null) return value;
        // Whoever ended it meanwhile must not find it reading ahead again.
        if ((await this.#isAtEnd()) || isOver()) return null;
        this.#readAhead.start();
        await arrival;
      }
    } catch (error) {
      await this.#readAhead.stop();
      throw error;
    }
  }

  async #isAtEnd(): Promise<boolean> {
    if (this.#assigned.size === 0) {
      throw new MillraceError('INVALID_REQUEST', 'nothing is assigned to this reader', {
        hint: "Tell it what to read: await reader.assign([{ topic: 'orders' }]).",
      });
    }
    if (!this.#options.stopAtEnd) return false;
    for (const partition of this.#assigned.values()) if (!partition.isFinished) return false;
    await this.#readAhead.stop();
    return true;
  }

  #nextRecord(): ReceivedRecord | null {
    for (;;) {
      const current = this.#current ?? this.#turn();
      if (current === null) return null;
      const record = current.paused ? null : current.next();
      if (record !== null) return record;
      this.#endTurn(current);
    }
  }

  #nextBatch(): ReceivedBatch | null {
    for (;;) {
      const current = this.#current ?? this.#turn();
      if (current === null) return null;
      const records: ReceivedRecord[] = [];
      if (!current.paused) {
        for (let record = current.next(); record !== null; record = current.next()) records.push(record);
      }
      this.#endTurn(current);
      if (records.length > 0) return { topic: current.route.name, partition: current.partition, records };
    }
  }

  /** Opens a batch of the partition whose turn it is; null when none has anything. Throws a partition's error when everything before it was given out. */
  #turn(): AssignedPartition | null {
    for (let partition = this.#line.shift(); partition !== undefined; partition = this.#line.shift()) {
      partition.inLine = false;
      if (!this.#isAssigned(partition) || !partition.isReady) continue;
      if (partition.hasQueued) return this.#open(partition);
      const { error } = partition;
      partition.error = null;
      partition.failingSinceMs = null;
      throw error;
    }
    return null;
  }

  #open(partition: AssignedPartition): AssignedPartition {
    try {
      partition.open();
    } catch (error) {
      // It stays the first of its queue: iterating again throws again, a seek goes past it.
      this.#lineUp(partition);
      throw error;
    }
    this.#current = partition;
    this.#readAhead.taken();
    return partition;
  }

  #endTurn(partition: AssignedPartition): void {
    this.#current = null;
    if (partition.isReady) this.#lineUp(partition);
  }

  #lineUp(partition: AssignedPartition): void {
    if (partition.inLine) return;
    partition.inLine = true;
    this.#line.push(partition);
  }

  #changed(): void {
    this.#readAhead.wake();
    this.#arrived();
  }

  #arrived(): void {
    const arrival = this.#arrival;
    this.#arrival = Promise.withResolvers();
    arrival.resolve();
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
    const assigned = this.#assigned.get(keyOf(topic, partition));
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

  #isAssigned(partition: AssignedPartition): boolean {
    return this.#assigned.get(keyOf(partition.route.name, partition.partition)) === partition;
  }

  #checkOpen(): void {
    if (!this.#closed) return;
    throw new MillraceError('CLOSED', 'the reader is closed', { hint: 'Make another one.' });
  }
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

function lagOf({ position, highWatermark }: AssignedPartition): bigint | null {
  if (highWatermark === null) return null;
  return highWatermark > position ? highWatermark - position : 0n;
}

function expand({ partition }: Assignment, route: TopicRoute): readonly AssignedPartition[] {
  if (partition === undefined) {
    return Array.from({ length: route.partitionCount }, (_, index) => new AssignedPartition(route, index));
  }
  const exists = Number.isInteger(partition) && partition >= 0 && partition < route.partitionCount;
  if (!exists) throw unknownPartition(route, partition);
  return [new AssignedPartition(route, partition)];
}
