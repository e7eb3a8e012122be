import { type Chunk, chunkFromItem, chunkKey, chunkSk, chunkToItem, MAX_OFFSET } from '../chunk.ts';
import { mayRemoveChunk, putChunkTransition, replaceChunkTransition } from '../chunk-transitions.ts';
import type { Chunks } from '../chunks.ts';
import type { Change } from '../head-transitions.ts';
import type { Item } from '../item.ts';
import type { Meter } from '../meter.ts';
import { type PartitionKey, partitionPk } from '../partition-key.ts';
import type { ItemTransactions } from './item-transactions.ts';
import { carryOutTogether, changeItem, queryItems } from './metered-transaction.ts';

/** `Chunks` over items with transactions. */
export function transactionalChunks(items: ItemTransactions, meter: Meter): Chunks {
  const change = (
    partition: PartitionKey,
    base: bigint,
    transition: (chunk: Chunk | undefined) => Change<Chunk>,
  ): Promise<Change<Chunk>> => {
    const key = chunkKey(partition, base);
    const codec = { from: (item: Item) => chunkFromItem(key.sk, item), to: chunkToItem };
    return carryOutTogether({ items, meter }, key, codec, transition);
  };

  return {
    async query(partition, { fromBase, toBase, order, limit, consistent }) {
      const range = {
        pk: partitionPk(partition),
        fromSk: chunkSk(fromBase ?? 0n),
        toSk: chunkSk(toBase ?? MAX_OFFSET),
        order,
        limit,
      };
      const rows = items.read((transaction) => queryItems(transaction, meter, range, { consistent }));
      return rows.map(({ sk, item }) => chunkFromItem(sk, item));
    },
    async put(partition, chunk) {
      return change(partition, chunk.base, (existing) => putChunkTransition(existing, chunk));
    },
    async replace(partition, base, args) {
      return change(partition, base, (existing) => replaceChunkTransition(existing, args));
    },
    async remove(partition, base, args) {
      return items.write((transaction) => {
        const key = chunkKey(partition, base);
        let gone = true;
        changeItem(transaction, meter, key, (item) => {
          gone = !item || mayRemoveChunk(chunkFromItem(key.sk, item), args);
          return gone ? 'remove' : null;
        });
        return gone;
      });
    },
  };
}
