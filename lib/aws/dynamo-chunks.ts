/** `Chunks` over DynamoDB: each change is one write whose condition says what the transition of the same name in `chunk-transitions.ts` says. */
import { chunkFromItem, chunkKey, chunkSk, chunkToItem, MAX_OFFSET } from '../log/chunk.ts';
import type { Chunks } from '../log/chunks.ts';
import type { Item } from '../log/item.ts';
import { partitionPk } from '../log/partition-key.ts';
import { encodeId } from '../segment/segment-id.ts';
import { allOf, anyOf } from './alias.ts';
import type { DynamoTable } from './dynamo-table.ts';

const NO_CHUNK = 'attribute_not_exists(#pk)';
const SAME_VERSION = '#ver = :version';
const SAME_END = '#end = :end';
const ENDS_BELOW = '#end <= :endAtMost';
const IDS_UNDER_FLOOR = '#maxId <= :maxIdAtMost';

const refused = (sk: string, item: Item | undefined) =>
  ({ outcome: 'refused', item: item && chunkFromItem(sk, item) }) as const;

/** `Chunks` over a table. */
export function dynamoChunks(table: DynamoTable): Chunks {
  return {
    async query(partition, { fromBase = 0n, toBase = MAX_OFFSET, order, limit, consistent }) {
      // DynamoDB refuses a range whose ends are the wrong way round; there is nothing in it.
      if (fromBase > toBase) return [];
      const rows = await table.query({
        condition: '#pk = :pk AND #sk BETWEEN :from AND :to',
        values: { ':pk': partitionPk(partition), ':from': chunkSk(fromBase), ':to': chunkSk(toBase) },
        order,
        limit,
        consistent,
      });
      return rows.map(({ sk, item }) => chunkFromItem(sk, item));
    },
    async put(partition, chunk) {
      const key = chunkKey(partition, chunk.base);
      const result = await table.put(key, chunkToItem(chunk), { condition: NO_CHUNK });
      return result.outcome === 'done' ? { outcome: 'done', item: chunk } : refused(key.sk, result.item);
    },
    async replace(partition, base, { version, end, reference }) {
      const key = chunkKey(partition, base);
      const result = await table.update(key, {
        update: 'SET #entries = :entries, #level = :one, #ver = :next',
        condition: allOf(SAME_VERSION, SAME_END),
        values: {
          ':version': BigInt(version),
          ':next': BigInt(version + 1),
          ':end': end,
          ':entries': [reference],
          ':one': 1n,
        },
        returns: 'ALL_NEW',
      });
      if (result.outcome === 'refused') return refused(key.sk, result.item);
      return { outcome: 'done', item: chunkFromItem(key.sk, result.item) };
    },
    async remove(partition, base, { endAtMost, maxIdAtMost }) {
      return table.remove(chunkKey(partition, base), {
        condition: anyOf(NO_CHUNK, allOf(ENDS_BELOW, IDS_UNDER_FLOOR)),
        values: { ':endAtMost': endAtMost, ':maxIdAtMost': encodeId(maxIdAtMost) },
      });
    },
  };
}
