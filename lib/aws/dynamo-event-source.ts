/**
 * The ports of the event source over DynamoDB: each change is one write whose condition says what the transition of the same name in `lease-transitions.ts` or `subscription-transitions.ts` says, clause by clause.
 *
 * A comparison with an attribute that is absent is false.
 */
import type { EventSourcePorts } from '../event-source/event-source-store.ts';
import {
  SUBSCRIPTIONS_PK,
  subscriptionFromItem,
  subscriptionKey,
  subscriptionRange,
  subscriptionSk,
  subscriptionToItem,
} from '../event-source/function-subscription.ts';
import type { FunctionSubscriptions } from '../event-source/function-subscriptions.ts';
import { leaseFromItem } from '../event-source/lease.ts';
import type { SeekLeaseArgs, TakeArgs, UpdateLeaseArgs } from '../event-source/lease-transitions.ts';
import type { Leases } from '../event-source/leases.ts';
import { offsetKey } from '../group/group-offset.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { allOf, anyOf } from './alias.ts';
import type { AwsTables } from './aws-log.ts';
import { dynamoBells } from './dynamo-bells.ts';
import { offsetRange } from './dynamo-groups.ts';
import { dynamoLimits } from './dynamo-limits.ts';
import type { DynamoTable, ItemUpdate } from './dynamo-table.ts';

/** A page ends at 1 MB. */
const ALL = 10_000;

// What an item may refuse, by the names that the transitions give the clauses.
const NO_ITEM = 'attribute_not_exists(#pk)';
const NO_LEASE = 'attribute_not_exists(#generation)';
const SAME_EPOCH = '#generation = :epoch';
const SAME_OWNER = '#owner = :owner';
const FREE = anyOf('attribute_not_exists(#expires)', '#expires <= :now');
const SEQUENCE_RISES = '#seq < :seq';
const NOT_BACK = anyOf('attribute_not_exists(#committed)', '#committed <= :committed');
const SAME_VERSION = '#version = :version';

/** What whoever has the lease from now on sets, by a take or a seek. */
const NEXT_EPOCH = ['#topic = :topic', '#generation = :next', '#seq = :zero', '#owner = :owner'];

/** The values of `NEXT_EPOCH` and of the condition on the epoch before. */
function nextEpochValues({ topic, owner, seen }: Pick<TakeArgs, 'topic' | 'owner' | 'seen'>) {
  return { ':topic': topic, ':next': BigInt(seen + 1), ':epoch': BigInt(seen), ':owner': owner, ':zero': 0n };
}

function takeUpdate(args: TakeArgs): ItemUpdate {
  const { seen, nowMs, expiresAtMs } = args;
  const set = [
    ...NEXT_EPOCH,
    '#expires = :expires',
    '#attempts = if_not_exists(#attempts, :zero) + :one',
    '#metadata = if_not_exists(#metadata, :none)',
    '#at = if_not_exists(#at, :zero)',
    '#due = if_not_exists(#due, :zero)',
    '#progress = if_not_exists(#progress, :none)',
  ];
  const isFree = allOf(SAME_EPOCH, FREE);
  return {
    update: `SET ${set.join(', ')}`,
    condition: seen === 0 ? anyOf(NO_LEASE, isFree) : isFree,
    values: {
      ...nextEpochValues(args),
      ':expires': BigInt(expiresAtMs),
      ':now': BigInt(nowMs),
      ':one': 1n,
      ':none': '',
    },
    returns: 'ALL_NEW',
  };
}

function updateUpdate(args: UpdateLeaseArgs): ItemUpdate {
  const { owner, epoch, sequence, committed, attempts, progress, expiresAtMs, notBeforeMs, atMs } = args;
  const state = '#seq = :seq, #attempts = :attempts, #progress = :progress, #expires = :expires, #due = :due';
  const values = {
    ':owner': owner,
    ':epoch': BigInt(epoch),
    ':seq': BigInt(sequence),
    ':attempts': BigInt(attempts),
    ':progress': progress,
    ':expires': BigInt(expiresAtMs),
    ':due': BigInt(notBeforeMs),
  };
  const fenced = allOf(SAME_OWNER, SAME_EPOCH, SEQUENCE_RISES);
  if (committed === null) return { update: `SET ${state}`, condition: fenced, values, returns: 'ALL_NEW' };
  return {
    update: `SET ${state}, #committed = :committed, #at = :at`,
    condition: allOf(fenced, NOT_BACK),
    values: { ...values, ':committed': committed, ':at': BigInt(atMs) },
    returns: 'ALL_NEW',
  };
}

