import { describe, expect, it } from 'vitest';
import { encodeRewritten } from '../../lib/log/entry.ts';
import type { PartitionKey } from '../../lib/log/partition-key.ts';
import { mayBeNamed } from '../../lib/maintenance/orphan-rule.ts';
import type { StampedRegion } from '../../lib/segment/region.ts';
import { firstIdAt } from '../../lib/segment/segment-id.ts';
import { type MaintenanceStage, maintenanceStage, START_MS } from './maintenance-stage.ts';

const OURS = firstIdAt(START_MS);
const OTHER = firstIdAt(START_MS + 1);

/** The region of a chunk of one record at each of these offsets, as it was read at version 0. */
function regionsOf({ topicId, partition }: PartitionKey, offsets: readonly bigint[]): readonly StampedRegion[] {
  return offsets.map((baseOffset) => ({
    ...{ topicId, partition, position: 8, length: 70, batchCount: 1, recordCount: 1, crc: 0 },
    ...{ minTimestampMs: 0n, maxTimestampMs: 0n, baseOffset, lastOffset: baseOffset, chunkVersion: 0 },
  }));
}

/** Three chunks of a record each. */
async function threeChunks() {
  const stage = maintenanceStage();
  const [partition] = await stage.topic('orders');
  for (const value of ['a', 'b', 'c']) await stage.append(partition!, [value]);
  return { stage, partition: partition!, regions: regionsOf(partition!, [0n, 1n, 2n]) };
}

/** Somebody has the chunk at an offset name an object. */
async function replace(stage: MaintenanceStage, partition: PartitionKey, base: bigint, version: number, id = OTHER) {
  const [region] = regionsOf(partition, [base]);
  const args = { version, end: base + 1n, reference: encodeRewritten(id, region!) };
  expect((await stage.base.chunks.replace(partition, base, args)).outcome).toBe('done');
}

async function retain(stage: MaintenanceStage, partition: PartitionKey, base: bigint, start: bigint) {
  const [chunk] = (await stage.chunks(partition)).filter((one) => one.base === base);
  await stage.base.heads.advanceStart(partition, { start, floor: chunk!.maxId });
  await stage.base.chunks.remove(partition, base, { endAtMost: base + 1n, maxIdAtMost: chunk!.maxId });
}

describe('an object of level 1 that nothing named', () => {
  it('may come to be named while one of its chunks has the version that was read', async () => {
    const { stage, partition, regions } = await threeChunks();
    expect(await mayBeNamed(stage.deps, OURS, regions)).toBe(true);
    for (const base of [0n, 2n]) await replace(stage, partition, base, 0);
    expect(await mayBeNamed(stage.deps, OURS, regions)).toBe(true);
    await replace(stage, partition, 1n, 0);
    expect(await mayBeNamed(stage.deps, OURS, regions)).toBe(false);
  });

  it('is named while a chunk names it that was read too early', async () => {
    const { stage, partition, regions } = await threeChunks();
    for (const base of [0n, 2n]) await replace(stage, partition, base, 0);
    await replace(stage, partition, 1n, 0, OURS);
    expect(await mayBeNamed(stage.deps, OURS, regions)).toBe(true);
    await replace(stage, partition, 1n, 1);
    expect(await mayBeNamed(stage.deps, OURS, regions)).toBe(false);
  });

  it('is garbage where chunks are gone that lie below the log start offset, and not above it', async () => {
    const { stage, partition, regions } = await threeChunks();
    for (const base of [1n, 2n]) await replace(stage, partition, base, 0);
    await retain(stage, partition, 0n, 1n);
    expect(await mayBeNamed(stage.deps, OURS, regions)).toBe(false);
    // A part of the index that is lost: perhaps it comes back.
    await stage.base.chunks.remove(partition, 2n, { endAtMost: 3n, maxIdAtMost: '7'.padEnd(26, 'Z') });
    expect(await mayBeNamed(stage.deps, OURS, regions)).toBe(true);
  });

  it('is garbage where its partition is gone', async () => {
    const { stage, partition, regions } = await threeChunks();
    const [other] = await stage.topic('other');
    await stage.append(other!, ['a']);
    await stage.base.heads.remove(partition);
    expect(await mayBeNamed(stage.deps, OURS, regions)).toBe(false);
    expect(await mayBeNamed(stage.deps, OURS, [...regions, ...regionsOf(other!, [0n])])).toBe(true);
  });
});
