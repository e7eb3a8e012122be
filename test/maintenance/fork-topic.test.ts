import { describe, expect, it } from 'vitest';
import { Appender } from '../../lib/log/appender.ts';
import { rollTail } from '../../lib/log/roll.ts';
import type { StampedRegion } from '../../lib/segment/region.ts';
import { batchOf } from '../log/log-stage.ts';
import { collectFor, segments } from './collection-stage.ts';
import { regionsOf } from './compaction-stage.ts';
import { ALL, compact, copiesOf, fork, keyOf, mixedStage, recordsOf } from './fork-stage.ts';
import { MINUTE_MS, maintenanceStage } from './maintenance-stage.ts';

describe('a fork', () => {
  it('has the records of its source under their offsets, however they are stored, and its settings', async () => {
    const { stage } = await mixedStage();
    expect(await fork(stage)).toMatchObject({
      name: 'rehearsal',
      forkOf: 'orders',
      partitions: [
        { partition: 0, logStartOffset: 0n, highWatermark: 8n },
        { partition: 1, logStartOffset: 0n, highWatermark: 1n, rewrittenBytes: 0 },
      ],
    });
    expect(await recordsOf(stage, 'rehearsal')).toEqual(ALL);
    expect(await recordsOf(stage, 'rehearsal', 1)).toEqual(['0:x']);
    const topic = (await stage.base.topics.get('rehearsal'))!;
    expect(topic).toMatchObject({ state: 'active', readyPartitionCount: 2, forkOf: 'orders' });
    expect(topic.config).toEqual({ 'retention.bytes': '1000000' });
    expect(topic.domain).toBe(`t-${topic.topicId}`);
    const chunks = await stage.chunks(await keyOf(stage, 'rehearsal'));
    expect(chunks.every(({ level }) => level === 1)).toBe(true);
    // Nothing was lost on the way, by the checksums of all batches.
    expect(await stage.damages()).toEqual([]);
    const { appended, appendedBytes } = await stage.head(await keyOf(stage, 'orders'));
    expect(await stage.head(await keyOf(stage, 'rehearsal'))).toMatchObject({ appended, appendedBytes, ring: 0 });
  });

  it('copies an object once, although several partitions have a part of it, and reads its index alone', async () => {
    const stage = maintenanceStage();
    const partitions = await stage.topic('orders', { partitionCount: 5 });
    for (const partition of partitions) await stage.append(partition, ['a', 'b']);
    await compact(stage);
    const before = stage.faulty.calls.length;
    await fork(stage);
    const calls = stage.faulty.calls.slice(before).map(({ operation }) => operation);
    expect(calls.filter((one) => one === 'objects.copy')).toHaveLength(1);
    expect(calls.filter((one) => one === 'objects.get' || one === 'objects.put')).toEqual(['objects.get']);
    expect(await copiesOf(stage)).toHaveLength(1);
    for (let n = 0; n < 5; n++) expect(await recordsOf(stage, 'rehearsal', n)).toEqual(['0:a', '1:b']);
    expect(await stage.damages()).toEqual([]);
  });

  it('copies no object that holds more than the fork: what lies beyond its end is nowhere in its domain', async () => {
    const stage = maintenanceStage();
    const [one, other] = await stage.topic('orders', { partitionCount: 2 });
    await stage.append(one!, ['a', 'b']);
    await stage.append(one!, ['c', 'd']);
    await stage.append(other!, ['x', 'y']);
    await compact(stage);
    // Both partitions and all chunks stand in one object; the end lies between two chunks.
    await fork(stage, { at: { offsets: new Map([[0, 2n]]) } });
    await fork(stage, {
      name: 'none',
      at: {
        offsets: new Map([
          [0, 4n],
          [1, 0n],
        ]),
      },
    });
    expect(await recordsOf(stage, 'rehearsal')).toEqual(['0:a', '1:b']);
    expect(await recordsOf(stage, 'rehearsal', 1)).toEqual(['0:x', '1:y']);
    for (const name of ['rehearsal', 'none']) {
      const { domain } = (await stage.base.topics.get(name))!;
      const keys = (await segments(stage)).filter((key) => key.startsWith(`${domain}/`));
      expect(keys.length).toBeGreaterThan(0);
      for (const key of keys) {
        for (const region of await regionsOf(stage, key)) {
          const { next } = await stage.head(await keyOf(stage, name, region.partition));
          expect((region as StampedRegion).lastOffset).toBeLessThan(next);
        }
      }
    }
    expect(await stage.damages()).toEqual([]);
  });

  it('lives on independently: each is written, read, trimmed and deleted without the other', async () => {
    const { stage, first } = await mixedStage();
    await fork(stage);
    const forked = await keyOf(stage, 'rehearsal');
    const { domain } = (await stage.base.topics.get('rehearsal'))!;
    await stage.append(forked, ['only here'], { domain, roll: false });
    await stage.append(first, ['only there'], { roll: false });
    expect(await recordsOf(stage, 'rehearsal')).toEqual([...ALL, '8:only here']);
    expect(await recordsOf(stage, 'orders')).toEqual([...ALL, '8:only there']);
    await stage.admin.trimPartition('orders', 0, 5n);
    await stage.admin.deleteTopic('orders');
    await collectFor(stage, 4);
    expect(await recordsOf(stage, 'rehearsal')).toEqual([...ALL, '8:only here']);
    expect(await stage.damages()).toEqual([]);
    await compact(stage);
    await collectFor(stage, 4);
    expect(await recordsOf(stage, 'rehearsal')).toEqual([...ALL, '8:only here']);
    expect(await stage.damages()).toEqual([]);
    await stage.admin.deleteTopic('rehearsal');
    await collectFor(stage, 4);
    expect(await segments(stage)).toEqual([]);
  });

  it('can be forked', async () => {
    const { stage } = await mixedStage();
    await fork(stage);
    await fork(stage, { source: 'rehearsal', name: 'again' });
    await stage.admin.deleteTopic('orders');
    await stage.admin.deleteTopic('rehearsal');
    await collectFor(stage, 4);
    expect(await recordsOf(stage, 'again')).toEqual(ALL);
    expect(await stage.damages()).toEqual([]);
  });

  it.each([1, 2, 3, 4, 5, 6, 7])('ends at offset %i, whatever is cut by that', async (end) => {
    const { stage } = await mixedStage();
    await fork(stage, { at: { offsets: new Map([[0, BigInt(end)]]) } });
    expect(await recordsOf(stage, 'rehearsal')).toEqual(ALL.slice(0, end));
    expect(await recordsOf(stage, 'rehearsal', 1)).toEqual(['0:x']);
    expect(await stage.damages()).toEqual([]);
    const { domain } = (await stage.base.topics.get('rehearsal'))!;
    await stage.append(await keyOf(stage, 'rehearsal'), ['z'], { domain });
    expect(await recordsOf(stage, 'rehearsal')).toEqual([...ALL.slice(0, end), `${end}:z`]);
    expect(await stage.damages()).toEqual([]);
  });

  it.each(['compacted', 'not compacted'] as const)('ends in the middle of a batch that is %s', async (how) => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    const appender = new Appender({ store: stage.base, clock: stage.clock, random: stage.random });
    const target = { partition: partition!, domain: 'shared', inlineMaxBytes: 0 };
    await appender.append({ target, batches: batchOf(['a', 'b', 'c', 'd'], [1, 9, 3, 4]) });
    await appender.append({ target, batches: batchOf(['e', 'f'], [5, 6]) });
    await appender.close();
    await rollTail(stage.base, partition!, await stage.head(partition!));
    if (how === 'compacted') await compact(stage);
    await fork(stage, { at: { offsets: new Map([[0, 3n]]) } });
    expect(await recordsOf(stage, 'rehearsal')).toEqual(['0:a', '1:b', '2:c']);
    expect(await stage.head(await keyOf(stage, 'rehearsal'))).toMatchObject({ next: 3n, maxTimestampMs: 9n });
    expect(await stage.damages()).toEqual([]);
    await fork(stage, { name: 'first', at: { offsets: new Map([[0, 1n]]) } });
    expect(await stage.head(await keyOf(stage, 'first'))).toMatchObject({ next: 1n, maxTimestampMs: 1n });
    expect(await stage.damages()).toEqual([]);
  });

  it('ends in front of the first record at or after a time', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    const times: number[] = [];
    for (const value of ['a', 'b', 'c']) {
      times.push(stage.clock.nowMs());
      await stage.append(partition!, [value]);
      stage.clock.pass(MINUTE_MS);
    }
    await fork(stage, { name: 'early', at: { timestampMs: BigInt(times[0]!) } });
    await fork(stage, { name: 'middle', at: { timestampMs: BigInt(times[1]! + 1) } });
    await fork(stage, { name: 'late', at: { timestampMs: BigInt(times[2]! + 1) } });
    expect(await recordsOf(stage, 'early')).toEqual([]);
    expect(await recordsOf(stage, 'middle')).toEqual(['0:a', '1:b']);
    expect(await recordsOf(stage, 'late')).toEqual(['0:a', '1:b', '2:c']);
    expect(await stage.damages()).toEqual([]);
  });

  it('begins where its source begins', async () => {
    const { stage, first } = await mixedStage();
    for (const [name, before] of [
      ['in a copied chunk', 1n],
      ['in a chunk of level 0', 5n],
      ['in the tail', 7n],
      ['at the end', 8n],
    ] as const) {
      await stage.admin.trimPartition('orders', 0, before);
      const dashed = name.replaceAll(' ', '-');
      await fork(stage, { name: dashed });
      expect(await recordsOf(stage, dashed)).toEqual(ALL.slice(Number(before)));
      expect(await stage.damages()).toEqual([]);
    }
    expect((await stage.head(first)).start).toBe(8n);
  });

  it('writes nothing when it is only asked what it would be', async () => {
    const { stage } = await mixedStage();
    const [usage, objects] = [stage.meter.usage, await stage.objects()];
    expect(await fork(stage, { dryRun: true, at: { offsets: new Map([[0, 3n]]) } })).toMatchObject({
      partitions: [
        { logStartOffset: 0n, highWatermark: 3n },
        { logStartOffset: 0n, highWatermark: 1n },
      ],
    });
    expect(stage.meter.usage.writeUnits).toBe(usage.writeUnits);
    expect(await stage.objects()).toEqual(objects);
    expect(await stage.admin.listTopics()).toEqual(['orders']);
  });

  it.each([
    ['a source that is not there', { source: 'nobody' }, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['a name that is taken', { name: 'orders' }, 'TOPIC_ALREADY_EXISTS'],
    ['a name that is none', { name: 'a/b' }, 'INVALID_TOPIC_EXCEPTION'],
    ['an offset above the end', { at: { offsets: new Map([[0, 9n]]) } }, 'OFFSET_OUT_OF_RANGE'],
    ['a partition that is not there', { at: { offsets: new Map([[2, 0n]]) } }, 'UNKNOWN_TOPIC_OR_PARTITION'],
  ] as const)('is refused for %s, before anything is written', async (_what, request, code) => {
    const { stage } = await mixedStage();
    const objects = await stage.objects();
    await expect(fork(stage, request)).rejects.toMatchObject({ code });
    expect(await stage.admin.listTopics()).toEqual(['orders']);
    expect(await stage.objects()).toEqual(objects);
  });

  it('is refused below the log start offset', async () => {
    const { stage } = await mixedStage();
    await stage.admin.trimPartition('orders', 0, 4n);
    const at = { offsets: new Map([[0, 3n]]) };
    await expect(fork(stage, { at })).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' });
  });
});
