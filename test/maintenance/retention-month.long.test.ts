import { describe, expect, it } from 'vitest';
import type { Chunk } from '../../lib/log/chunk.ts';
import type { Chunks } from '../../lib/log/chunks.ts';
import { encodeEntry } from '../../lib/log/entry.ts';
import { emptyHead, type Head } from '../../lib/log/head.ts';
import { advanceStartTransition, raiseFloorTransition } from '../../lib/log/head-transitions.ts';
import { retainPartition } from '../../lib/maintenance/retain-partition.ts';
import { firstIdAt, ZERO_ID } from '../../lib/segment/segment-id.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, maintenanceStage, START_MS } from './maintenance-stage.ts';

const SEGMENTS_PER_MINUTE = 10_000;
const ENTRIES = 100;
/** One chunk of a hundred entries comes to be every 600 ms. */
const CHUNK_MS = (ENTRIES / SEGMENTS_PER_MINUTE) * MINUTE_MS;

/** The chunk of a number, made when it is asked for: a month of them would not fit into memory. */
function chunkNumbered(number: number): Chunk {
  const timeMs = START_MS + number * CHUNK_MS;
  const id = firstIdAt(timeMs);
  const maxTimestampMs = BigInt(Math.floor(timeMs));
  const entry = encodeEntry({
    kind: 'reference',
    id,
    recordCount: ENTRIES,
    maxTimestampMs,
    producer: null,
    position: 8,
    lengthBytes: 64_000,
  });
  const base = BigInt(number * ENTRIES);
  const times = { maxTimestampMs, runMaxTimestampMs: maxTimestampMs, runMaxTimestampOffset: base };
  const level = { level: 0, version: 0 } as const;
  return { base, end: base + BigInt(ENTRIES), count: 1, minId: id, maxId: id, ...times, ...level, entries: [entry] };
}

describe('a month of 10,000 segments a minute in one partition', () => {
  it('is kept to seven days by a look an hour, in three requests for a hundred chunks and a deletion for each', {
    timeout: 120_000,
  }, async () => {
    const stage = maintenanceStage();
    let head: Head = emptyHead(ZERO_ID);
    let [first, count, removed, requests, wrong] = [0, 0, 0, 0, 0];
    const chunks: Pick<Chunks, 'query' | 'remove'> = {
      async query(_, { fromBase = 0n, toBase = 0n, limit }) {
        requests += 1;
        const from = Math.max(first, Math.ceil(Number(fromBase) / ENTRIES));
        const end = Math.min(count, Math.floor(Number(toBase) / ENTRIES) + 1, from + limit);
        return Array.from({ length: Math.max(0, end - from) }, (__, index) => chunkNumbered(from + index));
      },
      async remove(_, base, { endAtMost, maxIdAtMost }) {
        const chunk = chunkNumbered(Number(base) / ENTRIES);
        // In order, below the start, under the floor.
        const isBelow = chunk.end <= endAtMost && chunk.end <= head.start;
        const isUnderFloor = chunk.maxId <= maxIdAtMost && chunk.maxId <= head.floor;
        if (Number(base) !== first * ENTRIES || !isBelow || !isUnderFloor) wrong += 1;
        first += 1;
        removed += 1;
        return true;
      },
    };
    const change = (outcome: ReturnType<typeof raiseFloorTransition>) => {
      requests += 1;
      head = outcome.item ?? head;
      return Promise.resolve(outcome);
    };
    const heads = {
      read: () => Promise.resolve(head),
      advanceStart: (_: unknown, args: Parameters<typeof advanceStartTransition>[1]) =>
        change(advanceStartTransition(head, args)),
      raiseFloor: (_: unknown, floor: string) => change(raiseFloorTransition(head, floor)),
    };
    const store = {
      ...stage.deps.store,
      heads: { ...stage.base.heads, ...heads },
      chunks: { ...stage.base.chunks, ...chunks },
    };
    const request = {
      partition: { topicId: '00000000-0000-4000-8000-00000000000a', partition: 0 },
      policy: { maxAgeMs: BigInt(7 * DAY_MS), minBytes: null },
    };
    for (let passedMs = 0; passedMs <= 30 * DAY_MS; passedMs += HOUR_MS) {
      count = Math.floor(passedMs / CHUNK_MS);
      const end = BigInt(count * ENTRIES);
      head = { ...head, next: end, tailBase: end };
      await retainPartition({ ...stage.deps, store }, { ...request, nowMs: START_MS + passedMs });
      const keptMs = (count - first) * CHUNK_MS;
      expect(keptMs).toBeLessThanOrEqual(7 * DAY_MS + 2 * CHUNK_MS);
      expect(first === 0 || keptMs >= 7 * DAY_MS - CHUNK_MS).toBe(true);
    }
    expect(count).toBe(4_320_000);
    expect([removed, wrong]).toEqual([first, 0]);
    expect(removed).toBeGreaterThan(3_300_000);
    // Beside the deletions: two queries and an update for each hundred chunks, and a few for each look, which drops six times a thousand chunks.
    expect(requests).toBeLessThan((removed / 100) * 3 + 31 * 24 * 8);
  });
});
