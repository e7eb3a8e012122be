/** What operations cost, measured: each is done on a memory store whose meter counts as AWS does. */
import { systemRandom } from '../../lib/clock.ts';
import { connect } from '../../lib/connect/connect.ts';
import { Fetcher } from '../../lib/log/fetcher.ts';
import { requestDollars, type StoreUsage, UsageMeter, usageBetween } from '../../lib/log/meter.ts';
import type { Topic } from '../../lib/log/topic.ts';
import type { TopicAdmin } from '../../lib/log/topic-admin.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { stillClock } from './still-clock.ts';

/** A usage, and how many of the operation it was for. */
export interface MeasuredCost {
  readonly count: number;
  readonly usage: StoreUsage;
}

const APPENDS = 1_000;

/** Units, requests or dollars for one operation. */
export function perOperation({ count, usage }: MeasuredCost, name: keyof StoreUsage): number {
  return usage[name] / count;
}

/** Dollars for a million of the operation. */
export function dollarsPerMillion({ count, usage }: MeasuredCost): number {
  return (requestDollars(usage) / count) * 1e6;
}

type Client = Awaited<ReturnType<typeof openClient>>;

async function openClient() {
  const meter = new UsageMeter();
  const store = memoryStore({ clock: stillClock, meter });
  const millrace = await connect({ store }, { clock: stillClock });
  return { meter, store, millrace };
}

/** Appends of one record each, to `partitionCount` partitions at once, each waited for; the first one, which has to look the topic up, is not counted. */
export async function measureAppends(options: {
  readonly valueBytes: number;
  readonly partitionCount?: number;
  readonly inlineMaxBytes?: number;
}): Promise<MeasuredCost> {
  const { valueBytes, partitionCount = 1, inlineMaxBytes = 1024 } = options;
  const { meter, millrace } = await openClient();
  const config = { 'millrace.inline.max.bytes': String(inlineMaxBytes) };
  await millrace.topics.createTopic({ name: 't', partitionCount, config });
  const producer = millrace.producer();
  const value = Buffer.alloc(valueBytes);
  const append = async () => {
    for (let partition = 0; partition < partitionCount; partition++)
      void producer.send({ topic: 't', partition, value });
    await producer.flush();
  };
  await append();
  const before = meter.usage;
  for (let done = 0; done < APPENDS; done++) await append();
  const usage = usageBetween(before, meter.usage);
  await millrace.close();
  return { count: APPENDS, usage };
}

/** What the store holds before an operation is measured: `flushes`, each with one record of `valueBytes` for each partition. */
export interface Prepared {
  readonly flushes: number;
  readonly valueBytes: number;
  /** Default 1. */
  readonly partitionCount?: number;
}

async function measureOn(
  { flushes, valueBytes, partitionCount = 1 }: Prepared,
  operation: (client: Client, topic: Topic) => Promise<void>,
): Promise<MeasuredCost> {
  const client = await openClient();
  const topic = await client.millrace.topics.createTopic({ name: 't', partitionCount });
  const producer = client.millrace.producer();
  const value = Buffer.alloc(valueBytes);
  for (let done = 0; done < flushes; done++) {
    for (let partition = 0; partition < partitionCount; partition++)
      void producer.send({ topic: 't', partition, value });
    await producer.flush();
  }
  const before = client.meter.usage;
  await operation(client, topic);
  const usage = usageBetween(before, client.meter.usage);
  await client.millrace.close();
  return { count: 1, usage };
}

/** One fetch of all partitions from an offset. */
export function measureFetch(prepared: Prepared & { readonly offset: bigint }): Promise<MeasuredCost> {
  return measureOn(prepared, async ({ store }, { topicId, domain, partitionCount }) => {
    const fetcher = new Fetcher({ store, clock: stillClock, random: systemRandom });
    const targets = Array.from({ length: partitionCount }, (_, partition) => {
      return { partition: { topicId, partition }, domain, offset: prepared.offset, maxBytes: 1024 * 1024 };
    });
    await fetcher.fetch(targets, { maxBytes: 4 * 1024 * 1024 });
  });
}

/** The making of a topic. */
export async function measureCreateTopic(partitionCount: number): Promise<MeasuredCost> {
  const { meter, millrace } = await openClient();
  await millrace.topics.createTopic({ name: 't', partitionCount });
  const usage = meter.usage;
  await millrace.close();
  return { count: 1, usage };
}

/** Any operation of `topics` on a topic with one partition and 100 records. */
export function measureTopicOperation(operation: (topics: TopicAdmin) => Promise<unknown>): Promise<MeasuredCost> {
  return measureOn({ flushes: 100, valueBytes: 100 }, async ({ millrace }) => void (await operation(millrace.topics)));
}
