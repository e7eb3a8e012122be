/** Administration of delayed records: what waits, and taking it back. */
import type { Clock, Random } from '../clock.ts';
import { limits } from '../limits.ts';
import { findTopic } from '../log/find-topic.ts';
import { inParallel } from '../log/in-parallel.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { decodeBatch } from '../record/decode-batch.ts';
import type { RecordHeader } from '../record/record.ts';
import type { DelayStore } from './delay-store.ts';
import { type DelayedPlace, delayedId, parseDelayedId } from './delayed-id.ts';
import { objectMissing } from './delayed-object.ts';
import { type DuePlace, type DueRecord, objectKeyOf, type WaitingRecord } from './due-record.ts';
import { ALWAYS_MS, type DueQuery } from './due-records.ts';

/** What it needs. */
export interface DelayAdminDeps {
  readonly store: DelayStore;
  readonly clock: Clock;
  readonly random: Random;
  /** How long traces stay behind their due time. Default `limits.delayTraceMs`. */
  readonly traceMs?: number;
}

/** A record that waits. */
export interface DelayedRecordSummary {
  /** By which it is cancelled. */
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  /** When it enters its topic, ms since the epoch. */
  readonly dueMs: number;
  /** When it was sent. */
  readonly sentMs: number;
  /** Of its batch. */
  readonly sizeBytes: number;
}

/** A record that waits, with what it says. */
export interface DelayedRecord extends DelayedRecordSummary {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

/**
 * What a cancellation came to. `cancelled`: it will never enter its topic, by this call or an earlier one. `delivered`: it has entered its topic. `unknown`: nothing is known under the id: there never was such a record, or it was settled
 * more than an hour ago.
 */
export type CancelOutcome = 'cancelled' | 'delivered' | 'unknown';

/** What is found under an id: a record that waits, or what became of it. */
export type DelayedLookup =
  | { readonly outcome: 'waiting'; readonly record: DelayedRecord }
  | { readonly outcome: CancelOutcome };

/** What is listed. */
export interface ListDelayed {
  /** Default: all topics. */
  readonly topic?: string | undefined;
  /** Most records. Default 100. */
  readonly limit?: number | undefined;
}

const DEFAULT_LIMIT = 100;
const TOPICS_PER_REQUEST = 1_000;
const PARALLEL = 16;
const PAGE = 100;

/** See the module comment. */
export class DelayAdmin {
  readonly #deps: DelayAdminDeps;
  readonly #traceMs: number;

  constructor(deps: DelayAdminDeps) {
    this.#deps = deps;
    this.#traceMs = deps.traceMs ?? limits.delayTraceMs;
  }

