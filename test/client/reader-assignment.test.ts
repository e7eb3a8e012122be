import { describe, expect, it } from 'vitest';
import type { Reader } from '../../lib/client/reader.ts';
import type { ReceivedRecord } from '../../lib/client/received-record.ts';
import { connect } from '../../lib/connect/connect.ts';
import { UsageMeter } from '../../lib/log/meter.ts';
import { codeOf, openStage, TOPIC } from './client-stage.ts';
import { VirtualClock } from './virtual-clock.ts';

const at = (partition: number) => ({ topic: TOPIC, partition });

async function texts(reader: AsyncIterable<ReceivedRecord>, count = Number.POSITIVE_INFINITY): Promise<string[]> {
  const found: string[] = [];
  for await (const record of reader) {
    found.push(record.text()!);
    if (found.length === count) break;
  }
  return found;
}

describe('an assignment', () => {
  it('keeps where it is in partitions that stay', async () => {
    const stage = await openStage({ partitionCount: 2 });
    const producer = stage.millrace.producer();
    for (let n = 0; n < 8; n++) await producer.send({ ...at(n % 2), value: String(n) });
    const reader = stage.millrace.reader({ stopAtEnd: true });
    await reader.assign([at(0)]);
    expect(await texts(reader, 2)).toEqual(['0', '2']);
    await reader.assign([at(0), { ...at(1), from: 3n }]);
    expect((await texts(reader)).toSorted()).toEqual(['4', '6', '7']);
    await reader.assign([{ ...at(1), from: 'beginning' }]);
    expect(await texts(reader)).toEqual(['1', '3', '5', '7']);
    expect(reader.assignment).toEqual([at(1)]);
  });

  it('is as before when the new one is refused', async () => {
    const { millrace } = await openStage();
    for (const value of ['0', '1']) await millrace.producer().send({ ...at(0), value });
    const reader = millrace.reader({ stopAtEnd: true });
    await reader.assign([at(0)]);
    expect(await codeOf(reader.assign([{ topic: 'nowhere' }]))).toBe('UNKNOWN_TOPIC_OR_PARTITION');
    expect(await codeOf(reader.assign([at(5)]))).toBe('UNKNOWN_TOPIC_OR_PARTITION');
    expect(await codeOf(reader.assign([{ topic: TOPIC, partition: -1 }]))).toBe('UNKNOWN_TOPIC_OR_PARTITION');
    expect(await codeOf(reader.assign([{ ...at(0), from: -1n }]))).toBe('INVALID_REQUEST');
    expect(await codeOf(reader.assign([{ ...at(0), from: 'start' as 'beginning' }]))).toBe('INVALID_REQUEST');
    expect(reader.assignment).toEqual([at(0)]);
    expect(await texts(reader)).toEqual(['0', '1']);
  });

  it('of many partitions reads their topic once', async () => {
    const meter = new UsageMeter();
    const millrace = await connect('memory:', { meter });
    await millrace.topics.createTopic({ name: TOPIC, partitionCount: 50 });
    const before = meter.usage.readRequests;
    const reader = millrace.reader();
    await reader.assign(Array.from({ length: 50 }, (_, partition) => ({ ...at(partition), from: 0n })));
    expect(meter.usage.readRequests - before).toBe(1);
    await millrace.close();
  });

  it('is needed first, and needed of what is asked about', async () => {
    const { millrace } = await openStage();
    const reader = millrace.reader();
    expect(await codeOf(texts(reader))).toBe('INVALID_REQUEST');
    expect(() => reader.position(at(0))).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
    expect(await codeOf(reader.seek(at(0), 0n))).toBe('INVALID_REQUEST');
    expect(() => reader.pause([at(0)])).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
  });
});

describe('a paused partition', () => {
  it('does not hold up the others, whatever it holds', async () => {
    // What was fetched of it stays, and counted against the bytes that may be read ahead. When that was nearly all of them, nothing was fetched any more, of no
    // partition, until it was resumed.
    const { millrace } = await openStage({ partitionCount: 2 });
    const producer = millrace.producer();
    for (let n = 0; n < 40; n++) await producer.send({ ...at(n % 2), value: 'x'.repeat(500) });
    const reader = millrace.reader({ readAheadBytes: 1500, fetchBytes: 1000, partitionFetchBytes: 1000 });
    await reader.assign([{ topic: TOPIC }]);
    const counts = [0, 0];
    for await (const { partition } of reader) {
      counts[partition]! += 1;
      if (counts[0]! + counts[1]! === 1) reader.pause([at(1 - partition)]);
      if (counts[partition] === 20) break;
    }
    expect(counts.toSorted()).toEqual([0, 20]);
    await millrace.close();
  });
});

describe('a reader that was ended while it waited', () => {
  const waitingReader = async () => {
    const clock = new VirtualClock({ jumps: false });
    const { millrace } = await openStage({ clock });
    const reader: Reader = millrace.reader();
    await reader.assign([at(0)]);
    return { clock, reader, iterator: reader[Symbol.asyncIterator]() };
  };

  it('looks no more when it was closed', async () => {
    // Closed in the same turn in which a loop began to wait, it was told to read ahead after it had been told to stop. It went on asking the store for ever, and the process
    // did not end by itself.
    const { clock, reader, iterator } = await waitingReader();
    const next = iterator.next();
    await reader.close();
    expect(await next).toEqual({ done: true, value: undefined });
    await clock.advance(5000);
    expect(clock.sleeperCount).toBe(0);
  });

  it('looks no more when its loop was left', async () => {
    // Whoever waits for a record no longer than a time leaves a call of `next` behind. It began to read ahead anew after the loop was left, and took the next record
    // for nobody.
    const { clock, iterator } = await waitingReader();
    const next = iterator.next();
    await clock.advance(500);
    await iterator.return!();
    expect(await next).toEqual({ done: true, value: undefined });
    await clock.advance(5000);
    expect(clock.sleeperCount).toBe(0);
  });
});
