import type { DelayedMetadata } from '../client/delayed-sends.ts';
import type { RecordMetadata } from '../client/send-waiter.ts';
import { asMillraceError, type MillraceError } from '../errors.ts';

/** What became of the lines that were read. */
export class ProduceOutcome {
  readonly topic: string;
  #linesRead = 0;
  #sentCount = 0;
  #failedCount = 0;
  #first: { readonly line: number; readonly error: MillraceError } | null = null;
  readonly #offsets = new Map<number, { readonly first: bigint; last: bigint }>();

  /** By line: what waits. */
  readonly #delayed = new Map<number, DelayedMetadata>();

  constructor(topic: string) {
    this.topic = topic;
  }

  /** Counts one line more; its number, from 1. */
  readLine(): number {
    this.#linesRead += 1;
    return this.#linesRead;
  }

  /** A line is in the log; offset −1 when nobody waited for it. */
  sent({ partition, offset }: RecordMetadata): void {
    this.#sentCount += 1;
    if (offset < 0n) return;
    const known = this.#offsets.get(partition);
    if (known) known.last = offset;
    else this.#offsets.set(partition, { first: offset, last: offset });
  }

  /** A line waits, and enters the topic later. */
  delayed(line: number, metadata: DelayedMetadata): void {
    this.#sentCount += 1;
    this.#delayed.set(line, metadata);
  }

  /** What waits, in the order of the lines. */
  get waiting(): readonly DelayedMetadata[] {
    return [...this.#delayed].sort(([a], [b]) => a - b).map(([, metadata]) => metadata);
  }

  /** A line is not in the log. Failures may be told in another order than the lines have: what the first line met is the cause of the others. */
  failed(line: number, error: unknown): void {
    this.#failedCount += 1;
    if (this.#first === null || line < this.#first.line) this.#first = { line, error: asMillraceError(error) };
  }

  /** Why the first line that failed did, or null. */
  get failure(): MillraceError | null {
    return this.#first?.error ?? null;
  }

  /** For people, in a sentence or two. */
  get text(): string {
    const sent = `${counted(this.#sentCount, 'record')} ${this.#sentCount === 1 ? 'was' : 'were'} sent`;
    if (this.#first === null) return `${sent}.`;
    const { line } = this.#first;
    const isCleanCut = this.#sentCount === line - 1;
    const others = this.#failedCount > 1 ? ` and ${counted(this.#failedCount - 1, 'line')} behind it` : '';
    const goOn = isCleanCut ? ` Nothing from there on was: tail -n +${line} is what is left.` : '';
    return `Line ${line}${others} could not be sent; ${sent}.${goOn}`;
  }

  /** For programs. */
  get fields(): object {
    const partitions = [...this.#offsets]
      .sort(([a], [b]) => a - b)
      .map(([partition, { first, last }]) => ({ partition, first, last }));
    const failure = this.#first === null ? {} : { line: this.#first.line, failed: this.#failedCount };
    const delayed = this.waiting.map(({ id, partition, dueMs }) => ({
      id,
      partition,
      due: new Date(dueMs).toISOString(),
    }));
    const waiting = delayed.length === 0 ? {} : { delayed };
    return { topic: this.topic, records: this.#sentCount, ...failure, partitions, ...waiting };
  }
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
