import { describe, expect, it } from 'vitest';
import { Millrace } from '../../lib/client/millrace.ts';
import type { Reader } from '../../lib/client/reader.ts';
import type { ReceivedRecord } from '../../lib/client/received-record.ts';
import { systemRandom } from '../../lib/clock.ts';
import { MillraceError } from '../../lib/errors.ts';
import { Appender } from '../../lib/log/appender.ts';
import { encodeControlRecord } from '../../lib/record/control-record.ts';
import { encodeBatch } from '../../lib/record/encode-batch.ts';
import { faultyStore } from '../log/faulty-store.ts';
import { codeOf, openStage, type Stage, TOPIC } from './client-stage.ts';
import { VirtualClock } from './virtual-clock.ts';

const at = (partition: number) => ({ topic: TOPIC, partition });

/** A stage whose partition 0 holds the texts '0' … 'count - 1', each a minute after the one before, two in a batch. */
async function filledStage(count: number, options: Parameters<typeof openStage>[0] = {}): Promise<Stage> {
  const stage = await openStage(options);
  const producer = stage.millrace.producer();
  for (let n = 0; n < count; n += 2) {
    const send = (value: number) => producer.send({ ...at(0), value: String(value), timestampMs: value * 60_000 });
    await Promise.all([send(n), ...(n + 1 < count ? [send(n + 1)] : [])]);
  }
  await producer.close();
  return stage;
}

async function texts(reader: AsyncIterable<ReceivedRecord>, count = Number.POSITIVE_INFINITY): Promise<string[]> {
  const found: string[] = [];
  if (count === 0) return found;
  for await (const record of reader) {
    found.push(record.text()!);
    if (found.length === count) break;
  }
  return found;
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => String(from + n));

async function stoppingReader(
  { millrace }: Stage,
  ...[from]: Parameters<Reader['seek']> extends [unknown, infer P] ? [P?] : never
) {
  const reader = millrace.reader({ stopAtEnd: true });
  await reader.assign([{ ...at(0), ...(from === undefined ? {} : { from }) }]);
  return reader;
}

