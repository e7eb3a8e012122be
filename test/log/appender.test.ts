import { describe, expect, it } from 'vitest';
import { systemRandom } from '../../lib/clock.ts';
import { UnansweredError } from '../../lib/errors.ts';
import { Appender } from '../../lib/log/appender.ts';
import { decodeEntry } from '../../lib/log/entry.ts';
import type { CommitArgs } from '../../lib/log/head-transitions.ts';
import type { ObjectStore } from '../../lib/log/object-store.ts';
import type { PartitionKey } from '../../lib/log/partition-key.ts';
import { TopicAdmin } from '../../lib/log/topic-admin.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { decodeSegment } from '../../lib/segment/decode-segment.ts';
import { VirtualClock } from '../client/virtual-clock.ts';
import { poisoningPool } from '../simulate/poisoning-pool.ts';
import { scriptedFaults } from './faulty-store.ts';
import { batchOf, type LogStage, large, logStage, TOPIC_ID } from './log-stage.ts';

const operations = (stage: LogStage) => stage.faulty.calls.map(({ operation }) => operation);
const puts = (stage: LogStage) => stage.faulty.calls.filter(({ operation }) => operation === 'objects.put');
/** Most records that one batch may claim. */
const MANY = 2 ** 24;

describe('an appender', () => {
  it('tells each append where its own records stand', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    const appends = [['a', 'b'], ['c'], ['d', 'e', 'f'], ['g']].map((values) =>
      appender.append({ target: stage.target(), batches: batchOf(values) }),
    );
    const results = await Promise.all(appends);
    expect(results.map(({ baseOffset }) => baseOffset)).toEqual([0n, 2n, 3n, 6n]);
    await expect(stage.values()).resolves.toEqual(['0:a', '1:b', '2:c', '3:d', '4:e', '5:f', '6:g']);
  });

  it('keeps the memory of a segment from others while a PUT that was left unanswered may still send it', async () => {
    const stage = await logStage();
    const { objects } = stage.base;
    const sent: { readonly bytes: Uint8Array; readonly asSent: Uint8Array }[] = [];
    const put = async (key: string, bytes: Uint8Array) => {
      sent.push({ bytes, asSent: new Uint8Array(bytes) });
      if (sent.length === 1) throw new UnansweredError('no answer');
      return objects.put(key, bytes);
    };
    const store = { ...stage.base, objects: { ...objects, put } as ObjectStore };
    const buffers = poisoningPool();
    const { clock, random } = stage;
    const appender = new Appender({ store, clock, random, buffers });
    const append = (text: string) => appender.append({ target: stage.target(), batches: batchOf([large(text)]) });
    await append('first');
    expect(buffers.keptBytes).toBe(0);
    await append('second');
    // What was answered at once is used again.
    expect(buffers.keptBytes).toBeGreaterThan(0);
    await append('third');
    expect(sent[3]!.bytes.buffer).toBe(sent[2]!.bytes.buffer);
    expect(sent[0]!.bytes).toEqual(sent[0]!.asSent);
    const values = (await stage.values()).map((value) => value.slice(0, 7));
    expect(values).toEqual(['0:first', '1:secon', '2:third']);
  });

  it('begins no flush before it is told that all that comes together has been appended', async () => {
    const stage = await logStage();
    const begun: (() => void)[] = [];
    const appender = stage.appender({ afterTurn: (begin) => void begun.push(begin) });
    const append = (text: string) => appender.append({ target: stage.target(), batches: batchOf([large(text)]) });
    const first = append('first');
    await new Promise((resolve) => setImmediate(resolve));
    const second = append('second');
    expect([begun.length, puts(stage).length]).toEqual([1, 0]);
    begun[0]!();
    await Promise.all([first, second]);
    expect(puts(stage)).toHaveLength(1);
  });

  it('takes several batches in one append', async () => {
    const stage = await logStage();
    const batches = Buffer.concat([batchOf(['a', 'b']), batchOf(['c'])]);
    await expect(stage.appender().append({ target: stage.target(), batches })).resolves.toEqual({ baseOffset: 0n });
    await expect(stage.values()).resolves.toEqual(['0:a', '1:b', '2:c']);
  });

  it('writes what is appended together as one segment for each isolation domain', async () => {
    const stage = await logStage({ partitions: 4 });
    const appender = stage.appender();
    const domains = ['red', 'blue', 'red', 'blue'];
    await Promise.all(
      domains.map((domain, number) =>
        appender.append({ target: stage.target(number, { domain }), batches: batchOf([large(`v${number}`)]) }),
      ),
    );
    const written = puts(stage).map((call) => ({
      domain: String(call.arguments[0]).split('/')[0],
      partitions: decodeSegment(call.arguments[1] as Uint8Array).regions.map(({ partition }) => partition),
    }));
    expect(written).toEqual([
      { domain: 'red', partitions: [0, 2] },
      { domain: 'blue', partitions: [1, 3] },
    ]);
  });

  it('sends small parts inline without a PUT, large ones by reference, side by side', async () => {
    const stage = await logStage({ partitions: 2 });
    const appender = stage.appender();
    await Promise.all([
      appender.append({ target: stage.target(0), batches: batchOf(['small']) }),
      appender.append({ target: stage.target(1), batches: batchOf([large('big')]) }),
    ]);
    expect(puts(stage)).toHaveLength(1);
    expect((await stage.head(0)).tail.map((entry) => decodeEntry(entry).kind)).toEqual(['inline']);
    expect((await stage.head(1)).tail.map((entry) => decodeEntry(entry).kind)).toEqual(['reference']);
    expect([...(await stage.values(0)), ...(await stage.values(1))].map((value) => value.slice(0, 5))).toEqual([
      '0:sma',
      '0:big',
    ]);
  });

  it('commits nothing before its object is there', async () => {
    const stage = await logStage({ plan: scriptedFaults({ 'objects.put': ['dropped', 'throttled'] }) });
    await stage.appender().append({ target: stage.target(), batches: batchOf([large('a')]) });
    const all = operations(stage);
    expect(all.filter((operation) => operation === 'objects.put')).toHaveLength(3);
    expect(all.indexOf('heads.commit')).toBeGreaterThan(all.lastIndexOf('objects.put'));
  });

  it('lets no partition suffer from what happens to another', async () => {
    const stage = await logStage({ partitions: 2 });
    const appender = stage.appender();
    await stage.base.heads.remove(stage.partition(0));
    const [gone, fine] = await Promise.allSettled([
      appender.append({ target: stage.target(0), batches: batchOf([large('a')]) }),
      appender.append({ target: stage.target(1), batches: batchOf([large('b')]) }),
    ]);
    expect(gone).toMatchObject({ status: 'rejected', reason: { code: 'UNKNOWN_TOPIC_OR_PARTITION' } });
    expect(fine).toMatchObject({ status: 'fulfilled', value: { baseOffset: 0n } });
  });

  /** A batch may claim so many records when it says that it is compressed. */
  function claimingMany(): Uint8Array {
    const batch = Buffer.from(batchOf(['a']));
    batch.writeInt16BE(1, 21);
    batch.writeInt32BE(MANY - 1, 23);
    batch.writeInt32BE(MANY, 57);
    return batch;
  }

  it.each([
    ['inline', 100_000],
    ['in a segment', 0],
  ])('lets nobody suffer from a partition that gets more than 2^32 records at once, %s', async (_, inlineMaxBytes) => {
    const stage = await logStage({ partitions: 2 });
    const appender = stage.appender();
    const many = Array.from({ length: 257 }, () =>
      appender.append({ target: stage.target(0, { inlineMaxBytes }), batches: claimingMany() }),
    );
    const other = appender.append({ target: stage.target(1, { inlineMaxBytes }), batches: batchOf(['b']) });
    const offsets = (await Promise.all(many)).map(({ baseOffset }) => baseOffset);
    expect(offsets).toEqual(many.map((_, index) => BigInt(index) * BigInt(MANY)));
    await expect(other).resolves.toEqual({ baseOffset: 0n });
    expect((await stage.head()).next).toBe(257n * BigInt(MANY));
  });

  it('refuses more records in one append than an entry can tell', async () => {
    const stage = await logStage();
    const batches = Buffer.concat(Array.from({ length: 256 }, claimingMany));
    const refusal = expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' });
    await expect(stage.appender().append({ target: stage.target(), batches })).rejects.toEqual(refusal);
  });

  it('refuses at once what is no batch, and goes on', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    const bad = appender.append({ target: stage.target(), batches: new Uint8Array(7) });
    await expect(bad).rejects.toMatchObject({ code: 'CORRUPT_MESSAGE' });
    await expect(appender.append({ target: stage.target(), batches: batchOf(['a']) })).resolves.toEqual({
      baseOffset: 0n,
    });
  });

  it('keeps the producer fields of an idempotent batch in its entry', async () => {
    const stage = await logStage();
    const producer = { producerId: 9n, producerEpoch: 2, baseSequence: 40 };
    await stage.appender().append({ target: stage.target(), batches: batchOf(['a'], [], producer) });
    expect(decodeEntry((await stage.head()).tail[0]!)).toMatchObject({ producer, recordCount: 1 });
  });

  it('is flushed when all that was appended before is settled, also what has failed', async () => {
    const stage = await logStage({ partitions: 2 });
    await stage.base.heads.remove({ topicId: TOPIC_ID, partition: 1 });
    const appender = stage.appender({ lingerMs: 60_000 });
    const settled: string[] = [];
    const append = (number: number) =>
      appender.append({ target: stage.target(number), batches: batchOf(['a']) }).then(
        () => settled.push('done'),
        () => settled.push('failed'),
      );
    void append(0);
    void append(1);
    await appender.flush();
    await Promise.resolve();
    expect(settled.toSorted()).toEqual(['done', 'failed']);
    await expect(appender.flush()).resolves.toBeUndefined();
  });

  it('ends its rolls before it is closed, and takes nothing afterwards', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    for (let number = 0; number < 16; number++) {
      await appender.append({ target: stage.target(0, { inlineMaxBytes: 0 }), batches: batchOf(['x']) });
    }
    await Promise.all([appender.close(), appender.close()]);
    const before = stage.faulty.calls.length;
    expect((await stage.head()).tail).toEqual([]);
    await expect(appender.append({ target: stage.target(), batches: batchOf(['y']) })).rejects.toMatchObject({
      code: 'CLOSED',
    });
    await new Promise(setImmediate);
    expect(stage.faulty.calls.length).toBe(before);
  });

  /**
   * A part that was given up while its flush was sealed left an empty flush at the front of the line, and the appender stopped there: what stood
   * behind it was never sent.
   */
  it('does not stop at a sealed flush of which nothing is left', async () => {
    const stage = await logStage({
      plan: scriptedFaults({ 'objects.put': Array.from({ length: 30 }, () => 'dropped') }),
      partitions: 2,
    });
    const appender = stage.appender({ segmentBytes: 1, maxPutsInFlight: 1, deliveryTimeoutMs: 200 });
    const append = (number: number) =>
      appender.append({ target: stage.target(number, { inlineMaxBytes: 0 }), batches: batchOf(['x']) });
    const results = await Promise.allSettled([append(0), append(0), append(0), append(1), append(0)]);
    expect(results).toHaveLength(5);
    await appender.close();
  });
});

