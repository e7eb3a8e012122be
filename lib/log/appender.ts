/**
 * Appends record batches to many partitions at once: gathers them into flushes, writes each flush as one segment for each isolation domain, and hands the parts to the lanes of
 * their partitions, which publish them in order.
 *
 * Memory: holds what was appended and is not settled; callers bound that (the producer by its buffer). Lanes exist for partitions in use only.
 */
import { BufferPool } from '../buffer-pool.ts';
import { AWAKE, type Clock, type Random } from '../clock.ts';
import { asMillraceError, MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import { encodeSegment } from '../segment/encode-segment.ts';
import { type IdSource, UlidSource } from '../segment/id-source.ts';
import { firstIdAt, type SegmentId, ZERO_ID } from '../segment/segment-id.ts';
import type { AppendPart, AppendRequest, AppendResult } from './append-part.ts';
import { summarizeBatches } from './batch-summary.ts';
import { type FlushPolicy, flushDelayMs, planFlush } from './flush-plan.ts';
import type { LogStore } from './log-store.ts';
import { OpenFlush } from './open-flush.ts';
import { type PartitionKey, partitionPk } from './partition-key.ts';
import { type LaneDeps, PartitionLane } from './partition-lane.ts';
import { isTooFarAhead, mintId, type UploadDeps, uploadSegment } from './upload-segment.ts';

/** How an appender is made. */
export interface AppenderOptions extends Partial<FlushPolicy> {
  readonly store: LogStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Default: ULIDs from the store's clock. */
  readonly ids?: IdSource;
  /** How long a request may wait for its commit, in ms, or what tells it when a part is opened. Default 30,000; giving up an unanswered commit may take as long again. */
  readonly deliveryTimeoutMs?: number | (() => number);
  /** Where segments stand until they are written. Default: a pool of its own that keeps 16 MiB at most. */
  readonly buffers?: BufferPool;
  /** Called with what begins a flush, to be done when all that is appended together has been. Default `queueMicrotask`; a server whose requests come by sockets has what has arrived by then appended first. */
  readonly afterTurn?: (begin: () => void) => void;
}

/** Defaults: segments of 8 MiB, no linger, 4 PUTs in flight, no bound on flushes. */
const DEFAULT_POLICY: FlushPolicy = {
  segmentBytes: 8 * 1024 * 1024,
  lingerMs: 0,
  maxPutsInFlight: 4,
  maxFlushesPerSecond: Number.POSITIVE_INFINITY,
};
const DEFAULT_DELIVERY_TIMEOUT_MS = 30_000;

/** Two segments of the default size: more are in flight only where the store is slow. */
const KEPT_BYTES = 16 * 1024 * 1024;

/** Lanes that are kept for their knowledge of `next` although nothing is queued in them. */
const IDLE_LANES = 4_096;

/** Entries of one commit: a tail just under its cap and a group still fit one roll. */
const GROUP_ENTRIES = 8;

/** See the module comment. */
export class Appender {
  readonly #policy: FlushPolicy;
  readonly #clock: Clock;
  readonly #deliveryTimeoutMs: () => number;
  readonly #uploadDeps: UploadDeps;
  readonly #laneDeps: LaneDeps;
  readonly #buffers: BufferPool;
  readonly #afterTurn: (begin: () => void) => void;
  readonly #writerId: SegmentId;
  readonly #lanes = new Map<string, PartitionLane>();
  #open = new OpenFlush();
  /** Full flushes that wait for one in flight to end. */
  readonly #sealed: OpenFlush[] = [];
  /** Flushes that the next one waits for, by their start: those whose parts are not settled, but for parts of partitions that were stuck before. */
  readonly #inFlight = new Map<Promise<void>, number>();
  /** Flushes that are still being written to the object store. */
  readonly #uploading = new Set<Promise<void>>();
  #lastStartMs = Number.NEGATIVE_INFINITY;
  #urgent = false;
  #wake = new AbortController();
  #scheduled = false;
  #closed = false;

  constructor(options: AppenderOptions) {
    const { store, clock, random } = options;
    const ids = options.ids ?? new UlidSource({ clock, random, serverClock: store.serverClock });
    this.#clock = clock;
    this.#policy = { ...DEFAULT_POLICY, ...options };
    const { deliveryTimeoutMs = DEFAULT_DELIVERY_TIMEOUT_MS } = options;
    this.#deliveryTimeoutMs = typeof deliveryTimeoutMs === 'number' ? () => deliveryTimeoutMs : deliveryTimeoutMs;
    this.#uploadDeps = { store, ids, clock, random };
    this.#buffers = options.buffers ?? new BufferPool({ keptBytes: KEPT_BYTES });
    this.#afterTurn = options.afterTurn ?? queueMicrotask;
    this.#writerId = ids.next(ZERO_ID);
    this.#laneDeps = {
      store,
      clock,
      random,
      limits: {
        maxEntries: GROUP_ENTRIES,
        maxBytes: limits.tailBytesCap / 2,
        tailEntriesCap: limits.tailEntriesCap,
        tailBytesCap: limits.tailBytesCap,
      },
      tailBudget: { entries: limits.tailEntries, bytes: limits.tailBytes },
      upload: (part, lane) => void this.#uploadAgain(part, lane),
      isTooFarAhead: (id) => isTooFarAhead(store.serverClock, id),
      producerHorizon: () => firstIdAt(Math.max(0, store.serverClock.nowMs() - limits.producerHorizonMs)),
      failOpen: (partition, error) => this.#failOpen(partition, error),
    };
  }

  /**
   * Appends to one partition. Requests for a partition stand in the log in the order of these calls; one that is given up (NOT_COMMITTED,
   * COMMIT_UNKNOWN, OFFSET_MISMATCH) takes along what is queued behind it for its partition.
   */
  append(request: AppendRequest): Promise<AppendResult> {
    if (this.#closed) return Promise.reject(closedError());
    try {
      const summary = summarizeBatches(request.batches);
      if (request.isSequenced && summary.producer === null) throw notSequenced(summary.batchCount);
      const isFull = this.#open.byteCount >= this.#policy.segmentBytes;
      if (isFull || !this.#open.takes(request, summary.recordCount)) this.#seal();
      const part = this.#open.partFor(request, this.#clock.monotonicMs(), this.#deliveryTimeoutMs());
      const result = part.add(request, summary);
      this.#open.added(request, summary.recordCount);
      this.#schedule();
      return result;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Starts what is open and resolves when everything appended before is settled, whatever came of it. */
  async flush(): Promise<void> {
    this.#urgent = this.#scheduled;
    this.#rethink();
    const waiting = [...this.#sealed, this.#open].flatMap(({ parts }) => parts);
    await Promise.all([...this.#inFlight.keys(), ...waiting.map(settled)]);
    await Promise.all([...this.#lanes.values()].map((lane) => lane.settled()));
  }

  /** Flushes; afterwards appends are refused with CLOSED. Calling it again waits for the same end. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
  }

  #seal(): void {
    if (this.#open.empty) return;
    this.#sealed.push(this.#open);
    this.#open = new OpenFlush();
    this.#rethink();
  }

  /** At the end of this turn of the event loop, so that what is appended together is flushed together. */
  #schedule(): void {
    if (this.#open.byteCount >= this.#policy.segmentBytes) this.#rethink();
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#afterTurn(() => void this.#loop());
  }

  /** One loop at a time starts flushes as they become due, and ends when nothing is open. */
  async #loop(): Promise<void> {
    for (;;) {
      const flush = this.#nextFlush();
      if (flush.empty) break;
      const delayMs = flushDelayMs(this.#state(flush), this.#policy);
      if (delayMs === 0) this.#start(flush);
      else await this.#waitFor(delayMs);
    }
    this.#urgent = false;
    this.#scheduled = false;
  }

  /** A part that is failed while it waits may leave nothing of its sealed flush. */
  #nextFlush(): OpenFlush {
    while (this.#sealed[0]?.empty) this.#sealed.shift();
    return this.#sealed[0] ?? this.#open;
  }

  #state(flush: OpenFlush) {
    return {
      nowMs: this.#clock.monotonicMs(),
      openBytes: flush.byteCount,
      openSinceMs: flush.sinceMs,
      inFlightSinceMs: [...this.#inFlight.values()],
      uploadCount: this.#uploading.size,
      lastStartMs: this.#lastStartMs,
      urgent: this.#urgent || this.#sealed.length > 0,
    };
  }

  async #waitFor(delayMs: number): Promise<void> {
    const wake = new AbortController();
    this.#wake = wake;
    const over = Number.isFinite(delayMs) ? [this.#clock.sleep(delayMs, wake.signal)] : [];
    await Promise.race([...over, ...this.#inFlight.keys(), ...this.#uploading, aborted(wake.signal)]);
    wake.abort(AWAKE);
  }

  /** The state has changed: the loop looks again. */
  #rethink(): void {
    this.#wake.abort(AWAKE);
  }

  #start(flush: OpenFlush): void {
    if (flush === this.#open) this.#open = new OpenFlush();
    else this.#sealed.shift();
    this.#lastStartMs = this.#clock.monotonicMs();
    const flight = this.#flush(flush.parts);
    this.#inFlight.set(flight, this.#lastStartMs);
    void flight.finally(() => this.#inFlight.delete(flight));
  }

  async #flush(parts: readonly AppendPart[]): Promise<void> {
    const plan = planFlush(parts);
    const healthy = parts.filter(({ target }) => !this.#lane(target.partition).stuck);
    for (const part of parts) {
      part.uploading();
      this.#lane(part.target.partition).enqueue(part);
    }
    for (const part of plan.inline) void this.#inline(part);
    const uploads = Promise.all(plan.segments.map(({ domain, parts: together }) => this.#upload(domain, together)));
    const uploaded: Promise<void> = uploads.then(() => void this.#uploading.delete(uploaded));
    this.#uploading.add(uploaded);
    // The next flush waits for partitions that move; one whose store is slow or refuses must not set the pace of all others.
    await Promise.all((healthy.length > 0 ? healthy : parts).map(settled));
    this.#forgetIdleLanes();
  }

  async #inline(part: AppendPart): Promise<void> {
    try {
      part.inlined(await mintId(this.#uploadDeps, this.#idNeed([part])));
    } catch (error) {
      part.uploadFailed(asMillraceError(error));
    }
  }

  async #upload(domain: string, parts: readonly AppendPart[]): Promise<void> {
    try {
      const together = Map.groupBy(parts, ({ target }) => partitionPk(target.partition));
      const regions = [...together.values()].map((own) => {
        return { ...own[0]!.target.partition, batches: own.flatMap(({ batches }) => batches) };
      });
      let onUnread = () => {};
      const segment = encodeSegment({ level: 0, writerId: this.#writerId, regions }, (sizeBytes) => {
        const { bytes, giveBack } = this.#buffers.take(sizeBytes);
        onUnread = giveBack;
        return bytes;
      });
      const need = this.#idNeed(parts);
      const id = await uploadSegment(this.#uploadDeps, { domain, bytes: segment.bytes, onUnread, ...need });
      for (const region of segment.regions) {
        let { position } = region;
        for (const part of together.get(partitionPk(region))!) {
          part.uploaded(id, position, part.byteCount);
          position += part.byteCount;
        }
      }
    } catch (error) {
      for (const part of parts) part.uploadFailed(asMillraceError(error));
    }
  }

  async #uploadAgain(part: AppendPart, lane: PartitionLane): Promise<void> {
    // Its bytes may be another's by now.
    if (part.settled) return;
    part.uploading();
    this.#lanes.set(partitionPk(lane.partition), lane);
    await (part.isInline ? this.#inline(part) : this.#upload(part.target.domain, [part]));
  }

  /** One id serves all partitions of a segment, so it must be above all their floors. */
  #idNeed(parts: readonly AppendPart[]) {
    const lanes = parts.map(({ target }) => this.#lane(target.partition));
    return {
      floor: () => lanes.reduce((highest, { floor }) => (floor > highest ? floor : highest), ZERO_ID),
      deliverByMs: Math.min(...parts.map(({ deliverByMs }) => deliverByMs)),
    };
  }

  #lane(partition: PartitionKey): PartitionLane {
    const key = partitionPk(partition);
    const lane = this.#lanes.get(key) ?? new PartitionLane(this.#laneDeps, partition);
    // Set again, so that the map stays in the order of last use.
    this.#lanes.delete(key);
    this.#lanes.set(key, lane);
    return lane;
  }

  #forgetIdleLanes(): void {
    for (const [key, lane] of this.#lanes) {
      if (this.#lanes.size <= IDLE_LANES) return;
      if (lane.disposable) this.#lanes.delete(key);
    }
  }

  #failOpen(partition: PartitionKey, error: MillraceError): void {
    for (const flush of [...this.#sealed, this.#open]) flush.fail(partition, error);
  }
}

async function settled(part: AppendPart): Promise<void> {
  while (!part.settled) await part.changed;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function notSequenced(batchCount: number): MillraceError {
  return new MillraceError('INVALID_RECORD', 'not the one batch of an idempotent producer', {
    value: batchCount,
    hint: 'Give one record batch with a producer id.',
  });
}

function closedError(): MillraceError {
  return new MillraceError('CLOSED', 'the appender is closed', { hint: 'Append before closing, or open another one.' });
}
