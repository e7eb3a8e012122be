import { type DeserializerOptions, type RecordDecoder, recordDecoder } from '../client/record-decoder.ts';
import type { Clock, Random } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import type { EventSourceDeps, EventSourceNews, NewsBody } from '../event-source/event-source-deps.ts';
import type { EventSourceStore } from '../event-source/event-source-store.ts';
import type { EventSourceMetrics } from '../event-source/metrics/event-source-metrics.ts';
import { PartitionWork } from '../event-source/partition-work.ts';
import type { PullAnswer } from '../event-source/pull-pointer.ts';
import type { ReceivedEvent } from '../event-source/received-event.ts';
import type { Failure } from '../event-source/settle-batch.ts';
import type { WakeRequest } from '../event-source/wake-request.ts';
import { DEFAULT_RESERVE_MS, DEFAULT_TIME_MS, type FunctionContext, withinTime } from './function-time.ts';
import { failedOffsets } from './pulled-batch-response.ts';
import { decodeRecords, failureOf, type PulledRecord } from './pulled-record.ts';
import { type RecordsOutcome, runRecords } from './run-records.ts';

/** What a handler is given. */
export interface PulledBatch<K = Uint8Array | null, V = Uint8Array | null> {
  readonly subscription: string;
  readonly topic: string;
  readonly partition: number;
  /** In the order of their offsets; not empty. */
  readonly records: readonly PulledRecord<K, V>[];
}

/** How a function pulls. */
export interface PullOptions<K = Uint8Array | null, V = Uint8Array | null> extends DeserializerOptions<K, V> {
  /** A store that is open, or a connection string. Default: the variable MILLRACE_STORE. */
  readonly store?: EventSourceStore | string;
  /** Handles records one by one, in the order that the subscription asks for. Then there is no other handler. */
  readonly eachRecord?: (record: PulledRecord<K, V>, context: FunctionContext) => unknown;
  /** Records at once with `eachRecord`; those that have to follow one upon the other do. Default 1. */
  readonly concurrency?: number;
  /** So long before the function's deadline no record is begun any more, and what is done is committed. Default 2,000, and never more than a fifth of its time. */
  readonly reserveMs?: number;
  /** Most bytes of a batch. Default 32 MiB. */
  readonly maxBatchBytes?: number;
  /** Told of everything that happens. Default: nobody. */
  readonly onNews?: (news: EventSourceNews) => void;
  /** Counts it too, and hands over what it has when a call ends: `embeddedMetrics()`. Default: as the variable MILLRACE_METRICS says, which subscriptions of `millrace/constructs` set; nobody without it. */
  readonly metrics?: EventSourceMetrics;
  readonly clock?: Clock;
  readonly random?: Random;
}

const DEFAULT_MAX_BATCH_BYTES = 32 * 1024 * 1024;
/** A lease outlasts the function that has it. */
const LEASE_BEYOND_MS = 5_000;
/** What a record takes beside key and value. */
const RECORD_BYTES = 64;

