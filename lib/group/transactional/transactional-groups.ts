import type { Item, ItemKey } from '../../log/item.ts';
import type { Meter } from '../../log/meter.ts';
import type { PartitionKey } from '../../log/partition-key.ts';
import type { ItemQuery, ItemTransaction, ItemTransactions } from '../../log/transactional/item-transactions.ts';
import {
  carryOut,
  changeItem,
  type ItemCodec,
  type MeteredItems,
  queryItems,
  readItem,
} from '../../log/transactional/metered-transaction.ts';
import { GROUP_SK, GROUPS_PK, type Group, groupKey, groupListingKey, groupPk } from '../group.ts';
import { groupFromItem, groupToItem } from '../group-item.ts';
import { type GroupOffset, OFFSET_SKS, offsetFromItem, offsetKey, offsetSk, offsetToItem } from '../group-offset.ts';
import type { GroupOffsets } from '../group-offsets.ts';
import type { GroupStore } from '../group-store.ts';
import {
  beatTransition,
  claimTransition,
  commitOffsetTransition,
  createGroupTransition,
  mayRemoveGroup,
  updateGroupTransition,
} from '../group-transitions.ts';
import type { Groups, Heartbeats } from '../groups.ts';
import { HEARTBEATS_FROM_SK, type Heartbeat, heartbeatFromItem, heartbeatKey, heartbeatToItem } from '../heartbeat.ts';

/** Above every sort key. */
const AFTER_ALL = '\u{10FFFF}';
/** Names of one listing. */
const NAMES_PER_REQUEST = 1000;
/** More than any group has members. */
const ALL = 1_000_000;

function readGroup(transaction: ItemTransaction, name: string): Group | undefined {
  const item = transaction.get(groupKey(name));
  return item && groupFromItem(name, item);
}

function transactionalGroups(deps: MeteredItems): Groups {
  const { items, meter } = deps;
  /** One item of a transaction, at its double price; null leaves it as it is. */
  const changeMember = (transaction: ItemTransaction, key: ItemKey, item: Item | 'remove' | null) =>
    changeItem(transaction, meter, key, () => item, { unitFactor: 2 });
  return {
    async get(name) {
      const item = items.read((transaction) => readItem(transaction, meter, groupKey(name), { consistent: true }));
      return item ? groupFromItem(name, item) : null;
    },
    async observe(name, { consistent }) {
      const range = {
        pk: groupPk(name),
        fromSk: HEARTBEATS_FROM_SK,
        toSk: GROUP_SK,
        order: 'ascending',
        limit: ALL,
      } as const;
      const rows = items.read((transaction) => queryItems(transaction, meter, range, { consistent }));
      const row = rows.find(({ sk }) => sk === GROUP_SK);
      return {
        group: row ? groupFromItem(name, row.item) : null,
        heartbeats: rows.filter((one) => one !== row).map(({ sk, item }) => heartbeatFromItem(sk, item)),
      };
    },
    async list(after, limit) {
      // The range includes its ends, and no text lies between a name and that name with a zero character behind it.
      const fromSk = after === null ? '' : `${after}\0`;
      const range = {
        pk: GROUPS_PK,
        fromSk,
        toSk: AFTER_ALL,
        order: 'ascending',
        limit: Math.min(limit, NAMES_PER_REQUEST),
      } as const;
      return items
        .read((transaction) => queryItems(transaction, meter, range, { consistent: true }))
        .map(({ sk }) => sk);
    },
    async create(group) {
      return items.write((transaction) => {
        const result = createGroupTransition(readGroup(transaction, group.name), group);
        const done = result.outcome === 'done';
        changeMember(transaction, groupKey(group.name), done ? groupToItem(group) : null);
        changeMember(transaction, groupListingKey(group.name), done ? { groupId: group.groupId } : null);
        return result;
      });
    },
    async update(group) {
      const codec = { from: (item: Item) => groupFromItem(group.name, item), to: groupToItem };
      return carryOut(deps, groupKey(group.name), codec, (current) => updateGroupTransition(current, group));
    },
    async remove(name, groupId) {
      return items.write((transaction) => {
        const current = readGroup(transaction, name);
        const may = current !== undefined && mayRemoveGroup(current, groupId);
        for (const key of [groupKey(name), groupListingKey(name)])
          changeMember(transaction, key, may ? 'remove' : null);
        return may || !current;
      });
    },
  };
}

function transactionalHeartbeats(deps: MeteredItems): Heartbeats {
  const { items, meter } = deps;
  return {
    async put(group, heartbeat) {
      const key = heartbeatKey(group, heartbeat.memberId);
      items.write((transaction) => changeItem(transaction, meter, key, () => heartbeatToItem(heartbeat)));
    },
    async beat(group, memberId, args) {
      const key = heartbeatKey(group, memberId);
      const codec: ItemCodec<Heartbeat> = { from: (item) => heartbeatFromItem(key.sk, item), to: heartbeatToItem };
      return carryOut(deps, key, codec, (current) => beatTransition(current, args));
    },
    async remove(group, memberId) {
      items.write((transaction) => changeItem(transaction, meter, heartbeatKey(group, memberId), () => 'remove'));
    },
  };
}

function transactionalOffsets(deps: MeteredItems): GroupOffsets {
  const { items, meter } = deps;
  const codecOf = (key: ItemKey): ItemCodec<GroupOffset> => ({
    from: (item) => offsetFromItem(key.sk, item),
    // What else stands beside an offset, a lease, stays.
    to: (offset, before) => {
      const { committed: _, ...others } = before ?? {};
      return { ...others, ...offsetToItem(offset) };
    },
  });
  return {
    async claim(group, partition, args) {
      const key = offsetKey(group, partition);
      return carryOut(deps, key, codecOf(key), (current) => claimTransition(current, partition, args));
    },
    async commit(group, partition, args) {
      const key = offsetKey(group, partition);
      return carryOut(deps, key, codecOf(key), (current) => commitOffsetTransition(current, args));
    },
    async readMany(group, partitions) {
      return partitions.map((partition) => {
        const key = offsetKey(group, partition);
        const item = items.read((transaction) => readItem(transaction, meter, key, { consistent: true }));
        return item ? offsetFromItem(key.sk, item) : null;
      });
    },
    async list(group, after, limit) {
      const range = offsetRange(group, after, limit);
      const rows = items.read((transaction) => queryItems(transaction, meter, range, { consistent: true }));
      return rows.map(({ sk, item }) => offsetFromItem(sk, item));
    },
    async remove(group, partition) {
      items.write((transaction) => changeItem(transaction, meter, offsetKey(group, partition), () => 'remove'));
    },
  };
}

/** Offsets of a group above one of them. */
export function offsetRange(group: string, after: PartitionKey | null, limit: number): ItemQuery {
  const fromSk = after === null ? OFFSET_SKS.from : `${offsetSk(after)}\0`;
  return { pk: groupPk(group), fromSk, toSk: OFFSET_SKS.to, order: 'ascending', limit };
}

/** The ports of groups over items with transactions. */
export function transactionalGroupStore(items: ItemTransactions, meter: Meter): GroupStore {
  const deps = { items, meter };
  return {
    groups: transactionalGroups(deps),
    heartbeats: transactionalHeartbeats(deps),
    offsets: transactionalOffsets(deps),
  };
}
