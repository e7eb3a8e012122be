/**
 * The records of partitions, as readers and consumers give them out; which partitions, is their owner's business.
 *
 * Always true:
 * - Records of one partition are given out in the order of their offsets, each once, until a seek.
 * - `position` is the offset behind the last record given out, so whoever stores it can go on from there.
 * - Of a partition that is taken away nothing more is given out.
 * - An error is thrown only after everything fetched before it was given out; iterating again tries again.
 */
import { asMillraceError, type MillraceError } from '../errors.ts';
import type { AssignedPartition } from './assigned-partition.ts';
import { ReadAhead, type ReaderDeps } from './read-ahead.ts';
import type { ReaderOptions } from './reader-options.ts';
import type { RawBytes, ReceivedRecord } from './received-record.ts';
import type { RecordDecoder } from './record-decoder.ts';
import { checkStartPosition, offsetOf, type StartPosition } from './start-position.ts';
import type { StreamOwner } from './stream-owner.ts';

/** A partition by the name of its topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** How far a reader is in one partition. */
export interface ReadProgress extends TopicPartition {
  /** The next record given out is the first at or after it. */
  readonly position: bigint;
  /** As the last fetch saw it; null before the first. */
  readonly highWatermark: bigint | null;
  /** Records between the two; null before the first fetch. */
  readonly lag: bigint | null;
  /** How long the oldest of them has been there, by this machine's clock; 0 when there are none, null when it has not been fetched yet. */
  readonly lagMs: number | null;
}

/** Records of one record batch. */
export interface ReceivedBatch<K = RawBytes, V = RawBytes> extends TopicPartition {
  /** At least one. */
  readonly records: readonly ReceivedRecord<K, V>[];
}

/** See the top of this file. */
export class RecordStream {
  readonly #deps: ReaderDeps;
  readonly #options: Required<ReaderOptions>;
  readonly #owner: StreamOwner;
  readonly #decoder: RecordDecoder | null;
  readonly #readAhead: ReadAhead;
  /** By topic and partition. */
  #assigned = new Map<string, AssignedPartition>();
  /** Partitions with something to give out; one batch each in turn. */
  #line: AssignedPartition[] = [];
  #current: AssignedPartition | null = null;
  #arrival = Promise.withResolvers<void>();
  #failure: MillraceError | null = null;
  /** Loops that were ended from outside. */
  #loops = 0;
  #closed = false;

