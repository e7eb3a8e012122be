/**
 * The ports of groups over DynamoDB: each change is one write or one transaction whose conditions say what the transition of the same name in `group-transitions.ts` says, clause by clause.
 *
 * A comparison with an attribute that is absent is false.
 */

import { GROUP_SK, GROUPS_PK, type Group, groupKey, groupListingKey, groupPk } from '../group/group.ts';
import { groupFromItem, groupToItem } from '../group/group-item.ts';
import { OFFSET_SKS, offsetFromItem, offsetKey, offsetSk } from '../group/group-offset.ts';
import type { GroupOffsets } from '../group/group-offsets.ts';
import type { GroupStore } from '../group/group-store.ts';
import type { ClaimArgs } from '../group/group-transitions.ts';
import type { Groups, Heartbeats } from '../group/groups.ts';
import { HEARTBEATS_FROM_SK, heartbeatFromItem, heartbeatKey, heartbeatToItem } from '../group/heartbeat.ts';
import type { Item } from '../log/item.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { allOf, anyOf } from './alias.ts';
import type { AwsTables } from './aws-log.ts';
import type { DynamoTable, ItemRange, ItemUpdate } from './dynamo-table.ts';

/** Names of one listing. */
const NAMES_PER_REQUEST = 1000;
/** More than any group has members: a page ends at 1 MB. */
const ALL = 10_000;

// What an item may refuse, by the names that `group-transitions.ts` gives the clauses.
const NO_ITEM = 'attribute_not_exists(#pk)';
const SAME_GROUP = '#groupId = :groupId';
const SAME_VERSION = '#version = :version';
const BEING_DELETED = '#state = :deleting';
const COUNT_RISES = '#count < :count';
const NEVER_CLAIMED = 'attribute_not_exists(#generation)';
const GENERATION_RISES = '#generation < :generation';
const SAME_GENERATION = '#generation = :generation';
const SEQUENCE_RISES = '#seq < :seq';

const refused = (name: string, item: Item | undefined) =>
  ({ outcome: 'refused', item: item && groupFromItem(name, item) }) as const;

function dynamoGroupItems(table: DynamoTable): Groups {
  return {
    async get(name) {
      const item = await table.get(groupKey(name), { consistent: true });
      return item ? groupFromItem(name, item) : null;
    },
    async observe(name, { consistent }) {
      const rows = await table.query({
        condition: '#pk = :pk AND #sk BETWEEN :from AND :to',
        values: { ':pk': groupPk(name), ':from': HEARTBEATS_FROM_SK, ':to': GROUP_SK },
        // The group comes first, so that no page can end before it.
        order: 'descending',
        limit: ALL,
        consistent,
      });
      const row = rows.find(({ sk }) => sk === GROUP_SK);
      return {
        group: row ? groupFromItem(name, row.item) : null,
        heartbeats: rows
          .filter((one) => one !== row)
          .map(({ sk, item }) => heartbeatFromItem(sk, item))
          .reverse(),
      };
    },
    async list(after, limit) {
      const above = after === null || after === '' ? null : { ':after': after };
      const rows = await table.query({
        condition: above ? '#pk = :pk AND #sk > :after' : '#pk = :pk',
        values: { ':pk': GROUPS_PK, ...above },
        order: 'ascending',
        limit: Math.min(limit, NAMES_PER_REQUEST),
        consistent: true,
      });
      return rows.map(({ sk }) => sk);
    },
    async create(group) {
      const result = await table.transact([
        { kind: 'put', key: groupKey(group.name), item: groupToItem(group), condition: NO_ITEM },
        { kind: 'put', key: groupListingKey(group.name), item: { groupId: group.groupId } },
      ]);
      return result.outcome === 'done' ? { outcome: 'done', item: group } : refused(group.name, result.item);
    },
    async update(group) {
      const changed: Group = { ...group, version: group.version + 1 };
      const result = await table.put(groupKey(group.name), groupToItem(changed), {
        condition: allOf(SAME_GROUP, SAME_VERSION),
        values: { ':groupId': group.groupId, ':version': BigInt(group.version) },
      });
      return result.outcome === 'done' ? { outcome: 'done', item: changed } : refused(group.name, result.item);
    },
    async remove(name, groupId) {
      const result = await table.transact([
        {
          kind: 'remove',
          key: groupKey(name),
          condition: allOf(SAME_GROUP, BEING_DELETED),
          values: { ':groupId': groupId, ':deleting': 'deleting' },
        },
        { kind: 'remove', key: groupListingKey(name) },
      ]);
      // Refused by nothing: it is gone already.
      return result.outcome === 'done' || result.item === undefined;
    },
  };
}

