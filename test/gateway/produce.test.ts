import { describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { errorCodes } from '../../lib/gateway/protocol/error-codes.ts';
import { fetchApi, produceApi } from '../../lib/gateway/protocol/messages/log-messages.ts';
import { decodeBatch, splitBatches } from '../../lib/record/decode-batch.ts';
import { encodeBatch } from '../../lib/record/encode-batch.ts';
import { sealBatch } from '../../lib/record/seal-batch.ts';
import { createTopic, fetchFrom, produce, startStage, textBatch } from './gateway-stage.ts';
import type { WireClient } from './wire-client.ts';

async function stageWithTopic(options: object = {}) {
  const stage = await startStage();
  const client = stage.client();
  await createTopic(client, 'orders', options);
  return { stage, client };
}

const config = (name: string, value: string) => ({ configs: [{ name, value }] });

describe('Produce', () => {
  const batchWith = (change: (bytes: Buffer) => void, seal = true) => {
    const bytes = Buffer.from(textBatch(['a', 'b']));
    change(bytes);
    if (seal) sealBatch(bytes);
    return bytes;
  };

  it.each([
    ['another bit', batchWith((bytes) => bytes.writeUInt8(bytes[70]! ^ 1, 70), false), errorCodes.CORRUPT_MESSAGE],
    [
      'a length beyond the request',
      batchWith((bytes) => bytes.writeInt32BE(5_000, 8), false),
      errorCodes.INVALID_RECORD,
    ],
    ['an old format', batchWith((bytes) => bytes.writeInt8(1, 16), false), errorCodes.INVALID_RECORD],
    ['an unknown format', batchWith((bytes) => bytes.writeInt8(3, 16), false), errorCodes.CORRUPT_MESSAGE],
    ['an unknown codec', batchWith((bytes) => bytes.writeInt16BE(7, 21)), errorCodes.UNSUPPORTED_COMPRESSION_TYPE],
    [
      'no records',
      batchWith((bytes) => bytes.writeInt32BE(0, 57) && bytes.writeInt32BE(-1, 23)),
      errorCodes.INVALID_RECORD,
    ],
    ['gaps in its offsets', batchWith((bytes) => bytes.writeInt32BE(5, 23)), errorCodes.INVALID_RECORD],
    ['no epoch for its producer', batchWith((bytes) => bytes.writeBigInt64BE(5n, 43)), errorCodes.INVALID_RECORD],
    [
      'a control batch',
      encodeBatch([{ key: Buffer.alloc(4), value: null, headers: [], timestampMs: 1n }], { control: true }),
      errorCodes.INVALID_RECORD,
    ],
    [
      'a transaction',
      textBatch(['a'], { transactional: true, producerId: 5n, producerEpoch: 0, baseSequence: 0 }),
      errorCodes.INVALID_RECORD,
    ],
    [
      'records that were not compressed as it says',
      batchWith((bytes) => bytes.writeInt16BE(4, 21)),
      errorCodes.INVALID_RECORD,
    ],
    [
      'a record that is longer than all of them',
      batchWith((bytes) => bytes.writeUInt8(0x7e, 61)),
      errorCodes.INVALID_RECORD,
    ],
    ['the same offset twice', batchWith((bytes) => bytes.writeUInt8(0, 61 + 8 + 3)), errorCodes.INVALID_RECORD],
    [
      'bytes behind its records',
      batchWith((bytes) => bytes.writeInt32BE(1, 57) && bytes.writeInt32BE(0, 23)),
      errorCodes.INVALID_RECORD,
    ],
    ['timestamps of the log', textBatch(['a'], { timestampType: 'LogAppendTime' }), errorCodes.INVALID_TIMESTAMP],
    ['two batches', Buffer.concat([textBatch(['a']), textBatch(['b'])]), errorCodes.INVALID_RECORD],
    ['nothing', new Uint8Array(0), errorCodes.INVALID_RECORD],
    ['more than the topic allows', textBatch(['x'.repeat(1_100_000)]), errorCodes.MESSAGE_TOO_LARGE],
  ])('refuses %s, appends nothing and goes on', async (_, records, errorCode) => {
    const { client } = await stageWithTopic();
    const refused = await produce(client, 'orders', records);
    expect(refused).toMatchObject({ errorCode, baseOffset: -1n });
    expect(refused.errorMessage).not.toBe('');
    expect(await produce(client, 'orders', textBatch(['good']))).toMatchObject({ errorCode: 0, baseOffset: 0n });
  });

  it('answers for each partition by itself', async () => {
    const { client } = await stageWithTopic();
    const records = textBatch(['a']);
    const { responses } = await client.ask(produceApi, 9, {
      acks: 1,
      topicData: [
        { name: 'orders', partitionData: [0, 1, -1].map((index) => ({ index, records })) },
        { name: 'nothing', partitionData: [{ index: 0, records }] },
        { name: 'bad name', partitionData: [{ index: 0, records }] },
      ],
    });
    expect(responses.map(({ partitionResponses }) => partitionResponses.map(({ errorCode }) => errorCode))).toEqual([
      [errorCodes.NONE, errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
      [errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
      [errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
    ]);
  });

  it.each([
    ['acks that are none', { acks: 2 }, errorCodes.INVALID_REQUIRED_ACKS],
    ['a transaction', { acks: -1, transactionalId: 't' }, errorCodes.INVALID_REQUEST],
  ])('refuses %s', async (_, options, errorCode) => {
    const { client } = await stageWithTopic();
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records: textBatch(['a']) }] }];
    const { responses } = await client.ask(produceApi, 9, { ...options, topicData });
    expect(responses[0]!.partitionResponses[0]).toMatchObject({ errorCode });
  });

  it('says that it takes too long when it takes longer than the client waits', async () => {
    const waits: number[] = [];
    const sleep = (durationMs: number, signal?: AbortSignal) => {
      if (durationMs !== 1_500) return systemClock.sleep(durationMs, signal);
      waits.push(durationMs);
      return Promise.resolve();
    };
    const stage = await startStage({ clock: { ...systemClock, sleep } });
    const client = stage.client();
    await createTopic(client, 'orders');
    const { heads } = stage.store;
    const { commit } = heads;
    const held = Promise.withResolvers<void>();
    Object.assign(heads, { commit: (...args: Parameters<typeof commit>) => held.promise.then(() => commit(...args)) });
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records: textBatch(['a']) }] }];
    const { responses } = await client.ask(produceApi, 9, { acks: -1, timeoutMs: 1_500, topicData });
    expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(errorCodes.REQUEST_TIMED_OUT);
    expect(waits).toHaveLength(1);
    held.resolve();
    // It stands in the log all the same.
    expect(await produce(client, 'orders', textBatch(['b']))).toMatchObject({ errorCode: 0, baseOffset: 1n });
  });

  it('keeps the memory of what takes too long from other requests until that is settled', async () => {
    const sleep = (durationMs: number, signal?: AbortSignal) =>
      durationMs === 1_500 ? Promise.resolve() : systemClock.sleep(durationMs, signal);
    const stage = await startStage({ clock: { ...systemClock, sleep } });
    const [client, other] = [stage.client(), stage.client()];
    await createTopic(client, 'orders');
    const { heads } = stage.store;
    const { commit } = heads;
    const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slowCommit = async (...args: Parameters<typeof commit>) => {
      begun.resolve();
      await held.promise;
      return commit(...args);
    };
    Object.assign(heads, { commit: slowCommit });
    const send = (one: WireClient, letter: string, timeoutMs: number) => {
      const records = textBatch([letter.repeat(5_000)]);
      const topicData = [{ name: 'orders', partitionData: [{ index: 0, records }] }];
      return one.ask(produceApi, 9, { acks: -1, timeoutMs, topicData });
    };
    const first = send(client, 'a', 30_000);
    await begun.promise;
    // It waits for the flush that is under way, while its client is told that it takes too long.
    const { responses } = await send(other, 'b', 1_500);
    expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(errorCodes.REQUEST_TIMED_OUT);
    held.resolve();
    await first;
    expect(await produce(client, 'orders', textBatch(['c']))).toMatchObject({ errorCode: 0, baseOffset: 2n });
    const { records } = await fetchFrom(client, 'orders', 0n, { maxBytes: 1e6, partitionMaxBytes: 1e6 });
    const values = [...splitBatches(records!)].flatMap(({ bytes }) =>
      [...decodeBatch(bytes)].map(({ value }) => Buffer.from(value!).toString()),
    );
    expect(values).toEqual(['a'.repeat(5_000), 'b'.repeat(5_000), 'c']);
  });

  it('refuses zstd from clients that are too old for it', async () => {
    const { client } = await stageWithTopic();
    const records = textBatch(['a'], { compression: 'zstd' });
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records }] }];
    const { responses } = await client.ask(produceApi, 6, { acks: -1, topicData });
    expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(errorCodes.UNSUPPORTED_COMPRESSION_TYPE);
    expect(await produce(client, 'orders', records)).toMatchObject({ errorCode: 0 });
    const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000 }];
    const fetched = await client.ask(fetchApi, 9, { topics: [{ topic: 'orders', partitions }] });
    expect(fetched.responses[0]!.partitions[0]).toMatchObject({
      errorCode: errorCodes.UNSUPPORTED_COMPRESSION_TYPE,
      records: Buffer.alloc(0),
    });
  });

  it('stamps the time of the log where the topic says so', async () => {
    const { client } = await stageWithTopic(config('message.timestamp.type', 'LogAppendTime'));
    const { logAppendTimeMs } = await produce(client, 'orders', textBatch(['a', 'b']));
    expect(Number(logAppendTimeMs)).toBeGreaterThan(Date.now() - 60_000);
    const decoded = decodeBatch((await fetchFrom(client, 'orders', 0n)).records!);
    expect(decoded.header.timestampType).toBe('LogAppendTime');
    expect([decoded.timestampMs(0), decoded.timestampMs(1)]).toEqual([logAppendTimeMs, logAppendTimeMs]);
  });

  it('refuses records that decompress to far more than their topic allows for a batch', async () => {
    const { client } = await stageWithTopic(config('max.message.bytes', '50000'));
    const batchOf = (bytes: number) => textBatch(['x'.repeat(bytes)], { compression: 'zstd' });
    expect((await produce(client, 'orders', batchOf(3_300_000))).errorCode).toBe(errorCodes.MESSAGE_TOO_LARGE);
    expect((await produce(client, 'orders', batchOf(3_100_000))).errorCode).toBe(0);
  });

  it('corrects the largest timestamp of a batch that says another', async () => {
    const { client } = await stageWithTopic();
    for (const compression of ['none', 'gzip'] as const) {
      const bytes = Buffer.from(textBatch(['a', 'b'], { compression }));
      const { maxTimestampMs } = decodeBatch(bytes).header;
      bytes.writeBigInt64BE(maxTimestampMs + 1_000n, 35);
      sealBatch(bytes);
      const { baseOffset } = await produce(client, 'orders', bytes);
      const decoded = decodeBatch((await fetchFrom(client, 'orders', baseOffset)).records!);
      expect(decoded.header.maxTimestampMs).toBe(maxTimestampMs);
    }
  });

  it('refuses timestamps out of the bounds of the topic', async () => {
    const { client } = await stageWithTopic({
      configs: [
        { name: 'message.timestamp.before.max.ms', value: '60000' },
        { name: 'message.timestamp.after.max.ms', value: '60000' },
      ],
    });
    const at = (...times: number[]) =>
      encodeBatch(times.map((ms) => ({ key: null, value: null, headers: [], timestampMs: BigInt(Date.now() + ms) })));
    expect((await produce(client, 'orders', at(0, 3_600_000))).errorCode).toBe(errorCodes.INVALID_TIMESTAMP);
    expect((await produce(client, 'orders', at(-3_600_000, 0))).errorCode).toBe(errorCodes.INVALID_TIMESTAMP);
    expect((await produce(client, 'orders', at(-30_000, 30_000))).errorCode).toBe(0);
  });

  it('compresses by the codec of the topic, and wants keys where they decide what is kept', async () => {
    const { client } = await stageWithTopic({
      configs: [
        { name: 'compression.type', value: 'gzip' },
        { name: 'cleanup.policy', value: 'compact' },
      ],
    });
    expect((await produce(client, 'orders', textBatch(['a']))).errorCode).toBe(errorCodes.INVALID_RECORD);
    const keyed = encodeBatch([{ key: Buffer.from('k'), value: Buffer.from('v'), headers: [], timestampMs: 5n }]);
    expect((await produce(client, 'orders', keyed)).errorCode).toBe(0);
    const decoded = decodeBatch((await fetchFrom(client, 'orders', 0n)).records!);
    expect(decoded.header.compression).toBe('gzip');
    expect(decoded.record(0)).toMatchObject({ key: Uint8Array.of(107), timestampMs: 5n });
  });
});
