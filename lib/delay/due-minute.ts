/**
 * A due minute: says that something of a partition is due within a minute, so that somebody looks there then. Delayed records are found by these alone.
 *
 * Key: `DUE#<shard>` / `<begin of the minute, 15 digits>#<topicId>#<partition>`, in the table of the log, whose stream tells of it. Written whatever there was, before the first record of the minute is, and again behind one whose minute
 * is near or has begun. Removed when the minute is over and nothing of it waits, IF `stamp` is still the one that was read before that was looked at. Absence: nothing is due then.
 *
 * | attribute | kind | |
 * |---|---|---|
 * | stamp | text | different each time |
 *
 * The shard is one hex digit, by partition: a partition key of DynamoDB takes 1,000 writes a second, and every sender writes here.
 */
import { type Item, type ItemKey, text } from '../log/item.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { crc32c } from '../record/crc32c.ts';
import { timeText } from './due-record.ts';

/** See the module comment. */
export interface DueMinute {
  readonly partition: PartitionKey;
  /** When it begins, ms since the epoch. */
  readonly minuteMs: number;
  readonly stamp: string;
}

/** How long it is. */
export const MINUTE_MS = 60_000;

/** The minute of a time. */
export function minuteOf(timeMs: number): number {
  return Math.floor(timeMs / MINUTE_MS) * MINUTE_MS;
}

const SHARDS = '0123456789abcdef';

/** The partition keys of all shards. */
export const DUE_MINUTE_PKS: readonly string[] = [...SHARDS].map((shard) => `DUE#${shard}`);

/** Where a due minute is stored. */
export function dueMinuteKey({ partition, minuteMs }: Omit<DueMinute, 'stamp'>): ItemKey {
  const place = `${partition.topicId}#${partition.partition}`;
  return { pk: DUE_MINUTE_PKS[crc32c(Buffer.from(place)) & 0xf]!, sk: `${timeText(minuteMs)}#${place}` };
}

/** The stored form without what the key holds. */
export function dueMinuteToItem({ stamp }: Pick<DueMinute, 'stamp'>): Item {
  return { stamp };
}

/** Throws CORRUPT_OBJECT when its attribute is missing. */
export function dueMinuteFromItem(sk: string, item: Item): DueMinute {
  const [minute, topicId, partition] = sk.split('#') as [string, string, string];
  return {
    partition: { topicId, partition: Number(partition) },
    minuteMs: Number(minute),
    stamp: text(item, 'stamp'),
  };
}
