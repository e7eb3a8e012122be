/** A day on which nothing is written: an event source with subscriptions, on a clock that is moved by hand. */
import { Millrace } from '../../lib/client/millrace.ts';
import { systemRandom as random } from '../../lib/clock.ts';
import { LocalEventSource } from '../../lib/event-source/local-event-source.ts';
import { SubscriptionAdmin } from '../../lib/event-source/subscription-admin.ts';
import { Fetcher } from '../../lib/log/fetcher.ts';
import { type StoreUsage, UsageMeter, usageBetween } from '../../lib/log/meter.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { during } from '../client/consumer-stage.ts';
import { VirtualClock } from '../client/virtual-clock.ts';

const HOUR_MS = 3_600_000;
/** A look at whether the embedded store was changed is no request; a stream on AWS is not asked for either. */
const POLL_MS = 60_000;
/** The source begins with a sweep, and the first day's hours are counted behind it. */
const BEGIN_MS = HOUR_MS / 2;

/** What is there on that day. */
export interface IdleDay {
  readonly partitionCount: number;
  /** Functions that are subscribed to the topic. Default 1. */
  readonly subscriptionCount?: number;
  /** Records of each partition, all of which were handled the day before. Default 0. */
  readonly recordsPerPartition?: number;
}

/** What was asked for in 24 hours, and how often functions were called in them. */
export interface IdleDayReport {
  readonly usage: StoreUsage;
  readonly calls: number;
}

/** Lives through it. */
export async function idleDay({
  partitionCount,
  subscriptionCount = 1,
  recordsPerPartition = 0,
}: IdleDay): Promise<IdleDayReport> {
  const clock = new VirtualClock({ jumps: false });
  const meter = new UsageMeter();
  const store = memoryStore({ clock, meter });
  const millrace = new Millrace({ store, clock, random });
  const subscriptions = new SubscriptionAdmin({ store, clock, random });
  await during(clock, millrace.topics.createTopic({ name: 'orders', partitionCount }));
  for (let n = 0; n < subscriptionCount; n++) {
    await during(clock, subscriptions.create({ name: `s${n}`, topic: 'orders', target: 'handle' }));
  }
  let calls = 0;
  const source = new LocalEventSource(
    {
      store,
      changes: store.changes,
      fetcher: new Fetcher({ store, clock, random }),
      clock,
      random,
      records: { send: async () => {} },
      sink: { send: async () => {} },
      onNews: () => {},
      originOf: () => ({ eventSourceArn: 'arn', bootstrapServers: 'none:9092', region: 'none' }),
      invoker: {
        async invoke() {
          calls += 1;
          return { kind: 'returned', payload: '' };
        },
      },
    },
    { pollMs: POLL_MS, sweepMs: HOUR_MS },
  );
  source.start();
  const producer = millrace.producer();
  for (let partition = 0; partition < partitionCount; partition++) {
    for (let n = 0; n < recordsPerPartition; n++) void producer.send({ topic: 'orders', partition, value: `${n}` });
  }
  await during(clock, producer.close());
  await clock.advance(BEGIN_MS);
  const before = { usage: meter.usage, calls };
  await clock.advance(24 * HOUR_MS);
  const report = { usage: usageBetween(before.usage, meter.usage), calls: calls - before.calls };
  await source.close();
  return report;
}
