import { groupPk } from '../../group/group.ts';
import type { Change } from '../../log/head-transitions.ts';
import {
  carryOut,
  changeItem,
  type MeteredItems,
  queryItems,
  readItem,
} from '../../log/transactional/metered-transaction.ts';
import type { FunctionLimits } from '../limits/function-limits.ts';
import { replaceSlotsTransition, reserveTransition } from '../limits/limit-transitions.ts';
import { RATE_SKS, type RecordRate, rateFromItem, rateKey, rateToItem } from '../limits/record-rate.ts';
import { SLOT_SKS, slotsFromItem, slotsKey, slotsToItem } from '../limits/slots.ts';

/** More than a group has. */
const ALL = 10_000;

/** What limits the calls of functions, over items with transactions. */
export function transactionalLimits(deps: MeteredItems): FunctionLimits {
  const { items, meter } = deps;
  return {
    async readSlots(group, shard) {
      const key = slotsKey(group, shard);
      const item = items.read((transaction) => readItem(transaction, meter, key, { consistent: true }));
      return item ? slotsFromItem(item) : null;
    },
    async replaceSlots(group, shard, args) {
      const codec = { from: slotsFromItem, to: slotsToItem };
      return carryOut(deps, slotsKey(group, shard), codec, (current) => replaceSlotsTransition(current, args));
    },
    async reserve(group, recordsPerSecond, args) {
      const codec = { from: rateFromItem, to: rateToItem };
      const reserve = (current: RecordRate | undefined): Change<RecordRate> & { readonly item: RecordRate } => {
        return { outcome: 'done', item: reserveTransition(current, args) };
      };
      return carryOut(deps, rateKey(group, recordsPerSecond), codec, reserve).item!;
    },
    async remove(group) {
      const pk = groupPk(group);
      for (const sks of [SLOT_SKS, RATE_SKS]) {
        const range = { pk, ...sks, order: 'ascending', limit: ALL } as const;
        const rows = items.read((transaction) => queryItems(transaction, meter, range, { consistent: true }));
        for (const { sk } of rows)
          items.write((transaction) => changeItem(transaction, meter, { pk, sk }, () => 'remove'));
      }
    },
  };
}
