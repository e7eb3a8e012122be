/**
 * What an item costs, told by the server and computed by `item-size.ts`. The two must agree wherever both count, because refused writes are counted by the computed size.
 */
import { GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { marshal, marshalKey } from '../../lib/aws/marshal.ts';
import { chunkKey, chunkToItem } from '../../lib/log/chunk.ts';
import { emptyHead, type Head, headKey, headToItem } from '../../lib/log/head.ts';
import type { Item, ItemKey } from '../../lib/log/item.ts';
import { itemSizeBytes, readUnits, writeUnits } from '../../lib/log/item-size.ts';
import { topicKey, topicToItem } from '../../lib/log/topic.ts';
import { ZERO_ID } from '../../lib/segment/segment-id.ts';
import { chunkAt, entryNumbered, freshTopic, inlineEntry } from '../log/contract/fresh.ts';
import { startDynamo } from './dynamo-server.ts';

const server = await startDynamo();
afterAll(() => server.stop());

const partition = { topicId: '00000000-0000-4000-8000-000000000000', partition: 12 };
const head = (changes: Partial<Head>): Item => headToItem({ ...emptyHead(ZERO_ID), ...changes });
const references = (count: number) => Array.from({ length: count }, (_, index) => entryNumbered(index));

/** An inline entry so long that the item has exactly this size. */
function headOfBytes(bytes: number): Item {
  const without = itemSizeBytes(headKey(partition), head({ tail: [inlineEntry(1, 0)], tailBytes: 29 }));
  return head({ tail: [inlineEntry(1, bytes - without)], tailBytes: 29 });
}

const items: Readonly<Record<string, readonly [ItemKey, Item]>> = {
  'an empty head': [headKey(partition), head({})],
  'a head with 16 references': [headKey(partition), head({ tail: references(16), tailBytes: 592, next: 16n })],
  'a head with 90 references': [headKey(partition), head({ tail: references(90), next: 2n ** 53n })],
  'a head with large and negative numbers': [
    headKey(partition),
    head({ appended: 2n ** 62n, appendedBytes: 10n ** 18n, maxTimestampMs: -(2n ** 62n) }),
  ],
  'a head of exactly 1 KB': [headKey(partition), headOfBytes(1024)],
  'a head of 1 KB and a byte': [headKey(partition), headOfBytes(1025)],
  'a head of exactly 4 KB': [headKey(partition), headOfBytes(4096)],
  'a head of 4 KB and a byte': [headKey(partition), headOfBytes(4097)],
  'a head of 300 KB': [headKey(partition), headOfBytes(300 * 1024)],
  'a chunk of 100 entries': [chunkKey(partition, 10n), chunkToItem(chunkAt(10n, { entries: references(100) }))],
  'a topic': [topicKey('größe'), topicToItem({ ...freshTopic(), config: { note: '流' } })],
};

describe.runIf(server.countsUnits).each(Object.entries(items))('%s', (_name, [key, item]) => {
  let table: string;
  beforeAll(async () => {
    table = await server.openTable();
  });
  const size = itemSizeBytes(key, item);
  const place = () => ({ TableName: table, Key: marshalKey(key), ReturnConsumedCapacity: 'TOTAL' as const });

  it('costs as much to write and to read as is computed', async () => {
    const { dynamodb } = server;
    const { TableName, Key, ReturnConsumedCapacity } = place();
    const Item = { ...Key, ...marshal(item) };
    const put = await dynamodb.send(new PutItemCommand({ TableName, Item, ReturnConsumedCapacity }));
    expect(put.ConsumedCapacity?.CapacityUnits).toBe(writeUnits(0, size));
    for (const ConsistentRead of [true, false]) {
      const get = await dynamodb.send(new GetItemCommand({ ...place(), ConsistentRead }));
      expect(get.ConsumedCapacity?.CapacityUnits).toBe(readUnits(size, ConsistentRead));
    }
  });

  it('costs the larger of before and after to change', async () => {
    const { dynamodb } = server;
    const names = Object.keys(item);
    const shrunk = await dynamodb.send(
      new UpdateItemCommand({
        ...place(),
        UpdateExpression: `REMOVE ${names.map((_, index) => `#a${index}`).join(', ')}`,
        ExpressionAttributeNames: Object.fromEntries(names.map((name, index) => [`#a${index}`, name])),
      }),
    );
    expect(shrunk.ConsumedCapacity?.CapacityUnits).toBe(writeUnits(size, 0));
  });
});
