/**
 * The ports of delayed records over DynamoDB: each change is one write or one transaction whose conditions say what the transition of the same name in `due-transitions.ts` says, clause by clause. Delayed records lie in the table of groups,
 * due minutes in that of the log, whose stream tells of them.
 *
 * A comparison with an attribute that is absent is false.
 */
import type { DelayPorts } from '../delay/delay-store.ts';
import { DUE_MINUTE_PKS, dueMinuteFromItem, dueMinuteKey, dueMinuteToItem } from '../delay/due-minute.ts';
import { type DuePlace, dueFromItem, dueKey, duePk, dueRange, dueToItem } from '../delay/due-record.ts';
import type { DueMinutes, DueRecords } from '../delay/due-records.ts';
import type { ReleaseArgs } from '../delay/due-transitions.ts';
import { horizonFromItem, horizonKey, horizonToItem } from '../delay/horizon.ts';
import { headFromItem, headKey } from '../log/head.ts';
import { inParallel } from '../log/in-parallel.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { anyOf } from './alias.ts';
import type { AwsTables } from './aws-log.ts';
import { appendUpdate } from './dynamo-heads.ts';
import type { DynamoTable, ItemUpdate } from './dynamo-table.ts';
import type { TransactionWrite } from './transaction-write.ts';

/** Removals in flight. */
const PARALLEL = 16;

// What an item may refuse, by the names that `due-transitions.ts` gives the clauses.
const NO_ITEM = 'attribute_not_exists(#pk)';
const WAITS = '#state = :waiting';
const NEVER_FORGOTTEN = 'attribute_not_exists(#before)';
const HORIZON_RISES = '#before < :before';
const SAME_STAMP = '#stamp = :stamp';

/** What is left of a record that is settled keeps its object alone. */
function settleUpdate(state: 'delivered' | 'cancelled'): ItemUpdate {
  return {
    update: 'SET #state = :state REMOVE #topic, #sent, #batch, #bytes',
    condition: WAITS,
    values: { ':waiting': 'waiting', ':state': state },
    returns: 'ALL_NEW',
  };
}

function releaseWrites(partition: PartitionKey, groups: DynamoTable, args: ReleaseArgs): readonly TransactionWrite[] {
  const settle = (place: DuePlace): TransactionWrite => ({
    kind: 'update',
    table: groups.name,
    key: dueKey(partition, place),
    ...settleUpdate('delivered'),
  });
  return [{ kind: 'update', key: headKey(partition), ...appendUpdate(args) }, ...args.places.map(settle)];
}

function dynamoDueRecords(log: DynamoTable, groups: DynamoTable): DueRecords {
  return {
    async put(partition, record) {
      const key = dueKey(partition, record);
      const result = await groups.put(key, dueToItem(record), { condition: NO_ITEM });
      if (result.outcome === 'done') return { outcome: 'done', item: record };
      return { outcome: 'refused', item: result.item && dueFromItem(key.sk, result.item) };
    },
    async get(partition, place) {
      const key = dueKey(partition, place);
      const item = await groups.get(key, { consistent: true });
      return item ? dueFromItem(key.sk, item) : null;
    },
    async cancel(partition, place) {
      const key = dueKey(partition, place);
      const { outcome, item } = await groups.update(key, settleUpdate('cancelled'));
      if (outcome === 'done') return { outcome, item: dueFromItem(key.sk, item) };
      return { outcome, item: item && dueFromItem(key.sk, item) };
    },
    async release(partition, args) {
      const result = await log.transact(releaseWrites(partition, groups, args));
      if (result.outcome === 'done') return result;
      const { outcome, index, item } = result;
      if (index > 0) return { outcome, by: 'record', index: index - 1 };
      return { outcome, by: 'head', head: item && headFromItem(item) };
    },
    async query(partition, { fromMs, toMs, after, limit }) {
      const { fromSk, toSk } = dueRange({ fromMs, toMs, after });
      if (fromSk > toSk) return [];
      const rows = await groups.query({
        condition: '#pk = :pk AND #sk BETWEEN :from AND :to',
        values: { ':pk': duePk(partition), ':from': fromSk, ':to': toSk },
        order: 'ascending',
        limit,
        consistent: true,
      });
      return rows.map(({ sk, item }) => dueFromItem(sk, item));
    },
    async forget(partition, places) {
      await inParallel(places, PARALLEL, async (place) => {
        await groups.remove(dueKey(partition, place));
      });
    },
    async readHorizon(partition) {
      return horizonFromItem(await groups.get(horizonKey(partition), { consistent: true }));
    },
    async raiseHorizon(partition, beforeMs) {
      const condition = anyOf(NEVER_FORGOTTEN, HORIZON_RISES);
      const values = { ':before': BigInt(beforeMs) };
      const result = await groups.put(horizonKey(partition), horizonToItem(beforeMs), { condition, values });
      return { outcome: result.outcome, item: horizonFromItem(result.item) };
    },
  };
}

function dynamoDueMinutes(log: DynamoTable): DueMinutes {
  return {
    async ring(minute) {
      await log.put(dueMinuteKey(minute), dueMinuteToItem(minute));
    },
    async list(limitPerShard) {
      const shards = await Promise.all(
        DUE_MINUTE_PKS.map((pk) =>
          log.query({
            condition: '#pk = :pk',
            values: { ':pk': pk },
            order: 'ascending',
            limit: limitPerShard,
            consistent: true,
          }),
        ),
      );
      const found = shards.flat().map(({ sk, item }) => dueMinuteFromItem(sk, item));
      return found.sort((a, b) => a.minuteMs - b.minuteMs);
    },
    async remove(minute) {
      const condition = anyOf(NO_ITEM, SAME_STAMP);
      return log.remove(dueMinuteKey(minute), { condition, values: { ':stamp': minute.stamp } });
    },
  };
}

/** The ports of delayed records over both tables. */
export function dynamoDelays({ log, groups }: AwsTables): DelayPorts {
  return { dueRecords: dynamoDueRecords(log, groups), dueMinutes: dynamoDueMinutes(log) };
}
