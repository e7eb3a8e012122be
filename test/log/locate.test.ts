import { describe, expect, it } from 'vitest';
import { encodeEntry } from '../../lib/log/entry.ts';
import { coveringChunk, locateAmong, locateEntries } from '../../lib/log/locate.ts';
import { commitOf, entryAt, idAt, type LogStage, logStage } from './log-stage.ts';

const ENTRY_BYTES = 8;

/** Chunks of two entries of one record each, and two more in the tail: 1, 2 | 3, 4 | … */
async function stageOf(chunkCount: number): Promise<LogStage> {
  const stage = await logStage();
  const commit = (number: number) => stage.base.heads.commit(stage.partition(), commitOf([number], { known: 1_000n }));
  for (let chunk = 0; chunk < chunkCount; chunk++) {
    await commit(2 * chunk + 1);
    await commit(2 * chunk + 2);
    await stage.roll();
  }
  await commit(2 * chunkCount + 1);
  await commit(2 * chunkCount + 2);
  return stage;
}

/** Puts references of level 1 to so many bytes into the first chunks; the very first may be larger. */
async function replaceAll(stage: LogStage, count: number, bytes: number, firstBytes = bytes): Promise<void> {
  for (const { base, end, version } of (await stage.chunks()).slice(0, count)) {
    const place = { position: 8, lengthBytes: base === 0n ? firstBytes : bytes };
    const entry = { id: idAt(1), recordCount: 2, maxTimestampMs: 0n, producer: null, ...place };
    const reference = encodeEntry({ kind: 'reference', ...entry });
    await stage.base.chunks.replace(stage.partition(), base, { version, end, reference });
  }
}

async function locate(stage: LogStage, offset: bigint, maxEntries = 100) {
  const query = { offset, maxBytes: maxEntries * ENTRY_BYTES, consistent: true };
  const located = await locateEntries(stage.store.chunks, stage.partition(), await stage.head(), query);
  return located?.map(({ baseOffset, hot }) => `${baseOffset}${hot ? ' hot' : ''}`) ?? null;
}

describe('among encoded entries', () => {
  const entries = [entryAt(1, 3), entryAt(2, 1), entryAt(3, 2)];
  const bases = (offset: bigint) => locateAmong(entries, 10n, offset, false).map(({ baseOffset }) => baseOffset);

  it('those that end above the offset are located, the one that holds it first', () => {
    expect(bases(10n)).toEqual([10n, 13n, 14n]);
    expect(bases(12n)).toEqual([10n, 13n, 14n]);
    expect(bases(13n)).toEqual([13n, 14n]);
    expect(bases(15n)).toEqual([14n]);
    expect(bases(16n)).toEqual([]);
  });

  it('no more are decoded than lead to as many bytes as are wanted, and to a little more', () => {
    const count = (maxBytes: number, offset = 10n) => locateAmong(entries, 10n, offset, false, maxBytes).length;
    expect([count(0), count(ENTRY_BYTES - 1), count(ENTRY_BYTES), count(2 * ENTRY_BYTES)]).toEqual([1, 1, 2, 3]);
    expect(count(0, 13n)).toBe(1);
  });

  it('one without records is damage, also below the offset', () => {
    const damaged = entryAt(1, 3);
    damaged.fill(0, 17, 21);
    const corrupt = expect.objectContaining({ code: 'CORRUPT_OBJECT' });
    expect(() => locateAmong([damaged, ...entries], 10n, 12n, false)).toThrow(corrupt);
    expect(() => locateAmong([damaged.subarray(0, 20), ...entries], 10n, 12n, false)).toThrow(corrupt);
  });

  it('each tells the offsets that it covers', () => {
    expect(locateAmong(entries, 10n, 13n, true)[0]).toMatchObject({
      baseOffset: 13n,
      endOffset: 14n,
      level: 0,
      hot: true,
    });
  });
});

describe('the chunk that covers an offset', () => {
  it('begins at or below it and ends above it', async () => {
    const stage = await stageOf(3);
    for (const [offset, base] of [
      [0n, 0n],
      [1n, 0n],
      [2n, 2n],
      [5n, 4n],
    ] as const) {
      await expect(coveringChunk(stage.store.chunks, stage.partition(), offset, true)).resolves.toMatchObject({ base });
    }
    await expect(coveringChunk(stage.store.chunks, stage.partition(), 6n, true)).resolves.toBeNull();
  });

  it('is looked for consistently when an old read does not show it', async () => {
    const stage = await stageOf(2);
    const chunks = {
      ...stage.store.chunks,
      query: (...[partition, query]: Parameters<typeof stage.store.chunks.query>) =>
        query.consistent ? stage.base.chunks.query(partition, query) : Promise.resolve([]),
    };
    await expect(coveringChunk(chunks, stage.partition(), 3n, false)).resolves.toMatchObject({ base: 2n });
  });
});

