/**
 * Fetches ahead of whoever reads: one fetch at a time over all partitions that have room, so that a look at many of them is one round trip.
 *
 * When there is nothing new it waits, each time twice as long, up to `idleMaxMs`: idle readers cost little, busy ones wait little.
 */
import type { Clock, Random } from '../clock.ts';
import { asMillraceError, type MillraceError } from '../errors.ts';
import type { FetchedPartition, FetchOptions, FetchTarget } from '../log/fetcher.ts';
import type { ListOffsetsDeps } from '../log/list-offsets.ts';
import type { TopicDirectory } from '../log/topic-directory.ts';
import type { AssignedPartition } from './assigned-partition.ts';
import type { ReaderOptions } from './reader-options.ts';
import { offsetOf } from './start-position.ts';

/** What a reader needs of a fetcher. */
export interface BatchFetcher {
  fetch(targets: readonly FetchTarget[], options: FetchOptions): Promise<readonly FetchedPartition[]>;
}

/** What a reader is made of. */
export interface ReaderDeps {
  readonly fetcher: BatchFetcher;
  readonly topics: TopicDirectory;
  readonly store: ListOffsetsDeps['store'];
  readonly clock: Clock;
  readonly random: Random;
  /** Called when it is closed: nobody needs to close it any more. */
  readonly onClosed?: () => void;
}

interface Turn {
  readonly partition: AssignedPartition;
  readonly target: FetchTarget;
  readonly version: number;
}

/** Without a reason a signal makes an exception of its own, stack and all. */
const WOKEN = 'woken';

/** See the module comment. */
export class ReadAhead {
  readonly #deps: ReaderDeps;
  readonly #options: Required<ReaderOptions>;
  readonly #partitions: () => Iterable<AssignedPartition>;
  /** Told of each partition that has something to give out, in the order in which it came. */
  readonly #onReady: (partition: AssignedPartition) => void;
  readonly #onChange: () => void;
  #wanted = false;
  #running: Promise<void> | null = null;
  #change = new AbortController();
  /** Some partition could be fetched but for the byte budget. */
  #isHeldBack = false;
  #rotation = 0;

  constructor(
    deps: ReaderDeps,
    options: Required<ReaderOptions>,
    on: {
      readonly partitions: () => Iterable<AssignedPartition>;
      readonly ready: (partition: AssignedPartition) => void;
      readonly change: () => void;
    },
  ) {
    this.#deps = deps;
    this.#options = options;
    this.#partitions = on.partitions;
    this.#onReady = on.ready;
    this.#onChange = on.change;
  }

  /** Fetches until told to stop. */
  start(): void {
    this.#wanted = true;
    this.#running ??= this.#run();
  }

  /** Fetches no more, and resolves when the last fetch is over. What was fetched stays. */
  async stop(): Promise<void> {
    this.#wanted = false;
    this.wake();
    await this.#running;
  }

  /** Something is other than it was: look again, at once. */
  wake(): void {
    const change = this.#change;
    this.#change = new AbortController();
    change.abort(WOKEN);
  }

  /** A batch was taken: there may be room now. */
  taken(): void {
    if (this.#isHeldBack) this.wake();
  }

  async #run(): Promise<void> {
    let idleMs = 0;
    while (this.#wanted) {
      const { signal } = this.#change;
      const turns = this.#plan();
      if (turns.length > 0 && (await this.#fetch(turns))) {
        idleMs = 0;
        continue;
      }
      idleMs = Math.min(Math.max(idleMs * 2, this.#options.idleMinMs), this.#options.idleMaxMs);
      if (turns.length > 0) await this.#deps.clock.sleep(idleMs, signal);
      else await aborted(signal);
      if (signal.aborted) idleMs = 0;
    }
    this.#running = null;
  }

  /** What to fetch now: every partition that wants more, beginning with another one each time, while the budget lasts. */
  #plan(): readonly Turn[] {
    const all = [...this.#partitions()];
    this.#isHeldBack = true;
    if (this.#isFull(all)) return [];
    this.#rotation = (this.#rotation + 1) % Math.max(1, all.length);
    const turns: Turn[] = [];
    for (let index = 0; index < all.length; index++) {
      const partition = all[(index + this.#rotation) % all.length]!;
      const target = partition.fetchTarget(this.#options.partitionFetchBytes);
      if (target !== null) turns.push({ partition, target, version: partition.version });
    }
    this.#isHeldBack = turns.length < all.length;
    return turns;
  }

  /** What paused partitions hold counts, but alone it holds nobody up: nobody takes it until they are resumed. */
  #isFull(partitions: readonly AssignedPartition[]): boolean {
    let queuedBytes = 0;
    let takeableBytes = 0;
    for (const partition of partitions) {
      queuedBytes += partition.queuedBytes;
      if (!partition.paused) takeableBytes += partition.queuedBytes;
    }
    return takeableBytes > 0 && queuedBytes + this.#options.fetchBytes > this.#options.readAheadBytes;
  }

  /** Whether there is reason to fetch again at once. */
  async #fetch(turns: readonly Turn[]): Promise<boolean> {
    const { stopAtEnd, fetchBytes } = this.#options;
    const consistent = stopAtEnd && turns.some(({ partition }) => partition.endOffset === null);
    const targets = turns.map(({ target }) => target);
    let results: readonly FetchedPartition[];
    try {
      results = await this.#deps.fetcher.fetch(targets, { maxBytes: fetchBytes, consistent });
    } catch (cause) {
      const error = asMillraceError(cause);
      results = turns.map(() => ({ outcome: 'failed', error }));
    }
    let progress = false;
    for (const [index, turn] of turns.entries()) {
      const { partition, version } = turn;
      // A seek has moved it meanwhile, or it is assigned no more.
      if (partition.version !== version) continue;
      const result = results[index]!;
      if (result.outcome === 'failed') progress = (await this.#failed(turn, result.error)) || progress;
      else {
        const before = partition.fetchOffset;
        partition.accept(result, stopAtEnd);
        progress ||= partition.fetchOffset !== before;
      }
      if (partition.isReady) this.#onReady(partition);
    }
    this.#onChange();
    return progress;
  }

  /** Whether it could be put right. */
  async #failed({ partition, version }: Turn, error: MillraceError): Promise<boolean> {
    if (error.code === 'OFFSET_OUT_OF_RANGE' && this.#options.outOfRange !== 'error') {
      return this.#followPolicy(partition, version);
    }
    if (error.code === 'UNKNOWN_TOPIC_OR_PARTITION') this.#deps.topics.forget(partition.route);
    const nowMs = this.#deps.clock.monotonicMs();
    partition.failingSinceMs ??= nowMs;
    const mayPass = error.retriable && nowMs - partition.failingSinceMs < this.#options.retryMs;
    if (!mayPass) partition.error = error;
    return false;
  }

  async #followPolicy(partition: AssignedPartition, version: number): Promise<boolean> {
    const position = this.#options.outOfRange === 'earliest' ? 'beginning' : 'end';
    try {
      const offset = await offsetOf(this.#deps, partition.readable, position);
      if (partition.version === version) partition.skipTo(offset);
      return true;
    } catch (cause) {
      if (partition.version === version) partition.error = asMillraceError(cause);
      return false;
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
