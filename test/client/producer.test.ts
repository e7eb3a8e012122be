import { describe, expect, it } from 'vitest';
import { partitionForKey } from '../../lib/client/partitioner.ts';
import { systemRandom } from '../../lib/clock.ts';
import type { DelayStore } from '../../lib/delay/delay-store.ts';
import { hasCode } from '../../lib/errors.ts';
import { Fetcher } from '../../lib/log/fetcher.ts';
import { decodeBatch } from '../../lib/record/decode-batch.ts';
import { faultyStore } from '../log/faulty-store.ts';
import { codeOf, openStage, readAll, type Stage, TOPIC } from './client-stage.ts';
import { settle, VirtualClock } from './virtual-clock.ts';

/** The record batches of partition 0 as they are stored. */
async function storedBatches({ store, clock, millrace }: Stage) {
  const { topicId, domain } = await millrace.topics.getTopic(TOPIC);
  const target = { partition: { topicId, partition: 0 }, domain, offset: 0n, maxBytes: 1e8 };
  const [fetched] = await new Fetcher({ store, clock, random: systemRandom }).fetch([target], { maxBytes: 1e8 });
  if (fetched?.outcome !== 'ok') throw new Error('not fetched');
  return fetched.batches.map((bytes) => decodeBatch(bytes));
}

describe('sending', () => {
  it('resolves with the place of each record', async () => {
    const { millrace } = await openStage();
    const producer = millrace.producer();
    const first = await producer.send({ topic: TOPIC, value: 'a', timestampMs: 5 });
    const rest = await Promise.all(['b', 'c'].map((value) => producer.send({ topic: TOPIC, value })));
    expect(first).toEqual({ topic: TOPIC, partition: 0, offset: 0n, timestampMs: 5n });
    expect(rest.map(({ offset }) => offset)).toEqual([1n, 2n]);
  });

  it('puts records of a key where the Java client does', async () => {
    const stage = await openStage({ partitionCount: 7 });
    const producer = stage.millrace.producer();
    const keys = Array.from({ length: 50 }, (_, index) => `key-${index}`);
    const placed = await Promise.all(keys.map((key) => producer.send({ topic: TOPIC, key, value: key })));
    expect(placed.map(({ partition }) => partition)).toEqual(keys.map((key) => partitionForKey(Buffer.from(key), 7)));
    expect((await readAll(stage)).map((record) => record.keyText()).toSorted()).toEqual(keys.toSorted());
  });

  it('keeps key, value, headers and nulls as they are', async () => {
    const stage = await openStage();
    const producer = stage.millrace.producer();
    await producer.send({ topic: TOPIC, key: 'k', value: null, headers: { a: 'x', b: null } });
    await producer.send({ topic: TOPIC, value: new Uint8Array([0, 255]) });
    const [tombstone, bytes] = await readAll(stage);
    expect(tombstone).toMatchObject({ value: null, partition: 0, offset: 0n });
    expect([
      tombstone?.keyText(),
      tombstone?.headerText('a'),
      tombstone?.headerText('b'),
      tombstone?.headerText('c'),
    ]).toEqual(['k', 'x', null, undefined]);
    expect([...bytes!.value!]).toEqual([0, 255]);
    expect(bytes?.key).toBeNull();
  });

  it('puts what is sent together into one batch, and one batch into one request', async () => {
    const stage = await openStage();
    const producer = stage.millrace.producer();
    await Promise.all(Array.from({ length: 100 }, (_, n) => producer.send({ topic: TOPIC, value: String(n) })));
    expect((await storedBatches(stage)).map(({ recordCount }) => recordCount)).toEqual([100]);
  });

  it('closes a batch at batchBytes', async () => {
    const stage = await openStage();
    const producer = stage.millrace.producer({ batchBytes: 1000 });
    await Promise.all(Array.from({ length: 20 }, () => producer.send({ topic: TOPIC, value: 'x'.repeat(200) })));
    const batches = await storedBatches(stage);
    expect(batches.every(({ header }) => header.sizeBytes <= 1000)).toBe(true);
    expect(batches.reduce((sum, { recordCount }) => sum + recordCount, 0)).toBe(20);
  });

  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('compresses with %s', async (compression) => {
    const stage = await openStage();
    const producer = stage.millrace.producer({ compression });
    await Promise.all(Array.from({ length: 50 }, () => producer.send({ topic: TOPIC, value: 'again and again' })));
    const [batch] = await storedBatches(stage);
    expect(batch?.header).toMatchObject({ compression, recordCount: 50 });
    expect((await readAll(stage)).at(-1)?.text()).toBe('again and again');
  });

  it("follows the topic's compression.type", async () => {
    const stage = await openStage({ config: { 'compression.type': 'gzip' } });
    await stage.millrace.producer({ compression: 'lz4' }).send({ topic: TOPIC, value: 'x' });
    expect((await storedBatches(stage))[0]?.header.compression).toBe('gzip');
  });

  it('does not wait with acks 0', async () => {
    const stage = await openStage();
    const producer = stage.millrace.producer({ acks: 0 });
    expect(await producer.send({ topic: TOPIC, value: 'x', timestampMs: 1 })).toEqual({
      topic: TOPIC,
      partition: 0,
      offset: -1n,
      timestampMs: 1n,
    });
    await producer.close();
    expect(await readAll(stage)).toHaveLength(1);
    expect(producer.bufferedBytes).toBe(0);
  });
});

