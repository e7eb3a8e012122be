/**
 * Sends of records that are to enter their topic later: each is stored by itself, and waits for nobody.
 *
 * Always true: records that are due at the same time get their places in the order of the `send` calls; what is buffered is counted in the producer's memory; a record that is refused was not written.
 */
import type { Clock, Random } from '../clock.ts';
import { type Delay, dueTimeOf } from '../delay/delay-time.ts';
import type { DelayWriter } from '../delay/delay-writer.ts';
import type { DuePlace } from '../delay/due-record.ts';
import { MillraceError } from '../errors.ts';
import { Gate } from '../log/gate.ts';
import type { TopicDirectory, TopicRoute } from '../log/topic-directory.ts';
import type { BufferMemory } from './buffer-memory.ts';
import { checkRecord } from './check-record.ts';
import { batchOptions, OPEN_BATCH_BYTES, OpenBatch } from './open-batch.ts';
import { type OutgoingRecord, type PreparedRecord, prepareRecord } from './outgoing-record.ts';
import { askPartitioner, partitionForKey } from './partitioner.ts';
import type { CheckedProducerOptions } from './producer-options.ts';
import { readTopic } from './read-topic.ts';
import type { SendTime } from './send-clock.ts';
import type { Serializing } from './serializing.ts';
import { takeMemory } from './take-memory.ts';

/** A record that is to enter its topic later. */
export interface DelayedOutgoingRecord<K, V> extends OutgoingRecordWithoutDelay<K, V>, Delay {}

/** What a delayed record shares with any other: its timestamp is its due time, and which offset it gets nobody knows. */
type OutgoingRecordWithoutDelay<K, V> = Omit<
  OutgoingRecord<K, V>,
  'timestampMs' | 'expectedOffset' | 'delay' | 'deliverAt'
>;

/** Where a delayed record waits. */
export interface DelayedMetadata {
  /** By which it is looked up and cancelled; 63 characters. */
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  /** When it enters its topic, ms since the epoch: its timestamp there. */
  readonly dueMs: number;
}

/** What it needs of its producer. */
export interface DelayedSendsDeps<K, V> {
  /** Null: records cannot be delayed here. */
  readonly writer: DelayWriter | null;
  readonly delayTimeoutMs?: (() => number) | undefined;
  readonly topics: TopicDirectory;
  readonly clock: Clock;
  readonly random: Random;
  readonly memory: BufferMemory;
  readonly options: CheckedProducerOptions;
  readonly serializing: Serializing<K, V> | null;
}

/** Records on their way to the store; more connections than that do not make it faster. */
const PARALLEL = 64;
/** As of the appender. */
const DELIVERY_TIMEOUT_MS = 30_000;
/** The promises of one send, measured for those of other records. */
const SEND_BYTES = 1024;

/** See the module comment. */
export class DelayedSends<K, V> {
  readonly #deps: DelayedSendsDeps<K, V>;
  readonly #gate = new Gate(PARALLEL);
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(deps: DelayedSendsDeps<K, V>) {
    this.#deps = deps;
  }

  /** Resolves when the record is durable and will be released. Rejects as `Producer.send` says. */
  send(record: DelayedOutgoingRecord<K, V>, when: SendTime): Promise<DelayedMetadata> {
    const sent = this.#send(record, when);
    this.#underWay.add(sent);
    const forget = () => void this.#underWay.delete(sent);
    sent.then(forget, forget);
    return sent;
  }

  /** Resolves when all that were sent before are settled. */
  async flush(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  async #send(record: DelayedOutgoingRecord<K, V>, when: SendTime): Promise<DelayedMetadata> {
    const { delay, deliverAt, ...plain } = record;
    const { writer } = this.#deps;
    if (writer === null) throw cannotDelay({ delay, deliverAt });
    const place = writer.placeFor(dueTimeOf({ delay, deliverAt }, writer.nowMs()));
    checkFields(plain);
    const prepared = prepareRecord(await this.#serialized(plain));
    const route = await this.#routeOf(prepared, when);
    const refusal = checkRecord(prepared, route, this.#deps.clock);
    if (refusal !== null) throw refusal;
    const partition = this.#partitionOf(prepared, route);
    const { memory, options } = this.#deps;
    const memoryBytes = prepared.encodedBytes + OPEN_BATCH_BYTES + SEND_BYTES;
    await takeMemory(memory, memoryBytes, when.monotonicMs, options.maxBlockMs);
    try {
      return await this.#gate.run(() => this.#store(writer, prepared, { route, partition, place }));
    } finally {
      memory.release(memoryBytes);
    }
  }

  async #store(
    writer: DelayWriter,
    record: PreparedRecord,
    { route, partition, place }: { readonly route: TopicRoute; readonly partition: number; readonly place: DuePlace },
  ): Promise<DelayedMetadata> {
    const { clock, options, delayTimeoutMs } = this.#deps;
    const batch = new OpenBatch(batchOptions(route, partition, options));
    batch.add(record, BigInt(place.dueMs), 0);
    const { name: topic, topicId, domain } = route;
    const timeoutMs = delayTimeoutMs?.() ?? options.deliveryTimeoutMs ?? DELIVERY_TIMEOUT_MS;
    const deliverByMs = clock.monotonicMs() + timeoutMs;
    const to = { partition: { topicId, partition }, topic, domain, place, deliverByMs };
    const id = await writer.delay({ ...to, batch: batch.finish() });
    return { id, topic, partition, dueMs: place.dueMs };
  }

  #serialized(record: OutgoingRecordWithoutDelay<K, V>): OutgoingRecord | Promise<OutgoingRecord> {
    const { serializing } = this.#deps;
    if (serializing === null) return record as OutgoingRecord;
    return new Promise((resolve, reject) => serializing.run(record, resolve, reject));
  }

  #routeOf(record: PreparedRecord, { monotonicMs }: SendTime): TopicRoute | Promise<TopicRoute> {
    const known = this.#deps.topics.peek(record, monotonicMs);
    return known ?? readTopic(this.#deps, record.topic, monotonicMs + this.#deps.options.maxBlockMs);
  }

  /** Without a key any will do: there is no batch to fill. */
  #partitionOf(record: PreparedRecord, { name, partitionCount }: TopicRoute): number {
    const { partitioner } = this.#deps.options;
    if (record.partition !== undefined) return record.partition;
    if (partitioner !== undefined) return askPartitioner(partitioner, record, name, partitionCount);
    if (record.key !== null) return partitionForKey(record.key, partitionCount);
    return Math.floor(this.#deps.random.fraction() * partitionCount);
  }
}

/** Throws INVALID_REQUEST for what makes no sense for a record whose place is not known yet. */
function checkFields(record: object): void {
  const { timestampMs, expectedOffset } = record as OutgoingRecord;
  if (timestampMs !== undefined) {
    throw new MillraceError('INVALID_REQUEST', 'timestampMs of a delayed record', {
      value: timestampMs,
      hint: 'Its timestamp is its due time. Put another time into a header or the value.',
    });
  }
  if (expectedOffset !== undefined) {
    throw new MillraceError('INVALID_REQUEST', 'expectedOffset of a delayed record', {
      value: expectedOffset,
      hint: 'What is written until it is due decides its offset.',
    });
  }
}

function cannotDelay(value: unknown): MillraceError {
  return new MillraceError('INVALID_REQUEST', 'this producer cannot delay records', {
    value,
    hint: 'Nobody would release them: on AWS a deployment does, where the connection string says delays=true.',
  });
}
