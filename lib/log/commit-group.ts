/**
 * Carries out a commit: sends attempts, lets `commit-decision.ts` decide about refusals, and gives up only behind a fence.
 *
 * Always true: at most one attempt of a group is in the air; all attempts carry the same bytes; `known` changes only after a proof that older attempts are dead; after
 * `committed`, `refloored` and `not-committed` the outcome can never change any more.
 */
import type { Clock, Random } from '../clock.ts';
import { MillraceError, UnansweredError } from '../errors.ts';
import type { SegmentId } from '../segment/segment-id.ts';
import { backoffMs } from './backoff.ts';
import type { Chunks } from './chunks.ts';
import {
  type CommitDecision,
  type CommitProgress,
  decideAbsent,
  decideFenced,
  decideRefusal,
} from './commit-decision.ts';
import type { Head } from './head.ts';
import type { CommitArgs } from './head-transitions.ts';
import type { CommitOutcome, Heads } from './heads.ts';
import type { PartitionKey } from './partition-key.ts';
import { rollTail } from './roll.ts';
import { searchChunks } from './search-chunks.ts';

/** What a commit needs. */
export interface CommitDeps {
  readonly store: { readonly heads: Heads; readonly chunks: Chunks };
  readonly clock: Clock;
  readonly random: Random;
}

/** Monotonic times after which a commit is given up. */
export interface CommitDeadlines {
  /** No new attempt after it; an unanswered commit is fenced. */
  readonly deliverByMs: number;
  /** No more attempts to fence or to search after it. */
  readonly settleByMs: number;
}

/** What became of a group. */
export type CommitResult =
  /** `tail` is what the answer showed; null when an earlier attempt was found to have landed. */
  | {
      readonly outcome: 'committed';
      readonly baseOffset: bigint;
      readonly next: bigint;
      readonly tail: { readonly entries: readonly Uint8Array[]; readonly bytes: number } | null;
    }
  /** The floor has passed it, and it is not in the log: upload again under ids above `floor`. */
  | { readonly outcome: 'refloored'; readonly floor: SegmentId }
  /** It is not in the log and never will be. */
  | { readonly outcome: 'not-committed'; readonly error: MillraceError }
  | { readonly outcome: 'mismatch'; readonly next: bigint }
  | { readonly outcome: 'gone' }
  /** Nobody can tell any more. `fence`: ids up to it may still land, and must be fenced before anything else is committed. */
  | { readonly outcome: 'unknown'; readonly fence: SegmentId | null; readonly cause: unknown };

type Step = { readonly kind: 'result'; readonly result: CommitResult } | { readonly kind: 'again' };

const again: Step = { kind: 'again' };
const finish = (result: CommitResult): Step => ({ kind: 'result', result });

/** Commits a group of entries, until it is decided or the deadlines have passed. Never throws. */
export async function commitGroup(
  deps: CommitDeps,
  partition: PartitionKey,
  args: CommitArgs,
  deadlines: CommitDeadlines,
): Promise<CommitResult> {
  const run = new CommitRun(deps, partition, args, deadlines);
  for (;;) {
    const step = await run.attempt();
    if (step.kind === 'result') return step.result;
  }
}

class CommitRun {
  readonly #deps: CommitDeps;
  readonly #partition: PartitionKey;
  readonly #deadlines: CommitDeadlines;
  #progress: CommitProgress;
  #attempts = 0;
  #lastError: unknown;

  constructor(deps: CommitDeps, partition: PartitionKey, args: CommitArgs, deadlines: CommitDeadlines) {
    this.#deps = deps;
    this.#partition = partition;
    this.#deadlines = deadlines;
    this.#progress = { args, unanswered: false, gap: false };
  }

