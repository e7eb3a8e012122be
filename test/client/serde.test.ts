import { describe, expect, it } from 'vitest';
import { type SerdeContext, serdes } from '../../lib/client/serde.ts';
import type { StandardIssue, StandardSchema } from '../../lib/client/standard-schema.ts';
import { codeOf, openStage, readAll, TOPIC } from './client-stage.ts';

const context: SerdeContext = { topic: TOPIC, field: 'value' };
const bytes = (text: string) => Uint8Array.from(Buffer.from(text));

interface Order {
  readonly id: number;
}

/** Wants a positive id; keeps what else there is away. */
function orderSchema(options: { readonly delayMs?: number } = {}): StandardSchema<Order, Order> {
  const validate = (value: unknown) => {
    const id = (value as { id?: unknown } | null)?.id;
    const issue: StandardIssue = { message: 'expected a positive number', path: ['id'] };
    return typeof id === 'number' && id > 0 ? { value: { id } } : { issues: [issue] };
  };
  const later = async (value: unknown) => {
    await new Promise((resolve) => setTimeout(resolve, options.delayMs! * Math.random()));
    return validate(value);
  };
  return {
    '~standard': { version: 1, vendor: 'test', validate: options.delayMs === undefined ? validate : later },
  };
}

describe('serdes', () => {
  it.each([
    ['string', serdes.string(), 'schön 流', 'schön 流'],
    ['json', serdes.json(), { a: [1, null] }, '{"a":[1,null]}'],
    ['bytes', serdes.bytes(), bytes('xy'), 'xy'],
  ])('%s makes bytes and is made of them', (_, serde, value, text) => {
    const written = (serde.serialize as (value: unknown, at: SerdeContext) => Uint8Array)(value, context);
    expect(Buffer.from(written).toString()).toBe(text);
    expect(serde.deserialize(written, context)).toEqual(value);
    expect((serde.serialize as (value: unknown, at: SerdeContext) => unknown)(null, context)).toBeNull();
    expect(serde.deserialize(null, context)).toBeNull();
  });

  it.each([
    ['string', () => serdes.string().serialize(5 as never, context)],
    ['bytes', () => serdes.bytes().serialize('x' as never, context)],
    ['json', () => serdes.json<unknown>().serialize(undefined, context)],
  ])('%s refuses what it cannot write', (_, serialize) => {
    expect(serialize).toThrow(expect.objectContaining({ code: 'INVALID_RECORD' }));
  });

  it('refuse bytes that are no UTF-8 or no JSON', () => {
    expect(() => serdes.string().deserialize(Uint8Array.of(0xff), context)).toThrow(TypeError);
    expect(() => serdes.json().deserialize(bytes('{'), context)).toThrow(SyntaxError);
  });

  it('say what does not fit a schema, and where', async () => {
    const serde = serdes.schema(orderSchema());
    const refused = {
      code: 'INVALID_RECORD',
      message: 'the value does not fit its schema: id: expected a positive number',
    };
    expect(() => serde.serialize({ id: -1 }, context)).toThrow(expect.objectContaining(refused));
    expect(() => serde.deserialize(bytes('{"id":0}'), context)).toThrow(expect.objectContaining(refused));
    expect(serde.deserialize(bytes('{"id":3,"more":1}'), context)).toEqual({ id: 3 });
  });
});

describe('a producer with serializers', () => {
  it('sends what they make, also of keys, and refuses one record alone', async () => {
    const stage = await openStage({ partitionCount: 2 });
    const producer = stage.millrace.producer({
      keySerializer: serdes.json<{ tenant: string }>(),
      valueSerializer: serdes.schema(orderSchema()),
    });
    const sends = [1, -1, 2].map((id) => codeOf(producer.send({ topic: TOPIC, key: { tenant: 'x' }, value: { id } })));
    expect((await Promise.all(sends)).map((result) => (typeof result === 'string' ? result : 'sent'))).toEqual([
      'sent',
      'SERIALIZATION_FAILED',
      'sent',
    ]);
    const records = await readAll(stage);
    expect(records.map((record) => record.text())).toEqual(['{"id":1}', '{"id":2}']);
    expect(records.map((record) => record.keyText())).toEqual(['{"tenant":"x"}', '{"tenant":"x"}']);
  });

  it('keeps the order of the sends although validation takes longer for some', async () => {
    const stage = await openStage();
    const producer = stage.millrace.producer({ valueSerializer: serdes.schema(orderSchema({ delayMs: 5 })) });
    const sends = Array.from({ length: 40 }, (_, n) => codeOf(producer.send({ topic: TOPIC, value: { id: n } })));
    await producer.flush();
    const results = await Promise.all(sends);
    expect(results[0]).toBe('SERIALIZATION_FAILED');
    const values = (await readAll(stage)).map((record) => record.json<Order>()!.id);
    expect(values).toEqual(Array.from({ length: 39 }, (_, n) => n + 1));
  });

  it('waits in close for what is being serialized', async () => {
    const stage = await openStage();
    const producer = stage.millrace.producer({ valueSerializer: serdes.schema(orderSchema({ delayMs: 20 })) });
    const sent = producer.send({ topic: TOPIC, value: { id: 1 } });
    await producer.close();
    expect(await sent).toMatchObject({ offset: 0n });
  });
});

describe('a partitioner of its own', () => {
  const evens = { partitioner: ({ value }: { value: Uint8Array | null }) => Number(Buffer.from(value!).toString()) };

  it('names the partition of records that name none', async () => {
    const { millrace } = await openStage({ partitionCount: 4 });
    const producer = millrace.producer(evens);
    const places = ['3', '0', '2'].map((value) => producer.send({ topic: TOPIC, key: 'same', value }));
    expect((await Promise.all(places)).map(({ partition }) => partition)).toEqual([3, 0, 2]);
    expect(await producer.send({ topic: TOPIC, partition: 1, value: '3' })).toMatchObject({ partition: 1 });
  });

  it.each(['4', '-1', '1.5', 'x'])('is refused for this record alone when it names %s', async (value) => {
    const { millrace } = await openStage({ partitionCount: 4 });
    const producer = millrace.producer(evens);
    expect(await codeOf(producer.send({ topic: TOPIC, value }))).toBe('INVALID_PARTITIONS');
    expect(await producer.send({ topic: TOPIC, value: '1' })).toMatchObject({ offset: 0n });
  });

  it('that throws refuses this record alone, with its error as the cause', async () => {
    const { millrace } = await openStage();
    const cause = new TypeError('no');
    const producer = millrace.producer({
      partitioner: () => {
        throw cause;
      },
    });
    const sent = producer.send({ topic: TOPIC, value: 'a' });
    await expect(sent).rejects.toMatchObject({ code: 'INVALID_PARTITIONS', cause });
  });
});
