import type { SegmentId } from '../../segment/segment-id.ts';
import { globalFloorFromItem, globalFloorKey, globalFloorToItem } from '../global-floor.ts';
import { headFromItem, headKey, headToItem } from '../head.ts';
import type { Change } from '../head-transitions.ts';
import type { ItemKey } from '../item.ts';
import type { Meter } from '../meter.ts';
import { TOPICS_PK, type Topic, topicFromItem, topicKey, topicListingKey, topicToItem } from '../topic.ts';
import {
  createHeadsTransition,
  createTopicTransition,
  mayRemoveTopic,
  raiseGlobalFloorTransition,
  updateTopicTransition,
} from '../topic-transitions.ts';
import type { Topics } from '../topics.ts';
import type { ItemTransaction, ItemTransactions } from './item-transactions.ts';
import { changeItem, queryItems, readItem } from './metered-transaction.ts';

/** Above every topic name, whose characters are ASCII. */
const AFTER_ALL_NAMES = '\u{10FFFF}';
const twice = { unitFactor: 2 } as const;

function readTopic(transaction: ItemTransaction, name: string): Topic | undefined {
  const item = transaction.get(topicKey(name));
  return item && topicFromItem(name, item);
}

/** `Topics` over items with transactions. */
export function transactionalTopics(items: ItemTransactions, meter: Meter): Topics {
  const put = (transaction: ItemTransaction, key: ItemKey, item: Parameters<ItemTransaction['put']>[1]) =>
    changeItem(transaction, meter, key, () => item, twice);

  return {
    async get(name) {
      const item = items.read((transaction) => readItem(transaction, meter, topicKey(name), { consistent: true }));
      return item ? topicFromItem(name, item) : null;
    },
    async list(after, limit) {
      const range = { pk: TOPICS_PK, fromSk: after ?? '', toSk: AFTER_ALL_NAMES, order: 'ascending' } as const;
      // One more than asked, because the range includes `after` itself.
      const rows = items.read((transaction) =>
        queryItems(transaction, meter, { ...range, limit: limit + 1 }, { consistent: true }),
      );
      return rows
        .map(({ sk }) => sk)
        .filter((name) => name !== after)
        .slice(0, limit);
    },
    async create(topic) {
      return items.write((transaction) => {
        const result = createTopicTransition(readTopic(transaction, topic.name), topic);
        if (result.outcome === 'done') {
          put(transaction, topicKey(topic.name), topicToItem(topic));
          put(transaction, topicListingKey(topic.name), { topicId: topic.topicId });
        }
        return result;
      });
    },
    async update(topic) {
      return items.write((transaction) => {
        let result: Change<Topic> | undefined;
        changeItem(transaction, meter, topicKey(topic.name), (item) => {
          result = updateTopicTransition(item && topicFromItem(topic.name, item), topic);
          return result.outcome === 'done' ? topicToItem(result.item) : null;
        });
        return result!;
      });
    },
    async remove(name, topicId) {
      return items.write((transaction) => {
        const current = readTopic(transaction, name);
        if (!current) return true;
        if (!mayRemoveTopic(current, topicId)) return false;
        for (const key of [topicKey(name), topicListingKey(name)]) {
          changeItem(transaction, meter, key, () => 'remove', twice);
        }
        return true;
      });
    },
    async createHeads(args) {
      return items.write((transaction) => {
        const keys = args.partitions.map((partition) => headKey({ topicId: args.topicId, partition }));
        const state = {
          topic: readTopic(transaction, args.topicName),
          floor: globalFloorFromItem(transaction.get(globalFloorKey)),
          heads: keys
            .map((key) => transaction.get(key))
            .filter((item) => item !== undefined)
            .map(headFromItem),
        };
        const result = createHeadsTransition(state, args);
        if (result.outcome === 'done') for (const key of keys) put(transaction, key, headToItem(result.head));
        return result.outcome;
      });
    },
    async readGlobalFloor() {
      return globalFloorFromItem(
        items.read((transaction) => readItem(transaction, meter, globalFloorKey, { consistent: true })),
      );
    },
    async raiseGlobalFloor(floor) {
      return items.write((transaction) => {
        let result: Change<SegmentId> | undefined;
        changeItem(transaction, meter, globalFloorKey, (item) => {
          result = raiseGlobalFloorTransition(globalFloorFromItem(item), floor);
          return result.outcome === 'done' ? globalFloorToItem(result.item) : null;
        });
        return result!;
      });
    },
  };
}