  /**
   * Takes a delayed record back: one conditional write. Of a cancellation and a release at the same time one wins, and the outcome says which. Calling it again answers the same, for an hour behind the due time.
   *
   * Throws INVALID_REQUEST for what is no id.
   */
  async cancel(id: string): Promise<CancelOutcome> {
    const { partition, place } = parseDelayedId(id);
    const { dueRecords, objects } = this.#deps.store;
    const { answer } = await repeatRequest(this.#deps, () => dueRecords.cancel(partition, place));
    if (answer.outcome === 'refused') return outcomeOf(answer.item);
    if (await this.#isForgotten(partition, place)) return 'unknown';
    const key = objectKeyOf(answer.item);
    // One that stays is removed with the trace.
    if (key !== null) await objects.remove([key]).catch(() => {});
    return 'cancelled';
  }

  /** Looks a delayed record up: one read, and one of its object. Throws INVALID_REQUEST for what is no id, OBJECT_MISSING when the bytes of one that waits are gone. */
  async get(id: string): Promise<DelayedLookup> {
    const at = parseDelayedId(id);
    const found = await this.#find(at);
    if (found?.state !== 'waiting') return { outcome: outcomeOf(found) };
    const batch = await this.#batchOf(found);
    if (batch !== null) return { outcome: 'waiting', record: recordOf(at.partition, found, batch) };
    // It was settled between the two reads, or it never can be.
    const again = await this.#find(at);
    if (again?.state !== 'waiting') return { outcome: outcomeOf(again) };
    throw objectMissing(again);
  }

  async #find({ partition, place }: DelayedPlace): Promise<DueRecord | undefined> {
    const get = () => this.#deps.store.dueRecords.get(partition, place);
    const { answer: found } = await repeatRequest(this.#deps, get);
    if (found?.state === 'waiting' && (await this.#isForgotten(partition, place))) return undefined;
    return found ?? undefined;
  }

  /** A late copy of the request that stored one may lie below the horizon: it waits for nothing. */
  async #isForgotten(partition: PartitionKey, { dueMs }: DuePlace): Promise<boolean> {
    const { dueRecords, serverClock } = this.#deps.store;
    if (dueMs >= serverClock.nowMs() - this.#traceMs / 2) return false;
    const { answer: horizon } = await repeatRequest(this.#deps, () => dueRecords.readHorizon(partition));
    return dueMs < horizon;
  }

  /** What waits, in the order of the due times: at least a read for each partition. Throws UNKNOWN_TOPIC_OR_PARTITION. */
  async list({ topic, limit = DEFAULT_LIMIT }: ListDelayed = {}): Promise<readonly DelayedRecordSummary[]> {
    const names = topic === undefined ? await this.#topicNames() : [topic];
    const found: DelayedRecordSummary[] = [];
    const partitions: PartitionKey[] = [];
    for (const name of names) partitions.push(...(await this.#partitionsOf(name, topic !== undefined)));
    await inParallel(partitions, PARALLEL, async (partition) => {
      for (const record of await this.#waitingOf(partition, limit)) found.push(summaryOf(partition, record));
    });
    return found.sort((a, b) => a.dueMs - b.dueMs).slice(0, limit);
  }

  async #topicNames(): Promise<readonly string[]> {
    const names: string[] = [];
    for (;;) {
      const after = names.at(-1) ?? null;
      const list = () => this.#deps.store.topics.list(after, TOPICS_PER_REQUEST);
      const { answer: page } = await repeatRequest(this.#deps, list);
      if (page.length === 0) return names;
      names.push(...page);
    }
  }

  async #partitionsOf(name: string, isAsked: boolean): Promise<readonly PartitionKey[]> {
    const read = async () => (await repeatRequest(this.#deps, () => this.#deps.store.topics.get(name))).answer;
    const topic = isAsked ? await findTopic(this.#deps, name) : await read();
    if (topic === null) return [];
    const { topicId, readyPartitionCount } = topic;
    return Array.from({ length: readyPartitionCount }, (_, partition) => ({ topicId, partition }));
  }

  async #waitingOf(partition: PartitionKey, limit: number): Promise<readonly WaitingRecord[]> {
    const { dueRecords } = this.#deps.store;
    const { answer: horizon } = await repeatRequest(this.#deps, () => dueRecords.readHorizon(partition));
    const waiting: WaitingRecord[] = [];
    let after: DuePlace | null = null;
    while (waiting.length < limit) {
      const query: DueQuery = { fromMs: horizon, toMs: ALWAYS_MS, after, limit: PAGE };
      const { answer: page } = await repeatRequest(this.#deps, () => dueRecords.query(partition, query));
      const last: DueRecord | undefined = page.at(-1);
      if (last === undefined) break;
      waiting.push(...page.filter((record) => record.state === 'waiting'));
      after = last;
    }
    return waiting;
  }

  async #batchOf({ content }: WaitingRecord): Promise<Uint8Array | null> {
    if (content.kind === 'batch') return content.batch;
    const get = () => this.#deps.store.objects.get(content.key, 0, content.lengthBytes);
    return (await repeatRequest(this.#deps, get)).answer;
  }
}

function recordOf(partition: PartitionKey, waiting: WaitingRecord, batch: Uint8Array): DelayedRecord {
  const decoded = decodeBatch(batch);
  const [key, value, headers] = [decoded.key(0), decoded.value(0), decoded.headers(0)];
  return { ...summaryOf(partition, waiting), key, value, headers };
}

function outcomeOf(record: DueRecord | undefined): CancelOutcome {
  return record === undefined || record.state === 'waiting' ? 'unknown' : record.state;
}

function summaryOf(partition: PartitionKey, record: WaitingRecord): DelayedRecordSummary {
  const { topic, dueMs, sentMs, content } = record;
  const sizeBytes = content.kind === 'batch' ? content.batch.length : content.lengthBytes;
  return {
    id: delayedId({ partition, place: record }),
    topic,
    partition: partition.partition,
    dueMs,
    sentMs,
    sizeBytes,
  };
}
