/**
 * A delayed record as it is stored until its time comes, and what is left of it afterwards for a while: its trace.
 *
 * Key: `D#<topicId>#<partition>` / `<due time, 15 digits>#<id>`, in the table of groups: all that waits for a partition is one range, in the order in which it is due. Made by the sender, settled once: by the release, together with
 * the commit of its partition, or by its cancellation. Absence: there was none, or its trace is forgotten, which is so for all that was due before the partition's horizon.
 *
 * | attribute | kind | |
 * |---|---|---|
 * | state | text | `waiting`, `delivered`, `cancelled` |
 * | topic | text | name of the topic; only while it waits |
 * | sent | integer | ms since the epoch, for people; only while it waits |
 * | batch | binary | the record, as a batch of its own; only while it waits, and only of a small one |
 * | object | text | key of the object that holds the batch, of a large one |
 * | bytes | integer | length of that batch; only while it waits |
 */
import { binary, type Item, type ItemKey, integer, text } from '../log/item.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import type { SegmentId } from '../segment/segment-id.ts';

/** Which delayed record of a partition. */
export interface DuePlace {
  /** When it is due, ms since the epoch. */
  readonly dueMs: number;
  /** Among those that are due together it stands where it was sent: ids of one sender rise. */
  readonly id: SegmentId;
}

/** Where the record's batch is. */
export type DueContent =
  | { readonly kind: 'batch'; readonly batch: Uint8Array }
  | { readonly kind: 'object'; readonly key: string; readonly lengthBytes: number };

/** One that waits. */
export interface WaitingRecord extends DuePlace {
  readonly state: 'waiting';
  readonly topic: string;
  readonly sentMs: number;
  readonly content: DueContent;
}

/** What is left of one that was settled: a late copy of the request that made it meets this, and is refused. */
export interface DueTrace extends DuePlace {
  readonly state: 'delivered' | 'cancelled';
  /** The object that held the batch, which may still be there. */
  readonly objectKey: string | null;
}

/** See the module comment. */
export type DueRecord = WaitingRecord | DueTrace;

/** Digits of a time in a key. */
const TIME_DIGITS = 15;

/** A time as keys have it: their order is that of time. */
export function timeText(timeMs: number): string {
  return String(timeMs).padStart(TIME_DIGITS, '0');
}

/** The partition key of all that waits for a partition. */
export function duePk({ topicId, partition }: PartitionKey): string {
  return `D#${topicId}#${partition}`;
}

/** The sort key of a delayed record. */
export function dueSk({ dueMs, id }: DuePlace): string {
  return `${timeText(dueMs)}#${id}`;
}

/** Where a delayed record is stored. */
export function dueKey(partition: PartitionKey, place: DuePlace): ItemKey {
  return { pk: duePk(partition), sk: dueSk(place) };
}

/** The sort keys, both ends included, of what is due from one time to another, which is left out, and stands behind a record. They are the wrong way round where there can be nothing. */
export function dueRange({
  fromMs,
  toMs,
  after,
}: {
  readonly fromMs: number;
  readonly toMs: number;
  readonly after: DuePlace | null;
}): { readonly fromSk: string; readonly toSk: string } {
  const fromSk = timeText(fromMs);
  const behind = after === null ? fromSk : `${dueSk(after)}\0`;
  // No key ends with its time: what is due at `toMs` stands behind it.
  return { fromSk: behind > fromSk ? behind : fromSk, toSk: timeText(toMs) };
}

/** The stored form without what the key holds. */
export function dueToItem(record: DueRecord): Item {
  const { state } = record;
  if (record.state !== 'waiting') return { state, ...(record.objectKey !== null && { object: record.objectKey }) };
  const { topic, sentMs, content } = record;
  const common = { state, topic, sent: BigInt(sentMs) };
  return content.kind === 'batch'
    ? { ...common, batch: content.batch }
    : { ...common, object: content.key, bytes: BigInt(content.lengthBytes) };
}

/** Throws CORRUPT_OBJECT when an attribute is missing or of another kind. */
export function dueFromItem(sk: string, item: Item): DueRecord {
  const [due, id] = sk.split('#') as [string, string];
  const place = { dueMs: Number(due), id };
  const state = text(item, 'state');
  const objectKey = item.object === undefined ? null : text(item, 'object');
  if (state !== 'waiting') return { ...place, state: state === 'delivered' ? state : 'cancelled', objectKey };
  const content: DueContent =
    objectKey === null
      ? { kind: 'batch', batch: binary(item, 'batch') }
      : { kind: 'object', key: objectKey, lengthBytes: Number(integer(item, 'bytes')) };
  return { ...place, state, topic: text(item, 'topic'), sentMs: Number(integer(item, 'sent')), content };
}

/** The object of a large one; null: it has none. */
export function objectKeyOf(record: DueRecord): string | null {
  if (record.state !== 'waiting') return record.objectKey;
  return record.content.kind === 'object' ? record.content.key : null;
}
