import { describe, expect, it } from 'vitest';
import { searchChunks } from '../../lib/log/search-chunks.ts';
import { commitOf, entryAt, idAt, type LogStage, logStage } from './log-stage.ts';

/** Chunks of two entries each, entries 1, 2 | 3, 4 | …, one record each. */
async function rolled(chunkCount: number): Promise<LogStage> {
  const stage = await logStage();
  for (let chunk = 0; chunk < chunkCount; chunk++) {
    for (const number of [2 * chunk + 1, 2 * chunk + 2]) {
      await stage.base.heads.commit(stage.partition(), commitOf([number], { known: 1_000n }));
    }
    await stage.roll();
  }
  return stage;
}

function search(stage: LogStage, known: bigint, numbers: readonly number[], tailBase = 1_000n) {
  const group = numbers.map((number) => entryAt(number));
  return stage.head().then((head) => {
    const from = tailBase < head.tailBase ? tailBase : head.tailBase;
    return searchChunks(stage.store.chunks, stage.partition(), { known, tailBase: from, group });
  });
}

async function replace(stage: LogStage, base: bigint): Promise<void> {
  const args = { version: 0, end: base + 2n, reference: entryAt(99, 2) };
  await stage.base.chunks.replace(stage.partition(), base, args);
}

describe('a search for a group in the chunks', () => {
  it('finds it in the newest, in the one that covers known, and in any between', async () => {
    const stage = await rolled(5);
    await expect(search(stage, 0n, [10])).resolves.toEqual({ found: true, baseOffset: 9n });
    await expect(search(stage, 0n, [5])).resolves.toEqual({ found: true, baseOffset: 4n });
    await expect(search(stage, 0n, [1])).resolves.toEqual({ found: true, baseOffset: 0n });
    await expect(search(stage, 3n, [4])).resolves.toEqual({ found: true, baseOffset: 3n });
    await expect(search(stage, 3n, [50, 4])).resolves.toEqual({ found: true, baseOffset: 2n });
  });

  it('tells absence when it has seen all of it', async () => {
    const stage = await rolled(5);
    await expect(search(stage, 3n, [77])).resolves.toEqual({ found: false, gap: false });
    await expect(search(stage, 0n, [77])).resolves.toEqual({ found: false, gap: false });
  });

  it('looks no further down than known, nor above the tail that was searched', async () => {
    const stage = await rolled(40);
    await search(stage, 78n, [999]);
    expect(stage.faulty.calls).toHaveLength(1);
    await expect(search(stage, 4n, [10], 8n)).resolves.toEqual({ found: false, gap: false });
    await expect(search(stage, 4n, [2])).resolves.toEqual({ found: false, gap: false });
    await expect(search(stage, 80n, [1])).resolves.toEqual({ found: false, gap: false });
  });

  it('goes through many pages, newest first', async () => {
    const stage = await rolled(40);
    await expect(search(stage, 0n, [1])).resolves.toEqual({ found: true, baseOffset: 0n });
    expect(stage.faulty.calls).toHaveLength(3);
  });

  it('meets a gap in what compaction has replaced, but not below known', async () => {
    const stage = await rolled(5);
    await replace(stage, 4n);
    await expect(search(stage, 3n, [77])).resolves.toEqual({ found: false, gap: true });
    await expect(search(stage, 5n, [77])).resolves.toEqual({ found: false, gap: true });
    await expect(search(stage, 6n, [77])).resolves.toEqual({ found: false, gap: false });
    await expect(search(stage, 3n, [9])).resolves.toEqual({ found: true, baseOffset: 8n });
  });

  it('meets a gap in what retention has deleted, at the end and in between', async () => {
    const stage = await rolled(5);
    const args = { endAtMost: 100n, maxIdAtMost: idAt(100) };
    await stage.base.chunks.remove(stage.partition(), 4n, args);
    await expect(search(stage, 3n, [77])).resolves.toEqual({ found: false, gap: true });
    for (const base of [0n, 2n]) await stage.base.chunks.remove(stage.partition(), base, args);
    await expect(search(stage, 0n, [77])).resolves.toEqual({ found: false, gap: true });
    await expect(search(stage, 7n, [77])).resolves.toEqual({ found: false, gap: false });
  });
});
