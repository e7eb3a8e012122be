import { describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { errorCodes } from '../../lib/gateway/protocol/error-codes.ts';
import { metadataApi } from '../../lib/gateway/protocol/messages/cluster-messages.ts';
import { deleteRecordsApi, fetchApi, produceApi } from '../../lib/gateway/protocol/messages/log-messages.ts';
import { deleteTopicsApi } from '../../lib/gateway/protocol/messages/topic-messages.ts';
import { compressionTypes } from '../../lib/record/compression.ts';
import { decodeBatch, splitBatches } from '../../lib/record/decode-batch.ts';
import { createTopic, fetchFrom, produce, startStage, textBatch } from './gateway-stage.ts';

/** Texts with their offsets, of what a fetch brought. */
function textsOf(records: Uint8Array | null): string[] {
  return [...splitBatches(records!)].flatMap(({ bytes }) =>
    [...decodeBatch(bytes)].map(({ offset, value }) => `${offset} ${Buffer.from(value!).toString()}`),
  );
}

async function stageWithTopic(options: object = {}) {
  const stage = await startStage();
  const client = stage.client();
  const topicId = await createTopic(client, 'orders', options);
  return { stage, client, topicId };
}

describe('Produce and Fetch', () => {
  it.each(compressionTypes)(
    'give back the bytes of a batch compressed by %s, but for its offset',
    async (compression) => {
      const { client } = await stageWithTopic();
      const before = textBatch(['first']);
      await produce(client, 'orders', before);
      const batch = textBatch(['a', 'b', 'c'.repeat(3_000)], { compression });
      expect(await produce(client, 'orders', batch)).toMatchObject({
        errorCode: 0,
        baseOffset: 1n,
        logAppendTimeMs: -1n,
      });
      const { records, highWatermark, lastStableOffset, logStartOffset } = await fetchFrom(client, 'orders', 1n);
      const expected = Buffer.from(batch);
      expected.writeBigInt64BE(1n, 0);
      expect(Buffer.from(records!)).toEqual(expected);
      expect({ highWatermark, lastStableOffset, logStartOffset }).toEqual({
        highWatermark: 4n,
        lastStableOffset: 4n,
        logStartOffset: 0n,
      });
    },
  );

  it('work by the id of the topic in newer versions', async () => {
    const { client, topicId } = await stageWithTopic();
    const records = textBatch(['a']);
    const { responses } = await client.ask(produceApi, 13, {
      acks: -1,
      topicData: [{ topicId, partitionData: [{ index: 0, records }] }],
    });
    expect(responses).toMatchObject([{ topicId, partitionResponses: [{ errorCode: 0, baseOffset: 0n }] }]);
    const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000 }];
    const other = '00000000-0000-0000-0000-000000000001';
    const fetched = await client.ask(fetchApi, 18, {
      topics: [
        { topicId, partitions },
        { topicId: other, partitions },
      ],
    });
    expect(textsOf(fetched.responses[0]!.partitions[0]!.records)).toEqual(['0 a']);
    expect(fetched.responses[1]!.partitions[0]!.errorCode).toBe(errorCodes.UNKNOWN_TOPIC_ID);
  });

  it('begin inside a batch with the whole of it', async () => {
    const { client } = await stageWithTopic();
    await produce(client, 'orders', textBatch(['a', 'b', 'c']));
    expect(textsOf((await fetchFrom(client, 'orders', 2n)).records)).toEqual(['0 a', '1 b', '2 c']);
  });

  it('keep the order of a connection that sends without waiting', async () => {
    const { stage, client } = await stageWithTopic();
    const asked = Array.from({ length: 50 }, (_, index) =>
      client.send(produceApi, 9, {
        acks: -1,
        topicData: [{ name: 'orders', partitionData: [{ index: 0, records: textBatch([`n${index}`]) }] }],
      }),
    );
    for (const [index, id] of asked.entries()) {
      const { responses } = await client.answer(produceApi, 9, id);
      expect(responses[0]!.partitionResponses[0]!.baseOffset).toBe(BigInt(index));
    }
    const { records } = await fetchFrom(stage.client(), 'orders', 0n);
    expect(textsOf(records)).toEqual(asked.map((_, index) => `${index} n${index}`));
  });

  it('answer nothing for acks=0, and end the connection when it fails', async () => {
    const { client } = await stageWithTopic();
    const body = (name: string) => ({
      acks: 0,
      topicData: [{ name, partitionData: [{ index: 0, records: textBatch(['a']) }] }],
    });
    client.send(produceApi, 9, body('orders'));
    expect(textsOf((await fetchFrom(client, 'orders', 0n)).records)).toEqual(['0 a']);
    client.send(produceApi, 9, body('nothing'));
    await client.closed();
  });
});

