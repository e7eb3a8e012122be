/**
 * Tells long polls of new records. What this gateway appends is told at once; what others append is looked for while somebody waits: one request for all partitions that are waited for, whoever waits
 * and however many they are. A store on this machine is asked only once it says that something has changed.
 *
 * Costs nothing while nobody waits.
 */
import { AWAKE, type Clock } from '../clock.ts';
import type { Heads } from '../log/heads.ts';
import { type PartitionKey, partitionPk } from '../log/partition-key.ts';

/** What a watch needs. */
export interface HeadWatchDeps {
  readonly store: { readonly heads: Pick<Heads, 'readMany'> };
  readonly clock: Clock;
  /** Of a store on this machine; null where there is no such sign. */
  readonly changes: { count(): number } | null;
}

/** The first pause after news, which doubles up to the longest: half a read unit a partition each, $0.16 a month at one a second. */
const PAUSE_MIN_MS = 20;
const PAUSE_MAX_MS = 1_000;
/** Between two looks at whether a store on this machine has changed. */
const CHANGE_LOOK_MS = 5;
/** Heads of one request: one BatchGetItem of DynamoDB. */
const HEADS_PER_REQUEST = 100;
/** Partitions whose high watermark is kept though nobody waits. */
const KEPT = 10_000;

/** Entries that are looked at for each that is made: more than one, so that they become fewer again. */
const OLD_LOOKS = 2;

interface Watched {
  readonly partition: PartitionKey;
  next: bigint;
  /** Of the last read that showed it. */
  stamp: ReadStamp;
  readonly waiters: Set<() => void>;
}

/** When a read was begun: what the store may have changed since is not in it. */
export interface ReadStamp {
  readonly atMs: number;
  /** Of a store on this machine, 0 elsewhere. */
  readonly changeCount: number;
}

const NEVER: ReadStamp = { atMs: Number.NEGATIVE_INFINITY, changeCount: -1 };

/** A partition and where its waiter is. */
export interface AwaitedPartition {
  readonly partition: PartitionKey;
  readonly offset: bigint;
}

/** See the module comment. */
export class HeadWatch {
  readonly #deps: HeadWatchDeps;
  /** By partition, in the order of last use. */
  readonly #watched = new Map<string, Watched>();
  #waiterCount = 0;
  #isRunning = false;
  #pauseMs = PAUSE_MIN_MS;
  #nudge = new AbortController();

  constructor(deps: HeadWatchDeps) {
    this.#deps = deps;
  }

  /** The high watermark behind an append of this gateway. */
  appended(partition: PartitionKey, next: bigint): void {
    this.#learn(partition, next, null);
  }

  /** To be taken before a read whose results are told by `saw`. */
  stamp(): ReadStamp {
    return { atMs: this.#deps.clock.monotonicMs(), changeCount: this.#deps.changes?.count() ?? 0 };
  }

  /** What a read of the head said. */
  saw(partition: PartitionKey, next: bigint, stamp: ReadStamp): void {
    this.#learn(partition, next, stamp);
  }

  /** Whether there is for certain nothing at an offset, as far as anybody has to know: then nothing needs to be asked. */
  isAtEnd({ partition, offset }: AwaitedPartition): boolean {
    const watched = this.#watched.get(partitionPk(partition));
    return watched?.next === offset && this.#isFresh(watched);
  }

  #isFresh({ stamp }: Watched): boolean {
    const { changes, clock } = this.#deps;
    if (changes !== null) return changes.count() === stamp.changeCount;
    return clock.monotonicMs() - stamp.atMs < PAUSE_MAX_MS;
  }

