import { describe, expect, it } from 'vitest';
import { usageBetween } from '../../lib/log/meter.ts';
import { firstIdAt } from '../../lib/segment/segment-id.ts';
import { ALL_FAULTS, seededFaults } from '../log/faulty-store.ts';
import { COLLECT, collectFor, collectionOf, orphan, segments } from './collection-stage.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, maintenanceStage } from './maintenance-stage.ts';

const NOTHING_KEPT = { 'retention.ms': '-1', 'retention.bytes': '0' };

describe('collection', () => {
  it('deletes what a crashed writer has left, a day after it was condemned, and nothing else', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a', 'b', 'c']);
    const lost = await orphan(stage, partition!);
    const kept = (await segments(stage)).filter((key) => key !== lost);
    await stage.run(COLLECT);
    stage.clock.pass(2 * HOUR_MS);
    await stage.run(COLLECT);
    stage.clock.pass(HOUR_MS);
    await stage.run(COLLECT);
    expect((await collectionOf(stage)).report).toMatchObject({ named: 3, listed: 4, condemned: 1, deleted: 0 });
    const condemnedMs = stage.clock.nowMs();
    while (stage.clock.nowMs() < condemnedMs + DAY_MS) {
      expect(await segments(stage)).toHaveLength(4);
      stage.clock.pass(HOUR_MS);
      await stage.run(COLLECT);
    }
    stage.clock.pass(HOUR_MS);
    await stage.run(COLLECT);
    expect(await segments(stage)).toEqual(kept);
    expect(await stage.damages()).toEqual([]);
    await collectFor(stage, 2);
    expect(await segments(stage)).toEqual(kept);
    // Nothing is left of its own either.
    expect(await stage.objects()).toEqual(kept);
  });

  it('leaves what is being uploaded to its writer, however long that takes, and fences what is older', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a']);
    await collectFor(stage, 1);
    const early = await stage.head(partition!);
    const lost = await orphan(stage, partition!);
    await stage.run(COLLECT);
    stage.clock.pass(30 * MINUTE_MS);
    await stage.run(COLLECT);
    expect((await collectionOf(stage)).report).toMatchObject({ condemned: 0 });
    expect(early.floor < lost.slice(-26)).toBe(true);
    for (let times = 0; times < 2; times++) {
      stage.clock.pass(2 * HOUR_MS);
      await stage.run(COLLECT);
    }
    // Whoever comes with it now is refused, before anything is deleted.
    expect((await stage.head(partition!)).floor > lost.slice(-26)).toBe(true);
    expect(await segments(stage)).toContain(lost);
  });

  it('deletes what retention dropped, and what topics have left that are gone', async () => {
    const stage = maintenanceStage();
    const [dropped] = await stage.topic('dropped', { config: NOTHING_KEPT });
    const [kept] = await stage.topic('kept');
    const { topicId } = await stage.admin.createTopic({ name: 'gone', domain: 'own' });
    const domain = `t-${topicId}`;
    await stage.append(dropped!, ['a', 'b']);
    await stage.append(kept!, ['c']);
    await stage.append({ topicId, partition: 0 }, ['d'], { domain });
    expect(await segments(stage)).toHaveLength(4);
    await stage.admin.deleteTopic('gone');
    await stage.run({ jobs: ['retention'], evenIfNotDue: true });
    await collectFor(stage, 3);
    expect(await segments(stage)).toHaveLength(1);
    expect(await stage.damages()).toEqual([]);
  });

  it('makes partitions above the floor that it has raised', async () => {
    const stage = maintenanceStage();
    await stage.topic('old');
    await collectFor(stage, 1);
    const [partition] = await stage.topic('new');
    const { floor } = await stage.head(partition!);
    expect(floor).toBe(await stage.base.topics.readGlobalFloor());
    expect(floor > firstIdAt(stage.clock.nowMs() - 8 * HOUR_MS)).toBe(true);
  });

  it('is not kept from anything by an idle partition', async () => {
    const stage = maintenanceStage();
    const [busy, idle] = await stage.topic('orders', { partitionCount: 2 });
    await stage.append(idle!, ['for ever']);
    const lost: string[] = [];
    for (let day = 0; day < 5; day++) {
      await stage.append(busy!, [`day ${day}`]);
      lost.push(await orphan(stage, busy!));
      await collectFor(stage, 1);
    }
    await collectFor(stage, 2);
    const left = await segments(stage);
    expect(left.filter((key) => lost.includes(key))).toEqual([]);
    expect(left).toHaveLength(6);
    expect(await stage.damages()).toEqual([]);
  });

  it('keeps what a damaged partition may name, and collects everything else', async () => {
    const stage = maintenanceStage();
    const [good, bad] = await stage.topic('orders', { partitionCount: 2 });
    await stage.append(good!, ['a']);
    await stage.append(bad!, ['b']);
    const [lostGood, lostBad] = [await orphan(stage, good!), await orphan(stage, bad!)];
    const { query } = stage.base.chunks;
    stage.base.chunks.query = async (partition, asked) => {
      const found = await query.call(stage.base.chunks, partition, asked);
      return partition.partition === 1 ? found.map((one) => ({ ...one, entries: [new Uint8Array(3)] })) : found;
    };
    await collectFor(stage, 3);
    const left = await segments(stage);
    expect([left.includes(lostGood), left.includes(lostBad), left.length]).toEqual([false, true, 3]);
    const { report } = await collectionOf(stage);
    expect(report).toMatchObject({ keptForDamage: 2, condemned: 0, damages: { count: 1 } });
    stage.base.chunks.query = query;
    await collectFor(stage, 3);
    expect(await segments(stage)).toHaveLength(2);
    expect(await stage.damages()).toEqual([]);
  });

  it('condemns nothing while a topic cannot be read, and says which', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    await stage.topic('other');
    const lost = await orphan(stage, partition!);
    const { get } = stage.base.topics;
    stage.base.topics.get = async (name) => {
      if (name === 'other') return JSON.parse('{') as never;
      return get.call(stage.base.topics, name);
    };
    stage.base.topics.get = async (name) => {
      const { MillraceError } = await import('../../lib/errors.ts');
      if (name === 'other') throw new MillraceError('CORRUPT_OBJECT', 'attribute state of a topic is damaged');
      return get.call(stage.base.topics, name);
    };
    await collectFor(stage, 3);
    expect(await segments(stage)).toEqual([lost]);
    expect((await collectionOf(stage)).report).toMatchObject({ blockedBy: 'other', damages: { count: 1 } });
    stage.base.topics.get = get;
    await collectFor(stage, 3);
    expect(await segments(stage)).toEqual([]);
  });

  // Two tables that share a bucket and a prefix: to the one, all objects of the other are named by nothing.
  it('deletes nothing where another log has objects under the same prefix', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a']);
    const lost = await orphan(stage, partition!);
    await collectFor(stage, 0.5);
    const others = [];
    for (let number = 0; number < 40; number++) {
      const topicId = '11111111-0000-4000-8000-000000000000';
      others.push(await orphan(stage, { topicId, partition: number }));
    }
    await collectFor(stage, 4);
    const left = await segments(stage);
    expect(left).toEqual(expect.arrayContaining(others));
    expect((await collectionOf(stage)).report.strange).toMatch(/^shared/);
    await stage.base.objects.remove(others);
    await collectFor(stage, 3);
    expect(await segments(stage)).toHaveLength(1);
    expect(await segments(stage)).not.toContain(lost);
  });

  it('never touches what is not its own', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a']);
    const lost = await orphan(stage, partition!);
    const shard = lost.slice(0, 'shared/0/x/'.length);
    const foreign = [
      'backup.tar',
      'photos/cat.jpg',
      `${shard}readme.txt`,
      `${lost}.bak`,
      'shared/0/notes',
      `${lost.slice(0, -1)}!`,
    ];
    for (const key of foreign) await stage.base.objects.put(key, new Uint8Array(3));
    await collectFor(stage, 3);
    const left = await segments(stage);
    expect(left).not.toContain(lost);
    expect(left).toEqual(expect.arrayContaining(foreign));
    expect(left).toHaveLength(foreign.length + 1);
    expect((await collectionOf(stage)).report.foreign).toBe(3);
  });

  it('deletes nothing by a list that is damaged or gone, and condemns it anew', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a']);
    const lost = await orphan(stage, partition!);
    const own = async () => (await stage.objects()).filter((key) => key.startsWith('_maintenance/'));
    for (const spoil of ['flip', 'remove']) {
      await collectFor(stage, 0.5, HOUR_MS);
      for (const key of await own()) {
        const bytes = (await stage.base.objects.get(key, 0, 1e6))!;
        bytes[bytes.length - 3]! ^= 1;
        await stage.base.objects.remove([key]);
        if (spoil === 'flip') await stage.base.objects.put(key, bytes);
      }
      stage.clock.pass(DAY_MS);
      await stage.run(COLLECT);
      expect(await segments(stage)).toContain(lost);
    }
    await collectFor(stage, 3);
    expect(await segments(stage)).not.toContain(lost);
    expect(await segments(stage)).toHaveLength(1);
  });

  it('works in slices however short, and each goes on where the one before was left', async () => {
    const stage = maintenanceStage();
    const partitions = await stage.topic('orders', { partitionCount: 70 });
    for (const partition of partitions) await stage.append(partition, ['a']);
    const lost: string[] = [];
    for (const partition of partitions) lost.push(await orphan(stage, partition));
    await stage.run(COLLECT);
    stage.clock.pass(3 * HOUR_MS);
    await stage.run(COLLECT);
    stage.clock.pass(3 * HOUR_MS);
    let slices = 0;
    for (let days = 0; days < 4; days++) {
      for (;;) {
        let asked = 0;
        // They end at another step each time.
        const most = 1 + (slices % 4);
        const stop = {
          get aborted() {
            return ++asked > most;
          },
        } as AbortSignal;
        const [run] = await stage.run({ ...COLLECT, stop, saveEveryMs: 0 });
        slices += 1;
        if (run!.result.outcome === 'done') break;
        expect(run!.result.outcome).toBe('unfinished');
        expect(slices).toBeLessThan(200);
      }
      stage.clock.pass(DAY_MS);
    }
    expect(slices).toBeGreaterThan(8);
    const left = await segments(stage);
    expect(left.filter((key) => lost.includes(key))).toEqual([]);
    expect(left).toHaveLength(70);
    expect(await stage.damages()).toEqual([]);
    expect(await stage.objects()).toHaveLength(70);
  });

  it('deletes what is due however little time it gets', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a']);
    const lost = await orphan(stage, partition!);
    await collectFor(stage, 1);
    stage.clock.pass(DAY_MS);
    expect(await segments(stage)).toContain(lost);
    await stage.run({ ...COLLECT, deadlineMs: 0 });
    stage.clock.pass(6 * MINUTE_MS);
    await stage.run({ ...COLLECT, deadlineMs: 0 });
    expect(await segments(stage)).not.toContain(lost);
  });

  it('may be killed at any point: the next run goes on, and what is named is never deleted', {
    timeout: 60_000,
  }, async () => {
    let isDone = false;
    for (let killAt = 1; !isDone; killAt += killAt < 30 ? 1 : 7) {
      let calls = Number.NEGATIVE_INFINITY;
      const stage = maintenanceStage({
        onCall() {
          calls += 1;
          if (calls === killAt) throw new Error('killed');
        },
      });
      const partitions = await stage.topic('orders', { partitionCount: 3 });
      for (const partition of partitions) await stage.append(partition, ['a', 'b']);
      const lost = await orphan(stage, partitions[0]!);
      await stage.run(COLLECT);
      stage.clock.pass(2 * HOUR_MS);
      calls = 0;
      let killed = 0;
      for (let hour = 0; hour < 60; hour += 4) {
        const [run] = await stage.run({ ...COLLECT, saveEveryMs: 0, takeMs: MINUTE_MS });
        if (run!.result.outcome === 'failed') killed += 1;
        stage.clock.pass(4 * HOUR_MS);
      }
      isDone = killed === 0;
      expect(await segments(stage), `killed at ${killAt}`).toHaveLength(6);
      expect(await segments(stage)).not.toContain(lost);
      expect(await stage.damages()).toEqual([]);
    }
  });

  it('comes to the same however its requests fare', { timeout: 60_000 }, async () => {
    for (let seed = 0; seed < 30; seed++) {
      const stage = maintenanceStage({ plan: seededFaults({ seed, probability: 0.15, faults: ALL_FAULTS }) });
      const partitions = await stage.topic('orders', { partitionCount: 2 });
      for (const partition of partitions) await stage.append(partition, ['a', 'b']);
      await orphan(stage, partitions[0]!);
      for (let hour = 0; hour < 80; hour += 4) {
        await stage.run({ ...COLLECT, saveEveryMs: 0 });
        stage.clock.pass(4 * HOUR_MS);
        await stage.faulty.releaseAll();
      }
      expect(await segments(stage), `seed ${seed}`).toHaveLength(4);
      expect(await stage.damages()).toEqual([]);
    }
  });

  it('costs an update and a query for each partition, and a listing for each shard', async () => {
    const stage = maintenanceStage();
    const partitions = await stage.topic('orders', { partitionCount: 50 });
    for (const partition of partitions) await stage.append(partition, ['a']);
    await stage.run(COLLECT);
    stage.clock.pass(6 * HOUR_MS);
    await stage.run(COLLECT);
    stage.clock.pass(6 * HOUR_MS);
    const before = stage.meter.usage;
    await stage.run(COLLECT);
    const usage = usageBetween(before, stage.meter.usage);
    // Heads: one update each, whose floor is below, and the two of the job, and its end, and the global floor.
    expect(usage.writeRequests).toBe(50 + 1 + 3);
    // The job, that of a rebuilding and those of both compactions, the list and its end, the topic, 50 heads, and the chunks of each.
    expect(usage.readRequests).toBe(4 + 2 + 1 + 50 + 50);
    // 16 shards of two levels, those that have objects twice; the domain and its end; what maintenance keeps for itself.
    expect(usage.lists).toBeLessThanOrEqual(48 + 2 + 1);
    expect(usage.gets + usage.puts).toBe(0);
  });

  it('rests while nothing is written: four reads', async () => {
    const stage = maintenanceStage();
    const partitions = await stage.topic('orders', { partitionCount: 10 });
    for (const partition of partitions) await stage.append(partition, ['a']);
    // A day until their chunks are rewritten, another until what that leaves is deleted.
    for (let hour = 0; hour < 108; hour += 6) {
      await stage.run();
      stage.clock.pass(6 * HOUR_MS + MINUTE_MS);
    }
    await stage.run({ jobs: ['retention'] });
    const before = stage.meter.usage;
    const [run] = await stage.run({ jobs: ['collection'] });
    expect(run!.result.outcome).toBe('done');
    expect(usageBetween(before, stage.meter.usage)).toMatchObject({ readRequests: 4, writeRequests: 2, lists: 0 });
    const again = stage.meter.usage;
    await stage.run({ jobs: ['collection'] });
    expect(usageBetween(again, stage.meter.usage)).toMatchObject({ readRequests: 1, writeRequests: 0, lists: 0 });
    // As soon as something was written, it is awake.
    await stage.append(partitions[0]!, ['b']);
    await orphan(stage, partitions[0]!);
    await collectFor(stage, 4);
    // What was compacted, and what is still too fresh for it in the partition that was written to.
    expect(await segments(stage)).toHaveLength(2);
  });
});