describe('lingering', () => {
  it('waits for company, and no longer', async () => {
    const clock = new VirtualClock({ jumps: false });
    const stage = await openStage({ clock });
    const producer = stage.millrace.producer({ lingerMs: 50 });
    const first = producer.send({ topic: TOPIC, value: 'a' });
    await clock.advance(49);
    const second = producer.send({ topic: TOPIC, value: 'b' });
    expect(await storedBatches(stage)).toEqual([]);
    await clock.advance(1);
    await Promise.all([first, second]);
    expect((await storedBatches(stage)).map(({ recordCount }) => recordCount)).toEqual([2]);
  });

  it('ends for all partitions with the first, so that one object carries all', async () => {
    const clock = new VirtualClock({ jumps: false });
    const puts: string[] = [];
    const wrap = (store: DelayStore) =>
      faultyStore(store, {
        clock,
        onCall: ({ operation }) => {
          if (operation === 'objects.put') puts.push(operation);
        },
      }).store;
    const stage = await openStage({ clock, partitionCount: 3, wrap });
    const producer = stage.millrace.producer({ lingerMs: 50 });
    const value = Buffer.alloc(2_000);
    const sent: Promise<unknown>[] = [];
    for (const partition of [0, 1, 2]) {
      sent.push(producer.send({ topic: TOPIC, partition, value }));
      await clock.advance(20);
    }
    await Promise.all(sent);
    expect(puts).toHaveLength(1);
  });

  it('goes on for others where a batch has left before its time', async () => {
    const clock = new VirtualClock({ jumps: false });
    const stage = await openStage({ clock, partitionCount: 2 });
    const producer = stage.millrace.producer({ lingerMs: 50, batchBytes: 100 });
    const full = producer.send({ topic: TOPIC, partition: 1, value: Buffer.alloc(200) });
    await full;
    await clock.advance(40);
    const lone = producer.send({ topic: TOPIC, partition: 0, value: 'a' });
    await clock.advance(49);
    expect(await storedBatches(stage)).toEqual([]);
    await clock.advance(1);
    await lone;
    expect(await storedBatches(stage)).toHaveLength(1);
  });

  it('ends by flush', async () => {
    const clock = new VirtualClock({ jumps: false });
    const stage = await openStage({ clock });
    const producer = stage.millrace.producer({ lingerMs: 60_000 });
    const sent = producer.send({ topic: TOPIC, value: 'a' });
    await producer.flush();
    expect(await sent).toMatchObject({ offset: 0n });
    await clock.advance(1);
    expect(clock.sleeperCount).toBe(0);
  });

  it('begins anew right after a flush', async () => {
    // The watch of those who linger went on with the signal that the flush had aborted, and span without ever waiting.
    const clock = new VirtualClock({ jumps: false });
    const stage = await openStage({ clock });
    const producer = stage.millrace.producer({ lingerMs: 50 });
    const first = producer.send({ topic: TOPIC, value: 'a' });
    await clock.advance(10);
    const flushed = producer.flush();
    const second = producer.send({ topic: TOPIC, value: 'b' });
    await flushed;
    await clock.advance(49);
    expect((await storedBatches(stage)).map(({ recordCount }) => recordCount)).toEqual([1]);
    await clock.advance(1);
    await Promise.all([first, second]);
    expect(await storedBatches(stage)).toHaveLength(2);
  });
});