describe('reading', () => {
  it('begins at the beginning and ends at the end that it found', async () => {
    const stage = await filledStage(9);
    const reader = await stoppingReader(stage);
    const found: string[] = [];
    for await (const record of reader) {
      if (found.length === 0) await stage.millrace.producer().send({ ...at(0), value: 'later' });
      found.push(record.text()!);
    }
    expect(found).toEqual(numbers(0, 9));
    expect(reader.position(at(0))).toBe(9n);
  });

  it.each([
    ['an offset inside a batch', 3n, 3],
    ['the offset behind the last', 8n, 8],
    ['the beginning', 'beginning', 0],
    ['the end', 'end', 8],
    ['a time', { timestampMs: 3 * 60_000 }, 3],
    ['a time between two', { timestampMs: 4 * 60_000 + 1 }, 5],
    ['a time as bigint', { timestampMs: 60_000n }, 1],
    ['a time after all', { timestampMs: 3_600_000 }, 8],
    ['a time before all', { timestampMs: -5 }, 0],
  ] as const)('can begin at %s', async (_, from, first) => {
    const stage = await filledStage(8);
    expect(await texts(await stoppingReader(stage, from))).toEqual(numbers(first, 8));
    expect(await stage.millrace.offsetAt(at(0), from)).toBe(BigInt(first));
  });

  it('goes on where a loop was left, and seeks in between', async () => {
    const reader = await stoppingReader(await filledStage(10));
    expect(await texts(reader, 3)).toEqual(numbers(0, 3));
    expect(reader.position(at(0))).toBe(3n);
    expect(await texts(reader, 1)).toEqual(['3']);
    await reader.seek(at(0), 1n);
    expect(await texts(reader, 2)).toEqual(numbers(1, 3));
    await reader.seek(at(0), 'end');
    expect(await texts(reader)).toEqual([]);
  });

  it('seeks inside the loop', async () => {
    const reader = await stoppingReader(await filledStage(6));
    const found: string[] = [];
    for await (const record of reader) {
      found.push(record.text()!);
      if (found.length === 3) await reader.seek(at(0), 1n);
    }
    expect(found).toEqual(['0', '1', '2', ...numbers(1, 6)]);
  });

  it('gives the last of two seeks', async () => {
    const reader = await stoppingReader(await filledStage(6));
    await Promise.all([reader.seek(at(0), 'beginning'), reader.seek(at(0), 4n)]);
    expect(await texts(reader)).toEqual(['4', '5']);
  });

  it('goes batch by batch', async () => {
    const reader = await stoppingReader(await filledStage(5), 1n);
    const batches: string[][] = [];
    for await (const batch of reader.batches()) {
      expect(batch).toMatchObject(at(0));
      batches.push(batch.records.map((record) => record.text()!));
      if (batches.length === 1) expect(reader.position(at(0))).toBe(2n);
    }
    expect(batches).toEqual([['1'], ['2', '3'], ['4']]);
  });

  it('gives one batch of each partition in turn', async () => {
    const stage = await openStage({ partitionCount: 3 });
    const producer = stage.millrace.producer();
    for (let n = 0; n < 4; n++) {
      await Promise.all([0, 1, 2].map((partition) => producer.send({ ...at(partition), value: `${partition}` })));
    }
    const reader = stage.millrace.reader({ stopAtEnd: true });
    await reader.assign([{ topic: TOPIC }]);
    const found = await texts(reader);
    expect(found).toHaveLength(12);
    for (let n = 0; n < 12; n += 3) expect(found.slice(n, n + 3).toSorted()).toEqual(['0', '1', '2']);
  });

  it('tells how far it is', async () => {
    const stage = await filledStage(10);
    const reader = await stoppingReader(stage);
    expect(reader.progress()).toEqual([{ ...at(0), position: 0n, highWatermark: null, lag: null, lagMs: null }]);
    await texts(reader, 4);
    expect(reader.progress()).toEqual([
      { ...at(0), position: 4n, highWatermark: 10n, lag: 6n, lagMs: expect.any(Number) },
    ]);
    expect([reader.highWatermark(at(0)), reader.lag(at(0))]).toEqual([10n, 6n]);
  });

  it('skips control batches and counts their offsets', async () => {
    const stage = await filledStage(1);
    const { topicId, domain } = await stage.millrace.topics.getTopic(TOPIC);
    const appender = new Appender({ store: stage.store, clock: stage.clock, random: systemRandom });
    const marker = encodeControlRecord({ type: 'COMMIT', coordinatorEpoch: 0 }, 5n);
    const batches = encodeBatch([marker], { control: true, transactional: true, producerId: 1n, producerEpoch: 0 });
    await appender.append({ target: { partition: { topicId, partition: 0 }, domain, inlineMaxBytes: 0 }, batches });
    await stage.millrace.producer().send({ ...at(0), value: 'behind' });
    const reader = await stoppingReader(stage);
    expect(await texts(reader)).toEqual(['0', 'behind']);
    expect(reader.position(at(0))).toBe(3n);
  });

  it('reads values as JSON, and says where one is none', async () => {
    const stage = await openStage();
    const producer = stage.millrace.producer();
    await Promise.all(['{"a":1}', null, '{'].map((value) => producer.send({ ...at(0), value })));
    const reader = await stoppingReader(stage);
    const found: unknown[] = [];
    for await (const record of reader) found.push(await codeOf((async () => record.json())()));
    expect(found).toEqual([{ a: 1 }, null, 'INVALID_RECORD']);
  });
});

