import type { SegmentId } from '../../segment/segment-id.ts';
import { globalFloorFromItem, globalFloorKey, globalFloorToItem } from '../global-floor.ts';
import { headFromItem, headKey, headToItem } from '../head.ts';
import type { Change } from '../head-transitions.ts';
import type { Item, ItemKey } from '../item.ts';
import type { Meter } from '../meter.ts';
import {
  spentTopicIdKey,
  spentTopicIdToItem,
  TOPICS_PK,
  type Topic,
  topicFromItem,
  topicKey,
  topicListingKey,
  topicToItem,
} from '../topic.ts';
import {
  type CreateHeadsArgs,
  type CreateHeadsOutcome,
  createHeadsTransition,
  createTopicTransition,
  mayRemoveTopic,
  raiseGlobalFloorTransition,
  updateTopicTransition,
} from '../topic-transitions.ts';
import type { Topics } from '../topics.ts';
import type { ItemTransaction, ItemTransactions } from './item-transactions.ts';
import { carryOut, changeItem, queryItems, readItem } from './metered-transaction.ts';

/** Above every topic name, whose characters are ASCII. */
const AFTER_ALL_NAMES = '\u{10FFFF}';
/** Names of one listing. */
const NAMES_PER_REQUEST = 1000;

function readTopic(transaction: ItemTransaction, name: string): Topic | undefined {
  const item = transaction.get(topicKey(name));
  return item && topicFromItem(name, item);
}

/** One item of a transaction; null leaves it as it is, after a check or because the transaction is refused, and costs as much. */
function changeMember(transaction: ItemTransaction, meter: Meter, key: ItemKey, item: Item | 'remove' | null): void {
  changeItem(transaction, meter, key, () => item, { unitFactor: 2 });
}

function createHeads(transaction: ItemTransaction, meter: Meter, args: CreateHeadsArgs): CreateHeadsOutcome {
  const keys = args.partitions.map((partition) => headKey({ topicId: args.topicId, partition }));
  const existing = keys.map((key) => transaction.get(key)).filter((item) => item !== undefined);
  const state = {
    topic: readTopic(transaction, args.topicName),
    floor: globalFloorFromItem(transaction.get(globalFloorKey)),
    heads: existing.map(headFromItem),
  };
  const result = createHeadsTransition(state, args);
  const item = result.outcome === 'done' ? headToItem(result.head) : null;
  // DynamoDB charges a check of an item in a transaction as a write of it.
  for (const key of [topicKey(args.topicName), globalFloorKey]) changeMember(transaction, meter, key, null);
  for (const key of keys) changeMember(transaction, meter, key, item);
  return result.outcome;
}

function raiseGlobalFloor(transaction: ItemTransaction, meter: Meter, floor: SegmentId): Change<SegmentId> {
  let result: Change<SegmentId> | undefined;
  changeItem(transaction, meter, globalFloorKey, (item) => {
    result = raiseGlobalFloorTransition(globalFloorFromItem(item), floor);
    return result.outcome === 'done' ? globalFloorToItem(result.item) : null;
  });
  return result!;
}

/** `Topics` over items with transactions. */
export function transactionalTopics(items: ItemTransactions, meter: Meter): Topics {
  return {
    async get(name) {
      const item = items.read((transaction) => readItem(transaction, meter, topicKey(name), { consistent: true }));
      return item ? topicFromItem(name, item) : null;
    },
    async list(after, limit) {
      // The range includes its ends, and no text lies between a name and that name with a zero character behind it.
      const fromSk = after === null ? '' : `${after}\0`;
      const range = {
        pk: TOPICS_PK,
        fromSk,
        toSk: AFTER_ALL_NAMES,
        order: 'ascending',
        limit: Math.min(limit, NAMES_PER_REQUEST),
      } as const;
      const rows = items.read((transaction) => queryItems(transaction, meter, range, { consistent: true }));
      return rows.map(({ sk }) => sk);
    },
    async create(topic) {
      return items.write((transaction) => {
        const spent = spentTopicIdKey(topic.topicId);
        const isSpent = transaction.get(spent) !== undefined;
        const result = createTopicTransition(readTopic(transaction, topic.name), topic, isSpent);
        const done = result.outcome === 'done';
        changeMember(transaction, meter, topicKey(topic.name), done ? topicToItem(topic) : null);
        changeMember(transaction, meter, topicListingKey(topic.name), done ? { topicId: topic.topicId } : null);
        changeMember(transaction, meter, spent, null);
        return result;
      });
    },
    async update(topic) {
      const codec = { from: (item: Item) => topicFromItem(topic.name, item), to: topicToItem };
      return carryOut({ items, meter }, topicKey(topic.name), codec, (current) =>
        updateTopicTransition(current, topic),
      );
    },
    async remove(name, topicId) {
      return items.write((transaction) => {
        const current = readTopic(transaction, name);
        const may = current !== undefined && mayRemoveTopic(current, topicId);
        for (const key of [topicKey(name), topicListingKey(name)])
          changeMember(transaction, meter, key, may ? 'remove' : null);
        changeMember(transaction, meter, spentTopicIdKey(topicId), may ? spentTopicIdToItem(name) : null);
        return may || !current;
      });
    },
    async createHeads(args) {
      return items.write((transaction) => createHeads(transaction, meter, args));
    },
    async readGlobalFloor() {
      return globalFloorFromItem(
        items.read((transaction) => readItem(transaction, meter, globalFloorKey, { consistent: true })),
      );
    },
    async raiseGlobalFloor(floor) {
      return items.write((transaction) => raiseGlobalFloor(transaction, meter, floor));
    },
  };
}
