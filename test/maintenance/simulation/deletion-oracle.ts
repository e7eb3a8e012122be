/**
 * Says when something is deleted that may not be: records before their time, chunks above the start or the floor, objects that are named, may still be, or were within the restore window.
 *
 * It goes by what really happened, which the oracle of the log has seen, and shares no code with what it judges but the decoders.
 */

import type { Chunk } from '../../../lib/log/chunk.ts';
import { decodeEntry } from '../../../lib/log/entry.ts';
import type { Head } from '../../../lib/log/head.ts';
import { type PartitionKey, partitionPk } from '../../../lib/log/partition-key.ts';
import { parseSegmentKey } from '../../../lib/segment/segment-key.ts';
import type { DeletionJudge } from '../../log/simulation/judges.ts';
import { liveChunks } from '../../log/simulation/live-chunks.ts';
import type { Oracle } from '../../log/simulation/oracle.ts';
import { asOf, type PartitionTruth } from '../../log/simulation/partition-truth.ts';
import { START_MS, type VirtualTime } from '../../log/simulation/virtual-time.ts';

/** By what retention is judged. */
export interface SimulatedPolicy {
  readonly maxAgeMs: number | null;
  readonly minBytes: number | null;
}

/** Records that go together. */
interface Unit {
  readonly end: bigint;
  readonly maxTimestampMs: number;
  readonly bytes: number;
}

/** As they were committed. */
function entryUnits({ entries }: Pick<PartitionTruth, 'entries'>): readonly Unit[] {
  return entries.map(({ end, entry }) => ({
    end,
    maxTimestampMs: Number(entry.maxTimestampMs),
    bytes: entry.kind === 'reference' ? entry.lengthBytes : entry.batches.length,
  }));
}

/** As they are now: what compaction has rewritten goes chunk by chunk. */
function storedUnits(truth: PartitionTruth): readonly Unit[] {
  const { head, chunks, entries } = truth;
  const sorted = [...chunks.values()]
    .filter(({ base }) => base < head.tailBase)
    .sort((a, b) => Number(a.base - b.base));
  const rewritten = liveChunks(sorted, head).filter(({ level }) => level === 1);
  const units: Unit[] = [];
  for (const unit of entryUnits({ entries })) {
    const chunk = rewritten.find(({ base, end }) => base < unit.end && unit.end <= end);
    const last = units.at(-1);
    if (chunk !== undefined && last?.end === chunk.end) {
      const maxTimestampMs = Math.max(last.maxTimestampMs, unit.maxTimestampMs);
      units[units.length - 1] = { end: chunk.end, maxTimestampMs, bytes: last.bytes + unit.bytes };
    } else units.push({ ...unit, end: chunk?.end ?? unit.end });
  }
  return units;
}

/** See the module comment. */
export class DeletionOracle implements DeletionJudge {
  readonly #oracle: Oracle;
  readonly #time: VirtualTime;
  readonly #policyOf: (truth: PartitionTruth) => SimulatedPolicy;
  readonly #windowMs: number;
  /** By partition: up to where somebody has asked for a trim. */
  readonly #trims = new Map<string, bigint>();

  constructor(parts: {
    oracle: Oracle;
    time: VirtualTime;
    policyOf: (truth: PartitionTruth) => SimulatedPolicy;
    windowMs: number;
  }) {
    this.#oracle = parts.oracle;
    this.#time = parts.time;
    this.#policyOf = parts.policyOf;
    this.#windowMs = parts.windowMs;
  }

  /** Somebody is about to trim. */
  allowTrim(partition: PartitionKey, offset: bigint): void {
    const pk = partitionPk(partition);
    const before = this.#trims.get(pk) ?? 0n;
    this.#trims.set(pk, offset > before ? offset : before);
  }

