import { describe, expect, it } from 'vitest';
import { serdes } from '../../lib/client/serde.ts';
import { codeOf, openStage, readAll, TOPIC } from './client-stage.ts';

describe('sendAll', () => {
  it('resolves to the place of each record, in their order', async () => {
    const stage = await openStage({ partitionCount: 4 });
    const producer = stage.millrace.producer();
    const records = Array.from({ length: 40 }, (_, n) => ({ topic: TOPIC, partition: n % 4, value: `${n}` }));
    const placed = await producer.sendAll(records);
    expect(placed.map(({ partition, offset }) => [partition, offset])).toEqual(
      records.map((_, n) => [n % 4, BigInt(Math.floor(n / 4))]),
    );
    const read = await readAll(stage);
    for (const [index, { partition, offset, timestampMs }] of placed.entries()) {
      const record = read.find((one) => one.partition === partition && one.offset === offset);
      expect([record?.text(), record?.timestampMs]).toEqual([`${index}`, timestampMs]);
    }
  });

  it('keeps the order of all that is sent, one by one or together', async () => {
    const stage = await openStage();
    const producer = stage.millrace.producer({ batchBytes: 300 });
    const values = Array.from({ length: 60 }, (_, n) => `${n}`);
    for (let at = 0; at < 60; at += 6) {
      void producer.send({ topic: TOPIC, value: values[at]! });
      void producer.sendAll(values.slice(at + 1, at + 6).map((value) => ({ topic: TOPIC, value })));
    }
    await producer.flush();
    expect((await readAll(stage)).map((record) => record.text())).toEqual(values);
  });

  it('rejects with the first refusal of the list, when all are settled', async () => {
    const stage = await openStage();
    const producer = stage.millrace.producer();
    const sending = producer.sendAll([
      { topic: TOPIC, value: 'a' },
      { topic: 'nope', value: 'b' },
      { topic: TOPIC, value: 'c', partition: 7 },
      { topic: TOPIC, value: 5 as never },
      { topic: TOPIC, value: 'e' },
    ]);
    expect(await codeOf(sending)).toBe('UNKNOWN_TOPIC_OR_PARTITION');
    await expect(sending).rejects.toThrow('nope');
    // Nothing is under way any more: what was not refused is there.
    expect((await readAll(stage)).map((record) => record.text())).toEqual(['a', 'e']);
    expect(producer.bufferedBytes).toBe(0);
  });

  it('serializes', async () => {
    const stage = await openStage();
    const producer = stage.millrace.producer({ valueSerializer: serdes.json<object>() });
    await producer.sendAll([1, 2].map((n) => ({ topic: TOPIC, value: { n } })));
    expect((await readAll(stage)).map((record) => record.text())).toEqual(['{"n":1}', '{"n":2}']);
  });

  it('waits for memory like those that are sent one by one', async () => {
    const stage = await openStage();
    const producer = stage.millrace.producer({ bufferMemoryBytes: 20_000 });
    const placed = await producer.sendAll(
      Array.from({ length: 500 }, () => ({ topic: TOPIC, value: 'x'.repeat(200) })),
    );
    expect(placed.map(({ offset }) => offset)).toEqual(Array.from({ length: 500 }, (_, n) => BigInt(n)));
  });

  it('does not wait with acks 0', async () => {
    const { millrace } = await openStage();
    const placed = await millrace.producer({ acks: 0 }).sendAll([1, 2].map((n) => ({ topic: TOPIC, value: `${n}` })));
    expect(placed.map(({ offset }) => offset)).toEqual([-1n, -1n]);
  });

  it('takes nothing, and refuses what is no list and a producer that is closed', async () => {
    const { millrace } = await openStage();
    const producer = millrace.producer();
    expect(await producer.sendAll([])).toEqual([]);
    expect(await codeOf(producer.sendAll({ topic: TOPIC, value: 'a' } as never))).toBe('INVALID_REQUEST');
    expect(await codeOf(producer.sendAll([null as never]))).toBe('INVALID_RECORD');
    await producer.close();
    expect(await codeOf(producer.sendAll([]))).toBe('CLOSED');
  });
});
