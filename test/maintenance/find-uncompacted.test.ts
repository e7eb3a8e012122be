import { describe, expect, it } from 'vitest';
import type { Chunk } from '../../lib/log/chunk.ts';
import { encodeEntry } from '../../lib/log/entry.ts';
import type { Head } from '../../lib/log/head.ts';
import { findUncompacted } from '../../lib/maintenance/find-uncompacted.ts';
import { firstIdAt } from '../../lib/segment/segment-id.ts';
import { maintenanceStage, START_MS } from './maintenance-stage.ts';

const MB = 1024 * 1024;
const ID = firstIdAt(START_MS);

/** Chunks of one record each: `1` was rewritten, `0` was not, `B` stays as it is for its size. */
function chunksOf(kinds: string): readonly Chunk[] {
  return [...kinds].map((kind, index) => {
    const base = BigInt(index);
    const entry = { recordCount: 1, maxTimestampMs: 0n, producer: null, position: 0 };
    const lengthBytes = kind === 'B' ? 9 * MB : 100;
    return {
      ...{ base, end: base + 1n, count: 1, minId: ID, maxId: ID, level: kind === '1' ? 1 : 0, version: 0 },
      ...{ maxTimestampMs: 0n, runMaxTimestampMs: 0n, runMaxTimestampOffset: 0n },
      entries: [encodeEntry({ kind: 'reference', id: ID, ...entry, lengthBytes })],
    } as Chunk;
  });
}

/** What is found, and how many queries that took. */
async function found(kinds: string, start = 0n) {
  const chunks = chunksOf(kinds);
  const stage = maintenanceStage();
  let queries = 0;
  const query = async (_: unknown, asked: Parameters<typeof stage.base.chunks.query>[1]) => {
    queries += 1;
    const { fromBase = 0n, toBase = 1n << 62n, order, limit } = asked;
    const range = chunks.filter(({ base }) => base >= fromBase && base <= toBase);
    return (order === 'ascending' ? range : range.toReversed()).slice(0, limit);
  };
  const store = { ...stage.deps.store, chunks: { ...stage.deps.store.chunks, query } };
  const head = { start, tailBase: BigInt(chunks.length) } as Head;
  const partition = { topicId: '00000000-0000-4000-8000-00000000000a', partition: 0 };
  return { offset: await findUncompacted({ ...stage.deps, store }, partition, head), queries };
}

describe('where compaction has to begin', () => {
  it.each([
    ['nowhere, when all was rewritten', '1'.repeat(300), null],
    ['behind what was rewritten', `${'1'.repeat(300)}${'0'.repeat(150)}`, 300n],
    ['at the beginning', '0'.repeat(250), 0n],
    ['below some chunks that are large enough, at the end', `000${'B'.repeat(20)}`, 0n],
    ['below many, once something smaller is behind them', `${'1'.repeat(150)}000${'B'.repeat(500)}0`, 150n],
    ['below many, from the beginning of the partition on', `000${'B'.repeat(1_000)}0`, 0n],
    ['between some of them', `${'1'.repeat(150)}${'B'.repeat(200)}0${'B'.repeat(200)}0`, 350n],
    ['above many of them', `${'1'.repeat(150)}${'B'.repeat(400)}${'0'.repeat(150)}`, 550n],
    [
      'at the first of several that a killed one has left among them',
      `${'1'.repeat(150)}0B1B1B1${'B'.repeat(30)}1${'0'.repeat(120)}`,
      150n,
    ],
    ['nowhere, where all are large enough', 'B'.repeat(90), null],
  ])('is %s', async (_, kinds, expected) => {
    const { offset } = await found(kinds);
    expect(offset).toBe(expected);
  });

  it('is looked for in a few queries', async () => {
    expect((await found('1'.repeat(5_000))).queries).toBe(1);
    expect((await found(`${'1'.repeat(5_000)}0`)).queries).toBeLessThanOrEqual(2);
    expect((await found(`${'1'.repeat(3_000)}${'0'.repeat(2_000)}`)).queries).toBeLessThan(20);
    // A query for each hundred of what is large enough.
    expect((await found(`000${'B'.repeat(3_000)}0`)).queries).toBeLessThan(60);
  });

  it('is never below the log start offset', async () => {
    expect((await found(`00${'B'.repeat(300)}00`, 10n)).offset).toBe(302n);
  });
});
