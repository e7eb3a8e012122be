import { type Head, headFromItem, headKey, headToItem } from '../head.ts';
import {
  advanceStartTransition,
  type Change,
  commitTransition,
  noteCleanedTransition,
  raiseFloorTransition,
  trimTailTransition,
} from '../head-transitions.ts';
import type { Heads } from '../heads.ts';
import type { Meter } from '../meter.ts';
import type { PartitionKey } from '../partition-key.ts';
import type { ItemTransactions } from './item-transactions.ts';
import { carryOutTogether, changeItem, readItem } from './metered-transaction.ts';

/** `Heads` over items with transactions: every change is its transition, run inside one. */
export function transactionalHeads(items: ItemTransactions, meter: Meter): Heads {
  const read = (partition: PartitionKey, consistent: boolean): Head | null =>
    items.read((transaction) => {
      const item = readItem(transaction, meter, headKey(partition), { consistent });
      return item ? headFromItem(item) : null;
    });

  const codec = { from: headFromItem, to: headToItem };
  const change = (
    partition: PartitionKey,
    transition: (head: Head | undefined) => Change<Head>,
  ): Promise<Change<Head>> => carryOutTogether({ items, meter }, headKey(partition), codec, transition);

  return {
    async read(partition, { consistent }) {
      return read(partition, consistent);
    },
    async readMany(partitions, { consistent }) {
      return partitions.map((partition) => read(partition, consistent));
    },
    async commit(partition, args) {
      const result = await change(partition, (head) => commitTransition(head, args));
      if (result.outcome === 'refused') return result;
      return { outcome: 'done', next: result.item.next, tail: result.item.tail, tailBytes: result.item.tailBytes };
    },
    async trimTail(partition, args) {
      return change(partition, (head) => trimTailTransition(head, args));
    },
    async raiseFloor(partition, floor) {
      return change(partition, (head) => raiseFloorTransition(head, floor));
    },
    async advanceStart(partition, args) {
      return change(partition, (head) => advanceStartTransition(head, args));
    },
    async noteCleaned(partition, args) {
      return change(partition, (head) => noteCleanedTransition(head, args));
    },
    async remove(partition) {
      items.write((transaction) => changeItem(transaction, meter, headKey(partition), () => 'remove'));
    },
  };
}
