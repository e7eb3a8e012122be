/** Things that no other test has used: one store, and one server behind it, serves all tests of a suite. */
import { randomUUID } from 'node:crypto';
import { MillraceError } from '../../../lib/errors.ts';
import type { EventSourceStore } from '../../../lib/event-source/event-source-store.ts';
import type { Chunk } from '../../../lib/log/chunk.ts';
import { type Entry, encodeEntry } from '../../../lib/log/entry.ts';
import type { Head } from '../../../lib/log/head.ts';
import type { CommitArgs } from '../../../lib/log/head-transitions.ts';
import type { LogStore } from '../../../lib/log/log-store.ts';
import type { PartitionKey } from '../../../lib/log/partition-key.ts';
import type { Topic } from '../../../lib/log/topic.ts';
import { firstIdAt, type SegmentId } from '../../../lib/segment/segment-id.ts';

/** How a suite gets the store it tests. */
export type OpenStore = () => Promise<{ readonly store: EventSourceStore; readonly close: () => Promise<void> }>;

/** Far above any floor that a suite raises. */
const FIRST_ID_MS = 1_700_000_000_000;

/** Ids in the order of `number`; a suite raises no floor of the store to any of them. */
export function idNumbered(number: number): SegmentId {
  return firstIdAt(FIRST_ID_MS + number);
}

/** The beginning of names and keys that nobody else uses. */
export function freshName(): string {
  return `t-${randomUUID()}`;
}

/** A topic that nobody else uses, not stored yet. */
export function freshTopic(changes: Partial<Topic> = {}): Topic {
  return {
    name: freshName(),
    topicId: randomUUID(),
    partitionCount: 1,
    readyPartitionCount: 1,
    state: 'active',
    domain: 'shared',
    config: {},
    createdAtMs: 1_764_000_000_000,
    version: 0,
    ...changes,
  };
}

/** Makes a topic with one partition and an empty head. */
export async function freshPartition(store: LogStore): Promise<PartitionKey> {
  const topic = freshTopic();
  await store.topics.create(topic);
  const floor = await store.topics.readGlobalFloor();
  const args = { topicName: topic.name, topicId: topic.topicId, partitions: [0], floor };
  const outcome = await store.topics.createHeads(args);
  if (outcome !== 'done') throw new MillraceError('TOPIC_BUSY', `the head was not made: ${outcome}`);
  return { topicId: topic.topicId, partition: 0 };
}

/** A partition whose head was never made. */
export function absentPartition(): PartitionKey {
  return { topicId: randomUUID(), partition: 0 };
}

/** An encoded reference; entries of different numbers differ. */
export function entryNumbered(number: number, changes: Partial<Entry> = {}): Uint8Array {
  return encodeEntry({
    kind: 'reference',
    id: idNumbered(number),
    recordCount: 1,
    maxTimestampMs: BigInt(number),
    producer: null,
    position: 8,
    lengthBytes: 100,
    ...changes,
  } as Entry);
}

/** An encoded inline entry that carries so many bytes. */
export function inlineEntry(number: number, batchBytes: number): Uint8Array {
  return encodeEntry({
    kind: 'inline',
    id: idNumbered(number),
    recordCount: 1,
    maxTimestampMs: BigInt(number),
    producer: null,
    batches: new Uint8Array(batchBytes).fill(number),
  });
}

/** A plain commit of entry `number` alone behind offset 0. */
export function commitArgs(number: number, changes: Partial<CommitArgs> = {}): CommitArgs {
  return {
    form: 'plain',
    known: 0n,
    entries: [entryNumbered(number)],
    recordCount: 1,
    minId: idNumbered(number),
    checksum: 1n,
    batchBytes: 100,
    tailEntriesCap: 90,
    tailBytesCap: 128 * 1024,
    ...changes,
  };
}

/** The head, read consistently. */
export async function readHead(store: LogStore, partition: PartitionKey): Promise<Head | undefined> {
  return (await store.heads.read(partition, { consistent: true })) ?? undefined;
}

/** Commits entries `from` to `to` one by one and returns the head. */
export async function committed(store: LogStore, partition: PartitionKey, from: number, to: number): Promise<Head> {
  for (let number = from; number <= to; number++) await store.heads.commit(partition, commitArgs(number));
  return (await readHead(store, partition))!;
}

/** A chunk of one entry and ten offsets. */
export function chunkAt(base: bigint, changes: Partial<Chunk> = {}): Chunk {
  return {
    base,
    end: base + 10n,
    count: 1,
    minId: idNumbered(1),
    maxId: idNumbered(9),
    maxTimestampMs: 5n,
    runMaxTimestampMs: 7n,
    runMaxTimestampOffset: 3n,
    level: 0,
    version: 0,
    entries: [entryNumbered(1, { recordCount: 10 })],
    ...changes,
  };
}
