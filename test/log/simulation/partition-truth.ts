/** What an oracle knows of a partition: every entry and record that was committed, and how its head and chunks were at any time. */
import type { Chunk } from '../../../lib/log/chunk.ts';
import type { Entry } from '../../../lib/log/entry.ts';
import type { Head } from '../../../lib/log/head.ts';
import type { PartitionKey } from '../../../lib/log/partition-key.ts';

/** An entry as it was committed. */
interface Committed {
  readonly base: bigint;
  readonly end: bigint;
  readonly bytes: Uint8Array;
  readonly entry: Entry;
}

/** Values at their times, oldest first. */
type History<T> = { readonly atMs: number; readonly value: T }[];

/** The truth about one partition. */
export interface PartitionTruth {
  readonly partition: PartitionKey;
  readonly domain: string;
  /** Values of the records by offset. */
  readonly records: string[];
  /** Their timestamps, ms. */
  readonly timestamps: bigint[];
  readonly entries: Committed[];
  appended: bigint;
  /** The last one, if the head was removed. */
  head: Head;
  isGone: boolean;
  chunks: ReadonlyMap<bigint, Chunk>;
  readonly heads: History<Head | null>;
  readonly ids: Set<string>;
  /** Of entries: an id, or an id and a position in its object. */
  readonly places: Set<string>;
  readonly chunkHistory: History<ReadonlyMap<bigint, Chunk>>;
}

export function asOf<T>(history: History<T>, atMs: number): T {
  let index = history.length - 1;
  while (index > 0 && history[index]!.atMs > atMs) index -= 1;
  return history[index]!.value;
}

export function entriesIn(
  { entries }: Pick<PartitionTruth, 'entries'>,
  base: bigint,
  end: bigint,
): readonly Committed[] {
  return entries.filter((entry) => entry.base >= base && entry.end <= end);
}

export function sameEntries(encoded: readonly Uint8Array[], entries: readonly Committed[]): boolean {
  return (
    encoded.length === entries.length &&
    encoded.every((bytes, index) => Buffer.compare(bytes, entries[index]!.bytes) === 0)
  );
}

/** The largest timestamp below an offset and the first entry that has it. */
export function maxTimestamp({ entries }: PartitionTruth, below: bigint): { timestampMs: bigint; offset: bigint } {
  let max = { timestampMs: -1n, offset: -1n };
  for (const { base, end, entry } of entries) {
    if (end <= below && entry.maxTimestampMs > max.timestampMs)
      max = { timestampMs: entry.maxTimestampMs, offset: base };
  }
  return max;
}

export function shown(value: unknown, most = 300): string {
  const text = JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') return String(part);
    return part instanceof Uint8Array ? Buffer.from(part).toString('hex').slice(0, most) : part;
  });
  return (text ?? 'nothing').slice(0, most);
}
