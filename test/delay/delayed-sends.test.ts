import { describe, expect, it } from 'vitest';
import type { OutgoingRecord } from '../../lib/client/outgoing-record.ts';
import { partitionForKey } from '../../lib/client/partitioner.ts';
import { serdes } from '../../lib/client/serde.ts';
import { codeOf, TOPIC } from '../client/client-stage.ts';
import { delayStage } from './delay-stage.ts';

const MINUTE_MS = 60_000;

describe('a delayed record', () => {
  it('enters its topic at its due time as it was sent, and not before', async () => {
    const { millrace, clock, startTimer, values, records, news } = await delayStage({ partitionCount: 4 });
    startTimer();
    const dueMs = clock.nowMs() + 10_000;
    const record = {
      topic: TOPIC,
      key: 'ada',
      value: 'later',
      headers: [
        ['a', '1'],
        ['a', null],
      ] as const,
    };
    const sent = await millrace.producer().send({ ...record, delay: '10s' });
    const partition = partitionForKey(Buffer.from('ada'), 4);
    expect(sent).toEqual({ id: expect.any(String), topic: TOPIC, partition, dueMs });
    await clock.advance(9_999);
    expect(await values()).toEqual([]);
    await clock.advance(51);
    const [found, ...others] = await records();
    expect(others).toEqual([]);
    expect(found).toMatchObject({ partition, timestampMs: BigInt(dueMs), offset: 0n });
    expect([found!.text(), Buffer.from(found!.key!).toString()]).toEqual(['later', 'ada']);
    expect(found!.headers).toEqual([
      { key: 'a', value: new Uint8Array(Buffer.from('1')) },
      { key: 'a', value: null },
    ]);
    expect(news).toMatchObject([{ kind: 'released', records: 1, topic: TOPIC }]);
  });

  it('may wait for a year, and be as large as its topic allows', async () => {
    const { millrace, clock, startTimer, records, memory } = await delayStage();
    startTimer({ pollMs: 86_400_000 });
    const value = 'x'.repeat(900_000);
    await millrace.producer().send({ topic: TOPIC, value, deliverAt: new Date(clock.nowMs() + 365 * 86_400_000) });
    expect(await memory.objects.list('shared/delayed/', null, 10)).toHaveLength(1);
    await clock.advance(365 * 86_400_000 - 1_000);
    expect(await records()).toEqual([]);
    await clock.advance(2_000);
    expect((await records()).map((record) => record.text())).toEqual([value]);
    expect(await memory.objects.list('shared/delayed/', null, 10)).toEqual([]);
  });

  it('stands with others that are due together in the order in which they were sent', async () => {
    const { millrace, clock, startTimer, values } = await delayStage();
    startTimer();
    const deliverAt = new Date(clock.nowMs() + 2_000);
    const [one, other] = [millrace.producer(), millrace.producer({ valueSerializer: serdes.json<number>() })];
    const sent = Array.from({ length: 250 }, (_, n) =>
      n % 2
        ? one.send({ topic: TOPIC, value: String(n), deliverAt })
        : other.send({ topic: TOPIC, value: n, deliverAt }),
    );
    await Promise.all(sent);
    await clock.advance(2_500);
    expect(await values()).toEqual(Array.from({ length: 250 }, (_, n) => String(n)));
  });

  it('is settled before its producer is closed', async () => {
    const { millrace } = await delayStage();
    const producer = millrace.producer();
    let isSettled = false;
    void producer.send({ topic: TOPIC, value: 'v', delay: '1h' }).then(() => {
      isSettled = true;
    });
    await producer.close();
    expect(isSettled).toBe(true);
    expect(await codeOf(producer.send({ topic: TOPIC, value: 'v', delay: '1h' }))).toBe('CLOSED');
    expect(await millrace.delayed.list()).toHaveLength(1);
  });

  it('is refused before anything is written when it makes no sense', async () => {
    const { millrace, meter, direct } = await delayStage({ config: { 'max.message.bytes': '1000' } });
    await direct.topics.getTopic(TOPIC);
    const producer = millrace.producer({ bufferMemoryBytes: 16_384 });
    const before = meter.usage.writeRequests;
    const send = (changes: object) =>
      codeOf(producer.send({ topic: TOPIC, value: 'v', delay: '10s', ...changes } as unknown as OutgoingRecord));
    expect(await send({ delay: 1 })).toBe('INVALID_REQUEST');
    expect(await send({ deliverAt: new Date() })).toBe('INVALID_REQUEST');
    expect(await send({ timestampMs: 5 })).toBe('INVALID_REQUEST');
    expect(await send({ expectedOffset: 5n })).toBe('INVALID_REQUEST');
    expect(await send({ partition: 7 })).toBe('UNKNOWN_TOPIC_OR_PARTITION');
    expect(await send({ value: 'x'.repeat(2_000) })).toBe('MESSAGE_TOO_LARGE');
    expect(await send({ value: 7 })).toBe('INVALID_RECORD');
    expect(await send({ vlaue: 7 })).toBe('INVALID_RECORD');
    expect(await send({ topic: 'nowhere' })).toBe('UNKNOWN_TOPIC_OR_PARTITION');
    const list = [{ topic: TOPIC, value: 'v', delay: '10s' }] as unknown as OutgoingRecord[];
    expect(await codeOf(producer.sendAll(list))).toBe('INVALID_REQUEST');
    expect(meter.usage.writeRequests).toBe(before);
  });
});

