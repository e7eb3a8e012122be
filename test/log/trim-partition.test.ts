import { describe, expect, it } from 'vitest';
import { rollTail } from '../../lib/log/roll.ts';
import { planChunk } from '../../lib/log/roll-plan.ts';
import { faultyStore, scriptedFaults } from './faulty-store.ts';
import { commitEntry, idOf, type TopicStage, topicStage } from './topic-stage.ts';

/** A topic with 40 records: entries of 10, the first two rolled one by one into chunks. Ids are `idOf(1)` to `idOf(4)`. */
async function filledTopic(stage: TopicStage) {
  const { admin, store } = stage;
  const { topicId } = await admin.createTopic({ name: 'orders', partitionCount: 2 });
  const partition = { topicId, partition: 0 };
  const head = async () => (await store.heads.read(partition, { consistent: true }))!;
  for (const place of [1, 2, 3, 4]) {
    await commitEntry(store, partition, { id: idOf(place), known: BigInt(place - 1) * 10n, recordCount: 10 });
    if (place <= 2) await rollTail(store, partition, await head());
  }
  return { partition, head };
}

describe('trimPartition', () => {
  it('moves the log start offset, at once for readers', async () => {
    const stage = topicStage();
    const { head } = await filledTopic(stage);
    expect(await stage.admin.trimPartition('orders', 0, 15n)).toEqual({ partition: 0, logStartOffset: 15n });
    expect(await head()).toMatchObject({ start: 15n, next: 40n, tailBase: 20n });
    const { partitions } = await stage.admin.describeTopic('orders');
    expect(partitions.map(({ logStartOffset }) => logStartOffset)).toEqual([15n, 0n]);
  });

  it('raises the floor over every chunk that it puts below the start, and over no other', async () => {
    for (const [before, floor] of [
      [9n, 0],
      [10n, 1],
      [19n, 1],
      [20n, 2],
      [35n, 2],
      ['end', 2],
    ] as const) {
      const stage = topicStage();
      const { head } = await filledTopic(stage);
      await stage.admin.trimPartition('orders', 0, before);
      const expected = floor === 0 ? '0'.repeat(26) : idOf(floor);
      expect((await head()).floor, String(before)).toBe(expected);
    }
  });

  it('leaves what is still in the tail out of the floor, though a roll that crashed has put it into a chunk', async () => {
    const stage = topicStage();
    const { head, partition } = await filledTopic(stage);
    await stage.store.chunks.put(partition, planChunk(await head())!);
    await stage.admin.trimPartition('orders', 0, 'end');
    expect(await head()).toMatchObject({ start: 40n, tailBase: 20n, floor: idOf(2) });
  });

  it('never lowers the floor', async () => {
    const stage = topicStage();
    const { head, partition } = await filledTopic(stage);
    await stage.store.heads.raiseFloor(partition, idOf(9));
    await stage.admin.trimPartition('orders', 0, 20n);
    expect(await head()).toMatchObject({ start: 20n, floor: idOf(9) });
  });

  it('covers what was rolled since an earlier trim', async () => {
    const stage = topicStage();
    const { head, partition } = await filledTopic(stage);
    await stage.admin.trimPartition('orders', 0, 35n);
    await rollTail(stage.store, partition, await head());
    await commitEntry(stage.store, partition, { id: idOf(5), known: 40n, recordCount: 10 });
    await stage.admin.trimPartition('orders', 0, 45n);
    expect(await head()).toMatchObject({ start: 45n, floor: idOf(4) });
  });

  it('empties the partition at its end, which stays where it was first seen', async () => {
    const stage = topicStage();
    const { partition, head } = await filledTopic(stage);
    let busy = true;
    const { store } = faultyStore(stage.store, {
      clock: stage.clock,
      async onCall({ operation }) {
        if (operation !== 'heads.advanceStart' || !busy) return;
        busy = false;
        await commitEntry(stage.store, partition, { id: idOf(5), known: 40n, recordCount: 10 });
      },
    });
    expect(await stage.adminOf(store).trimPartition('orders', 0, 'end')).toEqual({ partition: 0, logStartOffset: 40n });
    expect(await head()).toMatchObject({ start: 40n, next: 50n });
  });

  it('changes nothing at or below the log start offset', async () => {
    const stage = topicStage();
    await filledTopic(stage);
    await stage.admin.trimPartition('orders', 0, 15n);
    const before = stage.meter.usage.writeRequests;
    for (const offset of [15n, 14n, 0n]) {
      expect(await stage.admin.trimPartition('orders', 0, offset)).toEqual({ partition: 0, logStartOffset: 15n });
    }
    expect(await stage.admin.trimPartition('orders', 1, 'end')).toEqual({ partition: 1, logStartOffset: 0n });
    expect(stage.meter.usage.writeRequests).toBe(before);
  });

  it('reads again when the floor or the start was moved by another', async () => {
    const stage = topicStage();
    const { partition, head } = await filledTopic(stage);
    const interruptions = [
      () => stage.store.heads.raiseFloor(partition, idOf(3)),
      () => stage.admin.trimPartition('orders', 0, 12n),
    ];
    const { store } = faultyStore(stage.store, {
      clock: stage.clock,
      async onCall({ operation }) {
        if (operation === 'heads.advanceStart') await interruptions.shift()?.();
      },
    });
    expect(await stage.adminOf(store).trimPartition('orders', 0, 25n)).toEqual({ partition: 0, logStartOffset: 25n });
    expect(interruptions).toEqual([]);
    expect(await head()).toMatchObject({ start: 25n, floor: idOf(3) });
  });

  it('is content when another has trimmed further', async () => {
    const stage = topicStage();
    await filledTopic(stage);
    let raced = false;
    const { store } = faultyStore(stage.store, {
      clock: stage.clock,
      async onCall({ operation }) {
        if (operation !== 'heads.advanceStart' || raced) return;
        raced = true;
        await stage.admin.trimPartition('orders', 0, 30n);
      },
    });
    expect(await stage.adminOf(store).trimPartition('orders', 0, 25n)).toEqual({ partition: 0, logStartOffset: 30n });
  });

  it('lets a commit that races with it land once, above the start', async () => {
    const stage = topicStage();
    const { partition, head } = await filledTopic(stage);
    const late = { id: idOf(5), known: 40n, recordCount: 10 };
    await Promise.all([
      stage.admin.trimPartition('orders', 0, 40n),
      commitEntry(stage.store, partition, late),
      commitEntry(stage.store, partition, late),
    ]);
    expect(await head()).toMatchObject({ start: 40n, next: 50n });
  });

  it('refuses a late commit of what it trimmed', async () => {
    const stage = topicStage();
    const { partition, head } = await filledTopic(stage);
    await stage.admin.trimPartition('orders', 0, 20n);
    // Without the floor, this repeated attempt would land behind: no chunk need be left that could prove the first.
    const repeated = await commitEntry(stage.store, partition, { id: idOf(2), known: 20n, recordCount: 10 });
    expect(repeated.outcome).toBe('refused');
    expect((await head()).next).toBe(40n);
  });

  it.each(['lost', 'late', 'dropped', 'throttled'] as const)(
    'takes effect once when an answer is %s',
    async (fault) => {
      const stage = topicStage();
      const { head } = await filledTopic(stage);
      const plan = scriptedFaults({
        'heads.advanceStart': [fault, fault],
        'chunks.query': [fault],
        'heads.read': [fault],
      });
      const faulty = faultyStore(stage.store, { clock: stage.clock, plan });
      const result = await stage.adminOf(faulty.store).trimPartition('orders', 0, 15n);
      expect(result).toEqual({ partition: 0, logStartOffset: 15n });
      const after = await head();
      await faulty.releaseAll();
      expect(await head()).toEqual(after);
    },
  );

  it.each([
    ['an offset above the high watermark', 0, 41n, 'OFFSET_OUT_OF_RANGE'],
    ['a negative offset', 0, -1n, 'INVALID_REQUEST'],
    ['a number as an offset', 0, 5, 'INVALID_REQUEST'],
    ['another word than end', 0, 'latest', 'INVALID_REQUEST'],
    ['a partition that is not there', 2, 1n, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['a negative partition', -1, 1n, 'INVALID_REQUEST'],
    ['half a partition', 0.5, 1n, 'INVALID_REQUEST'],
  ])('refuses %s and writes nothing', async (_, partition, before, code) => {
    const stage = topicStage();
    await filledTopic(stage);
    const writes = stage.meter.usage.writeRequests;
    await expect(stage.admin.trimPartition('orders', partition, before as bigint)).rejects.toMatchObject({
      code,
      hint: expect.stringMatching(/\w/),
    });
    expect(stage.meter.usage.writeRequests).toBe(writes);
  });

  it('tells when the topic is deleted meanwhile', async () => {
    const stage = topicStage();
    await filledTopic(stage);
    const { store } = faultyStore(stage.store, {
      clock: stage.clock,
      async onCall({ operation }) {
        if (operation === 'heads.advanceStart') await stage.admin.deleteTopic('orders').catch(() => {});
      },
    });
    await expect(stage.adminOf(store).trimPartition('orders', 0, 'end')).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
    });
  });
});