function dynamoHeartbeats(table: DynamoTable): Heartbeats {
  return {
    async put(group, heartbeat) {
      await table.put(heartbeatKey(group, heartbeat.memberId), heartbeatToItem(heartbeat));
    },
    async beat(group, memberId, { count, generation, atMs }) {
      const key = heartbeatKey(group, memberId);
      const { outcome, item } = await table.update(key, {
        update: 'SET #count = :count, #generation = :generation, #at = :at',
        condition: COUNT_RISES,
        values: { ':count': BigInt(count), ':generation': BigInt(generation), ':at': BigInt(atMs) },
        returns: 'ALL_NEW',
      });
      if (outcome === 'done') return { outcome, item: heartbeatFromItem(key.sk, item) };
      return { outcome, item: item && heartbeatFromItem(key.sk, item) };
    },
    async remove(group, memberId) {
      await table.remove(heartbeatKey(group, memberId));
    },
  };
}

function claimUpdate({ topic, generation, owner, committed, atMs }: ClaimArgs): ItemUpdate {
  const base = {
    ':topic': topic,
    ':generation': BigInt(generation),
    ':owner': owner,
    ':zero': 0n,
    ':none': '',
  };
  const claim = 'SET #topic = :topic, #generation = :generation, #seq = :zero, #owner = :owner';
  const condition = anyOf(NEVER_CLAIMED, GENERATION_RISES);
  if (committed === null) {
    const kept = '#metadata = if_not_exists(#metadata, :none), #at = if_not_exists(#at, :zero)';
    return { update: `${claim}, ${kept}`, condition, values: base, returns: 'ALL_NEW' };
  }
  const values = { ...base, ':committed': committed, ':at': BigInt(atMs) };
  const set = '#committed = :committed, #metadata = :none, #at = :at';
  return { update: `${claim}, ${set}`, condition, values, returns: 'ALL_NEW' };
}

function dynamoOffsets(table: DynamoTable): GroupOffsets {
  const change = async (group: string, partition: Parameters<GroupOffsets['remove']>[1], update: ItemUpdate) => {
    const key = offsetKey(group, partition);
    const { outcome, item } = await table.update(key, update);
    if (outcome === 'done') return { outcome, item: offsetFromItem(key.sk, item) };
    return { outcome, item: item && offsetFromItem(key.sk, item) };
  };
  return {
    async claim(group, partition, args) {
      return change(group, partition, claimUpdate(args));
    },
    async commit(group, partition, { generation, sequence, offset, metadata, atMs }) {
      const [update, committed] =
        offset === null ? [' REMOVE #committed', {}] : [', #committed = :committed', { ':committed': offset }];
      return change(group, partition, {
        update: `SET #seq = :seq, #metadata = :metadata, #at = :at${update}`,
        condition: allOf(SAME_GENERATION, SEQUENCE_RISES),
        values: {
          ...committed,
          ':generation': BigInt(generation),
          ':seq': BigInt(sequence),
          ':metadata': metadata,
          ':at': BigInt(atMs),
        },
        returns: 'ALL_NEW',
      });
    },
    async readMany(group, partitions) {
      const keys = partitions.map((partition) => offsetKey(group, partition));
      const items = await table.getMany(keys, { consistent: true });
      return items.map((item, index) => (item ? offsetFromItem(keys[index]!.sk, item) : null));
    },
    async list(group, after, limit) {
      const rows = await table.query({ ...offsetRange(group, after, limit), consistent: true });
      return rows.map(({ sk, item }) => offsetFromItem(sk, item));
    },
    async remove(group, partition) {
      await table.remove(offsetKey(group, partition));
    },
  };
}

/** Offsets of a group above one of them. */
export function offsetRange(group: string, after: PartitionKey | null, limit: number): Omit<ItemRange, 'consistent'> {
  const from = after === null ? OFFSET_SKS.from : offsetSk({ ...after, partition: after.partition + 1 });
  return {
    condition: '#pk = :pk AND #sk BETWEEN :from AND :to',
    values: { ':pk': groupPk(group), ':from': from, ':to': OFFSET_SKS.to },
    order: 'ascending',
    limit,
  };
}

/** The ports of groups over their table. */
export function dynamoGroupStore({ groups }: AwsTables): GroupStore {
  return { groups: dynamoGroupItems(groups), heartbeats: dynamoHeartbeats(groups), offsets: dynamoOffsets(groups) };
}
