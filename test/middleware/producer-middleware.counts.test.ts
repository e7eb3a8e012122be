/** What an invocation that produces asks of the stores, counted exactly. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Millrace } from '../../lib/client/millrace.ts';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import type { EmbeddedStore } from '../../lib/event-source/event-source-store.ts';
import { UsageMeter, usageBetween } from '../../lib/log/meter.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { producerHandler } from '../../lib/middleware/index.ts';

const PARTITIONS = 8;
const context = { getRemainingTimeInMillis: () => 30_000 };

let meter: UsageMeter;
let store: EmbeddedStore;

beforeEach(async () => {
  meter = new UsageMeter();
  store = memoryStore({ clock, meter });
  const millrace = new Millrace({ store, clock, random });
  await millrace.topics.createTopic({ name: 'orders', partitionCount: PARTITIONS });
  await millrace.topics.createTopic({ name: 'bills', partitionCount: PARTITIONS });
});
afterEach(() => store.close());

/** Sends so many records to each of the first partitions of both topics, all by default, without awaiting any. */
const handlerOf = (perPartition: number, valueBytes: number, partitionCount = PARTITIONS) =>
  producerHandler(
    (_event: unknown, { producer }) => {
      const value = 'x'.repeat(valueBytes);
      for (let count = 0; count < perPartition; count++)
        for (const topic of ['orders', 'bills'])
          for (let partition = 0; partition < partitionCount; partition++) producer.send({ topic, partition, value });
    },
    { store },
  );

async function counted(action: () => Promise<unknown>) {
  const before = meter.usage;
  await action();
  const { puts, writeRequests, writeUnits, readRequests, lists, gets } = usageBetween(before, meter.usage);
  return { puts, writeRequests, writeUnits, reads: readRequests + lists + gets };
}

describe('an invocation', () => {
  it('makes one PUT and a commit for each partition, however many records it sends', async () => {
    const handler = handlerOf(40, 100);
    const cold = await counted(() => handler({}, context));
    // The first reads the two topics, and where each partition ends.
    expect(cold).toEqual({ puts: 1, writeRequests: 16, writeUnits: 16, reads: 18 });
    expect(await counted(() => handler({}, context))).toEqual({
      puts: 1,
      writeRequests: 16,
      writeUnits: 16,
      reads: 0,
    });
  });

  it('makes inline commits alone for few small records', async () => {
    const handler = handlerOf(1, 20, 3);
    await handler({}, context);
    expect(await counted(() => handler({}, context))).toEqual({ puts: 0, writeRequests: 6, writeUnits: 6, reads: 0 });
  });

  it('makes one PUT for small records to more partitions than that pays for', async () => {
    const handler = handlerOf(1, 20);
    await handler({}, context);
    expect(await counted(() => handler({}, context))).toEqual({ puts: 1, writeRequests: 16, writeUnits: 16, reads: 0 });
  });

  it('asks for nothing when it sends nothing', async () => {
    const handler = handlerOf(0, 0);
    expect(await counted(() => handler({}, context))).toEqual({ puts: 0, writeRequests: 0, writeUnits: 0, reads: 0 });
  });
});