describe('waiting for records', () => {
  it('looks less and less often while there is nothing, and at once again after something', async () => {
    const clock = new VirtualClock({ jumps: false });
    const looks: number[] = [];
    const stage = await openStage({
      clock,
      wrap: (store) =>
        faultyStore(store, {
          clock,
          onCall: ({ operation }) => {
            if (operation === 'heads.readMany') looks.push(clock.monotonicMs());
          },
        }).store,
    });
    const reader = stage.millrace.reader();
    await reader.assign([at(0)]);
    const startMs = clock.monotonicMs();
    const next = reader[Symbol.asyncIterator]().next();
    await clock.advance(3000);
    expect(looks.map((ms) => ms - startMs)).toEqual([0, 20, 60, 140, 300, 620, 1260, 2260]);
    const sent = stage.millrace.producer().send({ ...at(0), value: 'x' });
    await clock.advance(1000);
    await sent;
    expect((await next).value.text()).toBe('x');
    await reader.close();
    expect(clock.sleeperCount).toBe(0);
  });

  it('stops looking when the loop is left', async () => {
    const clock = new VirtualClock({ jumps: false });
    const stage = await filledStage(2, { clock });
    const reader = stage.millrace.reader();
    await reader.assign([at(0)]);
    await texts(reader, 2);
    await clock.advance(10_000);
    expect(clock.sleeperCount).toBe(0);
  });

  it('ends when it is closed from outside', async () => {
    const { millrace } = await openStage();
    const reader = millrace.reader();
    await reader.assign([at(0)]);
    const loop = texts(reader);
    await reader.close();
    await reader.close();
    expect(await loop).toEqual([]);
    expect(await codeOf(reader.seek(at(0), 0n))).toBe('CLOSED');
  });

  it('ends with its client', async () => {
    const { millrace } = await openStage();
    const reader = millrace.reader();
    await reader.assign([at(0)]);
    const loop = texts(reader);
    await millrace.close();
    expect(await loop).toEqual([]);
  });

  it('leaves paused partitions alone until they are resumed', async () => {
    const stage = await openStage({ partitionCount: 2 });
    const producer = stage.millrace.producer();
    for (let n = 0; n < 4; n++) await producer.send({ ...at(n % 2), value: String(n) });
    const reader = stage.millrace.reader({ stopAtEnd: true });
    await reader.assign([{ topic: TOPIC }]);
    reader.pause([at(0)]);
    const found: string[] = [];
    for await (const record of reader) {
      found.push(record.text()!);
      if (found.length === 2) reader.resume([at(0)]);
    }
    expect(found).toEqual(['1', '3', '0', '2']);
  });
});

