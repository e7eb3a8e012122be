/** One damaged partition kept compaction from ever resting: each pass read all heads and the newest chunks of all partitions again, and of the damaged one 64 MiB. */
import { describe, expect, it } from 'vitest';
import { segments } from './collection-stage.ts';
import { compact, reportOf } from './compaction-stage.ts';
import { HOUR_MS, MINUTE_MS, maintenanceStage } from './maintenance-stage.ts';

describe('damage that compaction has found', () => {
  it('costs two reads while nothing is written, stays in the report, and is looked at again after a day', async () => {
    const stage = maintenanceStage();
    const [damaged] = await stage.topic('orders', { partitionCount: 3 });
    for (const value of ['a', 'b']) await stage.append(damaged!, [value]);
    const [lost] = await segments(stage);
    const bytes = (await stage.base.objects.get(lost!, 0, 1e9))!;
    await stage.base.objects.remove([lost!]);
    await compact(stage);
    const pass = async () => {
      await stage.run({ jobs: ['retention'], evenIfNotDue: true });
      const before = stage.faulty.calls.length;
      await stage.run({ jobs: ['compaction'], waitMs: 0 });
      const calls = stage.faulty.calls.slice(before).map(({ operation }) => operation);
      stage.clock.pass(6 * HOUR_MS + MINUTE_MS);
      expect((await reportOf(stage)).damages).toMatchObject({ count: 1, first: [{ partition: 0 }] });
      return calls;
    };
    stage.clock.pass(6 * HOUR_MS + MINUTE_MS);
    await pass();
    const looks: boolean[] = [];
    for (let hour = 0; hour < 48; hour += 6) {
      const calls = await pass();
      const isLook = calls.includes('heads.readMany');
      if (!isLook) expect(calls).toEqual(['jobs.read', 'jobs.take', 'jobs.read', 'jobs.update']);
      looks.push(isLook);
    }
    expect(looks.filter(Boolean)).toHaveLength(2);
    await stage.base.objects.put(lost!, bytes);
    for (let hour = 0; hour < 30; hour += 6) {
      await stage.run({ jobs: ['retention'], evenIfNotDue: true });
      await stage.run({ jobs: ['compaction'], waitMs: 0 });
      stage.clock.pass(6 * HOUR_MS + MINUTE_MS);
    }
    expect((await reportOf(stage)).damages.count).toBe(0);
    expect(await stage.chunks(damaged!)).toMatchObject([{ level: 1 }, { level: 1 }]);
  });
});