describe('taking it back', () => {
  it('is told what became of it, again and again', async () => {
    const { millrace, clock, startTimer, values } = await delayStage();
    startTimer();
    const producer = millrace.producer();
    const [first, second, large] = await Promise.all([
      producer.send({ topic: TOPIC, value: 'first', delay: '2s' }),
      producer.send({ topic: TOPIC, value: 'second', delay: '2s' }),
      producer.send({ topic: TOPIC, value: 'x'.repeat(9_000), delay: '2s' }),
    ]);
    expect(await millrace.delayed.get(first.id)).toMatchObject({ outcome: 'waiting', record: { dueMs: first.dueMs } });
    const { record } = (await millrace.delayed.get(large.id)) as { record: { value: Uint8Array } };
    expect(record.value).toHaveLength(9_000);
    expect(await millrace.delayed.cancel(first.id)).toBe('cancelled');
    expect(await millrace.delayed.cancel(large.id)).toBe('cancelled');
    await clock.advance(3_000);
    expect(await values()).toEqual(['second']);
    expect(await millrace.delayed.cancel(first.id)).toBe('cancelled');
    expect(await millrace.delayed.cancel(second.id)).toBe('delivered');
    expect(await millrace.delayed.get(second.id)).toEqual({ outcome: 'delivered' });
    expect(await codeOf(millrace.delayed.cancel(`${second.id}A`))).toBe('INVALID_REQUEST');
  });

  it('finds nothing an hour after its time', async () => {
    const { millrace, clock, startTimer } = await delayStage();
    startTimer({ pollMs: 1_000 });
    const producer = millrace.producer();
    const { id } = await producer.send({ topic: TOPIC, value: 'v', delay: '2s' });
    await clock.advance(50 * MINUTE_MS);
    expect(await millrace.delayed.cancel(id)).toBe('delivered');
    await producer.send({ topic: TOPIC, value: 'v', delay: '20m' });
    await clock.advance(22 * MINUTE_MS);
    expect(await millrace.delayed.cancel(id)).toBe('unknown');
    expect(await millrace.delayed.get(id)).toEqual({ outcome: 'unknown' });
  });

  it('lists what waits, in the order of time', async () => {
    const { millrace, direct } = await delayStage({ partitionCount: 3 });
    await direct.topics.createTopic({ name: 'other', partitionCount: 1 });
    const producer = millrace.producer();
    for (const [n, delay] of ['3s', '1s', '2s'].entries()) {
      await producer.send({ topic: TOPIC, partition: n, value: 'v', delay });
    }
    const { id } = await producer.send({ topic: 'other', value: 'v', delay: '90s' });
    const partitions = async (options: object) => (await millrace.delayed.list(options)).map((one) => one.partition);
    expect(await partitions({})).toEqual([1, 2, 0, 0]);
    expect(await partitions({ topic: TOPIC })).toEqual([1, 2, 0]);
    expect(await partitions({ topic: TOPIC, limit: 2 })).toEqual([1, 2]);
    await millrace.delayed.cancel(id);
    expect(await millrace.delayed.list({ topic: 'other' })).toEqual([]);
    expect(await codeOf(millrace.delayed.list({ topic: 'nowhere' }))).toBe('UNKNOWN_TOPIC_OR_PARTITION');
  });
});
