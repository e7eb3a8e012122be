import { describe, expect, it } from 'vitest';
import { type Deserializer, serdes } from '../../lib/client/serde.ts';
import { codeOf, openStage, TOPIC } from './client-stage.ts';

const at = { topic: TOPIC, partition: 0 };

async function filled(values: readonly string[]) {
  const stage = await openStage();
  const producer = stage.millrace.producer();
  await Promise.all(values.map((value, n) => producer.send({ ...at, key: `k${n}`, value })));
  return stage.millrace;
}

/** Numbers, some of which take a while. */
const numbers: Deserializer<number> = {
  async deserialize(bytes) {
    const number = Number(Buffer.from(bytes!).toString());
    if (number % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    if (Number.isNaN(number)) throw new TypeError('not a number');
    return number;
  },
};

describe('a reader with deserializers', () => {
  it('gives out typed keys and values in order, and the bytes beside them', async () => {
    const millrace = await filled(['0', '1', '2', '3', '4']);
    const reader = millrace.reader({ stopAtEnd: true, keyDeserializer: serdes.string(), valueDeserializer: numbers });
    await reader.assign([at]);
    const found: [string | null, number][] = [];
    for await (const { key, value, valueBytes } of reader) {
      expect(Buffer.from(valueBytes!).toString()).toBe(String(value));
      found.push([key, value]);
    }
    expect(found).toEqual([0, 1, 2, 3, 4].map((n) => [`k${n}`, n]));
  });

  it('stays before a record that cannot be deserialized, whatever came before it is given out', async () => {
    const millrace = await filled(['0', '1', 'x', '3']);
    for (const how of ['records', 'batches'] as const) {
      const reader = millrace.reader({ stopAtEnd: true, valueDeserializer: numbers });
      await reader.assign([at]);
      const found: number[] = [];
      const loop = async () => {
        if (how === 'records') for await (const { value } of reader) found.push(value);
        else for await (const { records } of reader.batches()) found.push(...records.map(({ value }) => value));
      };
      for (let again = 0; again < 2; again++) {
        await expect(loop()).rejects.toMatchObject({
          code: 'DESERIALIZATION_FAILED',
          value: { ...at, offset: 2n },
          cause: expect.any(TypeError),
        });
        expect(reader.position(at)).toBe(2n);
      }
      expect(found).toEqual([0, 1]);
      await reader.seek(at, 3n);
      await loop();
      expect(found).toEqual([0, 1, 3]);
    }
  });

  it('skips it when told so', async () => {
    const millrace = await filled(['x', '1', 'x', '3', 'x']);
    const skipped: bigint[] = [];
    const reader = millrace.reader({
      stopAtEnd: true,
      valueDeserializer: numbers,
      onDeserializationError: (_, { offset }) => {
        skipped.push(offset);
        return 'skip';
      },
    });
    await reader.assign([at]);
    const found: number[] = [];
    for await (const { value } of reader) found.push(value);
    expect([found, skipped]).toEqual([
      [1, 3],
      [0n, 2n, 4n],
    ]);
  });

  it('is not made with something else', async () => {
    const { millrace } = await openStage();
    const made = async () => millrace.reader({ valueDeserializer: JSON.parse as never });
    expect(await codeOf(made())).toBe('INVALID_CONFIG');
  });
});

describe('lag in time', () => {
  it('is the age of the oldest record that is left, once it was fetched', async () => {
    const stage = await openStage();
    const producer = stage.millrace.producer();
    const nowMs = Date.now();
    for (const [n, ageMs] of [60_000, 30_000].entries()) {
      await producer.send({ ...at, value: String(n), timestampMs: nowMs - ageMs });
    }
    const reader = stage.millrace.reader({ stopAtEnd: true });
    await reader.assign([at]);
    expect(reader.progress()).toMatchObject([{ lag: null, lagMs: null }]);
    const ages: (number | null)[] = [];
    for await (const _ of reader) ages.push(reader.progress()[0]!.lagMs);
    expect(ages[0]).toBeGreaterThanOrEqual(30_000);
    expect(ages[0]).toBeLessThan(60_000);
    expect(ages[1]).toBe(0);
  });
});
