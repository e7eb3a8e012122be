import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/clock.ts';
import { errorCodes } from '../../../lib/gateway/protocol/error-codes.ts';
import { encodeRequest } from '../../../lib/gateway/protocol/frames.ts';
import { apiVersionsApi, metadataApi } from '../../../lib/gateway/protocol/messages/cluster-messages.ts';
import { fetchApi, produceApi } from '../../../lib/gateway/protocol/messages/log-messages.ts';
import { Dispatcher } from '../../../lib/gateway/server/dispatcher.ts';
import { GatewayServer } from '../../../lib/gateway/server/gateway-server.ts';
import { decodeBatch } from '../../../lib/record/decode-batch.ts';
import { createTopic, startStage, textBatch } from '../gateway-stage.ts';
import { WireClient } from '../wire-client.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const frameOf = (version: number, correlationId: number) =>
  Buffer.concat(
    encodeRequest(
      { api: apiVersionsApi, version },
      { correlationId, clientId: null },
      {
        clientSoftwareName: 'test',
        clientSoftwareVersion: '1',
      },
    ),
  );

describe('a connection', () => {
  it('is told which APIs and versions there are', async () => {
    const client = (await startStage()).client();
    const { errorCode, apiKeys, supportedFeatures } = await client.ask(apiVersionsApi, 4, {
      clientSoftwareName: 'apache-kafka-java',
      clientSoftwareVersion: '4.3.1',
    });
    expect(errorCode).toBe(0);
    expect(apiKeys).toContainEqual({ apiKey: 1, minVersion: 4, maxVersion: 18 });
    // librdkafka looks for version 0 of Produce to know that it may compress.
    expect(apiKeys).toContainEqual({ apiKey: 0, minVersion: 0, maxVersion: 13 });
    expect(supportedFeatures).toEqual([]);
  });

  it('is told by version 0 that a version of ApiVersions is too new, and can go on', async () => {
    const client = (await startStage()).client();
    const frame = frameOf(4, 7);
    frame.writeInt16BE(99, 6);
    client.write(frame);
    const answer = await client.nextFrame();
    expect(answer?.toString('hex')).toBe('00000007' + '0023' + '00000001' + '0012' + '0000' + '0004');
    expect((await client.ask(apiVersionsApi, 0, {})).errorCode).toBe(0);
  });

  it('is refused a name for its software that is none', async () => {
    const client = (await startStage()).client();
    const { errorCode } = await client.ask(apiVersionsApi, 3, { clientSoftwareName: '-', clientSoftwareVersion: '1' });
    expect(errorCode).toBe(errorCodes.INVALID_REQUEST);
  });

  it('may send its bytes one by one, and many requests at once', async () => {
    const client = (await startStage()).client();
    for (const byte of frameOf(2, 1)) {
      client.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.answer(apiVersionsApi, 2, 1);
    client.write(Buffer.concat([2, 3, 4, 5].map((id) => frameOf(2, id))));
    for (const id of [2, 3, 4, 5]) await client.answer(apiVersionsApi, 2, id);
  });

  it.each([
    ['a frame that is too large', '7fffffff', /a request of 2147483647 bytes/],
    ['a frame of a negative size', 'ffffffff', /a request of -1 bytes/],
    ['a frame without a header', '00000002 0012', /a request of 2 bytes/],
    ['an API that there is not', '00000008 7fff 0000 00000001', /the API 32767 is not offered/],
    ['a version that there is not', '00000008 0003 0063 00000001', /version 99 of Metadata is not offered/],
    ['Produce before record batches', '00000008 0000 0002 00000001', /version 2 of Produce is not offered/],
    ['a body that is none', '0000000e 0003 0001 00000001 ffff 7fffffff', /2147483647 elements are claimed/],
  ])('is closed for %s, and no other is', async (_, bytes, why) => {
    const stage = await startStage();
    const other = stage.client();
    await other.ask(apiVersionsApi, 0, {});
    const client = stage.client();
    client.write(hex(bytes));
    await client.closed();
    expect(stage.refused.map(({ message }) => message)).toEqual([expect.stringMatching(why)]);
    await other.ask(apiVersionsApi, 0, {});
  });

  it('gets its answers in the order of its requests, though one has to wait', async () => {
    const stage = await startStage();
    const client = stage.client();
    await createTopic(client, 'orders');
    const topics = [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000 }] }];
    const slow = client.send(fetchApi, 12, { maxWaitMs: 30_000, minBytes: 1, topics });
    const quick = client.send(apiVersionsApi, 2, {});
    const producer = stage.client();
    await producer.ask(produceApi, 9, {
      acks: -1,
      topicData: [{ name: 'orders', partitionData: [{ index: 0, records: textBatch(['a']) }] }],
    });
    expect((await client.answer(fetchApi, 12, slow)).responses[0]!.partitions[0]!.highWatermark).toBe(1n);
    await client.answer(apiVersionsApi, 2, quick);
  });

  it('may send large requests in pieces, many ahead, while others do: each stands in the log as it was sent', async () => {
    const stage = await startStage();
    const clients = [stage.client(), stage.client(), stage.client()];
    await createTopic(clients[0]!, 'orders', { numPartitions: clients.length });
    const textOf = (client: number, request: number) => `${client} ${request} `.repeat(3_000 + 20_000 * request);
    const send = async (client: WireClient, partition: number) => {
      const frames = [0, 1, 2, 3].map((request) => {
        const topicData = [
          { name: 'orders', partitionData: [{ index: partition, records: textBatch([textOf(partition, request)]) }] },
        ];
        const of = { api: produceApi, version: 9 };
        return Buffer.concat(
          encodeRequest(
            of,
            { correlationId: 10 + request, clientId: null },
            { acks: -1, timeoutMs: 30_000, topicData },
          ),
        );
      });
      const bytes = Buffer.concat(frames);
      for (let position = 0; position < bytes.length; position += 70_001) {
        await new Promise((resolve) => client.socket.write(bytes.subarray(position, position + 70_001), resolve));
      }
      for (const request of frames.keys()) {
        const { responses } = await client.answer(produceApi, 9, 10 + request);
        expect(responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: BigInt(request) });
      }
    };
    await Promise.all(clients.map(send));
    for (const [partition, client] of clients.entries()) {
      for (const request of [0, 1, 2, 3]) {
        const asked = { partition, fetchOffset: BigInt(request), partitionMaxBytes: 1_000 };
        const { responses } = await client.ask(fetchApi, 12, {
          maxBytes: 1,
          topics: [{ topic: 'orders', partitions: [asked] }],
        });
        const [record] = decodeBatch(responses[0]!.partitions[0]!.records!);
        expect(Buffer.from(record!.value!).toString() === textOf(partition, request)).toBe(true);
      }
    }
  });

  it('waits where all memory for requests is in use, and goes on', async () => {
    const stage = await startStage({ limits: { requestMemoryBytes: 100_000 } });
    const clients = [stage.client(), stage.client(), stage.client()];
    await createTopic(clients[0]!, 'orders', { configs: [{ name: 'max.message.bytes', value: '1000000' }] });
    const records = textBatch(['x'.repeat(90_000)]);
    const body = { acks: -1, topicData: [{ name: 'orders', partitionData: [{ index: 0, records }] }] };
    const answers = await Promise.all(clients.map((client) => client.ask(produceApi, 9, body)));
    const offsets = answers.map(({ responses }) => responses[0]!.partitionResponses[0]!.baseOffset);
    expect(offsets.toSorted()).toEqual([0n, 1n, 2n]);
  });

  it('is closed when it announces a request and does not send it', async () => {
    const stage = await startStage({ limits: { requestMemoryBytes: 1_000_000, frameBytes: 1_000_000, frameMs: 20 } });
    const idle = [stage.client(), stage.client()];
    for (const client of idle) {
      // The first gets the memory, the second waits for it.
      client.write(Buffer.concat([hex('000dbba0'), Buffer.alloc(10)]));
    }
    await expect.poll(() => stage.refused.length, { timeout: 5_000 }).toBe(2);
    expect(stage.refused.map(({ message }) => message)).toEqual(
      idle.map(() => 'a request of 900000 bytes did not arrive within 20 ms'),
    );
    for (const client of idle) await client.closed();
  });

  it('is not closed for what it could not send while it was not read from', async () => {
    const stage = await startStage({ limits: { frameMs: 100, pipelinedRequests: 1 } });
    const client = stage.client();
    await createTopic(client, 'orders');
    const topics = [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000 }] }];
    const asked = client.send(fetchApi, 12, { maxWaitMs: 400, minBytes: 1, topics });
    const last = frameOf(2, 9);
    client.write(Buffer.concat([frameOf(2, 8), last.subarray(0, 10)]));
    await client.answer(fetchApi, 12, asked);
    client.write(last.subarray(10));
    await client.answer(apiVersionsApi, 2, 8);
    await client.answer(apiVersionsApi, 2, 9);
    expect(stage.refused).toEqual([]);
  });

  it('waits for no large requests of others with a small one', async () => {
    const stage = await startStage({ limits: { requestMemoryBytes: 1_000_000, frameBytes: 1_000_000 } });
    for (const client of [stage.client(), stage.client()]) {
      await client.ask(apiVersionsApi, 0, {});
      client.write(Buffer.concat([hex('000dbba0'), Buffer.alloc(10)]));
    }
    const other = stage.client();
    for (let times = 0; times < 20; times++) await other.ask(apiVersionsApi, 0, {});
  });

  it('keeps no memory from others while it waits for records', async () => {
    const stage = await startStage({ limits: { requestMemoryBytes: 150_000 } });
    const client = stage.client();
    await createTopic(client, 'orders');
    await createTopic(client, 'others', { configs: [{ name: 'max.message.bytes', value: '1000000' }] });
    const partition = { partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000 };
    const topics = Array.from({ length: 3_000 }, () => ({ topic: 'orders', partitions: [partition] }));
    const asked = client.send(fetchApi, 12, { maxWaitMs: 60_000, minBytes: 1, topics });
    const producer = stage.client();
    const send = async (name: string, text: string) => {
      const topicData = [{ name, partitionData: [{ index: 0, records: textBatch([text]) }] }];
      const { responses } = await producer.ask(produceApi, 9, { acks: -1, topicData });
      expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(0);
    };
    await send('others', 'x'.repeat(90_000));
    await send('orders', 'a');
    expect((await client.answer(fetchApi, 12, asked)).responses).toHaveLength(3_000);
  });

  it('is closed when it does not take what it has asked for', async () => {
    const stage = await startStage({ limits: { answerMs: 100 } });
    const client = stage.client();
    await createTopic(client, 'orders');
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records: textBatch(['x'.repeat(1_000_000)]) }] }];
    for (let count = 0; count < 4; count++) await client.ask(produceApi, 9, { acks: -1, topicData });
    const slow = stage.client();
    await slow.ask(apiVersionsApi, 0, {});
    slow.socket.pause();
    const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 4_000_000 }];
    for (let count = 0; count < 8; count++) {
      slow.send(fetchApi, 12, { maxBytes: 4_000_000, topics: [{ topic: 'orders', partitions }] });
    }
    while (stage.refused.length === 0) await systemClock.sleep(5);
    expect(stage.refused[0]!.message).toMatch(/^an answer of \d+ bytes was not taken within 100 ms$/);
  });

  it('waits with a large answer while memory for answers is in use, until others have taken theirs or are gone', async () => {
    const stage = await startStage({ limits: { answerMs: 300, answerMemoryBytes: 1_000_000 } });
    const client = stage.client();
    await createTopic(client, 'orders');
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records: textBatch(['x'.repeat(900_000)]) }] }];
    for (let count = 0; count < 8; count++) await client.ask(produceApi, 9, { acks: -1, topicData });
    const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 4_000_000 }];
    const wanted = { maxBytes: 4_000_000, topics: [{ topic: 'orders', partitions }] };
    const others = Array.from({ length: 3 }, () => stage.client());
    for (let round = 0; round < 2; round++) {
      const slow = stage.client();
      await slow.ask(apiVersionsApi, 0, {});
      slow.socket.pause();
      for (let count = 0; count < 8; count++) slow.send(fetchApi, 12, wanted);
      const answers = await Promise.all(others.map((one) => one.ask(fetchApi, 12, wanted)));
      for (const { responses } of answers) {
        expect(responses[0]!.partitions[0]!.records!.length).toBeGreaterThan(3_000_000);
      }
    }
    while (stage.refused.length < 2) await systemClock.sleep(5);
  });

  it('is closed at once when there are too many', async () => {
    const stage = await startStage({ limits: { connections: 1 } });
    await stage.client().ask(apiVersionsApi, 0, {});
    await stage.client().closed();
  });

  it('is answered what it asked before the gateway ends, and no long poll holds that up', async () => {
    const stage = await startStage();
    const client = stage.client();
    await createTopic(client, 'orders');
    const topics = [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000 }] }];
    const asked = client.send(fetchApi, 12, { maxWaitMs: 60_000, minBytes: 1, topics });
    const other = stage.client();
    await other.ask(metadataApi, 12, { topics: [] });
    await stage.gateway.close();
    expect((await client.answer(fetchApi, 12, asked)).responses[0]!.partitions[0]!.errorCode).toBe(0);
    await client.closed();
    await other.closed();
  });

  it('that is reset before it is served does not hold up the end of the gateway', async () => {
    const server = new GatewayServer({ clock: systemClock });
    const client = new WireClient(await server.listen('127.0.0.1', 0));
    await once(client.socket, 'connect');
    client.socket.resetAndDestroy();
    await client.closed();
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    server.serve(new Dispatcher([], null));
    expect(server.connectionCount).toBe(0);
    await server.close();
  });
});
