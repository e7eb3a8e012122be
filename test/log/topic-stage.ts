/** A memory store with the administration of topics on top, and what tests of it look at. */
import type { Clock, Random } from '../../lib/clock.ts';
import type { DelayStore } from '../../lib/delay/delay-store.ts';
import { encodeEntry } from '../../lib/log/entry.ts';
import type { CommitOutcome } from '../../lib/log/heads.ts';
import { UsageMeter } from '../../lib/log/meter.ts';
import type { Topic } from '../../lib/log/topic.ts';
import { TopicAdmin } from '../../lib/log/topic-admin.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { firstIdAt, type SegmentId } from '../../lib/segment/segment-id.ts';
import { FakeClock } from '../segment/fake-clock.ts';
import { fractions } from './faulty-store.ts';

/** The same bytes for the same seed. */
export function seededRandom(seed: number): Random {
  const fraction = fractions(seed);
  return { fraction, bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(fraction() * 256)) };
}

/** What a test works with. */
export interface TopicStage {
  readonly store: DelayStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly meter: UsageMeter;
  readonly admin: TopicAdmin;
  /** Another administrator, perhaps over a store with faults. */
  readonly adminOf: (store: DelayStore) => TopicAdmin;
}

/** A fresh store; the random numbers follow from the seed. */
export function topicStage(seed = 1): TopicStage {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const random = seededRandom(seed);
  const meter = new UsageMeter();
  const store = memoryStore({ clock, meter });
  const adminOf = (over: DelayStore) => new TopicAdmin({ store: over, clock, random });
  return { store, clock, random, meter, admin: adminOf(store), adminOf };
}

/** An id that is above `ZERO_ID`, in the order of its argument. */
export const idOf = (place: number): SegmentId => firstIdAt(1_000 + place);

/** Commits one entry of `recordCount` records, as a writer that knows the high watermark `known`. */
export function commitEntry(
  store: DelayStore,
  partition: { readonly topicId: string; readonly partition: number },
  { id, known, recordCount }: { readonly id: SegmentId; readonly known: bigint; readonly recordCount: number },
): Promise<CommitOutcome> {
  const batches = new Uint8Array([1, 2, 3]);
  const entry = encodeEntry({ kind: 'inline', id, batches, recordCount, maxTimestampMs: 5n, producer: null });
  return store.heads.commit(partition, {
    form: 'plain',
    known,
    entries: [entry],
    recordCount,
    minId: id,
    checksum: 1n,
    batchBytes: batches.length,
    tailEntriesCap: 90,
    tailBytesCap: 128 * 1024,
  });
}

/** Everything that makes two topics the same to whoever uses them. */
export async function snapshot(store: DelayStore, name: string) {
  const topic = await store.topics.get(name);
  const listed = (await store.topics.list(null, 1_000)).includes(name);
  if (topic === null) return { listed, topic: null, heads: [] };
  const { partitionCount, readyPartitionCount, state, config } = topic;
  const domain = topic.domain.replace(topic.topicId, '<id>');
  const heads = await headStarts(store, topic);
  return { listed, topic: { partitionCount, readyPartitionCount, state, config, domain }, heads };
}

async function headStarts(store: DelayStore, { topicId, partitionCount }: Topic) {
  const keys = Array.from({ length: partitionCount + 2 }, (_, partition) => ({ topicId, partition }));
  const heads = await store.heads.readMany(keys, { consistent: true });
  return heads.map((head) => head && { start: head.start, next: head.next });
}

/** Whether anything is left of a topic: heads or chunks of its first partitions. */
export async function hasRemains(store: DelayStore, topicId: string, partitionCount: number): Promise<boolean> {
  for (let partition = 0; partition < partitionCount; partition++) {
    const key = { topicId, partition };
    if ((await store.heads.read(key, { consistent: true })) !== null) return true;
    const query = { order: 'ascending', limit: 1, consistent: true } as const;
    if ((await store.chunks.query(key, query)).length > 0) return true;
  }
  return false;
}
