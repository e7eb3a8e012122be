/** What a gateway asks of S3 and DynamoDB in a second, by how many records come, over how many partitions, from how many clients: in virtual time, with the latencies of a slow store. */
import { expect, it } from 'vitest';
import type { LogStore } from '../../lib/log/log-store.ts';
import { type StoreUsage, UsageMeter, usageBetween } from '../../lib/log/meter.ts';
import { TopicAdmin } from '../../lib/log/topic-admin.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { encodeBatch } from '../../lib/record/encode-batch.ts';
import { Dice, Process, START_MS, VirtualTime } from '../log/simulation/virtual-time.ts';
import { ProduceGateway } from './simulation/produce-gateway.ts';

const TICK_MS = 10;
const PUT_MS = 100;
const READ_MS = 4;
const VALUE = Buffer.alloc(100, 'x');

interface Load {
  /** Measured, behind one that fills what is under way. */
  readonly seconds: number;
  readonly recordsPerSecond: number;
  readonly partitions: number;
  readonly clients: number;
}

function batchOf(size: number): Uint8Array {
  const record = { key: null, value: VALUE, headers: [], timestampMs: BigInt(START_MS) };
  return encodeBatch(Array.from({ length: size }, () => record));
}

/** A store that takes as long as those of AWS. */
function slowStore(store: LogStore, process: Process): LogStore {
  const slowly = <T extends object>(port: T, latenciesMs: Readonly<Record<string, number>>): T =>
    new Proxy(port, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
        return async (...args: unknown[]) => {
          await process.sleep(latenciesMs[String(name)] ?? READ_MS);
          return method.apply(target, args);
        };
      },
    });
  const { prefix, serverClock } = store;
  return {
    objects: slowly(store.objects, { put: PUT_MS }),
    heads: slowly(store.heads, {}),
    chunks: slowly(store.chunks, {}),
    topics: slowly(store.topics, {}),
    prefix,
    serverClock,
    close: () => store.close(),
  };
}

/** Requests of a second. */
async function measure({ seconds, recordsPerSecond, partitions, clients }: Load): Promise<StoreUsage> {
  const time = new VirtualTime();
  const dice = new Dice(1);
  const process = new Process(time, 'gateway', 0);
  const meter = new UsageMeter();
  const base = memoryStore({ clock: process, meter });
  await new TopicAdmin({ store: base, clock: process, random: dice }).createTopic({
    name: 'orders',
    partitionCount: partitions,
  });
  const gateway = new ProduceGateway(process, slowStore(base, process), dice, 15_000);
  const answers = new Set<string>();
  let sent = 0;
  const send = (count: number) => {
    const batches = Math.min(count, clients);
    for (let place = 0; place < batches; place++) {
      const size = Math.ceil((count - place) / batches);
      const partition = sent++ % partitions;
      const records = batchOf(size);
      void gateway.produce({ topic: 'orders', partition, records, timeoutMs: 30_000 }).then(({ error }) => {
        answers.add(error);
      });
    }
  };
  let before = meter.usage;
  for (let atMs = 0; atMs < (seconds + 1) * 1_000; atMs += TICK_MS) {
    time.schedule(atMs, () => {
      if (atMs === 1_000) before = meter.usage;
      const due =
        Math.floor(((atMs + TICK_MS) * recordsPerSecond) / 1_000) - Math.floor((atMs * recordsPerSecond) / 1_000);
      if (due > 0) send(due);
    });
  }
  for (let isOn = true; isOn; isOn = await time.step((seconds + 1) * 1_000 - 1));
  expect([...answers]).toEqual(['NONE']);
  const usage = usageBetween(before, meter.usage);
  return Object.fromEntries(
    Object.entries(usage).map(([name, value]) => [name, (value as number) / seconds]),
  ) as unknown as StoreUsage;
}

const places = [
  { partitions: 1, clients: 1 },
  { partitions: 1, clients: 100 },
  { partitions: 100, clients: 1 },
  { partitions: 100, clients: 100 },
];

it('needs no PUTs for a record a second, nor for a hundred, whoever sends them and wherever to', async () => {
  for (const recordsPerSecond of [1, 100]) {
    for (const place of places) {
      const { puts, writeRequests } = await measure({ seconds: 10, recordsPerSecond, ...place });
      expect(puts).toBe(0);
      expect(writeRequests / recordsPerSecond).toBeGreaterThanOrEqual(1);
      expect(writeRequests / recordsPerSecond).toBeLessThanOrEqual(1.2);
    }
  }
});

it('needs as many PUTs for ten thousand, over any number of partitions, and a write for each partition of a flush', async () => {
  for (const { partitions, clients } of places) {
    const { puts, writeRequests } = await measure({ seconds: 2, recordsPerSecond: 10_000, partitions, clients });
    expect(puts, `${partitions} partitions, ${clients} clients`).toBeGreaterThan(8);
    expect(puts, `${partitions} partitions, ${clients} clients`).toBeLessThan(11);
    expect(writeRequests).toBeLessThan(puts * partitions * 1.3);
  }
});
