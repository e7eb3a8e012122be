/**
 * Batches of idempotent producers that could not be appended and will come again, and which therefore must not be overtaken by those that their clients have sent behind them.
 *
 * Where the log knows a producer, its numbers say that one is missing. A producer that it does not know may begin with any number, so that its second batch would be taken for its first, and its first, when
 * it comes again, for an old one (in Kafka: KAFKA-14359).
 */
import type { Clock } from '../clock.ts';

/** What names a batch among those of its partition. */
export interface NumberedBatch {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
}

interface Awaited {
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly sinceMs: number;
}

const SEQUENCES = 2 ** 31;
/** Producers in partitions; who was refused longest ago goes first. */
const KEPT = 10_000;
/** A client does not send a batch again after that: two minutes by default. */
const KEPT_MS = 10 * 60_000;

/** See the module comment. */
export class AwaitedSequences {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** By partition and producer, in the order in which they were refused. */
  readonly #awaited = new Map<string, Awaited>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** The number that has to come before this batch; null for none. */
  missing(partition: string, { producerId, producerEpoch, baseSequence }: NumberedBatch): number | null {
    const awaited = this.#awaited.get(keyOf(partition, producerId));
    if (awaited === undefined || awaited.producerEpoch !== producerEpoch) return null;
    if (this.#clock.monotonicMs() - awaited.sinceMs > KEPT_MS) return null;
    return isAhead(baseSequence, awaited.baseSequence) ? awaited.baseSequence : null;
  }

  /** A batch was not appended, and may be later. */
  refused(partition: string, batch: NumberedBatch): void {
    const { producerId, producerEpoch, baseSequence } = batch;
    if (this.missing(partition, batch) !== null) return;
    const key = keyOf(partition, producerId);
    this.#awaited.delete(key);
    this.#awaited.set(key, { producerEpoch, baseSequence, sinceMs: this.#clock.monotonicMs() });
    if (this.#awaited.size > KEPT) this.#awaited.delete(this.#awaited.keys().next().value!);
  }

  /** A batch is there: from now on the log knows its producer. */
  appended(partition: string, { producerId }: NumberedBatch): void {
    this.#awaited.delete(keyOf(partition, producerId));
  }
}

function keyOf(partition: string, producerId: bigint): string {
  return `${partition} ${producerId}`;
}

/** Numbers go around. */
function isAhead(sequence: number, of: number): boolean {
  const distance = (sequence - of + SEQUENCES) % SEQUENCES;
  return distance > 0 && distance < SEQUENCES / 2;
}
