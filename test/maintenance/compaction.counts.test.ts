/** What compaction asks of the stores for a gigabyte, in requests and dollars, beside what its producers asked. */
import { describe, expect, it } from 'vitest';
import { limits } from '../../lib/limits.ts';
import { Appender } from '../../lib/log/appender.ts';
import { Fetcher } from '../../lib/log/fetcher.ts';
import { requestDollars, type StoreUsage, usageBetween } from '../../lib/log/meter.ts';
import { rollTail } from '../../lib/log/roll.ts';
import { batchOf, large } from '../log/log-stage.ts';
import { DAY_MS, type MaintenanceStage, MINUTE_MS, maintenanceStage } from './maintenance-stage.ts';

const KB = 1024;
const MB = 1024 * KB;
/** Of one segment of one partition. */
const SEGMENT_BYTES = 64 * KB;
const SEGMENTS = 1_024;
const SHARE_OF_GB = (SEGMENTS * SEGMENT_BYTES) / 1e9;

/** 64 MiB in segments of 64 KiB, and the usage of who wrote them. */
async function written() {
  const stage = maintenanceStage();
  const [partition] = await stage.topic('orders');
  const appender = new Appender({ store: stage.base, clock: stage.clock, random: stage.random });
  const batches = batchOf([large('x', SEGMENT_BYTES - 200)], [stage.clock.nowMs()]);
  const before = stage.meter.usage;
  for (let segment = 0; segment < SEGMENTS; segment++)
    await appender.append({
      target: { partition: partition!, domain: 'shared', inlineMaxBytes: 0 },
      batches: batches.slice(),
    });
  await appender.close();
  await rollTail(stage.base, partition!, await stage.head(partition!));
  return { stage, partition: partition!, produced: usageBetween(before, stage.meter.usage) };
}

/** In each segment of who writes to all of them. */
const SHARED_BY = 100;
const SHARED_SEGMENTS = 400;
const SHARED_SHARE_OF_GB = (SHARED_SEGMENTS * SEGMENT_BYTES) / 1e9;

/** 25 MiB in segments of 64 KiB that a hundred partitions share. */
async function shared() {
  const stage = maintenanceStage();
  const partitions = await stage.topic('orders', { partitionCount: SHARED_BY });
  const appender = new Appender({ store: stage.base, clock: stage.clock, random: stage.random });
  const batches = batchOf([large('x', SEGMENT_BYTES / SHARED_BY - 90)], [stage.clock.nowMs()]);
  const before = stage.meter.usage;
  for (let segment = 0; segment < SHARED_SEGMENTS; segment++) {
    const appends = partitions.map((partition) =>
      appender.append({ target: { partition, domain: 'shared', inlineMaxBytes: 0 }, batches: batches.slice() }),
    );
    await Promise.all(appends);
  }
  await appender.close();
  return { stage, partitions, produced: usageBetween(before, stage.meter.usage) };
}

/** Of all kinds. */
const requests = ({ puts, gets, lists, writeRequests, readRequests }: StoreUsage) =>
  puts + gets + lists + writeRequests + readRequests;

async function compacted(stage: MaintenanceStage, waitMs = DAY_MS): Promise<StoreUsage> {
  for (const passMs of [20 * MINUTE_MS, 6 * MINUTE_MS]) {
    await stage.run({ jobs: ['compaction'], evenIfNotDue: true });
    stage.clock.pass(passMs);
  }
  const before = stage.meter.usage;
  await stage.run({ jobs: ['compaction'], evenIfNotDue: true, waitMs });
  return usageBetween(before, stage.meter.usage);
}

describe('compaction', () => {
  it('writes each byte once more, in a thirtieth of the writes that it cost first, and a twelfth of the price', async () => {
    const { stage, produced } = await written();
    const usage = await compacted(stage);
    // One for each segment, and no way round it.
    expect(usage.gets).toBeLessThanOrEqual(SEGMENTS);
    expect(usage.puts).toBe(1);
    expect(usage.putBytes / produced.putBytes).toBeLessThan(1.01);
    const writes = ({ puts, writeRequests }: StoreUsage) => puts + writeRequests;
    expect(writes(usage) * 30).toBeLessThan(writes(produced));
    expect(requestDollars(usage) * 12).toBeLessThan(requestDollars(produced));
    // Of a gigabyte.
    expect(requestDollars(usage) / SHARE_OF_GB).toBeLessThan(0.008);
  });

  it('reads a segment that a hundred partitions share once for all of them, for a twelfth of the requests that it cost first, and a fifteenth of the price', async () => {
    const { stage, produced } = await shared();
    const usage = await compacted(stage, 0);
    expect(produced.puts).toBe(SHARED_SEGMENTS);
    expect(usage.gets).toBe(SHARED_SEGMENTS);
    expect(usage.puts).toBe(1);
    expect(usage.putBytes / (SHARED_SEGMENTS * SEGMENT_BYTES)).toBeLessThan(1);
    // An update for each chunk, of sixteen commits: most of what is left.
    const updates = (SHARED_SEGMENTS * SHARED_BY) / limits.tailEntries;
    expect(usage.writeRequests - updates).toBeLessThanOrEqual(SHARED_BY + 5);
    expect((requests(usage) - updates) * 25).toBeLessThan(requests(produced));
    expect(requests(usage) * 11.9).toBeLessThan(requests(produced));
    expect(requestDollars(usage) * 15).toBeLessThan(requestDollars(produced));
    // Of a gigabyte.
    expect(requestDollars(usage) / SHARED_SHARE_OF_GB).toBeLessThan(0.08);
  });

  it('lets a backlog be read in one GET for each 8 MB', async () => {
    const { stage, partition } = await written();
    await compacted(stage);
    const fetcher = new Fetcher({ store: stage.base, clock: stage.clock, random: stage.random });
    const before = stage.meter.usage;
    const { tailBase } = await stage.head(partition);
    let offset = 0n;
    while (offset < tailBase) {
      const target = { partition, domain: 'shared', offset, maxBytes: 16 * MB };
      const [read] = await fetcher.fetch([target], { maxBytes: 16 * MB });
      if (read!.outcome === 'failed') throw read!.error;
      offset = read!.nextOffset;
    }
    const usage = usageBetween(before, stage.meter.usage);
    expect(usage.gets).toBeLessThanOrEqual(Math.ceil((SEGMENTS * SEGMENT_BYTES) / 8e6));
    // Ours, and a head and two queries for each fetch.
    expect(usage.readRequests).toBeLessThanOrEqual(1 + usage.gets * 3);
  });
});
