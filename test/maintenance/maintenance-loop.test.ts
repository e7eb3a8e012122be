import { describe, expect, it } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import { usageBetween } from '../../lib/log/meter.ts';
import { MaintenanceLoop } from '../../lib/maintenance/maintenance-loop.ts';
import type { JobRun } from '../../lib/maintenance/run-maintenance.ts';
import { DAY_MS, HOUR_MS, type MaintenanceStage, MINUTE_MS, maintenanceStage } from './maintenance-stage.ts';

/** Runs a loop until so much time has passed, with what happens on the way. */
async function runFor(
  stage: MaintenanceStage,
  durationMs: number,
  at: readonly (readonly [number, () => Promise<void>])[] = [],
) {
  const runs: JobRun[] = [];
  const startMs = stage.clock.monotonicMs();
  const left = [...at];
  const clock: Clock = {
    nowMs: () => stage.clock.nowMs(),
    monotonicMs: () => stage.clock.monotonicMs(),
    async sleep(sleepMs) {
      stage.clock.pass(sleepMs);
      while (left.length > 0 && stage.clock.monotonicMs() - startMs >= left[0]![0]) await left.shift()![1]();
      if (stage.clock.monotonicMs() - startMs >= durationMs) void loop.close();
    },
  };
  const deps = {
    ...stage.deps,
    clock,
    changes: stage.base.changes,
    onRuns: (some: readonly JobRun[]) => runs.push(...some),
  };
  const loop = new MaintenanceLoop(deps);
  loop.start();
  loop.start();
  await new Promise((resolve) => setImmediate(resolve));
  while (stage.clock.monotonicMs() - startMs < durationMs) await new Promise((resolve) => setImmediate(resolve));
  await loop.close();
  return runs;
}

describe('maintenance while a process runs', () => {
  it('drops and deletes what is to go, by itself', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders', { config: { 'retention.ms': String(HOUR_MS) } });
    await stage.append(partition!, ['a', 'b']);
    await runFor(stage, 3 * DAY_MS);
    expect(await stage.head(partition!)).toMatchObject({ start: 2n, next: 2n });
    expect(await stage.objects()).toEqual([]);
  });

  it('asks the store for a few reads a day while nothing is written', async () => {
    const stage = maintenanceStage();
    const partitions = await stage.topic('orders', { partitionCount: 10 });
    for (const partition of partitions) await stage.append(partition, ['a']);
    // A day until their chunks are rewritten, another until what that leaves is deleted, and two passes that find nothing.
    await runFor(stage, 6 * DAY_MS);
    const before = stage.meter.usage;
    await runFor(stage, DAY_MS);
    const usage = usageBetween(before, stage.meter.usage);
    // Four looks of retention, of two reads for each partition, and four rests of compaction and of collection, and four looks of key compaction at the topics; each time the other three are asked whether they are due.
    expect(usage.readRequests).toBeLessThanOrEqual(4 * (1 + 2 + 1 + 20) + 4 * 2 + 4 * 4 + 4 * (1 + 2 + 1) + 16 * 3 + 4);
    expect(usage.writeRequests).toBeLessThanOrEqual(4 * 2 * 4);
    expect(usage.lists + usage.gets + usage.puts).toBe(0);
  });

  it('looks again soon after something was written', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders', { config: { 'retention.ms': '-1', 'retention.bytes': '0' } });
    await runFor(stage, 2 * DAY_MS);
    let start = -1n;
    await runFor(stage, 8 * HOUR_MS, [
      [HOUR_MS, () => stage.append(partition!, ['a'])],
      [
        HOUR_MS + 16 * MINUTE_MS,
        async () => {
          start = (await stage.head(partition!)).start;
        },
      ],
    ]);
    expect(start).toBe(1n);
  });

  it('goes on after a failure', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders', { config: { 'retention.ms': '-1', 'retention.bytes': '0' } });
    await stage.append(partition!, ['a']);
    const { list } = stage.base.topics;
    stage.base.topics.list = () => Promise.reject(new Error('broken'));
    const runs = await runFor(stage, HOUR_MS, [
      [
        30 * MINUTE_MS,
        async () => {
          stage.base.topics.list = list;
        },
      ],
    ]);
    expect(runs.some(({ result }) => result.outcome === 'failed')).toBe(true);
    expect((await stage.head(partition!)).start).toBe(1n);
  });
});