describe('Fetch', () => {
  it('waits for records, and is woken by an append of this gateway and by one of anybody else', async () => {
    const { stage, client } = await stageWithTopic();
    const topics = [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000 }] }];
    const first = client.send(fetchApi, 12, { maxWaitMs: 60_000, minBytes: 1, topics });
    await produce(stage.client(), 'orders', textBatch(['a']));
    expect(textsOf((await client.answer(fetchApi, 12, first)).responses[0]!.partitions[0]!.records)).toEqual(['0 a']);

    topics[0]!.partitions[0]!.fetchOffset = 1n;
    const second = client.send(fetchApi, 12, { maxWaitMs: 60_000, minBytes: 1, topics });
    const other = await startStage({ store: stage.store });
    await produce(other.client(), 'orders', textBatch(['b']));
    expect(textsOf((await client.answer(fetchApi, 12, second)).responses[0]!.partitions[0]!.records)).toEqual(['1 b']);
  });

  it('waits for as many bytes as are wanted, or until the time is over', async () => {
    const { stage, client } = await stageWithTopic();
    await produce(client, 'orders', textBatch(['a']));
    const topics = [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000 }] }];
    const asked = client.send(fetchApi, 12, { maxWaitMs: 60_000, minBytes: 120, topics });
    await produce(stage.client(), 'orders', textBatch(['b']));
    expect(textsOf((await client.answer(fetchApi, 12, asked)).responses[0]!.partitions[0]!.records)).toHaveLength(2);
    const late = await client.ask(fetchApi, 12, { maxWaitMs: 30, minBytes: 1_000_000, topics });
    expect(textsOf(late.responses[0]!.partitions[0]!.records)).toHaveLength(2);
  });

  it.each([
    [1, [1, 0]],
    [4_500, [1, 1]],
  ])('does not wait for more than an answer of %i bytes may hold', async (maxBytes, counts) => {
    const { client } = await stageWithTopic({ numPartitions: 2 });
    for (const partition of [0, 1]) {
      for (const value of ['a', 'b', 'c']) await produce(client, 'orders', textBatch([value.repeat(2_000)]), partition);
    }
    const partitions = [0, 1].map((partition) => ({ partition, fetchOffset: 0n, partitionMaxBytes: 1_000_000 }));
    const topics = [{ topic: 'orders', partitions }];
    const { responses } = await client.ask(fetchApi, 12, { maxWaitMs: 60_000, minBytes: 1_000_000, maxBytes, topics });
    expect(responses[0]!.partitions.map(({ records }) => textsOf(records).length)).toEqual(counts);
  });

  it('waits for five minutes at most, whatever is asked for', async () => {
    const slept: number[] = [];
    const sleep: typeof systemClock.sleep = (ms, signal) => {
      slept.push(ms);
      return systemClock.sleep(ms, signal);
    };
    const clock = { ...systemClock, sleep };
    const client = (await startStage({ clock })).client();
    await createTopic(client, 'orders');
    const topics = [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000 }] }];
    client.send(fetchApi, 12, { maxWaitMs: 2 ** 31 - 1, minBytes: 1, topics });
    await expect.poll(() => Math.max(...slept)).toBeGreaterThan(290_000);
    expect(Math.max(...slept)).toBeLessThanOrEqual(300_000);
  });

  it('answers topic by topic, in the order of the request', async () => {
    const { client } = await stageWithTopic({ numPartitions: 2 });
    await createTopic(client, 'others');
    const at = (partition: number) => ({ partition, fetchOffset: 0n, partitionMaxBytes: 1_000 });
    const topics = [
      { topic: 'orders', partitions: [at(1)] },
      { topic: 'nothing', partitions: [] },
      { topic: 'others', partitions: [at(0), at(7)] },
      { topic: 'orders', partitions: [at(0)] },
    ];
    const { responses } = await client.ask(fetchApi, 12, { topics });
    const answered = responses.map(({ topic, partitions }) => [topic, partitions.map((one) => one.partitionIndex)]);
    expect(answered).toEqual(topics.map(({ topic, partitions }) => [topic, partitions.map((one) => one.partition)]));
  });

  it('gives at least one batch, and no more than is wanted', async () => {
    const { client } = await stageWithTopic({ numPartitions: 2 });
    for (const partition of [0, 1]) {
      for (const value of ['a', 'b', 'c']) await produce(client, 'orders', textBatch([value.repeat(2_000)]), partition);
    }
    const ask = async (maxBytes: number, partitionMaxBytes: number, offsets = [0n, 0n]) => {
      const partitions = offsets.map((fetchOffset, partition) => ({ partition, fetchOffset, partitionMaxBytes }));
      const { responses } = await client.ask(fetchApi, 12, { maxBytes, topics: [{ topic: 'orders', partitions }] });
      return responses[0]!.partitions.map(({ records }) => textsOf(records).map((text) => text.slice(0, 3)));
    };
    expect(await ask(1, 1)).toEqual([['0 a'], []]);
    expect(await ask(1_000_000, 1)).toEqual([['0 a'], ['0 a']]);
    expect(await ask(1_000_000, 4_500)).toEqual([
      ['0 a', '1 b'],
      ['0 a', '1 b'],
    ]);
    // What was left out is there for the next request.
    expect(await ask(1_000_000, 1_000_000, [2n, 2n])).toEqual([['2 c'], ['2 c']]);
    expect(await ask(4_500, 1_000_000)).toEqual([['0 a'], ['0 a']]);
  });

  it.each([
    ['an offset above the end', 'orders', 0, 5n, errorCodes.OFFSET_OUT_OF_RANGE],
    ['a negative offset', 'orders', 0, -7n, errorCodes.OFFSET_OUT_OF_RANGE],
    ['an offset that was trimmed', 'orders', 0, 0n, errorCodes.OFFSET_OUT_OF_RANGE],
    ['a partition that there is not', 'orders', 3, 0n, errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
    ['a topic that there is not', 'nothing', 0, 0n, errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
  ])('tells of %s at once', async (_, topic, partition, fetchOffset, errorCode) => {
    const { client } = await stageWithTopic();
    await produce(client, 'orders', textBatch(['a', 'b']));
    const trimmed = [{ name: 'orders', partitions: [{ partitionIndex: 0, offset: 1n }] }];
    expect((await client.ask(deleteRecordsApi, 2, { topics: trimmed })).topics[0]!.partitions[0]).toMatchObject({
      errorCode: 0,
      lowWatermark: 1n,
    });
    const topics = [{ topic, partitions: [{ partition, fetchOffset, partitionMaxBytes: 1_000 }] }];
    const { responses } = await client.ask(fetchApi, 12, { maxWaitMs: 60_000, minBytes: 1, topics });
    expect(responses[0]!.partitions[0]!.errorCode).toBe(errorCode);
  });

  it('refuses a later leader epoch than there was, and sessions of other brokers', async () => {
    const { client } = await stageWithTopic();
    const partitions = [{ partition: 0, fetchOffset: 0n, currentLeaderEpoch: 3, partitionMaxBytes: 1_000 }];
    const { responses, sessionId } = await client.ask(fetchApi, 12, {
      sessionEpoch: 0,
      topics: [{ topic: 'orders', partitions }],
    });
    expect(responses[0]!.partitions[0]!.errorCode).toBe(errorCodes.UNKNOWN_LEADER_EPOCH);
    expect(sessionId).toBe(0);
    const resumed = await client.ask(fetchApi, 12, { sessionId: 77, sessionEpoch: 4, topics: [] });
    expect(resumed.errorCode).toBe(errorCodes.FETCH_SESSION_ID_NOT_FOUND);
  });

  it('and Produce notice that a topic was made again', async () => {
    const { client, topicId } = await stageWithTopic();
    await produce(client, 'orders', textBatch(['old']));
    await client.ask(deleteTopicsApi, 6, { topics: [{ topicId }] });
    expect((await produce(client, 'orders', textBatch(['lost']))).errorCode).toBe(
      errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    );
    await createTopic(client, 'orders');
    expect(await produce(client, 'orders', textBatch(['new']))).toMatchObject({ errorCode: 0, baseOffset: 0n });
    const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000 }];
    const fetched = await client.ask(fetchApi, 13, { topics: [{ topicId, partitions }] });
    expect(fetched.responses[0]!.partitions[0]!.errorCode).toBe(errorCodes.UNKNOWN_TOPIC_ID);
    const { topics } = await client.ask(metadataApi, 12, { topics: [{ topicId }] });
    expect(topics[0]!.errorCode).toBe(errorCodes.UNKNOWN_TOPIC_ID);
  });
});
