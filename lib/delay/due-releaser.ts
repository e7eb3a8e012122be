/**
 * Releases delayed records when they are due: what a timer on this machine, or a function that is woken for a minute, runs. Any number of them may run at once, late, and over the same partitions: a release is one transaction, so the second
 * finds nothing to do. It keeps nothing that it could not read again.
 *
 * Always true: a due minute is removed only when it is over and all of it was looked at after its stamp was read, so what is stored and rung is never left behind; records of a partition are released in the order of their due times and ids.
 */
import { asMillraceError, hasCode, type MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import { Gate } from '../log/gate.ts';
import { type PartitionKey, partitionPk } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { Topic } from '../log/topic.ts';
import { parseTopicConfig } from '../log/topic-config.ts';
import { UlidSource } from '../segment/id-source.ts';
import { type DueMinute, MINUTE_MS, minuteOf } from './due-minute.ts';
import { type DuePlace, type DueRecord, objectKeyOf, type WaitingRecord } from './due-record.ts';
import type { DueQuery } from './due-records.ts';
import {
  type DuePartition,
  type DueScan,
  nextScanMs,
  planScan,
  SCAN_AGAIN_MS,
  scanned,
  withMinutes,
  withoutMinutes,
} from './due-scan.ts';
import { forgetTraces } from './forget-traces.ts';
import { type ReleaseDeps, releaseRecords } from './release-records.ts';

/** What happened, for logs and metrics. */
export type DelayNews = { readonly partition: PartitionKey; readonly topic: string; readonly records: number } & (
  | {
      readonly kind: 'released';
      /** How long behind its due time the first of them was released. */
      readonly lateMs: number;
    }
  /** Their topic is gone. */
  | { readonly kind: 'discarded' }
);

/** What it needs. */
export interface DueReleaserDeps extends Omit<ReleaseDeps, 'ids'> {
  readonly onNews?: ((news: DelayNews) => void) | undefined;
  /** Told of what went wrong; it is tried again. Default: nobody. */
  readonly onError?: ((error: MillraceError) => void) | undefined;
  /** How long traces stay behind their due time. Default `limits.delayTraceMs`. */
  readonly traceMs?: number | undefined;
}

const PARALLEL = 16;
/** Groups of one partition before the others get their turn. */
const GROUPS_PER_TURN = 20;
/** Bytes of one group, so that one segment and its copies fit into a small function. */
const GROUP_BYTES = 8 * 1024 * 1024;
/** Records that are read to find the next one that waits; cancelled ones may stand before it. */
const AHEAD = 8;

/** See the module comment. */
export class DueReleaser {
  readonly #deps: DueReleaserDeps & ReleaseDeps;
  readonly #traceMs: number;
  readonly #partitions = new Map<string, DuePartition>();
  /** By partition: what is being done. */
  readonly #busy = new Map<string, Promise<void>>();
  readonly #gate = new Gate(PARALLEL);
  /** By partition: below it nothing is left to forget, as far as this process knows. */
  readonly #horizons = new Map<string, number>();

  constructor(deps: DueReleaserDeps) {
    const { store, clock, random } = deps;
    this.#deps = { ...deps, ids: new UlidSource({ clock, random, serverClock: store.serverClock }) };
    this.#traceMs = deps.traceMs ?? limits.delayTraceMs;
  }

  /** Takes in the due minutes as they are listed now, all of them or those that come first. */
  hear(listed: readonly DueMinute[]): void {
    const byPartition = Map.groupBy(listed, ({ partition }) => partitionPk(partition));
    for (const pk of this.#partitions.keys()) if (!byPartition.has(pk)) this.#partitions.delete(pk);
    for (const [pk, minutes] of byPartition) {
      this.#partitions.set(pk, withMinutes(this.#partitions.get(pk), minutes[0]!.partition, minutes));
    }
    for (const pk of this.#horizons.keys()) if (!byPartition.has(pk)) this.#horizons.delete(pk);
  }

  /** When there is something to do next, by the clock of the store, ms since the epoch; Infinity: not before something is rung, or what is under way has ended. */
  get nextMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const [pk, known] of this.#partitions) if (!this.#busy.has(pk)) next = Math.min(next, nextScanMs(known));
    return next;
  }

  /** Begins to release what is due now; a partition that takes its time holds back no other. Never throws: what fails is told, and tried again in a second. */
  begin(signal?: AbortSignal): void {
    for (const [pk, known] of this.#partitions) {
      if (this.#busy.has(pk) || planScan(known, this.#nowMs()) === null) continue;
      const turn = this.#gate.run(() => this.#turn(pk, signal)).finally(() => this.#busy.delete(pk));
      this.#busy.set(pk, turn);
    }
  }

  /** Whether something that was begun has not ended. */
  get isBusy(): boolean {
    return this.#busy.size > 0;
  }

  /** Resolves when what was begun has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#busy.values());
  }

  /** As it is planned when it is its turn: it may have waited for others. */
  async #turn(pk: string, signal?: AbortSignal): Promise<void> {
    const known = this.#partitions.get(pk);
    const scan = known && !signal?.aborted ? planScan(known, this.#nowMs()) : null;
    if (scan === null) return;
    try {
      await this.#scan(known!.partition, scan, signal);
    } catch (error) {
      this.#change(pk, (current) => ({ ...current, scan: null, notBeforeMs: this.#nowMs() + SCAN_AGAIN_MS }));
      this.#deps.onError?.(asMillraceError(error));
    }
  }

  /** What was heard meanwhile stays. */
  #change(pk: string, change: (current: DuePartition) => DuePartition): void {
    const current = this.#partitions.get(pk);
    if (current !== undefined) this.#partitions.set(pk, change(current));
  }

  async #scan(partition: PartitionKey, scan: DueScan, signal?: AbortSignal): Promise<void> {
    let after = scan.after;
    for (let group = 0; group < GROUPS_PER_TURN && !signal?.aborted; group++) {
      const toMs = this.#nowMs() + 1;
      const query = { fromMs: scan.fromMs, toMs, after, limit: limits.recordsPerRelease };
      const read = await this.#query(partition, query);
      // The answer may have set the clock right. What is due from its time on is not looked at, however long the look took.
      const endMs = Math.min(toMs, this.#nowMs() + 1);
      const page = read.filter(({ dueMs }) => dueMs < endMs);
      if (page.length === 0) return this.#finish(partition, scan, endMs);
      const last = await this.#releasePage(partition, page);
      after = last === 'again' ? after : last;
    }
    this.#change(partitionPk(partition), (current) => ({ ...current, scan: { ...scan, after } }));
  }

  /** Everything that was due before `endMs` is released. */
  async #finish(partition: PartitionKey, scan: DueScan, endMs: number): Promise<void> {
    const ahead = await this.#nextDue(partition, endMs);
    const over = [...scan.minutes.keys()].filter(
      (minuteMs) => scan.fromMs <= minuteMs && minuteMs + MINUTE_MS <= endMs,
    );
    for (const minuteMs of over) {
      const minute = { partition, minuteMs, stamp: scan.minutes.get(minuteMs)! };
      await repeatRequest(this.#deps, () => this.#deps.store.dueMinutes.remove(minute));
    }
    // Stored after its minute was over, by a request that its sender did not live to repeat: nobody has rung for it.
    const overdue = await this.#forget(partition, scan);
    const nextMs = overdue !== null && overdue < scan.fromMs ? overdue : ahead;
    this.#change(partitionPk(partition), (current) =>
      withoutMinutes(scanned(current, scan, { endMs, nextMs }), scan, over),
    );
  }

  /** Removes traces that are old enough, at most once a minute. When the first was due that waits among them; null: none does. */
  async #forget(partition: PartitionKey, { minutes }: DueScan): Promise<number | null> {
    const pk = partitionPk(partition);
    const beforeMs = minuteOf(Math.min(this.#nowMs() - this.#traceMs, ...minutes.keys()));
    if (beforeMs <= (this.#horizons.get(pk) ?? 0)) return null;
    const waitingMs = await forgetTraces(this.#deps, partition, { beforeMs, marginMs: this.#traceMs });
    if (waitingMs === null) this.#horizons.set(pk, beforeMs);
    return waitingMs;
  }

  /** Of the first record that waits from a time to the end of its minute. */
  async #nextDue(partition: PartitionKey, fromMs: number): Promise<number | null> {
    const toMs = minuteOf(fromMs) + MINUTE_MS;
    let after: DuePlace | null = null;
    for (;;) {
      const page: readonly DueRecord[] = await this.#query(partition, { fromMs, toMs, after, limit: AHEAD });
      const next = page.find(({ state }) => state === 'waiting');
      if (next !== undefined || page.length === 0) return next?.dueMs ?? null;
      after = page.at(-1)!;
    }
  }

  /** The last record that is settled by it; `again`: somebody else was quicker. */
  async #releasePage(partition: PartitionKey, page: readonly DueRecord[]): Promise<DuePlace | 'again'> {
    const group = groupOf(await this.#withoutForgotten(partition, page.filter(isWaiting)));
    const first = group[0];
    if (first === undefined) return page.at(-1)!;
    const topic = await this.#topicOf(partition, first.topic);
    if (topic === null) return this.#discard(partition, page);
    const { domain } = topic;
    const { inlineMaxBytes } = parseTopicConfig(topic.config);
    try {
      const released = await releaseRecords(this.#deps, { partition, domain, inlineMaxBytes }, group);
      if (released === 'gone') return this.#discard(partition, page);
      if (released === 'changed') return 'again';
    } catch (error) {
      if (!hasCode(error, 'OBJECT_MISSING')) throw error;
      return this.#giveUp(partition, error);
    }
    const news = { kind: 'released', partition, topic: first.topic, records: group.length } as const;
    this.#deps.onNews?.({ ...news, lateMs: this.#nowMs() - first.dueMs });
    await this.#removeObjects(group);
    const isWhole = group.at(-1) === page.findLast(isWaiting);
    return isWhole ? page.at(-1)! : group.at(-1)!;
  }

  /** A copy of a request that stored one may come when its trace is gone: then it stands below the horizon. Read behind the records, so that none of them can be older than what it says. */
  async #withoutForgotten(
    partition: PartitionKey,
    waiting: readonly WaitingRecord[],
  ): Promise<readonly WaitingRecord[]> {
    const mayBe = waiting.some(({ dueMs }) => dueMs < this.#nowMs() - this.#traceMs / 2);
    if (!mayBe) return waiting;
    const { store } = this.#deps;
    const { answer: horizon } = await repeatRequest(this.#deps, () => store.dueRecords.readHorizon(partition));
    const forgotten = waiting.filter(({ dueMs }) => dueMs < horizon);
    if (forgotten.length > 0) {
      await repeatRequest(this.#deps, () => store.dueRecords.forget(partition, forgotten));
    }
    return waiting.filter(({ dueMs }) => dueMs >= horizon);
  }

  /** Null: the records were meant for a topic that is gone. */
  async #topicOf({ topicId }: PartitionKey, name: string): Promise<Topic | null> {
    const { answer: topic } = await repeatRequest(this.#deps, () => this.#deps.store.topics.get(name));
    return topic?.topicId === topicId && topic.state !== 'deleting' ? topic : null;
  }

  async #discard(partition: PartitionKey, page: readonly DueRecord[]): Promise<DuePlace> {
    const waiting = page.filter(isWaiting);
    await this.#removeObjects(waiting);
    await repeatRequest(this.#deps, () => this.#deps.store.dueRecords.forget(partition, page));
    const { topic } = waiting[0]!;
    this.#deps.onNews?.({ kind: 'discarded', partition, topic, records: waiting.length });
    return page.at(-1)!;
  }

  /** One whose bytes are gone must not hold back the others. */
  async #giveUp(partition: PartitionKey, error: MillraceError): Promise<'again'> {
    const place = error.value as DuePlace;
    const { answer } = await repeatRequest(this.#deps, () => this.#deps.store.dueRecords.cancel(partition, place));
    // It was cancelled meanwhile, and its object removed.
    if (answer.outcome === 'done') this.#deps.onError?.(error);
    return 'again';
  }

  /** One that stays is removed with the trace. */
  async #removeObjects(records: readonly WaitingRecord[]): Promise<void> {
    const keys = records.map(objectKeyOf).filter((key) => key !== null);
    if (keys.length > 0) await this.#deps.store.objects.remove(keys).catch(() => {});
  }

  async #query(partition: PartitionKey, query: DueQuery): Promise<readonly DueRecord[]> {
    const { answer } = await repeatRequest(this.#deps, () => this.#deps.store.dueRecords.query(partition, query));
    return answer;
  }

  #nowMs(): number {
    return this.#deps.store.serverClock.nowMs();
  }
}

function isWaiting(record: DueRecord): record is WaitingRecord {
  return record.state === 'waiting';
}

/** The first records that fit into one entry. */
function groupOf(waiting: readonly WaitingRecord[]): readonly WaitingRecord[] {
  let bytes = 0;
  const end = waiting.findIndex(({ content }, index) => {
    bytes += content.kind === 'batch' ? content.batch.length : content.lengthBytes;
    return index > 0 && bytes > GROUP_BYTES;
  });
  return end < 0 ? waiting : waiting.slice(0, end);
}