/** One call of a function that pulls: batches out, what became of them in. */
export class PullCall<K, V> {
  readonly #options: PullOptions<K, V>;
  readonly #decoder: RecordDecoder | null;
  readonly #context: FunctionContext;
  readonly #clock: Clock;
  readonly #onNews: EventSourceDeps['onNews'];
  readonly #work: PartitionWork;
  readonly #deadlineMs: number;
  /** Of the batch that is handed out: those that could not be read. */
  #unread: ReadonlyMap<bigint, Failure> = new Map();
  #batch: readonly ReceivedEvent[] = [];
  /** When the batch was handed out, and how old its newest record was then. */
  #begun = { atMs: 0, ageMs: 0 };
  readonly #told: { -readonly [K in keyof PullAnswer]: PullAnswer[K] } = {
    records: 0,
    failed: 0,
    batches: 0,
    ageMs: null,
  };

  constructor(deps: EventSourceDeps, request: WakeRequest, options: PullOptions<K, V>, context: FunctionContext) {
    const { reserveMs = DEFAULT_RESERVE_MS, maxBatchBytes = DEFAULT_MAX_BATCH_BYTES } = options;
    const leftMs = context.getRemainingTimeInMillis?.() ?? DEFAULT_TIME_MS;
    this.#options = options;
    this.#decoder = recordDecoder(options);
    this.#context = context;
    this.#clock = deps.clock;
    this.#onNews = deps.onNews;
    this.#deadlineMs = deps.clock.monotonicMs() + leftMs - Math.min(reserveMs, leftMs / 5);
    this.#work = new PartitionWork(deps, request, {
      deadlineMs: this.#deadlineMs,
      leaseMs: leftMs + LEASE_BEYOND_MS,
      sizeOf: ({ keyBytes, valueBytes }) => (keyBytes?.length ?? 0) + (valueBytes?.length ?? 0) + RECORD_BYTES,
      maxBytes: maxBatchBytes,
    });
  }

  /** The next batch for a handler; null when there is none. A record that cannot be read fails alone. */
  async next(): Promise<PulledBatch<K, V> | null> {
    for (let batch = await this.#work.next(); batch !== null; batch = await this.#work.next()) {
      const records = await this.#decode(batch);
      const { group, topic } = this.#work.subscription;
      if (records.length > 0) return { subscription: group, topic, partition: batch[0]!.partition, records };
      await this.#settle({ failed: new Map(), postponed: new Set() });
    }
    return null;
  }

  /** Takes what the handler has answered. */
  async answered(response: unknown): Promise<void> {
    const failed = failedOffsets(response, this.#batch);
    if (failed instanceof MillraceError) await this.failed(failed);
    else await this.#settle({ failed, postponed: this.#notGiven() });
  }

  /** What was done in all. Metrics are handed over with it. */
  end(): PullAnswer {
    this.#options.metrics?.flush();
    return this.#told;
  }

  /** Takes what the handler has thrown. */
  async failed(cause: unknown): Promise<void> {
    this.#told.batches += 1;
    this.#told.failed += this.#batch.length;
    const failure = failureOf(cause);
    const records = this.#batch.length - this.#unread.size - this.#notGiven().size;
    this.#tellInvoked({ records, failed: records, error: failure.error });
    await this.#work.settle({ kind: 'failed', ...failure });
  }

  /** Handles every batch record by record, until nothing is left or the time is over. */
  async runEach(eachRecord: NonNullable<PullOptions<K, V>['eachRecord']>): Promise<void> {
    const { concurrency = 1 } = this.#options;
    const hasTime = () => this.#clock.monotonicMs() < this.#deadlineMs;
    for (let batch = await this.next(); batch !== null; batch = await this.next()) {
      const { ordering } = this.#work.subscription.options;
      const handle = (record: PulledRecord<K, V>) => eachRecord(record, this.#context);
      const { failed, postponed } = await runRecords(batch.records, handle, { ordering, concurrency, hasTime });
      await this.#settle({ failed, postponed: new Set([...postponed, ...this.#notGiven()]) });
    }
  }

  /** Hands every batch to a handler, until nothing is left or the time is over. */
  async run(handler: (batch: PulledBatch<K, V>, context: FunctionContext) => unknown): Promise<void> {
    for (let batch = await this.next(); batch !== null; batch = await this.next()) {
      const given = batch;
      await withinTime(this.#clock, this.#deadlineMs, async () => handler(given, this.#context)).then(
        (response) => this.answered(response),
        (error: unknown) => this.failed(error),
      );
    }
  }

  /** Commits and lets go, and rings if there is more. */
  finish(): Promise<void> {
    return this.#work.finish();
  }

  async #decode(batch: readonly ReceivedEvent[]): Promise<readonly PulledRecord<K, V>[]> {
    const { ordering } = this.#work.subscription.options;
    const records: PulledRecord<K, V>[] = [];
    const unread = new Map<bigint, Failure>();
    for (const one of await decodeRecords<K, V>(batch, this.#decoder)) {
      if (one.outcome === 'record') records.push(one.record);
      else unread.set(one.event.offset, one.failure);
      // What stands behind it has to wait.
      if (one.outcome === 'failed' && ordering === 'partition') break;
    }
    this.#batch = batch;
    this.#unread = unread;
    const ageMs = Math.max(0, this.#clock.nowMs() - Number(batch.at(-1)!.timestampMs));
    this.#begun = { atMs: this.#clock.monotonicMs(), ageMs };
    this.#told.ageMs ??= ageMs;
    const [first] = unread.values();
    if (first !== undefined) this.#tell({ kind: 'undecodable', records: unread.size, error: first.error });
    return records;
  }

  /** Of the batch that is handed out: those behind one that could not be read. */
  #notGiven(): ReadonlySet<bigint> {
    const [first] = this.#unread.keys();
    const { ordering } = this.#work.subscription.options;
    if (first === undefined || ordering !== 'partition') return new Set();
    return new Set(this.#batch.filter(({ offset }) => offset > first).map(({ offset }) => offset));
  }

  async #settle({ failed, postponed }: RecordsOutcome): Promise<void> {
    const all = new Map([...this.#unread, ...failed]);
    this.#told.batches += 1;
    this.#told.failed += all.size;
    this.#told.records += this.#batch.length - all.size - postponed.size;
    const records = this.#batch.length - this.#unread.size - postponed.size;
    if (records > 0) this.#tellInvoked({ records, failed: failed.size, error: '' });
    await this.#work.settle({ kind: 'answered', failed: all, postponed });
  }

  #tellInvoked(counts: { readonly records: number; readonly failed: number; readonly error: string }): void {
    const { atMs, ageMs } = this.#begun;
    const durationMs = this.#clock.monotonicMs() - atMs;
    this.#tell({ kind: 'invoked', ...counts, durationMs, ageMs });
  }

  #tell(news: NewsBody): void {
    const { group, topicId } = this.#work.subscription;
    const { partition } = this.#batch[0]!;
    this.#onNews({ group, partition: { topicId, partition }, ...news } as EventSourceNews);
  }
}