describe('a partition whose commits are stuck', () => {
  /** The story: every flush carried something for the stuck partition, so every flush was slow, and the others got one each half second. */
  it('does not set the pace of the others', async () => {
    const clock = new VirtualClock({ jumps: true });
    const inner = memoryStore({ clock });
    const heads = {
      ...inner.heads,
      async commit(partition: PartitionKey, args: CommitArgs) {
        await clock.sleep(partition.partition === 0 ? 10_000 : 5);
        return inner.heads.commit(partition, args);
      },
    };
    const deps = { store: { ...inner, heads }, clock, random: systemRandom };
    const { topicId } = await new TopicAdmin(deps).createTopic({ name: 't', partitionCount: 2 });
    const appender = new Appender({ ...deps, deliveryTimeoutMs: 300_000 });
    const append = (partition: number) => {
      const target = { partition: { topicId, partition }, domain: 'shared', inlineMaxBytes: 1024 };
      return appender.append({ target, batches: batchOf(['v']) });
    };
    const startMs = clock.monotonicMs();
    const stuck: Promise<unknown>[] = [];
    for (let round = 0; round < 40; round++) {
      stuck.push(append(0));
      await append(1);
    }
    expect(clock.monotonicMs() - startMs).toBeLessThan(2_000);
    await Promise.all(stuck);
    await appender.close();
  });
});
