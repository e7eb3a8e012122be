/**
 * `Topics` over DynamoDB: each change is one write or one transaction whose conditions say what the transition of the same name in `topic-transitions.ts` says.
 */
import { globalFloorFromItem, globalFloorKey } from '../log/global-floor.ts';
import { headKey, headToItem } from '../log/head.ts';
import type { Item } from '../log/item.ts';
import {
  spentTopicIdKey,
  spentTopicIdToItem,
  TOPICS_PK,
  topicFromItem,
  topicKey,
  topicListingKey,
  topicToItem,
} from '../log/topic.ts';
import { type CreateHeadsArgs, type CreateHeadsOutcome, madeHead } from '../log/topic-transitions.ts';
import type { Topics } from '../log/topics.ts';
import { encodeId, type SegmentId, ZERO_ID } from '../segment/segment-id.ts';
import { allOf, anyOf } from './alias.ts';
import type { DynamoTable } from './dynamo-table.ts';
import type { TransactionWrite } from './transaction-write.ts';

/** Names of one listing. */
const NAMES_PER_REQUEST = 1000;

const NO_ITEM = 'attribute_not_exists(#pk)';
const SAME_TOPIC = '#topicId = :topicId';
const SAME_VERSION = '#version = :version';
const BEING_DELETED = '#state = :deleting';
const NOT_BEING_DELETED = '#state <> :deleting';
const NO_FLOOR = 'attribute_not_exists(#floor)';
const SAME_FLOOR = '#floor = :floor';
const FLOOR_RISES = '#floor < :floor';

const refused = (name: string, item: Item | undefined) =>
  ({ outcome: 'refused', item: item && topicFromItem(name, item) }) as const;

/** An absent floor is `ZERO_ID`. */
const floorIs = (floor: SegmentId): string => (floor === ZERO_ID ? anyOf(NO_FLOOR, SAME_FLOOR) : SAME_FLOOR);
const floorRisesTo = (floor: SegmentId): string => (floor === ZERO_ID ? FLOOR_RISES : anyOf(NO_FLOOR, FLOOR_RISES));

/** In the order in which a refusal names its reason: the topic, the floor, the heads. */
function headWrites(args: CreateHeadsArgs): TransactionWrite[] {
  const { topicName, topicId, partitions, floor } = args;
  const item = headToItem(madeHead(args));
  return [
    {
      kind: 'check',
      key: topicKey(topicName),
      condition: allOf(SAME_TOPIC, NOT_BEING_DELETED),
      values: { ':topicId': topicId, ':deleting': 'deleting' },
    },
    { kind: 'check', key: globalFloorKey, condition: floorIs(floor), values: { ':floor': encodeId(floor) } },
    ...partitions.map(
      (partition): TransactionWrite => ({
        kind: 'put',
        key: headKey({ topicId, partition }),
        item,
        condition: NO_ITEM,
      }),
    ),
  ];
}

/** By the place of the write that was refused, see `headWrites`. */
function headRefusal(index: number): CreateHeadsOutcome {
  if (index === 0) return 'topic-changed';
  return index === 1 ? 'floor-moved' : 'head-exists';
}

/** `Topics` over a table. */
export function dynamoTopics(table: DynamoTable): Topics {
  return {
    async get(name) {
      const item = await table.get(topicKey(name), { consistent: true });
      return item ? topicFromItem(name, item) : null;
    },
    async list(after, limit) {
      // DynamoDB refuses an empty text as part of a key.
      const above = after === null || after === '' ? null : { ':after': after };
      const rows = await table.query({
        condition: above ? '#pk = :pk AND #sk > :after' : '#pk = :pk',
        values: { ':pk': TOPICS_PK, ...above },
        order: 'ascending',
        limit: Math.min(limit, NAMES_PER_REQUEST),
        consistent: true,
      });
      return rows.map(({ sk }) => sk);
    },
    async create(topic) {
      const result = await table.transact([
        { kind: 'put', key: topicKey(topic.name), item: topicToItem(topic), condition: NO_ITEM },
        { kind: 'put', key: topicListingKey(topic.name), item: { topicId: topic.topicId } },
        { kind: 'check', key: spentTopicIdKey(topic.topicId), condition: NO_ITEM },
      ]);
      if (result.outcome === 'done') return { outcome: 'done', item: topic };
      return refused(topic.name, result.index === 0 ? result.item : undefined);
    },
    async update(topic) {
      const changed = { ...topic, version: topic.version + 1 };
      const result = await table.put(topicKey(topic.name), topicToItem(changed), {
        condition: allOf(SAME_TOPIC, SAME_VERSION),
        values: { ':topicId': topic.topicId, ':version': BigInt(topic.version) },
      });
      return result.outcome === 'done' ? { outcome: 'done', item: changed } : refused(topic.name, result.item);
    },
    async remove(name, topicId) {
      const result = await table.transact([
        {
          kind: 'remove',
          key: topicKey(name),
          condition: allOf(SAME_TOPIC, BEING_DELETED),
          values: { ':topicId': topicId, ':deleting': 'deleting' },
        },
        { kind: 'remove', key: topicListingKey(name) },
        { kind: 'put', key: spentTopicIdKey(topicId), item: spentTopicIdToItem(name) },
      ]);
      // Refused by nothing: it is gone already.
      return result.outcome === 'done' || result.item === undefined;
    },
    async createHeads(args) {
      const result = await table.transact(headWrites(args));
      return result.outcome === 'done' ? 'done' : headRefusal(result.index);
    },
    async readGlobalFloor() {
      return globalFloorFromItem(await table.get(globalFloorKey, { consistent: true }));
    },
    async raiseGlobalFloor(floor) {
      const result = await table.update(globalFloorKey, {
        update: 'SET #floor = :floor',
        condition: floorRisesTo(floor),
        values: { ':floor': encodeId(floor) },
        returns: 'ALL_NEW',
      });
      return { outcome: result.outcome, item: globalFloorFromItem(result.item) };
    },
  };
}
