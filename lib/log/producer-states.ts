/**
 * What was appended last by each idempotent producer of a partition, and what that says of the next batch: pure.
 *
 * A producer numbers its records in a partition, from 0 and around at 2³¹; a batch carries the number of its first. One that is sent again is found by its number, among the last five of its producer: no
 * client has more under way. Source: KIP-98, Kafka's `ProducerStateManager` and `ProducerAppendInfo`.
 */
import type { EntryProducer } from './entry.ts';

/** A batch of an idempotent producer. */
export interface SequencedBatch extends EntryProducer {
  readonly recordCount: number;
  /** The number of one that was sent before it and was not appended; none by default. */
  readonly missingSequence?: number | null;
}

/** What to do with a batch. */
export type SequenceDecision =
  | { readonly kind: 'append' }
  /** It is there already; null: it is before this one in the same commit, and has no offset yet. */
  | { readonly kind: 'duplicate'; readonly baseOffset: bigint | null }
  | { readonly kind: 'out-of-order'; readonly expectedSequence: number }
  | { readonly kind: 'old-epoch'; readonly producerEpoch: number };

interface AppendedBatch {
  readonly baseSequence: number;
  readonly recordCount: number;
  readonly baseOffset: bigint | null;
}

interface ProducerState {
  readonly producerEpoch: number;
  /** The newest last. */
  readonly batches: readonly AppendedBatch[];
  /** Monotonic. */
  readonly heardMs: number;
}

const SEQUENCES = 2 ** 31;
/** Kafka: a client has at most five requests under way. */
const KEPT_BATCHES = 5;
/** Producers of one partition that are remembered; who was silent longest is forgotten first, and may go on with any sequence then, as in Kafka. */
const KEPT_PRODUCERS = 10_000;

/** Who was silent for so long is forgotten: Kafka's `producer.id.expiration.ms`. */
const KEPT_MS = 24 * 60 * 60_000;

/** See the module comment. */
export class ProducerStates {
  /** By producer id, in the order of last use. */
  readonly #states = new Map<bigint, ProducerState>();

  /** What a batch is, given all that was recorded. */
  decide({ producerId, producerEpoch, baseSequence, recordCount, missingSequence }: SequencedBatch): SequenceDecision {
    const state = this.#states.get(producerId);
    if (state === undefined) {
      // Whoever is not known may begin with any number, but not with its second batch when its first is on its way.
      return missingSequence == null ? { kind: 'append' } : { kind: 'out-of-order', expectedSequence: missingSequence };
    }
    if (producerEpoch < state.producerEpoch) return { kind: 'old-epoch', producerEpoch: state.producerEpoch };
    if (producerEpoch > state.producerEpoch) {
      return baseSequence === 0 ? { kind: 'append' } : { kind: 'out-of-order', expectedSequence: 0 };
    }
    const same = state.batches.find((one) => one.baseSequence === baseSequence && one.recordCount === recordCount);
    if (same) return { kind: 'duplicate', baseOffset: same.baseOffset };
    const expectedSequence = sequenceAfter(state.batches.at(-1)!);
    return baseSequence === expectedSequence ? { kind: 'append' } : { kind: 'out-of-order', expectedSequence };
  }

  /** A batch stands in the log; null: it will, in the commit that is being prepared. `nowMs` is monotonic. */
  record(sequenced: SequencedBatch, baseOffset: bigint | null, nowMs: number): void {
    const { producerId, producerEpoch, baseSequence, recordCount } = sequenced;
    const before = this.#states.get(producerId);
    const batches = before?.producerEpoch === producerEpoch ? before.batches : [];
    const batch: AppendedBatch = { baseSequence, recordCount, baseOffset };
    this.#states.delete(producerId);
    this.#states.set(producerId, {
      producerEpoch,
      batches: [...batches, batch].slice(-KEPT_BATCHES),
      heardMs: nowMs,
    });
    if (this.#states.size > KEPT_PRODUCERS) this.#states.delete(this.#states.keys().next().value!);
  }

  /** Forgets who was silent for a day. `nowMs` is monotonic. */
  forgetSilent(nowMs: number): void {
    for (const [producerId, { heardMs }] of this.#states) {
      if (nowMs - heardMs <= KEPT_MS) return;
      this.#states.delete(producerId);
    }
  }

  /** Forgets all of them. */
  clear(): void {
    this.#states.clear();
  }

  /** Another one that may be changed without changing this, for the producers of some batches. */
  trial(batches: readonly SequencedBatch[]): ProducerStates {
    const trial = new ProducerStates();
    for (const { producerId } of batches) {
      const state = this.#states.get(producerId);
      if (state) trial.#states.set(producerId, state);
    }
    return trial;
  }
}

function sequenceAfter({ baseSequence, recordCount }: AppendedBatch): number {
  return (baseSequence + recordCount) % SEQUENCES;
}
