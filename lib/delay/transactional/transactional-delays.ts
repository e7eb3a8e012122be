import { headFromItem, headKey, headToItem } from '../../log/head.ts';
import type { PartitionKey } from '../../log/partition-key.ts';
import type { ItemTransaction } from '../../log/transactional/item-transactions.ts';
import {
  carryOut,
  changeItem,
  type MeteredItems,
  queryItems,
  readItem,
} from '../../log/transactional/metered-transaction.ts';
import type { DelayPorts } from '../delay-store.ts';
import { DUE_MINUTE_PKS, type DueMinute, dueMinuteFromItem, dueMinuteKey, dueMinuteToItem } from '../due-minute.ts';
import { type DueRecord, dueFromItem, dueKey, duePk, dueRange, dueToItem } from '../due-record.ts';
import type { DueMinutes, DueRecords, ReleaseOutcome } from '../due-records.ts';
import {
  cancelDueTransition,
  putDueTransition,
  type ReleaseArgs,
  raiseHorizonTransition,
  releaseTransition,
} from '../due-transitions.ts';
import { horizonFromItem, horizonKey, horizonToItem } from '../horizon.ts';

/** Above every sort key. */
const AFTER_ALL = '\u{10FFFF}';

function release(
  transaction: ItemTransaction,
  { meter }: MeteredItems,
  partition: PartitionKey,
  args: ReleaseArgs,
): ReleaseOutcome {
  const headItem = transaction.get(headKey(partition));
  const keys = args.places.map((place) => dueKey(partition, place));
  const records = keys.map((key) => {
    const item = transaction.get(key);
    return item && dueFromItem(key.sk, item);
  });
  const result = releaseTransition(headItem && headFromItem(headItem), records, args);
  const isDone = result.outcome === 'done';
  const double = { unitFactor: 2 } as const;
  changeItem(transaction, meter, headKey(partition), () => (isDone ? headToItem(result.head) : null), double);
  for (const [index, key] of keys.entries()) {
    changeItem(transaction, meter, key, () => (isDone ? dueToItem(result.traces[index]!) : null), double);
  }
  return isDone ? { outcome: 'done' } : result;
}

function transactionalDueRecords(deps: MeteredItems): DueRecords {
  const { items, meter } = deps;
  const codecAt = (sk: string) => ({
    from: (item: Parameters<typeof dueFromItem>[1]) => dueFromItem(sk, item),
    to: dueToItem,
  });
  return {
    async put(partition, record) {
      const key = dueKey(partition, record);
      return carryOut<DueRecord>(deps, key, codecAt(key.sk), (current) => putDueTransition(current, record));
    },
    async get(partition, place) {
      const key = dueKey(partition, place);
      const item = items.read((transaction) => readItem(transaction, meter, key, { consistent: true }));
      return item ? dueFromItem(key.sk, item) : null;
    },
    async cancel(partition, place) {
      const key = dueKey(partition, place);
      return carryOut<DueRecord>(deps, key, codecAt(key.sk), cancelDueTransition);
    },
    async release(partition, args) {
      return items.write((transaction) => release(transaction, deps, partition, args));
    },
    async query(partition, { fromMs, toMs, after, limit }) {
      const range = dueRange({ fromMs, toMs, after });
      if (range.fromSk > range.toSk) return [];
      const query = { pk: duePk(partition), ...range, order: 'ascending', limit } as const;
      const rows = items.read((transaction) => queryItems(transaction, meter, query, { consistent: true }));
      return rows.map(({ sk, item }) => dueFromItem(sk, item));
    },
    async forget(partition, places) {
      items.write((transaction) => {
        for (const place of places) changeItem(transaction, meter, dueKey(partition, place), () => 'remove');
      });
    },
    async readHorizon(partition) {
      const key = horizonKey(partition);
      return horizonFromItem(items.read((transaction) => readItem(transaction, meter, key, { consistent: true })));
    },
    async raiseHorizon(partition, beforeMs) {
      const codec = { from: horizonFromItem, to: horizonToItem };
      return carryOut(deps, horizonKey(partition), codec, (current = 0) => raiseHorizonTransition(current, beforeMs));
    },
  };
}

/** The due minutes that come first, of every shard. */
export function firstDueMinutes({ items, meter }: MeteredItems, limitPerShard: number): readonly DueMinute[] {
  const found = DUE_MINUTE_PKS.flatMap((pk) => {
    const range = { pk, fromSk: '', toSk: AFTER_ALL, order: 'ascending', limit: limitPerShard } as const;
    const rows = items.read((transaction) => queryItems(transaction, meter, range, { consistent: true }));
    return rows.map(({ sk, item }) => dueMinuteFromItem(sk, item));
  });
  return found.sort((a, b) => a.minuteMs - b.minuteMs);
}

function transactionalDueMinutes(deps: MeteredItems): DueMinutes {
  const { items, meter } = deps;
  return {
    async ring(minute) {
      items.write((transaction) => changeItem(transaction, meter, dueMinuteKey(minute), () => dueMinuteToItem(minute)));
    },
    async list(limitPerShard) {
      return firstDueMinutes(deps, limitPerShard);
    },
    async remove(minute) {
      return items.write((transaction) => {
        const key = dueMinuteKey(minute);
        let isGone = true;
        changeItem(transaction, meter, key, (item) => {
          isGone = item === undefined || dueMinuteFromItem(key.sk, item).stamp === minute.stamp;
          return isGone ? 'remove' : null;
        });
        return isGone;
      });
    },
  };
}

/** The ports of delayed records over items with transactions. */
export function transactionalDelays(deps: MeteredItems): DelayPorts {
  return { dueRecords: transactionalDueRecords(deps), dueMinutes: transactionalDueMinutes(deps) };
}
