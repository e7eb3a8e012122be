import { describe, expect, it } from 'vitest';
import type { Chunk } from '../../../lib/log/chunk.ts';
import { liveChunks } from './live-chunks.ts';

const chunk = (base: bigint, end: bigint) => ({ base, end }) as Chunk;
const basesOf = (chunks: readonly Chunk[], start: bigint) =>
  liveChunks(chunks, { start, tailBase: 33n }).map(({ base }) => base);

describe('the chunks that count', () => {
  const order = [chunk(1n, 6n), chunk(6n, 8n), chunk(8n, 33n)];

  it('are all above the log start offset', () => {
    expect(basesOf(order, 0n)).toEqual([1n, 6n, 8n]);
    expect(basesOf(order, 6n)).toEqual([6n, 8n]);
    expect(basesOf(order, 7n)).toEqual([6n, 8n]);
    expect(basesOf(order, 33n)).toEqual([]);
  });

  // Seed 442334 at 35ac305: retention had deleted the chunk at 0, a roller that was 12 minutes late put 0 to 3 there, and whoever compacted had read the head before either.
  it('are not those that a late put brought back, although the head is older than that', () => {
    const revived = [chunk(0n, 3n), ...order];
    expect(basesOf(revived, 0n)).toEqual([1n, 6n, 8n]);
    expect(basesOf(revived, 2n)).toEqual([1n, 6n, 8n]);
  });
});