describe('a record that a topic does not take', () => {
  it('is refused alone', async () => {
    const stage = await openStage({ config: { 'max.message.bytes': '1000' } });
    const producer = stage.millrace.producer();
    const codes = await Promise.all(
      [
        { topic: TOPIC, value: 'before' },
        { topic: TOPIC, value: 'x'.repeat(1000) },
        { topic: TOPIC, value: 'x', partition: 1 },
        { topic: TOPIC, value: 'x', timestampMs: Date.now() + 2 * 3_600_000 },
        { topic: 'nowhere', value: 'x' },
        { topic: 'no/name', value: 'x' },
        { topic: TOPIC, value: 'after' },
      ].map((record) => codeOf(producer.send(record).then(() => 'sent'))),
    );
    expect(codes).toEqual([
      'sent',
      'MESSAGE_TOO_LARGE',
      'UNKNOWN_TOPIC_OR_PARTITION',
      'INVALID_TIMESTAMP',
      'UNKNOWN_TOPIC_OR_PARTITION',
      'INVALID_TOPIC_EXCEPTION',
      'sent',
    ]);
    expect((await readAll(stage)).map((record) => record.text())).toEqual(['before', 'after']);
    expect(producer.bufferedBytes).toBe(0);
  });

  it('is not one for a partition that was added since', async () => {
    // What a producer knows of a topic is kept for half a minute. That long it refused partitions that were there, and told so for good.
    const { millrace } = await openStage();
    const producer = millrace.producer();
    await producer.send({ topic: TOPIC, value: 'before' });
    await millrace.topics.addPartitions(TOPIC, 4);
    const sends = [3, 4, 2].map((partition) => producer.send({ topic: TOPIC, partition, value: 'after' }));
    const outcomes = await Promise.all(sends.map((send) => codeOf(send.then(({ partition }) => partition))));
    expect(outcomes).toEqual([3, 'UNKNOWN_TOPIC_OR_PARTITION', 2]);
  });

  it('never makes a batch over max.message.bytes of those it takes', async () => {
    const stage = await openStage({ config: { 'max.message.bytes': '500' } });
    const producer = stage.millrace.producer();
    await Promise.all(Array.from({ length: 30 }, () => producer.send({ topic: TOPIC, value: 'x'.repeat(100) })));
    expect((await storedBatches(stage)).every(({ header }) => header.sizeBytes <= 500)).toBe(true);
  });

  it('may be too old for it', async () => {
    const { millrace } = await openStage({ config: { 'message.timestamp.before.max.ms': '1000' } });
    const old = millrace.producer().send({ topic: TOPIC, value: 'x', timestampMs: 0 });
    expect(await codeOf(old)).toBe('INVALID_TIMESTAMP');
  });

  it('gets its time from the log where the topic says so', async () => {
    const clock = new VirtualClock({ jumps: true });
    const stage = await openStage({ clock, config: { 'message.timestamp.type': 'LogAppendTime' } });
    const sent = await stage.millrace.producer().send({ topic: TOPIC, value: 'x', timestampMs: 5 });
    expect(sent.timestampMs).toBeGreaterThanOrEqual(BigInt(Date.UTC(2026, 0, 1)));
    expect((await readAll(stage))[0]?.timestampMs).toBe(sent.timestampMs);
  });
});

