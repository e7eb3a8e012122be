/**
 * The idempotent producers of a lane's partition: which of the waiting batches are appended, which are there already, and which are refused.
 *
 * Always true: what it knows is all that stands below an offset and may matter, so it decides for a commit at just this offset; a batch is refused only by what was just read.
 */

import type { Clock } from '../clock.ts';
import { hasCode } from '../errors.ts';
import type { SegmentId } from '../segment/segment-id.ts';
import { oldProducerEpoch, outOfOrderSequence } from './append-errors.ts';
import type { AppendPart } from './append-part.ts';
import type { ChunkPagesDeps } from './chunk-pages.ts';
import type { ReadyPart } from './group-plan.ts';
import type { Head } from './head.ts';
import type { Heads } from './heads.ts';
import { loadProducers } from './load-producers.ts';
import type { PartitionKey } from './partition-key.ts';
import { ProducerStates, type SequencedBatch } from './producer-states.ts';

/** What it needs of its lane. */
export interface LaneProducersDeps extends ChunkPagesDeps {
  readonly store: ChunkPagesDeps['store'] & { readonly heads: Pick<Heads, 'read'> };
  /** Entries under lower ids are too old to matter. */
  readonly producerHorizon: () => SegmentId;
}

/** See the module comment. */
export class LaneProducers {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #states = new ProducerStates();
  /** All below it that may matter is known; null: nothing is. */
  #upTo: bigint | null = null;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** Whether it can decide for a commit at a high watermark. Offsets are dense: nothing was appended by anybody else if it is the same. */
  covers(next: bigint): boolean {
    return this.#upTo === next;
  }

  /** Reads the head, and learns what was appended up to its high watermark; null when there is no head. Throws what `loadProducers` does. */
  async load(deps: LaneProducersDeps, partition: PartitionKey): Promise<Head | null> {
    let head = await deps.store.heads.read(partition, { consistent: true });
    while (head !== null) {
      try {
        await this.#load(deps, partition, head);
        return head;
      } catch (error) {
        // Retention may have deleted chunks since the head was read, and has moved its beginning before.
        const again = await deps.store.heads.read(partition, { consistent: true });
        if (!hasCode(error, 'OBJECT_MISSING') || again?.start === head.start) throw error;
        head = again;
      }
    }
    return null;
  }

  async #load(deps: LaneProducersDeps, partition: PartitionKey, head: Head): Promise<void> {
    const horizon = { from: this.#upTo, oldest: deps.producerHorizon() };
    await loadProducers(deps, partition, head, horizon, this.#states);
    this.#upTo = head.next;
  }

  /**
   * Decides about a group, in its order, and settles what needs no commit: what is to be committed of it; the rest waits behind that. `isFresh`: the high watermark was just read. Null, and nothing was
   * settled: a batch would be refused by what may be old.
   */
  decide(partition: PartitionKey, group: readonly ReadyPart[], isFresh: boolean): readonly ReadyPart[] | null {
    const nowMs = this.#clock.monotonicMs();
    this.#states.forgetSilent(nowMs);
    const trial = this.#states.trial(group.flatMap(({ part }) => part.sequenced ?? []));
    const append: ReadyPart[] = [];
    const settle: (() => void)[] = [];
    for (const ready of group) {
      const { part } = ready;
      const decision = part.sequenced === null ? { kind: 'append' as const } : trial.decide(part.sequenced);
      // What it is a duplicate of is before it in this group: it is told once that has its offset.
      if (decision.kind === 'duplicate' && decision.baseOffset === null) break;
      if (decision.kind === 'append') {
        if (part.sequenced) trial.record(part.sequenced, null, nowMs);
        append.push(ready);
      } else if (decision.kind === 'duplicate') {
        settle.push(() => part.duplicateOf(decision.baseOffset!));
      } else if (!isFresh) {
        return null;
      } else {
        settle.push(() => part.reject(refusal(partition, part.sequenced!, decision)));
      }
    }
    for (const one of settle) one();
    return append;
  }

  /** A group was committed. What stands between, by others, is learned when it matters. */
  committed(parts: readonly AppendPart[], baseOffset: bigint): void {
    if (this.#upTo !== baseOffset) return;
    let offset = baseOffset;
    for (const part of parts) {
      if (part.sequenced) this.#states.record(part.sequenced, offset, this.#clock.monotonicMs());
      offset += BigInt(part.recordCount);
    }
    this.#upTo = offset;
  }
}

function refusal(
  partition: PartitionKey,
  batch: SequencedBatch,
  decision:
    | { readonly kind: 'out-of-order'; readonly expectedSequence: number }
    | { readonly kind: 'old-epoch'; readonly producerEpoch: number },
) {
  if (decision.kind === 'old-epoch') return oldProducerEpoch(partition, batch, decision.producerEpoch);
  return outOfOrderSequence(partition, batch, decision.expectedSequence);
}