  onStartRaised(truth: PartitionTruth, before: Head): void {
    const { start } = truth.head;
    const byPolicy = this.#allowedStart(truth, before.start, entryUnits(truth), 0);
    const trimmed = this.#trims.get(partitionPk(truth.partition)) ?? 0n;
    const allowed = byPolicy > trimmed ? byPolicy : trimmed;
    this.#oracle.count('starts raised');
    this.#oracle.expect(
      start <= allowed,
      'Not before its time',
      () =>
        `the start of ${partitionPk(truth.partition)} rose from ${before.start} to ${start}, allowed was ${allowed}`,
    );
  }

  /** How far the policy lets the start rise now, or let it some time ago. */
  #allowedStart(truth: PartitionTruth, start: bigint, units: readonly Unit[], agoMs: number): bigint {
    const { maxAgeMs, minBytes } = this.#policyOf(truth);
    const nowMs = START_MS + this.#time.nowMs - agoMs;
    const live = units.filter(({ end }) => end > start);
    let allowed = 0n;
    if (maxAgeMs !== null) {
      for (const { end, maxTimestampMs } of live) {
        if (nowMs - maxTimestampMs <= maxAgeMs) break;
        if (end > allowed) allowed = end;
      }
    }
    if (minBytes !== null) {
      let bytes = 0;
      const kept = live.findLast((unit) => {
        const isEnough = bytes >= minBytes;
        bytes += unit.bytes;
        return isEnough;
      });
      if (kept !== undefined && kept.end > allowed) allowed = kept.end;
    }
    return allowed;
  }

  onChunkRemoved({ head }: PartitionTruth, { base, end, maxId }: Chunk): void {
    this.#oracle.count('chunks removed');
    this.#oracle.expect(
      end <= head.start,
      'Stable prefix',
      () => `chunk ${base}-${end} is removed above ${head.start}`,
    );
    this.#oracle.expect(
      maxId <= head.floor,
      'Floor before forgetting',
      () => `chunk ${base}-${end} is removed with ${maxId} above the floor ${head.floor}`,
    );
  }

  onObjectsRemoved(keys: readonly string[]): void {
    for (const key of keys) {
      if (key.includes('_maintenance/')) continue;
      const { level, id } = parseSegmentKey(key);
      this.#oracle.count(level === 0 ? 'objects removed' : 'compacted objects removed');
      // A table that is restored may have a topic that was deleted since.
      for (const truth of this.#oracle.partitions.values()) {
        if (level === 0) this.#judge(truth, id);
        else this.#judgeNames(truth, id);
      }
    }
  }

  #judge(truth: PartitionTruth, id: string): void {
    const place = partitionPk(truth.partition);
    this.#oracle.expect(
      truth.isGone || truth.head.floor >= id,
      'No early death',
      () => `${id} is removed and may still be committed to ${place}, whose floor is ${truth.head.floor}`,
    );
    if (truth.ids.has(id)) this.#judgeNames(truth, id);
  }

  /** What a table that is restored to any moment of the window names is there. */
  #judgeNames(truth: PartitionTruth, id: string): void {
    const place = partitionPk(truth.partition);
    const sinceMs = Math.max(0, this.#time.nowMs - this.#windowMs);
    const times = [sinceMs, ...[...truth.heads, ...truth.chunkHistory].map(({ atMs }) => atMs)];
    for (const atMs of new Set(times.filter((at) => at >= sinceMs))) {
      const isNamed = namesOf(asOf(truth.heads, atMs), asOf(truth.chunkHistory, atMs)).has(id);
      const agoMs = Math.round(this.#time.nowMs - atMs);
      this.#oracle.expect(!isNamed, 'No early death', () => `${id} is removed, which ${place} named ${agoMs} ms ago`);
      if (isNamed) return;
    }
  }

  /** What is left that should be gone, when all is at rest. */
  garbage(keys: readonly string[]): readonly string[] {
    const named = new Set<string>();
    for (const { head, chunks } of this.#oracle.living) for (const id of namesOf(head, chunks)) named.add(id);
    return keys.filter((key) => key.includes('_maintenance/') || !named.has(key.slice(-26)));
  }

  /** The first offset of a partition that its policy kept some time ago. Nobody knows whether a trim that failed has happened. */
  expectedStart(truth: PartitionTruth, agoMs: number): bigint {
    const allowed = this.#allowedStart(truth, truth.head.start, storedUnits(truth), agoMs);
    return allowed > truth.head.start ? allowed : truth.head.start;
  }
}

/** Ids of objects that a reader may come to. */
function namesOf(head: Head | null, chunks: ReadonlyMap<bigint, Chunk>): ReadonlySet<string> {
  const names = new Set<string>();
  if (head === null) return names;
  const add = (entries: readonly Uint8Array[]) => {
    for (const bytes of entries) {
      const entry = decodeEntry(bytes);
      if (entry.kind === 'reference') names.add(entry.id);
    }
  };
  add(head.tail);
  const sorted = [...chunks.values()]
    .filter(({ base }) => base < head.tailBase)
    .sort((a, b) => Number(a.base - b.base));
  for (const { entries } of liveChunks(sorted, head)) add(entries);
  return names;
}
