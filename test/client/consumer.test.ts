import { describe, expect, it } from 'vitest';
import { connect } from '../../lib/connect/connect.ts';
import { codeOf, openStage, TOPIC } from './client-stage.ts';
import { consumerStage, during, type Loop } from './consumer-stage.ts';

const at = (partition: number) => ({ topic: TOPIC, partition });
const range = (partition: number, count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => `${partition}/${from + n}`);

describe('a consumer alone in its group', () => {
  it('is given everything, and goes on from what was committed', async () => {
    const stage = await consumerStage({ partitionCount: 2 });
    for (const partition of [0, 1]) await stage.send(partition, 3);
    const first = await stage.join('a');
    await stage.clock.advance(1000);
    expect(first.seen.sort()).toEqual([...range(0, 3), ...range(1, 3)]);
    await during(
      stage.clock,
      first.consumer.commit([
        { ...at(0), offset: 2n },
        { ...at(1), offset: 3n },
      ]),
    );
    await during(stage.clock, first.consumer.close());
    expect(await first.ended).toBeNull();
    await stage.send(1, 2);
    const second = await stage.join('b');
    await stage.clock.advance(1000);
    expect(second.seen.sort()).toEqual(['0/2', ...range(1, 2, 3)]);
    expect(await during(stage.clock, second.consumer.committed([at(0), at(1)]))).toMatchObject([
      { offset: 2n },
      { offset: 3n },
    ]);
  });

  it('commits where it is without an argument, up to a record, and up to a batch', async () => {
    const stage = await consumerStage({ partitionCount: 1 });
    await stage.send(0, 6);
    const committed: (bigint | null)[] = [];
    const note = async (consumer: Loop['consumer']) => committed.push((await consumer.committed([at(0)]))[0]!.offset);
    const loop = await stage.join('a', {
      handle: async (record, consumer) => {
        if (record.offset === 1n) await consumer.commit(record as never);
        if (record.offset === 3n) await consumer.commit();
        if (record.offset === 1n || record.offset === 3n) await note(consumer);
      },
    });
    await stage.clock.advance(2000);
    expect(committed).toEqual([2n, 4n]);
    await during(
      stage.clock,
      loop.consumer.seek(at(0), 0n).then(() => loop.consumer.stop()),
    );
    await during(stage.clock, loop.ended);
    const { consumer } = loop;
    const batches = consumer.batches();
    const { value } = await during(stage.clock, batches.next());
    await during(stage.clock, consumer.commit(value));
    await during(stage.clock, note(consumer));
    expect(committed.at(-1)).toBe(6n);
  });

  it('commits by itself only what was processed', async () => {
    const stage = await consumerStage({ partitionCount: 1 });
    await stage.send(0, 5);
    const held = Promise.withResolvers<void>();
    const loop = await stage.join('a', {
      autoCommit: true,
      autoCommitIntervalMs: 1_000,
      handle: ({ offset }) => (offset === 2n ? held.promise : null),
    });
    await stage.clock.advance(5_000);
    expect(loop.seen).toEqual(range(0, 3));
    // Record 2 is in hand.
    expect(await during(stage.clock, loop.consumer.committed([at(0)]))).toMatchObject([{ offset: 2n }]);
    held.resolve();
    await stage.clock.advance(5_000);
    expect(await during(stage.clock, loop.consumer.committed([at(0)]))).toMatchObject([{ offset: 5n }]);
  });

  it('does not count a record as processed whose handler threw', async () => {
    const stage = await consumerStage({ partitionCount: 1 });
    await stage.send(0, 3);
    const failure = new Error('handler');
    const loop = await stage.join('a', {
      autoCommit: true,
      handle: ({ offset }) => {
        if (offset === 1n) throw failure;
      },
    });
    expect(await during(stage.clock, loop.ended)).toBe(failure);
    await during(stage.clock, loop.consumer.close());
    const again = await stage.join('b');
    await stage.clock.advance(1000);
    expect(again.seen).toEqual(range(0, 2, 1));
  });

  it('does not take back what the loop has committed of the record in hand before it was left', async () => {
    const stage = await consumerStage({ partitionCount: 1 });
    await stage.send(0, 3);
    const failure = new Error('handler');
    const loop = await stage.join('a', {
      autoCommit: true,
      handle: async (record, consumer) => {
        if (record.offset !== 1n) return;
        await consumer.commit([{ ...at(record.partition), offset: record.offset + 1n }]);
        throw failure;
      },
    });
    expect(await during(stage.clock, loop.ended)).toBe(failure);
    await during(stage.clock, loop.consumer.close());
    const again = await stage.join('b');
    await stage.clock.advance(1000);
    expect(again.seen).toEqual(range(0, 1, 2));
  });

  it('begins at the end with `latest`, as it was when the group came to be, and at the beginning of partitions that come later', async () => {
    const stage = await consumerStage({ partitionCount: 2 });
    for (const partition of [0, 1]) await stage.send(partition, 2);
    const first = await stage.join('a', { autoOffsetReset: 'latest' });
    await during(stage.clock, first.consumer.close());
    // Nobody has read or committed anything when these are written.
    await stage.send(1, 1);
    await during(stage.clock, stage.millrace.topics.addPartitions(TOPIC, 3));
    await stage.send(2, 1);
    const second = await stage.join('b', { autoOffsetReset: 'latest' });
    await stage.clock.advance(1000);
    expect(second.seen.sort()).toEqual(['1/2', '2/0']);
  });

  it('begins at a time, and refuses to begin with `none`', async () => {
    const stage = await consumerStage({ partitionCount: 1 });
    await stage.send(0, 2);
    await stage.clock.advance(60_000);
    const timestampMs = stage.clock.nowMs();
    await stage.send(0, 2);
    const byTime = await stage.join('a', { group: 'by-time', autoOffsetReset: { timestampMs } });
    await stage.clock.advance(1000);
    expect(byTime.seen).toEqual(range(0, 2, 2));
    const none = await stage.join('a', { group: 'none', autoOffsetReset: 'none' });
    expect(await during(stage.clock, none.ended)).toMatchObject({ code: 'NO_OFFSET_FOR_PARTITION' });
  });

  it('seeks, pauses and resumes what it is assigned, and nothing else', async () => {
    const stage = await consumerStage({ partitionCount: 2 });
    for (const partition of [0, 1]) await stage.send(partition, 2);
    const { consumer, seen } = await stage.join('a', { onAssigned: (joined) => joined.pause([at(1)]) });
    await stage.clock.advance(500);
    expect(seen).toEqual(range(0, 2));
    await during(stage.clock, consumer.seek(at(0), 'beginning'));
    consumer.resume([at(1)]);
    await stage.clock.advance(500);
    expect(seen.slice(2).sort()).toEqual([...range(0, 2), ...range(1, 2)]);
    expect(consumer.position(at(1))).toBe(2n);
    expect(consumer.progress()).toMatchObject([{ lag: 0n }, { lag: 0n }]);
    expect(() => consumer.pause([at(7)])).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
    expect(await codeOf(consumer.seek(at(7), 0n))).toBe('INVALID_REQUEST');
    expect(await codeOf(consumer.seek(at(0), -1n))).toBe('INVALID_REQUEST');
  });

  it('throws OFFSET_OUT_OF_RANGE after a seek outside the log, and goes on where it is sought next', async () => {
    const stage = await consumerStage({ partitionCount: 1 });
    await stage.send(0, 2);
    const { consumer, ended, seen } = await stage.join('a');
    await stage.clock.advance(500);
    await during(stage.clock, consumer.seek(at(0), 99n));
    expect(await during(stage.clock, ended)).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' });
    await during(stage.clock, consumer.seek(at(0), 1n));
    const { value } = await during(stage.clock, consumer[Symbol.asyncIterator]().next());
    expect([seen, value.offset]).toEqual([range(0, 2), 1n]);
  });
});

