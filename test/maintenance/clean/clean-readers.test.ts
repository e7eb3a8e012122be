/** Readers of a partition whose last chunk has lost its last records to key compaction: nothing is there between the last record and the high watermark. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../../lib/clock.ts';
import { Fetcher } from '../../../lib/log/fetcher.ts';
import { rollTail } from '../../../lib/log/roll.ts';
import { rewriteChunks } from '../../../lib/maintenance/rewrite-chunks.ts';
import { parseBatchHeader } from '../../../lib/record/batch-header.ts';
import { decodeBatch } from '../../../lib/record/decode-batch.ts';
import { emptyBatch, retainRecords } from '../../../lib/record/retain-records.ts';
import { UlidSource } from '../../../lib/segment/id-source.ts';
import { WorkStage } from '../../event-source/work-stage.ts';

const RECORDS = 6;
/** What stays. */
const LEFT = [1, 3];

let stage: WorkStage;

beforeEach(async () => {
  stage = await WorkStage.open({ batchSize: 10 });
  const producer = stage.bench.millrace.producer();
  for (let n = 0; n < RECORDS; n++) await producer.send({ topic: 'orders', partition: 0, key: 'k', value: `${n}` });
  await producer.close();
  const { store } = stage.bench;
  const partition = stage.at();
  await rollTail(store, partition, (await store.heads.read(partition, { consistent: true }))!);
  const [chunk] = await store.chunks.query(partition, { order: 'ascending', limit: 1, consistent: true });
  const target = { partition, domain: 'shared', offset: 0n, maxBytes: 1_000_000 };
  const [read] = await new Fetcher({ store, clock, random }).fetch([target], { maxBytes: 1_000_000 });
  if (read!.outcome === 'failed') throw read!.error;
  const batches = read!.batches.flatMap((bytes, index) => {
    const batch = decodeBatch(bytes);
    const kept = Array.from({ length: batch.recordCount }, (_, at) => at).filter((at) =>
      LEFT.includes(Number(batch.offset(at))),
    );
    if (kept.length > 0) return [retainRecords(batch, kept, null)];
    return index === read!.batches.length - 1 ? [emptyBatch(parseBatchHeader(bytes))] : [];
  });
  const ids = new UlidSource({ clock, random, serverClock: store.serverClock });
  const rewritten = [{ partition, chunk: chunk!, batches }];
  expect(await rewriteChunks({ store, clock, random }, { domain: 'shared', rewritten, ids })).toMatchObject({
    replaced: 1,
  });
});

afterEach(() => stage.close());

describe('a log with nothing at its end', () => {
  it('is read to its end by a reader that stops there', async () => {
    const reader = stage.bench.millrace.reader({ stopAtEnd: true });
    await reader.assign([{ topic: 'orders', partition: 0 }]);
    const offsets: bigint[] = [];
    for await (const record of reader) offsets.push(record.offset);
    expect(offsets).toEqual(LEFT.map(BigInt));
    expect(reader.position({ topic: 'orders', partition: 0 })).toBe(BigInt(RECORDS));
    await reader.close();
  });

  it.each([0, 2, 4, 5])('is read from offset %i, where nothing is, at the next record that is left', async (offset) => {
    const reader = stage.bench.millrace.reader({ stopAtEnd: true });
    await reader.assign([{ topic: 'orders', partition: 0, from: BigInt(offset) }]);
    const offsets: bigint[] = [];
    for await (const record of reader) offsets.push(record.offset);
    expect(offsets).toEqual(LEFT.filter((left) => left >= offset).map(BigInt));
    await reader.close();
  });

  it('is worked off by a subscription, whose worker commits behind it and lets go: nobody is woken for nothing again and again', async () => {
    const work = await stage.work();
    const batch = await work.next();
    expect(batch!.map(({ offset }) => Number(offset))).toEqual(LEFT);
    await work.settle({ kind: 'answered', failed: new Map() });
    expect(await work.next()).toBeNull();
    expect(await stage.leaseOf()).toMatchObject({ committed: BigInt(RECORDS), expiresAtMs: 0 });
    expect(stage.booked).toEqual([]);
  });
});
