/** Who works on a partition beside its producers: rolls, raises floors, compacts, retains, collects. All but the collector go over the network as anybody. */
import { MillraceError } from '../../../lib/errors.ts';
import type { Chunk } from '../../../lib/log/chunk.ts';
import { decodeEntry, encodeRewritten } from '../../../lib/log/entry.ts';
import type { LogStore } from '../../../lib/log/log-store.ts';
import type { PartitionKey } from '../../../lib/log/partition-key.ts';
import { rollTail } from '../../../lib/log/roll.ts';
import { splitBatches } from '../../../lib/record/decode-batch.ts';
import { stampBatch } from '../../../lib/record/stamp-batch.ts';
import { encodeSegment } from '../../../lib/segment/encode-segment.ts';
import { decodeId, firstIdAt, type SegmentId, ZERO_ID } from '../../../lib/segment/segment-id.ts';
import { segmentKey } from '../../../lib/segment/segment-key.ts';
import type { BusyTime } from '../../simulate/schedule-size.ts';
import { liveChunks } from './live-chunks.ts';
import type { Oracle } from './oracle.ts';
import { type Dice, type Process, START_MS, type VirtualTime } from './virtual-time.ts';

/** What a keeper works with. */
export interface KeeperParts {
  readonly process: Process;
  /** Over the network. */
  readonly store: LogStore;
  /** Past the network. */
  readonly base: LogStore;
  readonly time: VirtualTime;
  readonly dice: Dice;
  readonly oracle: Oracle;
  /** Those that exist now. */
  readonly partitions: () => readonly PartitionKey[];
  /** Whether it deletes records. */
  readonly retains: boolean;
  /** Whether it compacts, however young the chunks are. */
  readonly compacts: boolean;
  /** Whether it deletes objects, all at one moment. */
  readonly collects: boolean;
  /** How much of all work is for the first partition. */
  readonly hotShare: number;
}

const CONSISTENT = { consistent: true } as const;

/** Does one of these at a time, again and again for as long as all are busy. */
export function startKeeper(parts: KeeperParts, busy: BusyTime, pauseMs: number): void {
  const { dice, time, partitions, hotShare } = parts;
  const duties = [
    ...[roll, roll, raiseFloor],
    ...(parts.compacts ? [compact, compact] : []),
    ...(parts.retains ? [retain] : []),
  ];
  const next = async () => {
    if (busy.isOver) return;
    try {
      const all = partitions();
      if (all.length > 0) await dice.pick(duties)(parts, dice.chance(hotShare) ? all[0]! : dice.pick(all));
    } catch (error) {
      if (!(error instanceof MillraceError && error.retriable))
        parts.oracle.expect(false, 'Keeper', () => String(error));
    }
    time.schedule(dice.magnitude(1, pauseMs), next);
  };
  time.schedule(dice.between(0, 200), next);
}

/** Perhaps by a head that is old by now. */
async function roll({ store, dice, process }: KeeperParts, partition: PartitionKey): Promise<void> {
  const head = await store.heads.read(partition, CONSISTENT);
  if (head === null) return;
  if (dice.chance(0.3)) await process.sleep(dice.between(1, 2_000));
  const count = dice.chance(0.5) ? head.tail.length : dice.between(0, head.tail.length);
  await rollTail(store, partition, { ...head, tail: head.tail.slice(0, count) });
}

/** As a collector does, but up to ids of this very moment. */
async function raiseFloor({ store, dice, time }: KeeperParts, partition: PartitionKey): Promise<void> {
  if (dice.chance(0.2)) return;
  await store.heads.raiseFloor(partition, firstIdAt(START_MS + time.nowMs - dice.between(-20, 500)));
}

