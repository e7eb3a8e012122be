import { describe, expect, it } from 'vitest';
import { listOffset, type OffsetQuery } from '../../lib/log/list-offsets.ts';
import { batchOf, type LogStage, large, logStage, START_MS } from './log-stage.ts';

const list = (stage: LogStage, query: OffsetQuery, number = 0) =>
  listOffset(stage, { partition: stage.partition(number), domain: 'shared' }, query);
const byTime = async (stage: LogStage, ms: number) =>
  (await list(stage, { timestampMs: BigInt(START_MS + ms) }))?.offset ?? null;
const maxTimestamp = async (stage: LogStage) => {
  const found = await list(stage, { at: 'max-timestamp' });
  return found && { offset: found.offset, ms: Number(found.timestampMs) - START_MS };
};

/** Batches of records with these times; a list for each batch, a batch for each entry. */
const timed = (...batches: readonly (readonly number[])[]) =>
  batches.map((times) =>
    batchOf(
      times.map((ms) => large(`${ms}`, 300)),
      times.map((ms) => START_MS + ms),
    ),
  );

async function trim(stage: LogStage, start: bigint): Promise<void> {
  await stage.base.heads.advanceStart(stage.partition(), { start, floor: (await stage.head()).floor });
}

/** Chunks of two entries each, the first of them compacted; entries of two records each, 10 ms apart: offset n has the time 10 n. */
async function rising(chunkCount: number): Promise<LogStage> {
  const stage = await logStage();
  for (let chunk = 0; chunk < chunkCount; chunk++) {
    const base = chunk * 40;
    await stage.fill(timed([base, base + 10], [base + 20, base + 30]));
    await stage.roll();
  }
  await stage.fill(timed([chunkCount * 40, chunkCount * 40 + 10]));
  const [first] = await stage.chunks();
  if (first) await stage.compact(first);
  return stage;
}

describe('the ends of a partition', () => {
  it('are its log start offset and its high watermark', async () => {
    const stage = await rising(2);
    await expect(list(stage, { at: 'earliest' })).resolves.toEqual({ offset: 0n, timestampMs: -1n });
    await expect(list(stage, { at: 'latest' })).resolves.toEqual({ offset: 10n, timestampMs: -1n });
    await trim(stage, 3n);
    await expect(list(stage, { at: 'earliest' })).resolves.toEqual({ offset: 3n, timestampMs: -1n });
  });

  it('are one in an empty partition, which has no record at any time', async () => {
    const stage = await logStage();
    await expect(list(stage, { at: 'earliest' })).resolves.toEqual({ offset: 0n, timestampMs: -1n });
    await expect(list(stage, { at: 'latest' })).resolves.toEqual({ offset: 0n, timestampMs: -1n });
    await expect(list(stage, { at: 'max-timestamp' })).resolves.toBeNull();
    await expect(list(stage, { timestampMs: 0n })).resolves.toBeNull();
  });

  it('are those of no partition when there is none', async () => {
    const stage = await logStage();
    for (const query of [{ at: 'earliest' }, { at: 'latest' }, { at: 'max-timestamp' }, { timestampMs: 1n }] as const) {
      await expect(list(stage, query, 5)).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' });
    }
  });
});