  async attempt(): Promise<Step> {
    if (this.#deps.clock.monotonicMs() >= this.#deadlines.deliverByMs) return this.#giveUp();
    this.#attempts += 1;
    let answer: CommitOutcome;
    try {
      answer = await this.#deps.store.heads.commit(this.#partition, this.#progress.args);
    } catch (error) {
      return this.#failed(error);
    }
    if (answer.outcome === 'done') {
      const baseOffset = answer.next - BigInt(this.#progress.args.recordCount);
      const tail = { entries: answer.tail, bytes: answer.tailBytes };
      return finish({ outcome: 'committed', baseOffset, next: answer.next, tail });
    }
    try {
      return await this.#carryOut(decideRefusal(this.#progress, answer.item), answer.item);
    } catch (error) {
      // The head that refused is damaged: nothing more can be decided by it.
      this.#lastError = error;
      return this.#giveUp();
    }
  }

  async #failed(error: unknown): Promise<Step> {
    this.#lastError = error;
    // What no store should throw may have been thrown behind the effect.
    const mayHaveLanded = error instanceof UnansweredError || !(error instanceof MillraceError);
    if (mayHaveLanded) this.#progress = { ...this.#progress, unanswered: true };
    if (!(error instanceof MillraceError && error.retriable)) return this.#giveUp();
    await this.#pause();
    return again;
  }

  async #carryOut(decision: CommitDecision, head: Head | undefined): Promise<Step> {
    switch (decision.kind) {
      case 'done':
        return finish({ outcome: 'committed', baseOffset: decision.baseOffset, next: head!.next, tail: null });
      case 'gone':
        return finish({ outcome: 'gone' });
      case 'mismatch':
        return finish({ outcome: 'mismatch', next: decision.next });
      case 'not-committed':
        return finish({ outcome: 'refloored', floor: decision.floor });
      case 'unknown':
        return finish({ outcome: 'unknown', fence: null, cause: this.#lastError });
      case 'again':
        this.#progress = { ...this.#progress, args: { ...this.#progress.args, known: decision.known } };
        return again;
      case 'roll':
        return this.#roll(decision.head);
      case 'search':
        return this.#search(decision.head);
    }
  }

  async #roll(head: Head): Promise<Step> {
    try {
      await rollTail(this.#deps.store, this.#partition, head);
    } catch (error) {
      this.#lastError = error;
      await this.#pause();
    }
    return again;
  }

  async #search(head: Head): Promise<Step> {
    const result = await this.#searchUntil(head, this.#deadlines.settleByMs);
    if (!result) return finish({ outcome: 'unknown', fence: this.#progress.args.minId, cause: this.#lastError });
    if (result.found) {
      return finish({ outcome: 'committed', baseOffset: result.baseOffset, next: head.next, tail: null });
    }
    this.#progress = { ...this.#progress, gap: this.#progress.gap || result.gap };
    return this.#carryOut(decideAbsent(this.#progress, head), head);
  }

  /** Nothing more is sent. What was never left unanswered is not committed; the rest is known only behind a fence. */
  async #giveUp(): Promise<Step> {
    if (!this.#progress.unanswered) return finish({ outcome: 'not-committed', error: this.#givenUpError() });
    const { minId } = this.#progress.args;
    const fenced = await this.#until(this.#deadlines.settleByMs, () =>
      this.#deps.store.heads.raiseFloor(this.#partition, minId),
    );
    if (!fenced) return finish({ outcome: 'unknown', fence: minId, cause: this.#lastError });
    try {
      return finish(await this.#settleFenced(fenced.item));
    } catch (cause) {
      return finish({ outcome: 'unknown', fence: null, cause });
    }
  }

  async #settleFenced(head: Head | undefined): Promise<CommitResult> {
    const decision = decideFenced(this.#progress, head);
    if (decision.kind === 'done') {
      return { outcome: 'committed', baseOffset: decision.baseOffset, next: head!.next, tail: null };
    }
    if (decision.kind === 'gone') return { outcome: 'gone' };
    if (decision.kind === 'search') {
      const result = await this.#searchUntil(decision.head, this.#deadlines.settleByMs);
      if (!result) return { outcome: 'unknown', fence: null, cause: this.#lastError };
      if (result.found) {
        return { outcome: 'committed', baseOffset: result.baseOffset, next: head!.next, tail: null };
      }
      this.#progress = { ...this.#progress, gap: this.#progress.gap || result.gap };
    }
    if (this.#progress.gap) return { outcome: 'unknown', fence: null, cause: this.#lastError };
    return { outcome: 'not-committed', error: this.#givenUpError() };
  }

  #givenUpError(): MillraceError {
    const last = this.#lastError;
    if (last instanceof MillraceError && !last.retriable) return last;
    return new MillraceError('NOT_COMMITTED', `the commit was given up after ${this.#attempts} attempts`, {
      value: this.#partition,
      hint: 'The records are not in the log and never will be: send them again.',
      cause: last,
    });
  }

  #searchUntil(head: Head, untilMs: number) {
    const { known, entries } = this.#progress.args;
    return this.#until(untilMs, () =>
      searchChunks(this.#deps.store.chunks, this.#partition, { known, tailBase: head.tailBase, group: entries }),
    );
  }

  /** Repeats a harmless operation until it is answered; null when the time is over or the store refuses for good. */
  async #until<T>(untilMs: number, operation: () => Promise<T>): Promise<T | null> {
    for (;;) {
      try {
        return await operation();
      } catch (error) {
        this.#lastError = error;
        if (!(error instanceof MillraceError && error.retriable)) return null;
      }
      if (this.#deps.clock.monotonicMs() >= untilMs) return null;
      this.#attempts += 1;
      await this.#pause();
    }
  }

  #pause(): Promise<void> {
    return this.#deps.clock.sleep(backoffMs(this.#attempts, this.#deps.random));
  }
}