describe('bad input', () => {
  it.each([
    [{ group: '' }, 'INVALID_GROUP_ID'],
    [{ group: 'a\nb' }, 'INVALID_GROUP_ID'],
    [{ group: 'x'.repeat(256) }, 'INVALID_GROUP_ID'],
    [{}, 'INVALID_GROUP_ID'],
    [{ group: 'g', sessionTimeoutMs: 50 }, 'INVALID_SESSION_TIMEOUT'],
    [{ group: 'g', sessionTimeoutMs: 9_000 }, 'INVALID_SESSION_TIMEOUT'],
    [{ group: 'g', heartbeatIntervalMs: 1.5 }, 'INVALID_CONFIG'],
    [{ group: 'g', groupInstanceId: '' }, 'INVALID_REQUEST'],
    [{ group: 'g', assignors: [] }, 'INVALID_CONFIG'],
    [{ group: 'g', assignors: ['rang'] }, 'INVALID_CONFIG'],
    [{ group: 'g', autoOffsetReset: 'begin' }, 'INVALID_CONFIG'],
    [{ group: 'g', autoComit: true }, 'INVALID_CONFIG'],
    [{ group: 'g', onPartitionsLost: 'x' }, 'INVALID_CONFIG'],
    [{ group: 'g', clientId: 5 }, 'INVALID_CONFIG'],
  ])('%j makes no consumer: %s', async (options, code) => {
    const millrace = await connect('memory:');
    expect(await codeOf((async () => millrace.consumer(options as never))())).toBe(code);
  });

  it('names the option that was meant', async () => {
    const millrace = await connect('memory:');
    const made = () => millrace.consumer({ group: 'g', sesionTimeoutMs: 1 } as never);
    expect(made).toThrow(expect.objectContaining({ hint: expect.stringContaining('Did you mean sessionTimeoutMs?') }));
  });

  it.each([
    [[], 'INVALID_REQUEST'],
    [['orders', 'bad name'], 'INVALID_TOPIC_EXCEPTION'],
    [['order'], 'UNKNOWN_TOPIC_OR_PARTITION'],
    [/^o/g, 'INVALID_REGULAR_EXPRESSION'],
    ['orders', 'INVALID_REQUEST'],
  ])('%s cannot be subscribed to: %s', async (subscription, code) => {
    const { millrace } = await openStage();
    const consumer = millrace.consumer({ group: 'g' });
    expect(await codeOf(consumer.subscribe(subscription as never))).toBe(code);
    expect(await millrace.groups.listGroups()).toEqual([]);
    await consumer.close();
  });

  it('cannot be committed', async () => {
    const stage = await consumerStage({ partitionCount: 1 });
    await stage.send(0, 1);
    const { consumer } = await stage.join('a');
    await stage.clock.advance(1_000);
    const code = (what: unknown) => codeOf(consumer.commit(what as never));
    expect(await code({ ...at(0), offset: 1n })).toBe('INVALID_REQUEST');
    expect(await code([{ ...at(0), offset: 1 }])).toBe('INVALID_REQUEST');
    expect(await code([{ ...at(0), offset: -1n }])).toBe('INVALID_REQUEST');
    expect(await code([{ ...at(5), offset: 1n }])).toBe('INVALID_REQUEST');
    expect(await code([{ topic: TOPIC, offset: 1n }])).toBe('INVALID_REQUEST');
    expect(await code([{ ...at(0), offset: 1n, metadata: 'x'.repeat(4097) }])).toBe('OFFSET_METADATA_TOO_LARGE');
    expect(await during(stage.clock, consumer.committed([at(0)]))).toMatchObject([null]);
  });

  it('shows in the loop: nothing subscribed to, and a listener that throws', async () => {
    const { millrace } = await openStage();
    const idle = millrace.consumer({ group: 'g' });
    expect(await codeOf(idle[Symbol.asyncIterator]().next())).toBe('INVALID_REQUEST');
    const stage = await consumerStage({ partitionCount: 1 });
    const cause = new Error('listener');
    const loop = await stage.join('a', {
      onPartitionsAssigned: () => {
        throw cause;
      },
    });
    expect(await during(stage.clock, loop.ended)).toMatchObject({ code: 'INVALID_REQUEST', cause });
  });

  it('is refused once the consumer is closed', async () => {
    const { millrace } = await openStage();
    const consumer = millrace.consumer({ group: 'g' });
    await consumer.close();
    await consumer.close();
    expect(await codeOf(consumer.subscribe([TOPIC]))).toBe('CLOSED');
    expect(await codeOf(consumer.commit())).toBe('CLOSED');
  });

  it('a group without an assignor in common', async () => {
    const stage = await consumerStage({ partitionCount: 1 });
    await stage.join('a', { assignors: ['range'] });
    const b = stage.join('b', { assignors: ['sticky'] });
    expect(await codeOf(b)).toBe('INCONSISTENT_GROUP_PROTOCOL');
  });
});