function seekUpdate(args: SeekLeaseArgs): ItemUpdate {
  const { seen, committed, atMs } = args;
  const set = [
    ...NEXT_EPOCH,
    '#committed = :committed',
    '#metadata = :none',
    '#at = :at',
    '#expires = :zero',
    '#due = :zero',
    '#attempts = :zero',
    '#progress = :none',
  ];
  return {
    update: `SET ${set.join(', ')}`,
    condition: seen === 0 ? anyOf(NO_LEASE, SAME_EPOCH) : SAME_EPOCH,
    values: {
      ...nextEpochValues(args),
      ':committed': committed,
      ':at': BigInt(atMs),
      ':none': '',
    },
    returns: 'ALL_NEW',
  };
}

function dynamoLeases(table: DynamoTable): Leases {
  const change = async (group: string, partition: PartitionKey, update: ItemUpdate) => {
    const key = offsetKey(group, partition);
    const { outcome, item } = await table.update(key, update);
    if (outcome === 'done') return { outcome, item: leaseFromItem(key.sk, item) };
    return { outcome, item: item && leaseFromItem(key.sk, item) };
  };
  return {
    take: (group, partition, args) => change(group, partition, takeUpdate(args)),
    update: (group, partition, args) => change(group, partition, updateUpdate(args)),
    seek: (group, partition, args) => change(group, partition, seekUpdate(args)),
    async readMany(places) {
      const keys = places.map(({ group, partition }) => offsetKey(group, partition));
      const items = await table.getMany(keys, { consistent: true });
      return items.map((item, index) => (item ? leaseFromItem(keys[index]!.sk, item) : null));
    },
    async list(group, after, limit) {
      const rows = await table.query({ ...offsetRange(group, after, limit), consistent: false });
      return rows.map(({ sk, item }) => leaseFromItem(sk, item));
    },
  };
}

function dynamoSubscriptions(table: DynamoTable): FunctionSubscriptions {
  const query = async (condition: string, values: Readonly<Record<string, string>>, limit: number) => {
    const rows = await table.query({
      condition: `#pk = :pk${condition}`,
      values: { ':pk': SUBSCRIPTIONS_PK, ...values },
      order: 'ascending',
      limit,
      consistent: true,
    });
    return rows.map(({ sk, item }) => subscriptionFromItem(sk, item));
  };
  return {
    async get(name) {
      const key = subscriptionKey(name);
      const item = await table.get(key, { consistent: true });
      return item ? subscriptionFromItem(key.sk, item) : null;
    },
    async listOfTopic(topicId) {
      const { fromSk, toSk } = subscriptionRange(topicId);
      return query(' AND #sk BETWEEN :from AND :to', { ':from': fromSk, ':to': toSk }, ALL);
    },
    async list(after, limit) {
      return after === null
        ? query('', {}, limit)
        : query(' AND #sk > :after', { ':after': subscriptionSk(after) }, limit);
    },
    async create(subscription) {
      const key = subscriptionKey(subscription);
      const result = await table.put(key, subscriptionToItem(subscription), { condition: NO_ITEM });
      if (result.outcome === 'done') return { outcome: 'done', item: subscription };
      return { outcome: 'refused', item: result.item && subscriptionFromItem(key.sk, result.item) };
    },
    async createPart(part, of) {
      const result = await table.transact([
        {
          kind: 'update',
          key: subscriptionKey(of),
          update: 'SET #version = :next',
          condition: SAME_VERSION,
          values: { ':version': BigInt(of.version), ':next': BigInt(of.version + 1) },
        },
        { kind: 'put', key: subscriptionKey(part), item: subscriptionToItem(part), condition: NO_ITEM },
      ]);
      return result.outcome;
    },
    async update(subscription) {
      const key = subscriptionKey(subscription);
      const changed = { ...subscription, version: subscription.version + 1 };
      const result = await table.put(key, subscriptionToItem(changed), {
        condition: SAME_VERSION,
        values: { ':version': BigInt(subscription.version) },
      });
      if (result.outcome === 'done') return { outcome: 'done', item: changed };
      return { outcome: 'refused', item: result.item && subscriptionFromItem(key.sk, result.item) };
    },
    async remove(name) {
      await table.remove(subscriptionKey(name));
    },
  };
}

/** The ports of the event source over both tables. */
export function dynamoEventSource(tables: AwsTables): EventSourcePorts {
  const { groups } = tables;
  return {
    leases: dynamoLeases(groups),
    subscriptions: dynamoSubscriptions(groups),
    bells: dynamoBells(tables),
    limits: dynamoLimits(groups),
  };
}
