import { describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { verifyTopic } from '../../lib/log/verify-topic.ts';
import { openStage, TOPIC } from '../client/client-stage.ts';
import { faultyStore, seededFaults } from './faulty-store.ts';
import { batchOf, large, logStage } from './log-stage.ts';

describe('verifying', () => {
  it('finds nothing beside writers, rolls and trims, through a store that fails at times', async () => {
    const { store, millrace } = await openStage({ partitionCount: 2, config: { 'millrace.inline.max.bytes': '60' } });
    const producer = millrace.producer();
    let isOver = false;
    const write = async (partition: number) => {
      // Every other record is too large to travel inline.
      for (let n = 0; n < 400; n++) {
        const { offset } = await producer.send({ topic: TOPIC, partition, value: 'x'.repeat(n % 2 === 0 ? 1 : 90) });
        if (n % 60 === 59) await millrace.topics.trimPartition(TOPIC, partition, offset - 20n);
      }
    };
    const writing = Promise.all([write(0), write(1)]).finally(() => {
      isOver = true;
    });
    const faulty = faultyStore(store, { clock, plan: seededFaults({ seed: 5, probability: 0.02 }) });
    let passes = 0;
    for (; !isOver; passes++) {
      const { partitions } = await verifyTopic({ store: faulty.store, clock, random }, TOPIC, { deep: true });
      expect(partitions.flatMap(({ damages }) => damages)).toEqual([]);
    }
    await writing;
    await producer.close();
    expect(passes).toBeGreaterThan(2);
    const { partitions } = await verifyTopic({ store, clock, random }, TOPIC, { deep: true });
    expect(partitions.map(({ damages, chunks }) => [damages.length, chunks > 10])).toEqual([
      [0, true],
      [0, true],
    ]);
  });

  it('holds all that was ever committed against it although chunks were rewritten, until key compaction has removed some', async () => {
    const stage = await logStage();
    for (const value of ['a', 'b', 'c']) {
      await stage.fill([batchOf([large(value)]), batchOf([value])]);
      await stage.roll();
    }
    const verified = async () => (await verifyTopic(stage, 't', { deep: true })).partitions[0]!;
    const [, second] = await stage.chunks();
    await stage.compact(second!);
    expect(await verified()).toMatchObject({ damages: [], conservation: 'checksums' });
    const [, again] = await stage.chunks();
    const { base, end, version, entries } = again!;
    await stage.base.chunks.replace(stage.partition(), base, { version, end, reference: entries[0]! });
    expect(await verified()).toMatchObject({ damages: [], conservation: 'unknown' });
  });

  it('does not miss what retention has deleted behind a chunk that a late roll has brought back', async () => {
    const stage = await logStage();
    for (const value of ['a', 'b', 'c']) {
      await stage.fill([batchOf([value])]);
      await stage.roll();
    }
    const [first, second] = await stage.chunks();
    const floor = second!.maxId;
    await stage.base.heads.advanceStart(stage.partition(), { start: second!.end, floor });
    for (const { base, end } of [first!, second!])
      await stage.base.chunks.remove(stage.partition(), base, { endAtMost: end, maxIdAtMost: floor });
    await stage.base.chunks.put(stage.partition(), first!);
    const { partitions } = await verifyTopic(stage, 't', { deep: true });
    expect(partitions).toMatchObject([{ damages: [], conservation: 'unknown' }]);
  });
});
