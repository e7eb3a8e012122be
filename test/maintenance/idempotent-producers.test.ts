import { describe, expect, it } from 'vitest';
import { limits } from '../../lib/limits.ts';
import { Appender } from '../../lib/log/appender.ts';
import type { PartitionKey } from '../../lib/log/partition-key.ts';
import { rollTail } from '../../lib/log/roll.ts';
import { batchOf } from '../log/log-stage.ts';
import { DAY_MS, type MaintenanceStage, MINUTE_MS, maintenanceStage } from './maintenance-stage.ts';

const COMPACT = { jobs: ['compaction'] as const, evenIfNotDue: true, waitMs: 0 };

/** A gateway that has just begun appends a batch of a producer, or is sent it once more. */
async function send(stage: MaintenanceStage, partition: PartitionKey, baseSequence: number, value: string) {
  const appender = new Appender({ store: stage.base, clock: stage.clock, random: stage.random });
  const batches = batchOf([value], [stage.clock.nowMs()], { producerId: 7n, producerEpoch: 0, baseSequence });
  const target = { partition, domain: 'shared', inlineMaxBytes: 1_024 };
  const appended = await appender.append({ target, batches, isSequenced: true });
  await appender.close();
  return appended;
}

/** A day of compaction under another topic, so that its clock counts. */
async function begun() {
  const stage = maintenanceStage();
  const [partition] = await stage.topic('orders');
  for (const passMs of [DAY_MS, 6 * MINUTE_MS]) {
    await stage.run(COMPACT);
    stage.clock.pass(passMs);
  }
  return { stage, partition: partition! };
}

/** Compaction looks every minute. */
async function compactFor(stage: MaintenanceStage, minutes: number) {
  for (let minute = 0; minute < minutes; minute++) {
    await stage.run(COMPACT);
    stage.clock.pass(MINUTE_MS);
  }
}

describe('a batch of an idempotent producer', () => {
  it('stands once although its chunk is old enough to be rolled and compaction is busy', async () => {
    const { stage, partition } = await begun();
    await send(stage, partition, 0, 'a');
    await rollTail(stage.base, partition, await stage.head(partition));
    await compactFor(stage, 9);
    expect(await send(stage, partition, 0, 'a')).toMatchObject({ baseOffset: 0n, isDuplicate: true });
  });

  it('is followed by the next of its producer after it was compacted', async () => {
    const { stage, partition } = await begun();
    await send(stage, partition, 0, 'a');
    await rollTail(stage.base, partition, await stage.head(partition));
    await compactFor(stage, 25);
    expect(await stage.chunks(partition)).toMatchObject([{ level: 1 }]);
    expect(await send(stage, partition, 1, 'b')).toEqual({ baseOffset: 1n });
    expect(await send(stage, partition, 1, 'b')).toMatchObject({ baseOffset: 1n, isDuplicate: true });
  });

  it('is remembered for less time than compaction leaves it alone, by more than clocks may differ', () => {
    expect(limits.compactionAgeMs).toBeGreaterThanOrEqual(limits.producerHorizonMs + 2 * limits.clockAheadMs);
  });
});
