/**
 * `Heads` over DynamoDB: each change is one update whose condition says what the transition of the same name in `head-transitions.ts` says, clause by clause.
 *
 * A comparison with an attribute that is absent is false, so a head that does not exist refuses everything.
 */
import { type Head, headFromItem, headKey } from '../log/head.ts';
import {
  type AddedEntries,
  type Change,
  type CommitArgs,
  entriesBytes,
  type TrimTailArgs,
} from '../log/head-transitions.ts';
import type { CommitOutcome, Heads } from '../log/heads.ts';
import { binaryList, type Item, integer } from '../log/item.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { encodeId } from '../segment/segment-id.ts';
import { allOf, anyOf } from './alias.ts';
import type { DynamoTable, ItemUpdate } from './dynamo-table.ts';

// What a head may refuse, by the names that `head-transitions.ts` gives the clauses.
const HEAD_EXISTS = 'attribute_exists(#next)';
const ID_ABOVE_FLOOR = '#floor < :minId';
const TAIL_HAS_ROOM = 'size(#tail) < :entriesCap';
const TAIL_HAS_BYTES = '#tailBytes < :bytesCap';
const TAIL_SHOWS_EARLIER_ATTEMPT = '#tailBase <= :known';
const NOT_IN_TAIL = 'NOT contains(#tail, :first)';
const EXACTLY_AT_KNOWN = '#next = :known';
const TAIL_BEGINS_AT_BASE = '#tailBase = :base';
const TAIL_HAS_ENTRIES = 'size(#tail) >= :count';
const FLOOR_RISES = '#floor < :floor';
const FLOOR_NOT_ABOVE = '#floor <= :floor';
const START_RISES = '#start < :start';
const START_WITHIN_LOG = '#next >= :start';
// Absence is 0.
const NEVER_CLEANED = 'attribute_not_exists(#clean)';
const CLEANED_END_RISES = '#clean < :clean';
const CLEANED_END_BELOW_TAIL = '#tailBase >= :clean';

const MAY_APPEND = [HEAD_EXISTS, ID_ABOVE_FLOOR, TAIL_HAS_ROOM, TAIL_HAS_BYTES];

const COMMIT =
  'SET #next = #next + :records, #tail = list_append(#tail, :entries), #ring = :one ' +
  'ADD #appended :checksum, #bytes :batchBytes, #tailBytes :entriesBytes';

/** Adds entries where every commit may: under what else a condition asks, nobody else adds them. */
export function appendUpdate(args: AddedEntries): ItemUpdate {
  const { entries, recordCount, minId, checksum, batchBytes, tailEntriesCap, tailBytesCap } = args;
  const values: Item = {
    ':entries': entries,
    ':records': BigInt(recordCount),
    ':minId': encodeId(minId),
    ':checksum': checksum,
    ':batchBytes': BigInt(batchBytes),
    ':entriesBytes': BigInt(entriesBytes(entries)),
    ':entriesCap': BigInt(tailEntriesCap),
    ':bytesCap': BigInt(tailBytesCap),
    ':one': 1n,
  };
  return { update: COMMIT, condition: allOf(...MAY_APPEND), values, returns: 'UPDATED_NEW' };
}

function commitUpdate(args: CommitArgs): ItemUpdate {
  const append = appendUpdate(args);
  const values = { ...append.values, ':known': args.known };
  if (args.form === 'strict') return { ...append, condition: allOf(...MAY_APPEND, EXACTLY_AT_KNOWN), values };
  const condition = allOf(...MAY_APPEND, TAIL_SHOWS_EARLIER_ATTEMPT, NOT_IN_TAIL);
  return { ...append, condition, values: { ...values, ':first': args.entries[0]! } };
}

function trimUpdate(args: TrimTailArgs): ItemUpdate {
  // Descending, so that it does not matter whether removals are carried out at once, as in DynamoDB, or one after another, as in some emulators.
  const removed = Array.from({ length: args.count }, (_, index) => `#tail[${args.count - 1 - index}]`);
  return {
    update:
      'SET #tailBase = :end, #ring = :zero, #maxTs = :maxTs, #maxTsAt = :maxTsAt ADD #tailBytes :minus' +
      (removed.length > 0 ? ` REMOVE ${removed.join(', ')}` : ''),
    condition: allOf(TAIL_BEGINS_AT_BASE, TAIL_HAS_ENTRIES),
    values: {
      ':base': args.base,
      ':end': args.end,
      ':count': BigInt(args.count),
      ':minus': BigInt(-args.entriesBytes),
      ':maxTs': args.runMaxTimestampMs,
      ':maxTsAt': args.runMaxTimestampOffset,
      ':zero': 0n,
    },
    returns: 'ALL_NEW',
  };
}

/** What a commit changed, from the attributes that its update returned. */
function committed(changed: Item): CommitOutcome {
  return {
    outcome: 'done',
    next: integer(changed, 'next'),
    tail: binaryList(changed, 'tail'),
    tailBytes: Number(integer(changed, 'tailBytes')),
  };
}

const refused = (item: Item | undefined) => ({ outcome: 'refused', item: item && headFromItem(item) }) as const;

/** `Heads` over a table. */
export function dynamoHeads(table: DynamoTable): Heads {
  const change = async (partition: PartitionKey, update: ItemUpdate): Promise<Change<Head>> => {
    const result = await table.update(headKey(partition), update);
    return result.outcome === 'done' ? { outcome: 'done', item: headFromItem(result.item) } : refused(result.item);
  };

  return {
    async read(partition, options) {
      const item = await table.get(headKey(partition), options);
      return item ? headFromItem(item) : null;
    },
    async readMany(partitions, options) {
      const items = await table.getMany(partitions.map(headKey), options);
      return items.map((item) => (item ? headFromItem(item) : null));
    },
    async commit(partition, args) {
      const result = await table.update(headKey(partition), commitUpdate(args));
      return result.outcome === 'done' ? committed(result.item) : refused(result.item);
    },
    async trimTail(partition, args) {
      return change(partition, trimUpdate(args));
    },
    async raiseFloor(partition, floor) {
      return change(partition, {
        update: 'SET #floor = :floor, #ring = :zero',
        condition: FLOOR_RISES,
        values: { ':floor': encodeId(floor), ':zero': 0n },
        returns: 'ALL_NEW',
      });
    },
    async advanceStart(partition, { start, floor }) {
      return change(partition, {
        update: 'SET #start = :start, #floor = :floor, #ring = :zero',
        condition: allOf(START_RISES, START_WITHIN_LOG, FLOOR_NOT_ABOVE),
        values: { ':start': start, ':floor': encodeId(floor), ':zero': 0n },
        returns: 'ALL_NEW',
      });
    },
    async noteCleaned(partition, { cleanedEnd, cleanedBytes }) {
      return change(partition, {
        update: 'SET #clean = :clean, #cleanB = :cleanB, #ring = :zero',
        condition: allOf(
          cleanedEnd > 0n ? anyOf(NEVER_CLEANED, CLEANED_END_RISES) : CLEANED_END_RISES,
          CLEANED_END_BELOW_TAIL,
        ),
        values: { ':clean': cleanedEnd, ':cleanB': cleanedBytes, ':zero': 0n },
        returns: 'ALL_NEW',
      });
    },
    async remove(partition) {
      await table.remove(headKey(partition));
    },
  };
}
