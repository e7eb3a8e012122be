/** What limits the calls of functions over DynamoDB: each change is one write whose condition says what the transition of the same name in `limit-transitions.ts` says. */

import { MillraceError } from '../errors.ts';
import type { FunctionLimits } from '../event-source/limits/function-limits.ts';
import type { ReserveArgs } from '../event-source/limits/limit-transitions.ts';
import { RATE_SKS, rateFromItem, rateKey } from '../event-source/limits/record-rate.ts';
import { SLOT_SKS, slotsFromItem, slotsKey, slotsToItem } from '../event-source/limits/slots.ts';
import { groupPk } from '../group/group.ts';
import { anyOf } from './alias.ts';
import type { DynamoTable, ItemUpdate } from './dynamo-table.ts';

/** A page ends at 1 MB. */
const ALL = 1_000;

const NO_ITEM = 'attribute_not_exists(#pk)';
const SAME_CHANGE = '#by = :seen';
const NOTHING_AHEAD = anyOf('attribute_not_exists(#next)', '#next < :now');
const RESERVED_AHEAD = '#next >= :now';

/** Behind what others have reserved. */
function behind({ nowUs, costUs }: ReserveArgs): ItemUpdate {
  return {
    update: 'SET #next = #next + :cost',
    condition: RESERVED_AHEAD,
    values: { ':cost': BigInt(costUs), ':now': BigInt(nowUs) },
    returns: 'ALL_NEW',
  };
}

/** From now on. */
function fromNow({ nowUs, costUs }: ReserveArgs): ItemUpdate {
  return {
    update: 'SET #next = :end',
    condition: NOTHING_AHEAD,
    values: { ':end': BigInt(nowUs + costUs), ':now': BigInt(nowUs) },
    returns: 'ALL_NEW',
  };
}

/** What limits the calls of functions, in the table of groups. */
export function dynamoLimits(table: DynamoTable): FunctionLimits {
  return {
    async readSlots(group, shard) {
      const item = await table.get(slotsKey(group, shard), { consistent: true });
      return item ? slotsFromItem(item) : null;
    },
    async replaceSlots(group, shard, { seen, next }) {
      const condition = seen === '' ? { condition: NO_ITEM } : { condition: SAME_CHANGE, values: { ':seen': seen } };
      const { outcome, item } = await table.put(slotsKey(group, shard), slotsToItem(next), condition);
      if (outcome === 'done') return { outcome, item: next };
      return { outcome, item: item && slotsFromItem(item) };
    },
    async reserve(group, recordsPerSecond, args) {
      const key = rateKey(group, recordsPerSecond);
      // Of the two one holds, unless time was reserved between them; and time that was reserved is never given back.
      const isAhead = args.seenUs >= args.nowUs;
      const updates = isAhead ? [behind(args), fromNow(args), behind(args)] : [fromNow(args), behind(args)];
      for (const update of updates) {
        const { outcome, item } = await table.update(key, update);
        if (outcome === 'done') return rateFromItem(item);
      }
      throw new MillraceError('STORE_UNAVAILABLE', 'the rate of a subscription was removed while it was used', {
        value: group,
        hint: 'It is tried again.',
      });
    },
    async remove(group) {
      const pk = groupPk(group);
      for (const { fromSk, toSk } of [SLOT_SKS, RATE_SKS]) {
        const rows = await table.query({
          condition: '#pk = :pk AND #sk BETWEEN :from AND :to',
          values: { ':pk': pk, ':from': fromSk, ':to': toSk },
          order: 'ascending',
          limit: ALL,
          consistent: true,
        });
        for (const { sk } of rows) await table.remove({ pk, sk });
      }
    },
  };
}