describe('entries from an offset on', () => {
  it('come from the head alone at or above tailBase', async () => {
    const stage = await stageOf(2);
    await expect(locate(stage, 4n)).resolves.toEqual(['4 hot', '5 hot']);
    await expect(locate(stage, 5n)).resolves.toEqual(['5 hot']);
    expect(stage.faulty.calls).toEqual([]);
  });

  it('go through chunks into the tail without a gap', async () => {
    const stage = await stageOf(3);
    await expect(locate(stage, 1n)).resolves.toEqual(['1', '2', '3', '4', '5', '6 hot', '7 hot']);
  });

  it('end where their bytes fill the query, but never before the first', async () => {
    const stage = await stageOf(3);
    await expect(locate(stage, 1n, 3)).resolves.toEqual(['1', '2', '3']);
    await expect(locate(stage, 1n, 0)).resolves.toEqual(['1']);
    await expect(locate(stage, 6n, 0)).resolves.toEqual(['6 hot']);
  });

  it('end after a bounded number of chunks, and never skip the ones between them and the tail', async () => {
    const stage = await stageOf(12);
    await expect(locate(stage, 0n)).resolves.toEqual(Array.from({ length: 10 }, (_, offset) => `${offset}`));
    expect(stage.faulty.calls).toHaveLength(2);
  });

  it('come from as many chunks as fill the query once those are compacted, in queries that do not grow with their number', async () => {
    const stage = await stageOf(150);
    await replaceAll(stage, 140, 8);
    const first = (count: number) => Array.from({ length: count }, (_, chunk) => `${2 * chunk}`);
    await expect(locate(stage, 0n, 60)).resolves.toEqual(first(60));
    expect(stage.faulty.calls).toHaveLength(2);
    await expect(locate(stage, 0n, 120)).resolves.toEqual(first(101));
    expect(stage.faulty.calls).toHaveLength(4);
    // Behind them the first that is not compacted, and no others.
    const [before, behind] = (await locate(stage, 278n))!;
    expect([before, behind]).toEqual(['278', '280']);
  });

  it('come from more chunks than the first one promised, which was large', async () => {
    const stage = await stageOf(150);
    await replaceAll(stage, 150, 8, 200);
    await expect(locate(stage, 0n, 1_020)).resolves.toHaveLength(150 + 2);
    expect(stage.faulty.calls.length).toBeLessThanOrEqual(4);
  });

  it('stop before a hole, and are none at one', async () => {
    const stage = await stageOf(3);
    await stage.base.chunks.remove(stage.partition(), 2n, { endAtMost: 9n, maxIdAtMost: '7'.padEnd(26, 'Z') });
    await expect(locate(stage, 0n)).resolves.toEqual(['0', '1']);
    await expect(locate(stage, 3n)).resolves.toBeNull();
  });

  it('stand once where a roll is half done', async () => {
    const stage = await stageOf(1);
    const { planChunk } = await import('../../lib/log/roll-plan.ts');
    await stage.base.chunks.put(stage.partition(), planChunk(await stage.head())!);
    await expect(locate(stage, 0n)).resolves.toEqual(['0', '1', '2 hot', '3 hot']);
  });

  it('ignore a dead chunk below the log start offset that overlaps the next one', async () => {
    const stage = await stageOf(2);
    const [first, second] = await stage.chunks();
    await stage.base.heads.advanceStart(stage.partition(), { start: 2n, floor: second!.maxId });
    await stage.base.chunks.remove(stage.partition(), 0n, { endAtMost: 2n, maxIdAtMost: second!.maxId });
    // A put of another roller, for a longer tail, that came late.
    const late = { ...first!, end: 4n, count: 4, entries: [...first!.entries, ...second!.entries] };
    await stage.base.chunks.put(stage.partition(), late);
    await expect(locate(stage, 2n)).resolves.toEqual(['2', '3', '4 hot', '5 hot']);
  });
});
