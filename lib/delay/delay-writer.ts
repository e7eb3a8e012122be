/**
 * Stores records that are to enter their topic later.
 *
 *   announce the minute → (object of a large one) → the record, IF there is none under its key → ring the minute again if it is near
 *
 * Always true: once `delay` resolves the record is durable and its minute is announced; one that is stored at all has its minute announced before. Every attempt carries the same bytes under the same key, so it waits once however often it
 * is sent.
 */
import type { Clock, Random } from '../clock.ts';
import { MillraceError, UnansweredError } from '../errors.ts';
import { limits } from '../limits.ts';
import { backoffMs } from '../log/backoff.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { UlidSource } from '../segment/id-source.ts';
import { ZERO_ID } from '../segment/segment-id.ts';
import type { DelayStore } from './delay-store.ts';
import { delayedId } from './delayed-id.ts';
import { delayedObjectKey } from './delayed-object.ts';
import { minuteOf } from './due-minute.ts';
import type { DueContent, DuePlace, DueTrace, WaitingRecord } from './due-record.ts';
import { MinuteRings } from './minute-rings.ts';

/** What it needs. */
export interface DelayWriterDeps {
  readonly store: Pick<DelayStore, 'dueRecords' | 'dueMinutes' | 'objects' | 'prefix' | 'serverClock'>;
  readonly clock: Clock;
  readonly random: Random;
  /** How long traces stay behind their due time. Default `limits.delayTraceMs`. */
  readonly traceMs?: number;
}

/** A record to delay. */
export interface DelayRequest {
  readonly partition: PartitionKey;
  readonly topic: string;
  /** Isolation domain of the topic. */
  readonly domain: string;
  readonly place: DuePlace;
  /** A record batch that holds the record alone, its timestamp the due time. */
  readonly batch: Uint8Array;
  /** Monotonic; no new attempt after it. */
  readonly deliverByMs: number;
}

/** A minute that begins before this from now is rung behind the record: whoever releases may have begun with it, by a clock that is so much ahead. */
const NEAR_MS = 5_000;

/** See the module comment. */
export class DelayWriter {
  readonly #deps: DelayWriterDeps;
  readonly #rings: MinuteRings;
  readonly #ids: UlidSource;
  /** Whoever hears of an answer later than this behind the due time does not know whether the record was found in time. */
  readonly #lateMs: number;

  constructor(deps: DelayWriterDeps) {
    const { store, clock, random, traceMs = limits.delayTraceMs } = deps;
    this.#deps = deps;
    this.#rings = new MinuteRings(deps);
    this.#ids = new UlidSource({ clock, random, serverClock: store.serverClock });
    this.#lateMs = Math.floor(traceMs / 2);
  }

  /** Now, by the clock that decides what is due. */
  nowMs(): number {
    return this.#deps.store.serverClock.nowMs();
  }

  /** Where a record will wait that is sent now: behind those that were given a place before, if it is due with them. */
  placeFor(dueMs: number): DuePlace {
    return { dueMs, id: this.#ids.next(ZERO_ID) };
  }

  /**
   * Stores a record, and returns its id once it is durable and will be released in time. Costs one write unit for each KB, one for the minute, and one again when that is near; an object for what is larger than
   * `limits.delayedBatchBytes`.
   *
   * Throws NOT_COMMITTED (it does not wait, and never will), COMMIT_UNKNOWN (it may, under the id in `value`), and what the store throws for good.
   */
  async delay(request: DelayRequest): Promise<string> {
    const { partition, place, topic } = request;
    const id = delayedId(request);
    const minuteMs = minuteOf(place.dueMs);
    await this.#inTime(request, () => this.#rings.announce(partition, minuteMs));
    const content = await this.#contentOf(request);
    await this.#store(request, { ...place, state: 'waiting', topic, sentMs: this.nowMs(), content });
    if (this.#isLate(place)) throw unknown(id);
    if (minuteMs > this.nowMs() + NEAR_MS) return id;
    try {
      await this.#rings.ring(partition, minuteMs);
    } catch (cause) {
      throw unknown(id, cause);
    }
    return id;
  }

  async #contentOf(request: DelayRequest): Promise<DueContent> {
    const { batch, domain, place } = request;
    if (batch.length <= limits.delayedBatchBytes) return { kind: 'batch', batch };
    const { objects, prefix } = this.#deps.store;
    const key = delayedObjectKey({ prefix, domain }, place);
    // One that is there is ours, by an attempt that was not answered: the id is nobody else's.
    await this.#inTime(request, () => objects.put(key, batch));
    return { kind: 'object', key, lengthBytes: batch.length };
  }

  /** Repeats a request that stores nothing that could be found by itself. */
  async #inTime<T>(request: DelayRequest, ask: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask();
      } catch (error) {
        if (!isRetriable(error)) throw error;
        if (this.#isOver(request)) throw notCommitted(delayedId(request), error);
      }
      await this.#pause(attempt);
    }
  }

  async #store(request: DelayRequest, record: WaitingRecord): Promise<void> {
    let unanswered = false;
    for (let attempt = 1; ; attempt++) {
      let cause: unknown = null;
      if (!this.#isLate(record)) {
        try {
          // A refusal tells of an earlier attempt: the key is nobody else's.
          await this.#deps.store.dueRecords.put(request.partition, record);
          return;
        } catch (error) {
          cause = error;
          unanswered ||= error instanceof UnansweredError;
          if (!isRetriable(error) && !unanswered) throw error;
        }
      }
      if (!isRetriable(cause) || this.#isOver(request)) return this.#giveUp(request, unanswered, cause);
      await this.#pause(attempt);
    }
  }

  /** What was left unanswered may still land; behind a trace under its key it cannot. Returns when it turns out to be stored. */
  async #giveUp(request: DelayRequest, unanswered: boolean, cause: unknown): Promise<void> {
    const { partition, place } = request;
    const id = delayedId(request);
    if (!unanswered) throw notCommitted(id, cause);
    const trace: DueTrace = { ...place, state: 'cancelled', objectKey: null };
    const put = () => this.#deps.store.dueRecords.put(partition, trace);
    const fenced = await repeatRequest(this.#deps, put).catch((error: unknown) => ({ error }));
    if ('error' in fenced) throw unknown(id, fenced.error);
    // By then it may have been delivered, and its trace forgotten.
    if (this.#isLate(place)) throw unknown(id, cause);
    const { outcome, item } = fenced.answer;
    if (outcome === 'done' || item?.state === 'cancelled') throw notCommitted(id, cause);
  }

  #isLate({ dueMs }: DuePlace): boolean {
    return this.nowMs() >= dueMs + this.#lateMs;
  }

  #isOver({ deliverByMs }: DelayRequest): boolean {
    return this.#deps.clock.monotonicMs() >= deliverByMs;
  }

  #pause(attempt: number): Promise<void> {
    return this.#deps.clock.sleep(backoffMs(attempt, this.#deps.random));
  }
}

function isRetriable(error: unknown): boolean {
  return error instanceof MillraceError && error.retriable;
}

function notCommitted(id: string, cause: unknown): MillraceError {
  return new MillraceError('NOT_COMMITTED', 'the delayed record could not be stored in time', {
    value: id,
    hint: 'It does not wait, and never will: send it again.',
    cause,
  });
}

function unknown(id: string, cause: unknown = null): MillraceError {
  return new MillraceError('COMMIT_UNKNOWN', 'it is not known whether the delayed record will be delivered', {
    value: id,
    hint: 'Cancel it by this id before you send it again.',
    cause,
  });
}
