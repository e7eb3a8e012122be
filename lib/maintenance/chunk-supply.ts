/**
 * The chunks of one partition that compaction is to rewrite, oldest first: none while they are too few to be worth it, else all that are old enough. It holds the first of them, never more than a page.
 *
 * What it holds may have been dropped or rewritten by others meanwhile; whoever rewrites it finds out by its version.
 */
import { asMillraceError, type MillraceError } from '../errors.ts';
import type { Chunk } from '../log/chunk.ts';
import { isDamage } from '../log/entry-check.ts';
import type { Head } from '../log/head.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { besideRetention, headNow } from './beside-retention.ts';
import { type CompactionRules, isOldEnough, isSettled, WorthCount } from './compaction-plan.ts';
import { liveChunks } from './live-chunks.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';

/** Which chunks. */
export interface SupplyRequest {
  readonly partition: PartitionKey;
  /** An offset of the first chunk. */
  readonly fromOffset: bigint;
  readonly nowMs: number;
  /** Entries under ids that are younger may still be looked for. */
  readonly ageMs: number;
  readonly rules: CompactionRules;
  /** As in `isSettled`. Default false. */
  readonly forKeys?: boolean;
}

/** A hundred of usual size, fewer where batches are inside of them: a hundred partitions are looked at together. */
const HELD_BYTES = 256 * 1024;
/** What an entry takes in memory beside its bytes, about. */
const ENTRY_OVERHEAD_BYTES = 100;

/** See the module comment. */
export class ChunkSupply {
  /** Why what follows cannot be looked up; null while it can. */
  damage: MillraceError | null = null;
  readonly #deps: MaintenanceDeps;
  readonly #request: SupplyRequest;
  #held: readonly Chunk[] = [];
  /** Where what is not held begins. */
  #from: bigint;
  /** Whether they are worth being rewritten. */
  #isWorth = false;
  #isOver = false;
  #hasLeft = false;

  constructor(deps: MaintenanceDeps, request: SupplyRequest) {
    this.#deps = deps;
    this.#request = request;
    this.#from = request.fromOffset;
  }

  get partition(): PartitionKey {
    return this.#request.partition;
  }

  /** The first; null behind the last, and before `fill`. */
  get next(): Chunk | null {
    return this.#held[0] ?? null;
  }

  /** Whether the last look has left something that is to be rewritten later: too young, or too little. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** Has `next` be the first, if there is one left. A read and a query for 100 chunks. Throws what the store throws after ten attempts; what is damaged ends the supply. */
  async fill(): Promise<void> {
    try {
      while (this.#held.length === 0 && !this.#isOver) {
        // By the head as it is now: others may have taken hours.
        const head = await headNow(this.#deps, this.partition);
        const isThere = await besideRetention(this.#deps, { partition: this.partition, head }, (at) => this.#look(at));
        if (isThere === null) this.end();
      }
    } catch (cause) {
      const error = asMillraceError(cause);
      if (!isDamage(error)) throw error;
      this.end();
      this.damage = error;
    }
  }

  /** Passes the first. */
  take(): void {
    this.#held = this.#held.slice(1);
  }

  /** Begins anew at an offset, with what is there now. */
  rewind(fromOffset: bigint): void {
    this.#held = [];
    this.#from = fromOffset;
    this.#isOver = false;
    this.damage = null;
  }

  /** Nothing more of it. */
  end(): void {
    this.#held = [];
    this.#isOver = true;
  }

  /** Looks from `#from` on: as far as may be held, and as long as it is not known to be worth it until it is. */
  async #look({ start, tailBase }: Head): Promise<true> {
    const { partition, nowMs, ageMs, rules, forKeys } = this.#request;
    const fromOffset = this.#from < start ? start : this.#from;
    const count = new WorthCount(rules);
    const held: Chunk[] = [];
    let heldBytes = 0;
    let isHolding = true;
    let isLeft = false;
    let nextFrom = fromOffset;
    for await (const chunk of liveChunks(this.#deps, { partition, fromOffset, tailBase })) {
      if (!isOldEnough(chunk, nowMs, ageMs)) {
        isLeft = !isSettled(chunk, forKeys);
        break;
      }
      if (!isHolding && (this.#isWorth || count.isEnough)) break;
      if (!isSettled(chunk, forKeys)) {
        count.add(chunk);
        heldBytes += memoryBytes(chunk);
        isHolding &&= held.length === 0 || heldBytes <= HELD_BYTES;
        if (isHolding) held.push(chunk);
      }
      if (isHolding) nextFrom = chunk.end;
    }
    this.#isWorth ||= count.isWorth(nowMs);
    this.#held = this.#isWorth ? held : [];
    this.#hasLeft = isLeft || held.length > this.#held.length;
    this.#from = nextFrom;
    this.#isOver = this.#held.length === 0;
    return true;
  }
}

function memoryBytes({ entries }: Chunk): number {
  return entries.reduce((sum, { length }) => sum + length + ENTRY_OVERHEAD_BYTES, 0);
}