describe('read-ahead', () => {
  it('is bounded in bytes, and fair', async () => {
    const stage = await openStage({ partitionCount: 4 });
    const producer = stage.millrace.producer();
    for (let n = 0; n < 40; n++) {
      await Promise.all([0, 1, 2, 3].map((partition) => producer.send({ ...at(partition), value: 'x'.repeat(2000) })));
    }
    let fetchedBytes = 0;
    let readBytes = 0;
    let mostBytes = 0;
    const counting = faultyStore(stage.store, {
      clock: stage.clock,
      onCall: ({ operation, arguments: args }) => {
        if (operation === 'objects.get') fetchedBytes += args[2] as number;
      },
    });
    const millrace = new Millrace({ store: counting.store, clock: stage.clock, random: systemRandom });
    const reader = millrace.reader({
      stopAtEnd: true,
      readAheadBytes: 40_000,
      fetchBytes: 10_000,
      partitionFetchBytes: 5000,
    });
    await reader.assign([{ topic: TOPIC }]);
    for await (const record of reader) {
      readBytes += record.value!.length;
      mostBytes = Math.max(mostBytes, fetchedBytes - readBytes);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(readBytes).toBe(160 * 2000);
    expect(mostBytes).toBeGreaterThan(10_000);
    // 160 records of 2,000 bytes with headers of 61 and more, some of them fetched and being read.
    expect(mostBytes).toBeLessThan(40_000 + 10_000 + 160 * 80);
  });
});

describe('an offset that the log does not have', () => {
  it.each([
    ['error', 1n, 'OFFSET_OUT_OF_RANGE'],
    ['error', 99n, 'OFFSET_OUT_OF_RANGE'],
    ['earliest', 1n, ['4', '5', '6', '7']],
    ['earliest', 99n, ['4', '5', '6', '7']],
    ['latest', 1n, []],
    ['latest', 99n, []],
  ] as const)('follows the policy %s at %s', async (outOfRange, from, outcome) => {
    const stage = await filledStage(8);
    await stage.millrace.topics.trimPartition(TOPIC, 0, 4n);
    const reader = stage.millrace.reader({ stopAtEnd: true, outOfRange });
    await reader.assign([{ ...at(0), from }]);
    expect(await codeOf(texts(reader))).toEqual(outcome);
  });

  it('is told again until the reader is moved', async () => {
    const stage = await filledStage(4);
    const reader = await stoppingReader(stage, 99n);
    expect(await codeOf(texts(reader))).toBe('OFFSET_OUT_OF_RANGE');
    expect(await codeOf(texts(reader))).toBe('OFFSET_OUT_OF_RANGE');
    await reader.seek(at(0), 3n);
    expect(await texts(reader)).toEqual(['3']);
  });
});

describe('a store that fails', () => {
  const failing = (failure: () => MillraceError | null, clock: VirtualClock) =>
    filledStage(4, { clock }).then((stage) => {
      const { store } = faultyStore(stage.store, {
        clock,
        onCall: ({ operation }) => {
          const error = operation === 'heads.readMany' ? failure() : null;
          if (error) throw error;
        },
      });
      return new Millrace({ store, clock, random: systemRandom });
    });

  it('is asked again while it may pass', async () => {
    let failures = 20;
    const clock = new VirtualClock({ jumps: true });
    const millrace = await failing(() => (failures-- > 0 ? new MillraceError('THROTTLED', 'slow down') : null), clock);
    const reader = millrace.reader({ stopAtEnd: true });
    await reader.assign([at(0)]);
    expect(await texts(reader)).toEqual(numbers(0, 4));
  });

  it('is given up after retryMs', async () => {
    const clock = new VirtualClock({ jumps: true });
    const startMs = clock.monotonicMs();
    const millrace = await failing(() => new MillraceError('STORE_UNAVAILABLE', 'down'), clock);
    const reader = millrace.reader({ stopAtEnd: true, retryMs: 10_000 });
    await reader.assign([at(0)]);
    expect(await codeOf(texts(reader))).toBe('STORE_UNAVAILABLE');
    expect(clock.monotonicMs() - startMs).toBeGreaterThanOrEqual(10_000);
  });

  it('is told as it is when it cannot pass', async () => {
    const clock = new VirtualClock({ jumps: true });
    const millrace = await failing(() => new MillraceError('ACCESS_DENIED', 'no'), clock);
    const reader = millrace.reader();
    await reader.assign([at(0)]);
    expect(await codeOf(texts(reader))).toBe('ACCESS_DENIED');
  });

  it.each([
    ['damaged', 'CORRUPT_OBJECT', (bytes: Uint8Array) => bytes.fill(0xff, 70, 90)],
    ['gone', 'OBJECT_MISSING', () => null],
  ])('with an object that is %s gives out what came before it, and says which', async (_, code, change) => {
    const stage = await openStage();
    const producer = stage.millrace.producer();
    for (const value of ['good', 'bad']) await producer.send({ ...at(0), value: value.padEnd(3000) });
    let gets = 0;
    let firstKey = '';
    const { get } = stage.store.objects;
    const objects = Object.assign(Object.create(stage.store.objects), {
      get: async (key: string, position: number, lengthBytes: number) => {
        firstKey ||= key;
        gets += 1;
        const bytes = await get.call(stage.store.objects, key, position, lengthBytes);
        return key === firstKey ? bytes : change(bytes!);
      },
    });
    const millrace = new Millrace({ store: { ...stage.store, objects }, clock: stage.clock, random: systemRandom });
    const reader = millrace.reader({ stopAtEnd: true });
    await reader.assign([at(0)]);
    const found: string[] = [];
    const loop = async () => {
      for await (const record of reader) found.push(record.text()!.trim());
    };
    expect(await codeOf(loop())).toBe(code);
    expect(found).toEqual(['good']);
    expect(reader.position(at(0))).toBe(1n);
    expect(gets).toBeGreaterThan(1);
  });

  it('with a topic that was deleted ends the loop', async () => {
    const stage = await filledStage(2);
    const reader = stage.millrace.reader({ idleMaxMs: 20 });
    await reader.assign([at(0)]);
    const loop = codeOf(texts(reader));
    await stage.millrace.topics.deleteTopic(TOPIC);
    expect(await loop).toBe('UNKNOWN_TOPIC_OR_PARTITION');
  });
});
