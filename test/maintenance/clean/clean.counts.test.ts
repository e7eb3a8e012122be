/** What compaction by key asks of the stores for a gigabyte that it rewrites, in requests and dollars. */
import { describe, expect, it } from 'vitest';
import { limits } from '../../../lib/limits.ts';
import { Appender } from '../../../lib/log/appender.ts';
import { requestDollars, type StoreUsage, usageBetween } from '../../../lib/log/meter.ts';
import { rollTail } from '../../../lib/log/roll.ts';
import { encodeBatch } from '../../../lib/record/encode-batch.ts';
import { AT_ONCE, cleanStage } from './clean-stage.ts';

const KB = 1024;
const SEGMENTS = 512;
const SEGMENT_BYTES = 64 * KB;
const SHARE_OF_GB = (SEGMENTS * SEGMENT_BYTES) / 1e9;
const KEYS_PER_BATCH = 4;
const CHUNKS = SEGMENTS / limits.tailEntries;

/** 32 MiB in segments of 64 KiB of four records each, rewritten by compaction. */
async function written(keyOf: (record: number) => number) {
  const stage = cleanStage();
  const [partition] = await stage.topic('table', { config: AT_ONCE });
  const appender = new Appender({ store: stage.base, clock: stage.clock, random: stage.random });
  const value = Buffer.alloc(SEGMENT_BYTES / KEYS_PER_BATCH - 60, 'x');
  const before = stage.meter.usage;
  for (let segment = 0; segment < SEGMENTS; segment++) {
    const records = Array.from({ length: KEYS_PER_BATCH }, (_, index) => ({
      key: Buffer.from(`key-${String(keyOf(segment * KEYS_PER_BATCH + index)).padStart(8, '0')}`),
      value,
      headers: [],
      timestampMs: BigInt(Math.floor(stage.clock.nowMs())),
    }));
    const target = { partition: partition!, domain: 'shared', inlineMaxBytes: 0 };
    await appender.append({ target, batches: encodeBatch(records) });
  }
  await appender.close();
  await rollTail(stage.base, partition!, await stage.head(partition!));
  const produced = usageBetween(before, stage.meter.usage);
  await stage.compact();
  return { stage, partition: partition!, produced };
}

const requests = ({ puts, gets, lists, writeRequests, readRequests }: StoreUsage) =>
  puts + gets + lists + writeRequests + readRequests;

describe('compaction by key', () => {
  it.each([
    { what: 'nothing', keyOf: (record: number) => record, removed: 0, chunks: 0, writtenShare: 0 },
    // Of each batch, so that every chunk is rewritten.
    {
      what: 'half of each batch',
      keyOf: (record: number) => (record % 2 === 0 ? record : 1),
      removed: (SEGMENTS * KEYS_PER_BATCH) / 2 - 1,
      chunks: CHUNKS,
      writtenShare: 0.51,
    },
    { what: 'nearly all', keyOf: (record: number) => record % 64, removed: 1_984, chunks: CHUNKS, writtenShare: 0.04 },
  ])(
    'reads everything twice, in GETs of eight megabytes, and writes what stays of chunks of which something goes: $what',
    async (expected) => {
      const { stage, produced } = await written(expected.keyOf);
      const before = stage.meter.usage;
      expect((await stage.clean()).outcome).toBe('done');
      const usage = usageBetween(before, stage.meter.usage);
      expect(await stage.report()).toMatchObject({
        recordsRemoved: expected.removed,
        chunksRewritten: expected.chunks,
      });
      expect(usage.gets).toBeLessThanOrEqual((2 * SEGMENTS * SEGMENT_BYTES) / 8e6);
      expect(usage.puts).toBe(expected.chunks === 0 ? 0 : 1);
      expect(usage.putBytes / (SEGMENTS * SEGMENT_BYTES)).toBeLessThanOrEqual(expected.writtenShare);
      // Heads, and what the job stores of itself.
      expect(usage.writeRequests - expected.chunks).toBeLessThanOrEqual(8);
      expect(requests(usage) * 17).toBeLessThan(requests(produced));
      // Of a gigabyte that is cleaned.
      expect(requestDollars(usage) / SHARE_OF_GB).toBeLessThan(0.0012);
      expect(requestDollars(usage) * 80).toBeLessThan(requestDollars(produced));
    },
  );
});