describe('an offset by time', () => {
  it('is that of the first record at or after it, in level 1, chunks and tail', async () => {
    const stage = await rising(4);
    for (let offset = 0; offset < 18; offset++) {
      await expect(byTime(stage, offset * 10), `at ${offset * 10}`).resolves.toBe(BigInt(offset));
      await expect(byTime(stage, offset * 10 - 3), `before ${offset * 10}`).resolves.toBe(BigInt(offset));
    }
    await expect(byTime(stage, 171)).resolves.toBeNull();
    await expect(byTime(stage, -1e9)).resolves.toBe(0n);
  });

  it('tells the time of the record', async () => {
    const stage = await rising(2);
    const found = await list(stage, { timestampMs: BigInt(START_MS + 55) });
    expect(found).toEqual({ offset: 6n, timestampMs: BigInt(START_MS + 60) });
  });

  it('is the first in the log, not the nearest in time, when times are out of order', async () => {
    const stage = await logStage();
    await stage.fill(timed([50, 10], [90, 20]));
    await stage.roll();
    await stage.fill(timed([5, 6], [7, 60]));
    await stage.roll();
    await stage.fill(timed([1, 95]));
    await expect(byTime(stage, 8)).resolves.toBe(0n);
    await expect(byTime(stage, 51)).resolves.toBe(2n);
    await expect(byTime(stage, 91)).resolves.toBe(9n);
    await expect(byTime(stage, 96)).resolves.toBeNull();
  });

  it('is never below the log start offset, also when that one stands inside of an entry', async () => {
    const stage = await rising(3);
    for (const start of [1n, 3n, 4n, 7n, 12n, 13n]) {
      await trim(stage, start);
      await expect(byTime(stage, 0), `start ${start}`).resolves.toBe(start);
      await expect(byTime(stage, Number(start) * 10 + 1)).resolves.toBe(start === 13n ? null : start + 1n);
    }
  });

  it('passes over a largest time that was trimmed', async () => {
    const stage = await logStage();
    await stage.fill(timed([900, 1], [2, 3]));
    await stage.roll();
    await stage.fill(timed([4, 500], [6]));
    await stage.roll();
    await stage.fill(timed([7]));
    await trim(stage, 1n);
    await expect(byTime(stage, 400)).resolves.toBe(5n);
    await expect(byTime(stage, 600)).resolves.toBeNull();
  });

  it('is found when retention has deleted what lay before', async () => {
    const stage = await rising(4);
    await trim(stage, 9n);
    const { floor } = await stage.head();
    for (const base of [0n, 4n])
      await stage.base.chunks.remove(stage.partition(), base, { endAtMost: 9n, maxIdAtMost: floor });
    await expect(byTime(stage, 0)).resolves.toBe(9n);
    await expect(byTime(stage, 101)).resolves.toBe(11n);
  });

  it('is found over the two places of a roll that is half done', async () => {
    const stage = await rising(2);
    const head = await stage.head();
    const { planChunk } = await import('../../lib/log/roll-plan.ts');
    await stage.base.chunks.put(stage.partition(), planChunk(head)!);
    await expect(byTime(stage, 81)).resolves.toBe(9n);
    await expect(maxTimestamp(stage)).resolves.toEqual({ offset: 9n, ms: 90 });
  });

  it('takes a number of requests that does not grow with the log', async () => {
    const stage = await rising(100);
    const before = stage.faulty.calls.length;
    await expect(byTime(stage, 2_345)).resolves.toBe(235n);
    expect(stage.faulty.calls.length - before).toBeLessThan(16);
  });
});

describe('the record of the largest time', () => {
  it('is the first that has it, in the tail and below', async () => {
    const stage = await logStage();
    await stage.fill(timed([10, 90, 90], [20]));
    await expect(maxTimestamp(stage)).resolves.toEqual({ offset: 1n, ms: 90 });
    await stage.roll();
    await stage.fill(timed([30, 90], [40]));
    await expect(maxTimestamp(stage)).resolves.toEqual({ offset: 1n, ms: 90 });
    await stage.roll();
    await expect(maxTimestamp(stage)).resolves.toEqual({ offset: 1n, ms: 90 });
    await stage.fill(timed([95]));
    await expect(maxTimestamp(stage)).resolves.toEqual({ offset: 7n, ms: 95 });
  });

  it('is found where compaction has put it', async () => {
    const stage = await logStage();
    await stage.fill(timed([10, 20], [80, 30]));
    await stage.roll();
    await stage.compact((await stage.chunks())[0]!);
    await stage.fill(timed([40]));
    await expect(maxTimestamp(stage)).resolves.toEqual({ offset: 2n, ms: 80 });
  });

  it('is another when key compaction has removed it', async () => {
    const stage = await logStage();
    await stage.fill(timed([10], [50]));
    await stage.roll();
    await stage.fill(timed([90], [20]));
    await stage.roll();
    await stage.fill(timed([40]));
    await stage.compact((await stage.chunks())[1]!, 0, (batch) => batch === 1);
    await expect(maxTimestamp(stage)).resolves.toEqual({ offset: 1n, ms: 50 });
    await expect(byTime(stage, 60)).resolves.toBeNull();
    await expect(byTime(stage, 15)).resolves.toBe(1n);
  });

  it('is another when it was trimmed', async () => {
    const stage = await logStage();
    await stage.fill(timed([90], [10, 50]));
    await stage.roll();
    await stage.fill(timed([60, 20], [30]));
    await stage.roll();
    await stage.fill(timed([40]));
    await trim(stage, 1n);
    await expect(maxTimestamp(stage)).resolves.toEqual({ offset: 3n, ms: 60 });
    await trim(stage, 4n);
    await expect(maxTimestamp(stage)).resolves.toEqual({ offset: 6n, ms: 40 });
    await trim(stage, 7n);
    await expect(maxTimestamp(stage)).resolves.toBeNull();
  });

  /** The entry that the log start offset cuts still told the time of a record that was trimmed from it, and no other entry was asked. */
  it('is another when it was trimmed from an entry of which a part is left', async () => {
    const stage = await logStage();
    await stage.fill(timed([90, 10], [60]));
    await trim(stage, 1n);
    await expect(maxTimestamp(stage)).resolves.toEqual({ offset: 2n, ms: 60 });
    await stage.roll();
    await expect(maxTimestamp(stage)).resolves.toEqual({ offset: 2n, ms: 60 });
    await stage.fill(timed([70]));
    await expect(maxTimestamp(stage)).resolves.toEqual({ offset: 3n, ms: 70 });
  });
});
