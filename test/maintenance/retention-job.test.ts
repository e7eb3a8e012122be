import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../lib/errors.ts';
import { usageBetween } from '../../lib/log/meter.ts';
import { describeJobs } from '../../lib/maintenance/describe-jobs.ts';
import { DAY_MS, HOUR_MS, type MaintenanceStage, MINUTE_MS, maintenanceStage, START_MS } from './maintenance-stage.ts';

const HOURLY = { 'retention.ms': String(HOUR_MS) };
const valuesOf = async (stage: MaintenanceStage, [partition]: readonly { topicId: string; partition: number }[]) => {
  const { start, next } = await stage.head(partition!);
  return [Number(start), Number(next)];
};
const reportOf = async (stage: MaintenanceStage) => (await describeJobs(stage.deps))[0]!.report;

/** Two looks at the clock, so that it counts. */
async function trust(stage: MaintenanceStage) {
  await stage.run({ evenIfNotDue: true });
  stage.clock.pass(10 * MINUTE_MS);
  await stage.run({ evenIfNotDue: true });
}

describe('the job of retention', () => {
  it('drops in every topic what its own policy says', async () => {
    const stage = maintenanceStage();
    const hourly = await stage.topic('hourly', { config: HOURLY });
    const kept = await stage.topic('kept', { config: { 'retention.ms': '-1' } });
    const compacted = await stage.topic('compacted', { config: { ...HOURLY, 'cleanup.policy': 'compact' } });
    const small = await stage.topic('small', { config: { 'retention.ms': '-1', 'retention.bytes': '1' } });
    for (const [partition] of [hourly, kept, compacted, small]) await stage.append(partition!, ['a', 'b']);
    stage.clock.pass(2 * HOUR_MS);
    await trust(stage);
    expect(await valuesOf(stage, hourly)).toEqual([2, 2]);
    expect(await valuesOf(stage, kept)).toEqual([0, 2]);
    expect(await valuesOf(stage, compacted)).toEqual([0, 2]);
    expect(await valuesOf(stage, small)).toEqual([1, 2]);
    expect(await reportOf(stage)).toMatchObject({ topics: 4, partitions: 4, recordsDropped: '2', chunksRemoved: 1 });
    expect(await stage.damages()).toEqual([]);
  });

  it('drops nothing by the first look at a clock that nothing corrects', async () => {
    const stage = maintenanceStage();
    const hourly = await stage.topic('hourly', { config: HOURLY });
    await stage.append(hourly[0]!, ['a']);
    // The clock jumps a year ahead, is seen like that, and is put right.
    stage.clock.wallMs += 365 * DAY_MS;
    await stage.run();
    expect(await reportOf(stage)).toMatchObject({ clockMs: 0 });
    stage.clock.wallMs -= 365 * DAY_MS;
    stage.clock.pass(30 * MINUTE_MS);
    await trust(stage);
    expect(await valuesOf(stage, hourly)).toEqual([0, 1]);
  });

  it('finishes the deletion of a topic that was left half done, and leaves half made ones', async () => {
    const stage = maintenanceStage();
    const [gone] = await stage.topic('gone', { partitionCount: 3 });
    await stage.append(gone!, ['a', 'b']);
    await stage.base.topics.update({ ...(await stage.base.topics.get('gone'))!, state: 'deleting' });
    await stage.topic('half');
    await stage.base.topics.update({ ...(await stage.base.topics.get('half'))!, state: 'creating' });
    await stage.run();
    expect(await stage.admin.listTopics()).toEqual(['half']);
    expect(await stage.base.heads.read(gone!, { consistent: true })).toBeNull();
    expect(await stage.chunks(gone!)).toEqual([]);
    expect(await reportOf(stage)).toMatchObject({ topicsDeleted: 1 });
  });

  it('goes on with everything else where a partition is damaged, and says which', async () => {
    const stage = maintenanceStage();
    const hourly = await stage.topic('hourly', { partitionCount: 3, config: HOURLY });
    for (const partition of hourly) await stage.append(partition, ['a', 'b']);
    const { query } = stage.base.chunks;
    const { readMany } = stage.base.heads;
    stage.base.chunks.query = async (partition, asked) => {
      const found = await query.call(stage.base.chunks, partition, asked);
      return partition.partition === 1 ? found.map((one) => ({ ...one, entries: [new Uint8Array(3)] })) : found;
    };
    stage.base.heads.readMany = async (partitions, options) => {
      const heads = await readMany.call(stage.base.heads, partitions, options);
      return heads.map((head, index) =>
        partitions[index]!.partition === 2 ? { ...head!, tail: [new Uint8Array(1)] } : head,
      );
    };
    stage.clock.pass(2 * HOUR_MS);
    await trust(stage);
    const starts = await Promise.all(hourly.map(async (partition) => (await stage.head(partition)).start));
    expect(starts).toEqual([2n, 0n, 0n]);
    const { damages } = (await reportOf(stage))!;
    expect(damages.first.map(({ topic, partition, code }) => `${topic}/${partition} ${code}`).sort()).toEqual([
      'hourly/1 CORRUPT_OBJECT',
      'hourly/2 CORRUPT_OBJECT',
    ]);
  });

  it('goes by what the topic says when a partition is worked on, not when the pass came to the topic', async () => {
    const stage = maintenanceStage();
    const hourly = await stage.topic('hourly', { config: HOURLY });
    await stage.append(hourly[0]!, ['a']);
    stage.clock.pass(2 * HOUR_MS);
    await stage.run({ evenIfNotDue: true });
    stage.clock.pass(10 * MINUTE_MS);
    const { readMany } = stage.base.heads;
    stage.base.heads.readMany = async (partitions, options) => {
      stage.base.heads.readMany = readMany;
      await stage.admin.alterTopic('hourly', { set: { 'retention.ms': String(DAY_MS) } });
      return readMany.call(stage.base.heads, partitions, options);
    };
    await stage.run({ evenIfNotDue: true });
    expect(await valuesOf(stage, hourly)).toEqual([0, 1]);
    expect(await reportOf(stage)).toMatchObject({ clockMs: START_MS + 2 * HOUR_MS, recordsDropped: '0' });
  });

  it('leaves a topic that cannot be deleted because it is damaged, says so, and goes on behind it', async () => {
    const stage = maintenanceStage();
    const [damaged] = await stage.topic('damaged');
    await stage.append(damaged!, ['a']);
    await stage.base.topics.update({ ...(await stage.base.topics.get('damaged'))!, state: 'deleting' });
    const hourly = await stage.topic('hourly', { config: HOURLY });
    await stage.append(hourly[0]!, ['a']);
    const { query } = stage.base.chunks;
    stage.base.chunks.query = async (partition, asked) => {
      if (partition.topicId === damaged!.topicId) throw new MillraceError('CORRUPT_OBJECT', 'the chunk is damaged');
      return query.call(stage.base.chunks, partition, asked);
    };
    stage.clock.pass(2 * HOUR_MS);
    await trust(stage);
    expect(await valuesOf(stage, hourly)).toEqual([1, 1]);
    const { damages } = (await reportOf(stage))!;
    expect(damages.first).toMatchObject([{ topic: 'damaged', partition: null, code: 'CORRUPT_OBJECT' }]);
    stage.base.chunks.query = query;
    await stage.run({ evenIfNotDue: true });
    expect(await stage.admin.listTopics()).toEqual(['hourly']);
  });

  it('works in slices, and each goes on where the one before it was left', async () => {
    const stage = maintenanceStage();
    const many = await stage.topic('many', { partitionCount: 350, config: HOURLY });
    for (const partition of many) await stage.append(partition, ['a'], { inline: true });
    stage.clock.pass(2 * HOUR_MS);
    await trust(stage);
    await stage.topic('later');
    for (const partition of many) await stage.append(partition, ['b'], { inline: true });
    stage.clock.pass(2 * HOUR_MS);
    await stage.run({ evenIfNotDue: true });
    stage.clock.pass(10 * MINUTE_MS);
    let slices = 0;
    for (;;) {
      let asked = 0;
      const stop = {
        get aborted() {
          return ++asked > 230;
        },
      } as AbortSignal;
      const [run] = await stage.run({ evenIfNotDue: true, stop });
      slices += 1;
      if (run!.result.outcome === 'done') break;
      expect(run!.result.outcome).toBe('unfinished');
      expect(slices).toBeLessThan(30);
    }
    expect(slices).toBeGreaterThan(2);
    expect(await reportOf(stage)).toMatchObject({ topics: 2, partitions: 351, recordsDropped: '350' });
    for (const partition of many) expect((await stage.head(partition)).start).toBe(2n);
  });

  it('costs one read when it is not due, and waits longer while nothing is written', async () => {
    const stage = maintenanceStage();
    const partitions = await stage.topic('idle', { partitionCount: 20 });
    for (const partition of partitions) await stage.append(partition, ['a'], { inline: true });
    const looks: number[] = [];
    const hours = 48;
    const before = stage.meter.usage;
    for (let minute = 0; minute < hours * 60; minute += 5) {
      const [run] = await stage.run({ jobs: ['retention'] });
      if (run!.result.outcome === 'done') looks.push(minute);
      stage.clock.pass(5 * MINUTE_MS);
    }
    const usage = usageBetween(before, stage.meter.usage);
    expect(looks).toEqual([0, 15, 45, 105, 225, 465, 825, 1185, 1545, 1905, 2265, 2625]);
    // A read for each run; for each look a list, a topic, 20 heads and 20 queries; and two more for the end of the list and of the run.
    const runs = (hours * 60) / 5;
    expect(usage.readRequests).toBe(runs + looks.length * (2 + 1 + 20 + 20));
    expect(usage.writeRequests).toBe(looks.length * 2);
    expect(usage.lists + usage.gets + usage.puts).toBe(0);
    // As soon as something is written, it is looked at often again.
    await stage.append(partitions[0]!, ['b'], { inline: true });
    stage.clock.pass(6 * HOUR_MS);
    const [after] = await stage.run();
    expect(after!.result).toEqual({ outcome: 'done', dueAtMs: stage.clock.nowMs() + 15 * MINUTE_MS });
  });

  /** A laptop whose clock was ten years ahead while maintenance ran once, or was killed, had none for ten years. */
  it('does not wait for times that a wrong clock has stored', async () => {
    const stage = maintenanceStage();
    await stage.topic('clicks');
    const years = 10 * 365 * 24 * HOUR_MS;
    stage.clock.pass(years);
    await stage.run({ jobs: ['retention'] });
    stage.clock.pass(-years);
    expect((await stage.run({ jobs: ['retention'] }))[0]!.result.outcome).toBe('done');
    const { epoch } = (await stage.base.jobs.read('retention'))!;
    const far = { owner: 'killed', seen: epoch, nowMs: START_MS + years, expiresAtMs: START_MS + years + 60_000 };
    expect((await stage.base.jobs.take('retention', far)).outcome).toBe('done');
    expect((await stage.run({ jobs: ['retention'], evenIfNotDue: true }))[0]!.result.outcome).toBe('done');
    // One who has it for a while longer than others would is waited for.
    const taken = { owner: 'alive', seen: epoch + 2, nowMs: START_MS, expiresAtMs: START_MS + HOUR_MS };
    expect((await stage.base.jobs.take('retention', taken)).outcome).toBe('done');
    const busy = { outcome: 'busy', untilMs: START_MS + HOUR_MS };
    expect((await stage.run({ jobs: ['retention'], evenIfNotDue: true }))[0]!.result).toEqual(busy);
  });

  it('looks in time at topics that keep records for minutes only', async () => {
    const stage = maintenanceStage();
    await stage.topic('short', { config: { 'retention.ms': String(8 * MINUTE_MS) } });
    const [run] = await stage.run();
    expect(run!.result).toEqual({ outcome: 'done', dueAtMs: START_MS + 2 * MINUTE_MS });
  });

  it.each(['a topic that is gone', 'records that have expired'])(
    'gets to the end of the chunks of one partition, of %s, although each run of it is killed after 50 s',
    async (what) => {
      const slow = { isOn: false, removed: 0, killAtMs: 0 };
      const stage = maintenanceStage({
        async onCall({ operation }) {
          if (!slow.isOn) return;
          if (operation === 'chunks.remove') {
            slow.removed += 1;
            stage.clock.pass(400);
          }
          if (stage.clock.monotonicMs() > slow.killAtMs) throw new Error('killed');
        },
      });
      const [partition] = await stage.topic('long', { config: HOURLY });
      for (let n = 0; n < 600; n++) await stage.append(partition!, [`${n}`], { inline: true });
      if (what === 'a topic that is gone')
        await stage.base.topics.update({ ...(await stage.base.topics.get('long'))!, state: 'deleting' });
      else
        for (const passMs of [2 * HOUR_MS, 6 * MINUTE_MS]) {
          stage.clock.pass(passMs);
          await stage.run({ jobs: ['compaction'], evenIfNotDue: true });
        }
      slow.isOn = true;
      let runs = 0;
      for (let outcome = ''; outcome !== 'done' || (await stage.chunks(partition!)).length > 0; runs++) {
        expect(runs).toBeLessThan(20);
        slow.killAtMs = stage.clock.monotonicMs() + 50_000;
        outcome = (await stage.run({ jobs: ['retention'], evenIfNotDue: true }))[0]!.result.outcome;
        stage.clock.pass(6 * MINUTE_MS);
      }
      expect(runs).toBeGreaterThan(4);
      // Each chunk once, but for the one at which a run was killed.
      expect(slow.removed).toBeLessThanOrEqual(600 + runs);
      expect(await stage.damages()).toEqual([]);
    },
  );
});