  constructor(
    deps: ReaderDeps,
    options: Required<ReaderOptions>,
    owner: StreamOwner,
    decoder: RecordDecoder | null = null,
  ) {
    this.#decoder = decoder;
    this.#deps = deps;
    this.#options = options;
    this.#owner = owner;
    this.#readAhead = new ReadAhead(deps, this.#options, {
      partitions: () => this.#assigned.values(),
      ready: (partition) => this.#lineUp(partition),
      change: () => this.#arrived(),
    });
  }

  /** What is read now. */
  get partitions(): readonly AssignedPartition[] {
    return [...this.#assigned.values()];
  }

  /** Whether `close` was called. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** A partition that is read, or undefined. */
  find({ topic, partition }: TopicPartition): AssignedPartition | undefined {
    return this.#assigned.get(keyOf(topic, partition));
  }

  /** Replaces what is read: partitions that stay (the same objects) keep what was fetched of them, those that go are broken off at once. */
  setPartitions(partitions: Iterable<AssignedPartition>): void {
    const next = new Map<string, AssignedPartition>();
    for (const one of partitions) next.set(keyOf(one.route.name, one.partition), one);
    for (const [key, old] of this.#assigned) if (next.get(key) !== old) old.breakOff();
    this.#assigned = next;
    this.changed();
  }

  /** Goes on at another place: what was fetched of this partition is dropped. The last seek of a partition wins. Throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST. */
  async seek(partition: AssignedPartition, position: StartPosition): Promise<void> {
    checkStartPosition(position);
    const version = partition.breakOff();
    try {
      const offset = await offsetOf(this.#deps, partition.readable, position);
      if (partition.version === version) partition.moveTo(offset);
    } catch (error) {
      if (partition.version === version) partition.moveTo(partition.position);
      throw error;
    }
    this.changed();
  }

  /** Gives nothing out of these partitions until `resume`; what was fetched stays. */
  pause(partitions: readonly AssignedPartition[]): void {
    for (const partition of partitions) partition.paused = true;
    // What these hold may be all that keeps the others from being fetched.
    this.#readAhead.wake();
  }

  /** Goes on with paused partitions. */
  resume(partitions: readonly AssignedPartition[]): void {
    for (const partition of partitions) {
      partition.paused = false;
      if (partition.isReady) this.#lineUp(partition);
    }
    this.changed();
  }

  /** Its owner has done what it had to do first: these may be given out. */
  release(partitions: readonly AssignedPartition[]): void {
    for (const partition of partitions) {
      partition.held = false;
      if (partition.isReady) this.#lineUp(partition);
    }
    this.changed();
  }

  /** Position, high watermark and lag of every partition. */
  progress(): readonly ReadProgress[] {
    const nowMs = Math.floor(this.#deps.clock.nowMs());
    return this.partitions.map((one) => ({
      topic: one.route.name,
      partition: one.partition,
      position: one.position,
      highWatermark: one.highWatermark,
      lag: one.lag,
      lagMs: one.lag === 0n ? 0 : ageMs(one.oldestUnreadMs, nowMs),
    }));
  }

  /** Something is other than it was: a loop that waits looks again, and so does the read-ahead. */
  changed(): void {
    this.#readAhead.wake();
    this.#arrived();
  }

  /** The loop that runs, or the next one, throws this, once. */
  fail(error: MillraceError): void {
    this.#failure ??= error;
    this.#arrived();
  }

  /** What it has failed with and no loop has thrown yet, null for nothing. */
  takeFailure(): MillraceError | null {
    const failure = this.#failure;
    this.#failure = null;
    return failure;
  }

  /** Record by record, one batch of each partition in turn. */
  records(): AsyncIterableIterator<ReceivedRecord> {
    const decoder = this.#decoder;
    return this.#iterate(() => (decoder === null ? this.#nextRecord() : this.#nextDecoded(decoder)));
  }

  /** Batch by batch. */
  batches(): AsyncIterableIterator<ReceivedBatch> {
    const decoder = this.#decoder;
    return this.#iterate(() => (decoder === null ? this.#nextBatch() : this.#nextDecodedBatch(decoder)));
  }

  /** Ends the loop that runs when it asks for the next item; another one may begin. */
  endLoop(): void {
    this.#loops += 1;
    this.#arrived();
  }

  /** Ends a running loop, and resolves when no fetch is under way any more. Calling it again is harmless. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#arrived();
    await this.#readAhead.stop();
  }

  #iterate<T>(take: () => T | null | Promise<T | null>): AsyncIterableIterator<T> {
    const done: IteratorReturnResult<undefined> = { done: true, value: undefined };
    let isLeft = false;
    const loop = this.#loops;
    const isOver = () => isLeft || this.#closed || this.#loops !== loop;
    const iterator: AsyncIterableIterator<T> = {
      [Symbol.asyncIterator]: () => iterator,
      next: () => {
        this.#owner.onReturned?.('asked');
        let first: Promise<T | null> | null = null;
        // Almost always the record is there, and one promise is all that it costs.
        try {
          const value = isOver() || this.#gate() !== null ? null : take();
          if (value !== null && !(value instanceof Promise)) return Promise.resolve({ done: false, value });
          first = value as Promise<T | null> | null;
        } catch (error) {
          return this.#readAhead.stop().then(() => Promise.reject(error));
        }
        return this.#waitFor(take, isOver, first).then((value) => (value === null ? done : { done: false, value }));
      },
      return: async () => {
        isLeft = true;
        this.#owner.onReturned?.('left');
        this.#arrived();
        await this.#readAhead.stop();
        return done;
      },
    };
    return iterator;
  }

  async #waitFor<T>(
    take: () => T | null | Promise<T | null>,
    isOver: () => boolean,
    first: Promise<T | null> | null,
  ): Promise<T | null> {
    try {
      const decoded = await first;
      if (decoded !== null) return decoded;
      for (;;) {
        if (isOver()) return null;
        const arrival = this.#arrival.promise;
        await this.#gate();
        if (isOver()) return null;
        const value = await take();
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

  /** What is to be done before anything is given out, null for nothing. Throws what the stream failed with. */
  #gate(): Promise<void> | null {
    const failure = this.#failure;
    if (failure === null) return this.#owner.gate?.() ?? null;
    this.#failure = null;
    throw failure;
  }

  async #isAtEnd(): Promise<boolean> {
    this.#owner.checkReadable?.();
    if (!this.#options.stopAtEnd || !(this.#owner.mayEnd?.() ?? true)) return false;
    for (const partition of this.#assigned.values()) if (!partition.isFinished) return false;
    await this.#readAhead.stop();
    return true;
  }

  #nextRecord(): ReceivedRecord | null {
    for (;;) {
      const current = this.#current ?? this.#turn();
      if (current === null) return null;
      const record = current.isHeldBack ? null : current.next();
      if (record !== null) {
        this.#owner.onTaken?.(current, record.offset);
        return record;
      }
      this.#endTurn(current);
    }
  }

  #nextBatch(): ReceivedBatch | null {
    for (;;) {
      const current = this.#current ?? this.#turn();
      if (current === null) return null;
      const records: ReceivedRecord[] = [];
      if (!current.isHeldBack) {
        for (let record = current.next(); record !== null; record = current.next()) records.push(record);
      }
      this.#endTurn(current);
      if (records.length > 0) this.#owner.onTaken?.(current, records[0]!.offset);
      if (records.length > 0) return { topic: current.route.name, partition: current.partition, records };
    }
  }

  async #nextDecoded(decoder: RecordDecoder): Promise<ReceivedRecord | null> {
    for (let record = this.#nextRecord(); record !== null; record = this.#nextRecord()) {
      const decoded = await this.#decode(decoder, this.#current!, record);
      if (decoded !== null) return decoded;
    }
    return null;
  }

  /** Up to a record that cannot be decoded: that one is the first of the next. */
  async #nextDecodedBatch(decoder: RecordDecoder): Promise<ReceivedBatch | null> {
    const first = await this.#nextDecoded(decoder);
    if (first === null) return null;
    const partition = this.#current!;
    const { version } = partition;
    const records = [first];
    for (let record = partition.next(); record !== null; record = partition.next()) {
      const decoded = await this.#decode(decoder, partition, record).catch(() => 'failed' as const);
      if (decoded === 'failed' || partition.version !== version) break;
      if (decoded !== null) records.push(decoded);
    }
    this.#owner.onTaken?.(partition, first.offset);
    return { topic: first.topic, partition: first.partition, records };
  }

  /** Null for a record that is skipped, or that is nobody's any more. Rejects with DESERIALIZATION_FAILED, and the record is the next one again. */
  async #decode(
    decoder: RecordDecoder,
    partition: AssignedPartition,
    record: ReceivedRecord,
  ): Promise<ReceivedRecord | null> {
    const { version } = partition;
    try {
      const decoded = await decoder.decode(record);
      return partition.version === version ? decoded : null;
    } catch (cause) {
      const error = asMillraceError(cause);
      if (partition.version !== version || decoder.skips(error, record)) return null;
      partition.giveBack(record.offset);
      this.#owner.onReturned?.('left');
      throw error;
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
      if (!this.#owner.onPartitionError?.(partition, error!)) throw error;
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

  #arrived(): void {
    const arrival = this.#arrival;
    this.#arrival = Promise.withResolvers();
    arrival.resolve();
  }

  #isAssigned(partition: AssignedPartition): boolean {
    return this.#assigned.get(keyOf(partition.route.name, partition.partition)) === partition;
  }
}

function ageMs(timestampMs: bigint | null, nowMs: number): number | null {
  return timestampMs === null ? null : Math.max(0, nowMs - Number(timestampMs));
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
