/**
 * Puts delayed records of one partition into it: as one entry, in one transaction with the marks that they are delivered.
 *
 * Nothing is remembered from one attempt to the next, and nothing need be: an attempt that was lost and took effect has marked its records, so that every later one is refused.
 */
import type { Clock, Random } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import { summarizeBatches } from '../log/batch-summary.ts';
import { encodeEntry } from '../log/entry.ts';
import type { Head } from '../log/head.ts';
import { inParallel } from '../log/in-parallel.ts';
import type { LogStore } from '../log/log-store.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { rollTail } from '../log/roll.ts';
import { mintId, uploadSegment } from '../log/upload-segment.ts';
import { encodeSegment } from '../segment/encode-segment.ts';
import type { IdSource } from '../segment/id-source.ts';
import { type SegmentId, ZERO_ID } from '../segment/segment-id.ts';
import type { DelayPorts } from './delay-store.ts';
import { objectMissing } from './delayed-object.ts';
import type { WaitingRecord } from './due-record.ts';

/** What it needs. */
export interface ReleaseDeps {
  readonly store: LogStore & DelayPorts;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: IdSource;
}

/** What a release needs to know of the topic. */
export interface ReleaseTarget {
  readonly partition: PartitionKey;
  readonly domain: string;
  /** A group at most this large travels inside the head; 0 never does. */
  readonly inlineMaxBytes: number;
}

/** `changed`: some of them do not wait any more. `gone`: there is no such partition any more. */
export type Released = 'released' | 'changed' | 'gone';

/** An entry and what an update of the head says of it. */
interface Prepared {
  readonly id: SegmentId;
  readonly entry: Uint8Array;
}

/** Refusals by the head: it was full, or its floor had passed. */
const MAX_ROUNDS = 16;
const PARALLEL = 16;
/** For the segment of a group. */
const UPLOAD_MS = 30_000;

/**
 * Releases records that wait, at most `limits.recordsPerRelease`, in this order. Requests: a read for each that is large, one PUT when they do not fit into the head, the transaction, and a read of the head to see whether it is to be
 * rolled.
 *
 * Throws what the store throws, then all of them may have been released or none; OBJECT_MISSING, with the record in `value`, when the bytes of one are gone.
 */
export async function releaseRecords(
  deps: ReleaseDeps,
  target: ReleaseTarget,
  records: readonly WaitingRecord[],
): Promise<Released> {
  const batches = await readBatches(deps, records);
  const { recordCount, maxTimestampMs, checksum } = summarizeBatches(Buffer.concat(batches));
  const batchBytes = batches.reduce((sum, { length }) => sum + length, 0);
  let floor = ZERO_ID;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { id, entry } = await prepare(deps, target, batches, { recordCount, maxTimestampMs, floor });
    const { tailEntriesCap, tailBytesCap } = limits;
    const added = { entries: [entry], recordCount, minId: id, checksum, batchBytes, tailEntriesCap, tailBytesCap };
    const release = () => deps.store.dueRecords.release(target.partition, { ...added, places: records });
    const { answer } = await repeatRequest(deps, release);
    if (answer.outcome === 'done') {
      await rollIfDue(deps, target.partition);
      return 'released';
    }
    if (answer.by === 'record') return 'changed';
    if (answer.head === undefined) return 'gone';
    floor = await makeRoom(deps, target.partition, answer.head);
  }
  throw new MillraceError('THROTTLED', 'the head of the partition refused delayed records again and again', {
    value: target.partition,
    hint: 'Others write to it faster than it is rolled. They wait, and are tried again.',
  });
}

/** The head refused: rolls it when it is full, and tells its floor. */
async function makeRoom(deps: ReleaseDeps, partition: PartitionKey, head: Head): Promise<SegmentId> {
  const isFull = head.tail.length >= limits.tailEntriesCap || head.tailBytes >= limits.tailBytesCap;
  if (isFull) await repeatRequest(deps, () => rollTail(deps.store, partition, head));
  return head.floor;
}

async function readBatches({ store, ...deps }: ReleaseDeps, records: readonly WaitingRecord[]): Promise<Uint8Array[]> {
  const batches: Uint8Array[] = [];
  await inParallel(records.entries(), PARALLEL, async ([index, record]) => {
    const { content } = record;
    if (content.kind === 'batch') {
      batches[index] = content.batch;
      return;
    }
    const get = () => store.objects.get(content.key, 0, content.lengthBytes);
    const { answer } = await repeatRequest(deps, get);
    if (answer?.length !== content.lengthBytes) throw objectMissing(record);
    batches[index] = answer;
  });
  return batches;
}

async function prepare(
  deps: ReleaseDeps,
  { partition, domain, inlineMaxBytes }: ReleaseTarget,
  batches: readonly Uint8Array[],
  summary: { readonly recordCount: number; readonly maxTimestampMs: bigint; readonly floor: SegmentId },
): Promise<Prepared> {
  const { recordCount, maxTimestampMs, floor } = summary;
  const fields = { recordCount, maxTimestampMs, producer: null };
  const need = { floor: () => floor, deliverByMs: deps.clock.monotonicMs() + UPLOAD_MS };
  const joined = Buffer.concat(batches);
  if (joined.length <= inlineMaxBytes) {
    const id = await mintId(deps, need);
    return { id, entry: encodeEntry({ kind: 'inline', id, batches: joined, ...fields }) };
  }
  const writerId = deps.ids.next(ZERO_ID);
  const { bytes, regions } = encodeSegment({ level: 0, writerId, regions: [{ ...partition, batches }] });
  const id = await uploadSegment(deps, { domain, bytes, ...need });
  const { position, length } = regions[0]!;
  return { id, entry: encodeEntry({ kind: 'reference', id, position, lengthBytes: length, ...fields }) };
}

/** What a release adds no producer sees, so it rolls by itself. */
async function rollIfDue({ store }: ReleaseDeps, partition: PartitionKey): Promise<void> {
  try {
    const head = await store.heads.read(partition, { consistent: true });
    const isDue = head && (head.tail.length >= limits.tailEntries || head.tailBytes >= limits.tailBytes);
    if (isDue) await rollTail(store, partition, head);
  } catch {
    // Both steps are safe to leave undone: the next who writes does them.
  }
}
