/** Records of the stream of the log's table, as Lambda hands them over. */
import type { EventAttribute, StreamRecord } from '../../lib/aws/stream-rings.ts';
import { type DueMinute, dueMinuteKey, dueMinuteToItem } from '../../lib/delay/due-minute.ts';
import { bellKey, bellToItem, type RungBell } from '../../lib/event-source/bell.ts';
import { type Head, headKey, headToItem } from '../../lib/log/head.ts';
import type { Attribute, Item, ItemKey } from '../../lib/log/item.ts';
import type { PartitionKey } from '../../lib/log/partition-key.ts';

function eventAttribute(value: Attribute): EventAttribute {
  if (typeof value === 'bigint') return { N: `${value}` };
  if (typeof value === 'string') return { S: value };
  if (value instanceof Uint8Array) return { B: Buffer.from(value).toString('base64') };
  return { L: value.map((one) => ({ B: Buffer.from(one).toString('base64') })) };
}

export function streamRecord({ pk, sk }: ItemKey, item: Item, eventName = 'MODIFY'): StreamRecord {
  const keys = { pk: { S: pk }, sk: { S: sk } };
  const attributes = Object.entries(item).map(([name, value]) => [name, eventAttribute(value)] as const);
  return {
    eventName,
    dynamodb: {
      Keys: keys,
      ...(eventName !== 'REMOVE' && { NewImage: { ...keys, ...Object.fromEntries(attributes) } }),
    },
  };
}

export const headRecord = (partition: PartitionKey, head: Head): StreamRecord =>
  streamRecord(headKey(partition), headToItem(head));
export const bellRecord = (bell: RungBell): StreamRecord => streamRecord(bellKey(bell), bellToItem(bell));
export const minuteRecord = (minute: DueMinute): StreamRecord =>
  streamRecord(dueMinuteKey(minute), dueMinuteToItem(minute));