/** COMPACT: floor, object, replacement in place. Then whatever is named no more is deleted at once. */
async function compact(parts: KeeperParts, partition: PartitionKey): Promise<void> {
  const { store, base, dice, oracle } = parts;
  const head = await store.heads.read(partition, CONSISTENT);
  if (head === null) return;
  const all = await store.chunks.query(partition, { order: 'ascending', limit: 100, ...CONSISTENT });
  const eligible = liveChunks(all, head).filter(({ level, end }) => level === 0 && end <= head.tailBase);
  const from = dice.between(0, Math.max(0, eligible.length - 1));
  const chunks = eligible.slice(from, from + dice.between(1, 3));
  if (chunks.length === 0) return;
  const floor = chunks.map(({ maxId }) => maxId).reduce((a, b) => (a > b ? a : b));
  await store.heads.raiseFloor(partition, floor);
  const slices = await Promise.all(chunks.map((chunk) => stampedBatches(base, oracle, partition, chunk)));
  if (slices.some((slice) => slice === null)) return;
  const id = decodeId(dice.bytes(16).fill(0, 0, 6));
  const regions = chunks.map(({ base: baseOffset, end, version: chunkVersion }, index) => {
    return { ...partition, batches: slices[index]!, baseOffset, lastOffset: end - 1n, chunkVersion };
  });
  const segment = encodeSegment({ level: 1, writerId: id, regions });
  const key = segmentKey({ prefix: base.prefix, domain: oracle.of(partition).domain, level: 1, id });
  if ((await store.objects.put(key, segment.bytes)) !== 'created') return;
  for (const [index, chunk] of chunks.entries()) {
    const reference = encodeRewritten(id, segment.regions[index]!);
    await store.chunks.replace(partition, chunk.base, { version: chunk.version, end: chunk.end, reference });
  }
  if (parts.collects) await collect(parts);
}

async function stampedBatches(
  base: LogStore,
  oracle: Oracle,
  partition: PartitionKey,
  chunk: Chunk,
): Promise<Uint8Array[] | null> {
  const stamped: Uint8Array[] = [];
  let offset = chunk.base;
  for (const bytes of chunk.entries) {
    const entry = decodeEntry(bytes);
    const key = segmentKey({ prefix: base.prefix, domain: oracle.of(partition).domain, level: 0, id: entry.id });
    const data =
      entry.kind === 'inline' ? entry.batches : await base.objects.get(key, entry.position, entry.lengthBytes);
    if (data === null) return null;
    for (const { bytes: batch, header } of splitBatches(data)) {
      const copy = batch.slice();
      stampBatch(copy, offset);
      offset += BigInt(header.recordCount);
      stamped.push(copy);
    }
  }
  return stamped;
}

/** COLLECT, all at one moment: level-0 objects under every floor that nothing names. */
async function collect({ base, oracle }: KeeperParts): Promise<void> {
  let floor: SegmentId | null = null;
  for (const { head } of oracle.living) if (floor === null || head.floor < floor) floor = head.floor;
  for (const domain of new Set([...oracle.partitions.values()].map((truth) => truth.domain))) {
    const found = await base.objects.list(`${domain}/0/`, null, 1_000);
    const dead = found
      .map(({ key }) => key)
      .filter((key) => key.slice(-26) <= (floor ?? ZERO_ID) && !oracle.isNamed(key.slice(-26)));
    await base.objects.remove(dead);
  }
}

/** RETAIN, to somewhere in the log. */
async function retain({ store, dice }: KeeperParts, partition: PartitionKey): Promise<void> {
  if (dice.chance(0.4)) return;
  const head = await store.heads.read(partition, CONSISTENT);
  if (head === null) return;
  const span = Number(head.next - head.start);
  const start = dice.chance(0.3) ? head.next : head.start + BigInt(dice.between(0, Math.ceil(span * 0.7)));
  const limit = start < head.tailBase ? start : head.tailBase;
  const chunks = await store.chunks.query(partition, { order: 'ascending', limit: 100, ...CONSISTENT });
  const dead = chunks.filter(({ end }) => end <= limit);
  const floor = dead.reduce((highest, { maxId }) => (maxId > highest ? maxId : highest), head.floor);
  const moved = await store.heads.advanceStart(partition, { start, floor });
  if (moved.outcome === 'refused') return;
  for (const chunk of dead) await store.chunks.remove(partition, chunk.base, { endAtMost: limit, maxIdAtMost: floor });
}