  /** Resolves when one of the partitions has something at or above its offset, when the time is over, or when `signal` is aborted. */
  async wait(awaited: readonly AwaitedPartition[], timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || awaited.some((one) => this.#hasMore(one))) return;
    const over = new AbortController();
    const wake = () => over.abort(AWAKE);
    const entries = awaited.map(({ partition }) => {
      const entry = this.#entry(partition);
      // At once: an entry without waiters may be forgotten with the next that is made.
      entry.waiters.add(wake);
      return entry;
    });
    signal.addEventListener('abort', wake, { once: true });
    this.#waiterCount += 1;
    this.#begin();
    await this.#deps.clock.sleep(timeoutMs, over.signal);
    this.#waiterCount -= 1;
    signal.removeEventListener('abort', wake);
    for (const { waiters } of entries) waiters.delete(wake);
    if (this.#waiterCount === 0) this.#nudge.abort(AWAKE);
  }

  #hasMore({ partition, offset }: AwaitedPartition): boolean {
    const watched = this.#watched.get(partitionPk(partition));
    return watched !== undefined && watched.next > offset;
  }

  #entry(partition: PartitionKey): Watched {
    const pk = partitionPk(partition);
    const known = this.#watched.get(pk);
    const entry = known ?? {
      partition,
      next: -1n,
      stamp: NEVER,
      waiters: new Set<() => void>(),
    };
    this.#watched.delete(pk);
    this.#watched.set(pk, entry);
    this.#forgetOld();
    return entry;
  }

  /** Looks at no more than a few: those that are waited for are many when there are many, and in use. */
  #forgetOld(): void {
    for (let look = 0; look < OLD_LOOKS && this.#watched.size > KEPT; look++) {
      const [pk, oldest] = this.#watched.entries().next().value!;
      this.#watched.delete(pk);
      if (oldest.waiters.size > 0) this.#watched.set(pk, oldest);
    }
  }

  #learn(partition: PartitionKey, next: bigint, stamp: ReadStamp | null): void {
    const entry = this.#entry(partition);
    // A read that shows less than is known was an old one, and says nothing.
    if (stamp !== null && next >= entry.next) entry.stamp = stamp;
    if (next <= entry.next) return;
    entry.next = next;
    for (const wake of entry.waiters) wake();
  }

  #begin(): void {
    this.#pauseMs = PAUSE_MIN_MS;
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run();
  }

  /** Goes on for as long as somebody waits. */
  async #run(): Promise<void> {
    while (this.#waiterCount > 0) {
      this.#nudge = new AbortController();
      await this.#look();
      const pauseMs = this.#deps.changes === null ? this.#pauseMs : CHANGE_LOOK_MS;
      if (this.#waiterCount > 0) await this.#deps.clock.sleep(pauseMs, this.#nudge.signal);
    }
    this.#isRunning = false;
  }

  async #look(): Promise<void> {
    const isEmbedded = this.#deps.changes !== null;
    const stamp = this.stamp();
    const awaited = [...this.#watched.values()].filter(
      (one) => one.waiters.size > 0 && !(isEmbedded && one.stamp.changeCount === stamp.changeCount),
    );
    if (awaited.length === 0) return;
    try {
      const found = await this.#read(awaited, stamp);
      this.#pauseMs = found ? PAUSE_MIN_MS : Math.min(this.#pauseMs * 2, PAUSE_MAX_MS);
    } catch {
      // Who waits asks again when its time is over, and is told then.
      this.#pauseMs = PAUSE_MAX_MS;
      if (isEmbedded) await this.#deps.clock.sleep(PAUSE_MAX_MS, this.#nudge.signal);
    }
  }

  /** Whether there was anything new. */
  async #read(awaited: readonly Watched[], stamp: ReadStamp): Promise<boolean> {
    let isNew = false;
    for (let from = 0; from < awaited.length; from += HEADS_PER_REQUEST) {
      const some = awaited.slice(from, from + HEADS_PER_REQUEST);
      const keys = some.map(({ partition }) => partition);
      const heads = await this.#deps.store.heads.readMany(keys, { consistent: false });
      for (const [index, head] of heads.entries()) {
        const entry = some[index]!;
        // A partition that is gone is news too.
        if (head === null) for (const wake of entry.waiters) wake();
        else {
          isNew ||= head.next > entry.next;
          this.#learn(entry.partition, head.next, stamp);
        }
      }
    }
    return isNew;
  }
}
