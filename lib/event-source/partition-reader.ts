import type { MillraceError } from '../errors.ts';
import type { Fetcher } from '../log/fetcher.ts';
import type { Head } from '../log/head.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import type { ReadWindow } from './plan-batch.ts';
import { type ReceivedEvent, receivedEvents } from './received-event.ts';

/** What a reader holds at most beyond the committed offset: records that wait for one before them cannot pile up without end. */
const MAX_RECORDS = 50_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** One fetch. */
const FETCH_BYTES = 8 * 1024 * 1024;

/** What came of reading on. */
export type ReadOutcome =
  | { readonly outcome: 'read'; readonly records: number }
  /** Records up to `start` are gone by right. */
  | { readonly outcome: 'trimmed'; readonly start: bigint }
  | { readonly outcome: 'gone' }
  | { readonly outcome: 'failed'; readonly error: MillraceError };

/** Reads one partition from the committed offset on and keeps what was read until it is committed. */
export class PartitionReader {
  readonly #fetcher: Pick<Fetcher, 'fetch'>;
  readonly #of: Pick<FunctionSubscription, 'topic' | 'topicId' | 'domain'>;
  readonly #partition: number;
  #head: Head | undefined;
  /** The highest that was seen. */
  #highWatermark: bigint | null = null;
  #records: readonly ReceivedEvent[] = [];
  #bytes = 0;
  #from: bigint;
  #end: bigint;
  /** Nothing at or above it is read; null: no such limit. */
  readonly #limit: bigint | null;

  constructor(
    fetcher: Pick<Fetcher, 'fetch'>,
    of: Pick<FunctionSubscription, 'topic' | 'topicId' | 'domain'>,
    partition: number,
    from: bigint,
    limit: bigint | null = null,
  ) {
    this.#fetcher = fetcher;
    this.#of = of;
    this.#partition = partition;
    this.#from = from;
    this.#end = from;
    this.#limit = limit;
  }

  /** Everything below it was read. */
  get end(): bigint {
    return this.#end;
  }

  /** Records behind an offset, as far as it is known. */
  lagBehind(offset: bigint): bigint {
    const end = this.#highWatermark ?? this.#end;
    return end > offset ? end - offset : 0n;
  }

  /** Whether more could be read, as far as it is known. */
  get canReadOn(): boolean {
    if (this.isFull || (this.#limit !== null && this.#end >= this.#limit)) return false;
    return this.#highWatermark === null || this.#end < this.#highWatermark;
  }

  /** Nothing more is taken in before what is held was committed. */
  get isFull(): boolean {
    return this.#records.length >= MAX_RECORDS || this.#bytes >= MAX_BYTES;
  }

  /** A newer head: what it has is at hand, or known to be there. */
  see(head: Head): void {
    if (this.#highWatermark !== null && head.next < this.#highWatermark) return;
    this.#head = head;
    this.#highWatermark = head.next;
  }

  /** Forgets what lies below the committed offset. */
  window(committed: bigint): ReadWindow {
    if (committed > this.#from) {
      this.#records = this.#records.slice(indexOfOffset(this.#records, committed));
      if (this.#records.length === 0) this.#bytes = 0;
      this.#from = committed;
      if (this.#end < committed) this.#end = committed;
    }
    return { from: this.#from, end: this.#end, records: this.#records, isEnd: !this.canReadOn };
  }

  /** Reads on where it is; one fetch. */
  async readOn(): Promise<ReadOutcome> {
    const { topic, topicId, domain } = this.#of;
    const partition = { topicId, partition: this.#partition };
    const target = { partition, domain, offset: this.#end, maxBytes: FETCH_BYTES, head: this.#head };
    const [result] = await this.#fetcher.fetch([target], {
      maxBytes: FETCH_BYTES,
      consistent: this.#head === undefined,
    });
    if (result!.outcome === 'failed') return this.#failed(result!.error);
    const { batches, nextOffset, highWatermark } = result!;
    const added: ReceivedEvent[] = [];
    let position = this.#end;
    for (const batch of batches) {
      const events = receivedEvents(topic, this.#partition, batch, position);
      added.push(...events);
      this.#bytes += batch.length;
      position = events.length > 0 ? events.at(-1)!.offset + 1n : position;
    }
    const limit = this.#limit !== null && nextOffset > this.#limit ? this.#limit : nextOffset;
    this.#records = [...this.#records, ...added.filter(({ offset }) => offset < limit)];
    this.#end = limit;
    if (this.#highWatermark === null || highWatermark > this.#highWatermark) this.#highWatermark = highWatermark;
    return { outcome: 'read', records: added.length };
  }

  #failed(error: MillraceError): ReadOutcome {
    if (error.code === 'UNKNOWN_TOPIC_OR_PARTITION') return { outcome: 'gone' };
    const { logStartOffset } = (error.value ?? {}) as { readonly logStartOffset?: bigint };
    if (error.code === 'OFFSET_OUT_OF_RANGE' && logStartOffset !== undefined && logStartOffset > this.#end) {
      return { outcome: 'trimmed', start: logStartOffset };
    }
    return { outcome: 'failed', error };
  }
}

/** Index of the first record at or above an offset. */
function indexOfOffset(records: readonly ReceivedEvent[], offset: bigint): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (records[middle]!.offset < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