describe('an expected offset', () => {
  it('appends at exactly that offset or not at all', async () => {
    const stage = await openStage();
    const producer = stage.millrace.producer();
    const strict = (expectedOffset: bigint) =>
      producer.send({ topic: TOPIC, partition: 0, value: `at ${expectedOffset}`, expectedOffset });
    expect(await strict(0n)).toMatchObject({ offset: 0n });
    expect(await codeOf(strict(0n))).toBe('OFFSET_MISMATCH');
    expect(await codeOf(strict(7n))).toBe('OFFSET_MISMATCH');
    expect(await strict(1n)).toMatchObject({ offset: 1n });
    expect((await readAll(stage)).map((record) => record.text())).toEqual(['at 0', 'at 1']);
  });

  it('waits for what was sent before it, and holds up nothing that is sent behind it', async () => {
    const stage = await openStage();
    const producer = stage.millrace.producer();
    const send = (value: string, expectedOffset?: bigint) =>
      codeOf(producer.send({ topic: TOPIC, partition: 0, value, expectedOffset }).then(() => value));
    expect(await Promise.all([send('a'), send('b', 1n), send('c'), send('d', 99n), send('e')])).toEqual([
      'a',
      'b',
      'c',
      'OFFSET_MISMATCH',
      'e',
    ]);
    expect((await readAll(stage)).map((record) => record.text())).toEqual(['a', 'b', 'c', 'e']);
  });

  it('lets exactly one of many writers win', async () => {
    const stage = await openStage();
    const attempts = Array.from({ length: 8 }, (_, n) =>
      codeOf(
        stage.millrace
          .producer()
          .send({ topic: TOPIC, partition: 0, value: String(n), expectedOffset: 0n })
          .then(() => 'won'),
      ),
    );
    expect((await Promise.all(attempts)).filter((outcome) => outcome === 'won')).toHaveLength(1);
    expect(await readAll(stage)).toHaveLength(1);
  });
});

describe('a topic that is made again', () => {
  it('is followed by what is sent after the first refusal', async () => {
    const stage = await openStage();
    const producer = stage.millrace.producer();
    await producer.send({ topic: TOPIC, value: 'old' });
    await stage.millrace.topics.deleteTopic(TOPIC);
    await stage.millrace.topics.createTopic({ name: TOPIC, partitionCount: 3 });
    expect(await codeOf(producer.send({ topic: TOPIC, value: 'told' }))).toBe('UNKNOWN_TOPIC_OR_PARTITION');
    expect(await producer.send({ topic: TOPIC, value: 'new', partition: 2 })).toMatchObject({
      partition: 2,
      offset: 0n,
    });
    expect((await readAll(stage)).map((record) => record.text())).toEqual(['new']);
  });
});

describe('the end of a producer', () => {
  it('settles what was sent, then refuses', async () => {
    const stage = await openStage({ partitionCount: 3 });
    const producer = stage.millrace.producer({ lingerMs: 60_000 });
    const sent = Array.from({ length: 30 }, (_, n) => producer.send({ topic: TOPIC, key: String(n), value: 'x' }));
    const closing = producer.close();
    expect(producer.close()).toBe(closing);
    expect(await codeOf(producer.send({ topic: TOPIC, value: 'late' }))).toBe('CLOSED');
    await closing;
    expect(await Promise.all(sent)).toHaveLength(30);
    expect(await readAll(stage)).toHaveLength(30);
  });

  it('comes with that of its client', async () => {
    const { millrace } = await openStage();
    const producer = millrace.producer({ lingerMs: 60_000 });
    const sent = producer.send({ topic: TOPIC, value: 'x' });
    await millrace.close();
    expect(await sent).toMatchObject({ offset: 0n });
    expect(await codeOf(producer.send({ topic: TOPIC, value: 'x' }))).toBe('CLOSED');
    expect(() => millrace.producer()).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });

  it('flushes what waits for its topic to be read', async () => {
    const { millrace } = await openStage();
    const producer = millrace.producer({ lingerMs: 60_000 });
    const sent = producer.send({ topic: TOPIC, value: 'x' });
    let isSettled = false;
    void sent.then(() => {
      isSettled = true;
    });
    await producer.flush();
    await settle();
    expect(isSettled).toBe(true);
  });
});

describe('errors', () => {
  it('can be told by their code', async () => {
    const { millrace } = await openStage();
    const error = await millrace
      .producer()
      .send({ topic: 'ordes', value: 'x' })
      .catch((cause: unknown) => cause);
    expect(hasCode(error, 'UNKNOWN_TOPIC_OR_PARTITION') && error.hint).toContain('orders');
  });
});
