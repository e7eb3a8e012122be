import { describe, expect, it } from 'vitest';
import { errorCodes } from '../../lib/gateway/protocol/error-codes.ts';
import { initProducerIdApi, produceApi } from '../../lib/gateway/protocol/messages/log-messages.ts';
import { createTopic, produce, startStage, textBatch } from './gateway-stage.ts';
import type { WireClient } from './wire-client.ts';

async function newProducer(client: WireClient) {
  const { errorCode, producerId, producerEpoch } = await client.ask(initProducerIdApi, 5, { transactionalId: null });
  expect({ errorCode, producerEpoch }).toEqual({ errorCode: 0, producerEpoch: 0 });
  return (baseSequence: number, epoch = 0) =>
    textBatch([`n${baseSequence}`], { producerId, producerEpoch: epoch, baseSequence });
}

describe('idempotent producers', () => {
  it('get ids that nobody else has', async () => {
    const client = (await startStage()).client();
    const asked = Array.from({ length: 20 }, () => client.ask(initProducerIdApi, 0, { transactionalId: null }));
    const ids = (await Promise.all(asked)).map(({ producerId }) => producerId);
    expect(new Set(ids).size).toBe(20);
    expect(ids.every((id) => id >= 0n)).toBe(true);
  });

  it('of transactions are refused', async () => {
    const client = (await startStage()).client();
    const { errorCode, producerId } = await client.ask(initProducerIdApi, 4, { transactionalId: 't' });
    expect({ errorCode, producerId }).toEqual({ errorCode: errorCodes.INVALID_REQUEST, producerId: -1n });
  });

  it('are answered with the first place of what they send again, by any gateway', async () => {
    const stage = await startStage();
    const client = stage.client();
    await createTopic(client, 'orders');
    const batch = await newProducer(client);
    expect(await produce(client, 'orders', batch(0))).toMatchObject({ errorCode: 0, baseOffset: 0n });
    expect(await produce(client, 'orders', batch(1))).toMatchObject({ errorCode: 0, baseOffset: 1n });
    expect(await produce(client, 'orders', batch(0))).toMatchObject({ errorCode: 0, baseOffset: 0n });
    const other = (await startStage({ store: stage.store })).client();
    expect(await produce(other, 'orders', batch(1))).toMatchObject({ errorCode: 0, baseOffset: 1n });
    expect(await produce(other, 'orders', batch(2))).toMatchObject({ errorCode: 0, baseOffset: 2n });
    expect(await produce(client, 'orders', batch(2))).toMatchObject({ errorCode: 0, baseOffset: 2n });
    expect(await produce(client, 'orders', batch(3))).toMatchObject({ errorCode: 0, baseOffset: 3n });
  });

  it('may have several requests under way, and keep their order', async () => {
    const stage = await startStage();
    const client = stage.client();
    await createTopic(client, 'orders');
    const batch = await newProducer(client);
    const asked = [0, 1, 2, 3, 4].map((sequence) =>
      client.send(produceApi, 9, {
        acks: -1,
        topicData: [{ name: 'orders', partitionData: [{ index: 0, records: batch(sequence) }] }],
      }),
    );
    for (const [sequence, id] of asked.entries()) {
      const { responses } = await client.answer(produceApi, 9, id);
      expect(responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: BigInt(sequence) });
    }
  });

  it('are told of gaps and of epochs that are over', async () => {
    const client = (await startStage()).client();
    await createTopic(client, 'orders');
    const batch = await newProducer(client);
    await produce(client, 'orders', batch(0));
    const gap = await produce(client, 'orders', batch(2));
    expect(gap).toMatchObject({ errorCode: errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER, baseOffset: -1n });
    expect((await produce(client, 'orders', batch(0, 1))).errorCode).toBe(0);
    expect((await produce(client, 'orders', batch(1))).errorCode).toBe(errorCodes.INVALID_PRODUCER_EPOCH);
  });
});
