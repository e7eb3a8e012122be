/** What delayed records ask for, from `send` until nothing of them is left. */
import { noUsage, type StoreUsage, usageBetween } from '../../lib/log/meter.ts';
import { TOPIC } from '../client/client-stage.ts';
import { delayStage } from './delay-stage.ts';

/** How records are delayed. */
export interface DelayedRun {
  readonly count: number;
  readonly valueBytes: number;
  readonly delay: string;
}

/** By step. Reads of the topic by the producer are not counted. */
export interface DelayedUsage {
  readonly send: StoreUsage;
  /** With the removal of the minute. */
  readonly release: StoreUsage;
  /** An hour later, beside what another record asks for that brings somebody there. */
  readonly forget: StoreUsage;
}

const HOUR_MS = 3_600_000;

/** Delays records together and measures. */
export async function measureDelays({ count, valueBytes, delay }: DelayedRun): Promise<DelayedUsage> {
  const { millrace, clock, meter, startTimer } = await delayStage();
  startTimer({ pollMs: 1_000 });
  const producer = millrace.producer();
  await producer.send({ topic: TOPIC, value: 'first' });
  const value = Buffer.alloc(valueBytes);
  // Each step may be waited for by time that passes.
  const usageOf = async (step: () => Promise<unknown>) => {
    const before = meter.usage;
    await step();
    return usageBetween(before, meter.usage);
  };
  const dueMs = clock.nowMs() + 10_000;
  const send = await usageOf(() =>
    Promise.all(Array.from({ length: count }, () => producer.send({ topic: TOPIC, value, ...delayOf(delay, dueMs) }))),
  );
  const release = await usageOf(() => clock.advance(2 * HOUR_MS));
  const other = async () => {
    await producer.send({ topic: TOPIC, value: 'other', delay: '10s' });
    await clock.advance(5 * 60_000);
  };
  const forget = await usageOf(other);
  await clock.advance(5 * 60_000);
  return { send, release, forget };
}

function delayOf(delay: string, dueMs: number): { readonly delay: string } | { readonly deliverAt: Date } {
  return delay === '10s' ? { deliverAt: new Date(dueMs) } : { delay };
}

/** What records ask for in all that would not have been asked for without them. */
export async function measureWhole(run: DelayedRun): Promise<StoreUsage> {
  const [none, all] = [await measureDelays({ ...run, count: 0 }), await measureDelays(run)];
  const steps = (['send', 'release', 'forget'] as const).map((step) => usageBetween(none[step], all[step]));
  const names = Object.keys(noUsage) as (keyof StoreUsage)[];
  const sums = names.map((name) => [name, steps.reduce((sum, step) => sum + step[name], 0)] as const);
  return Object.fromEntries(sums) as unknown as StoreUsage;
}
