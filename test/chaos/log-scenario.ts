/** Producers and readers as processes that are killed and stopped at random, and what is expected of the history that they tell. */
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { parseConnectionString } from '../../lib/connect/connection-string.ts';
import { openStore } from '../../lib/connect/open-store.ts';
import { noMeter } from '../../lib/log/meter.ts';
import { verifyTopic } from '../../lib/log/verify-topic.ts';
import { checkLogHistory, type LogVerdict } from '../history/check-log-history.ts';
import { type LogEvent, parseLogEvent } from '../history/log-event.ts';
import { type Place, type Places, withEnvironment } from './chaos-places.ts';
import { ChaosProcess } from './chaos-process.ts';
import { CHAOS_TOPIC } from './chaos-topic.ts';

const PRODUCERS = 3;
/** Longer than a delivery may take. */
const STOP_MS = 6_000;
const FINAL = 'final';

/** Runs clients that are killed and stopped at random, then reads everything without faults. */
async function makeHistory({ faulty: place, calm }: Places, durationMs: number): Promise<readonly LogEvent[]> {
  const events: LogEvent[] = [];
  const start = (script: string, name: string, { connection, env }: Place, ...more: string[]) =>
    new ChaosProcess(script, name, {
      args: [connection, name, ...more],
      env,
      onLine: (line) => events.push(parseLogEvent(line)),
    });
  let count = 0;
  const newProducer = () => start('./sending-process.ts', `p${count++}`, place);
  const living = Array.from({ length: PRODUCERS }, newProducer);
  const readers = ['r0', 'r1'].map((name) => start('./reading-process.ts', name, place));
  const busy: Promise<unknown>[] = [];
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs) {
    await pause(randomInt(300, 2_000));
    const [victim] = living.splice(randomInt(living.length), 1);
    const trouble = randomInt(3);
    if (trouble === 0) busy.push(victim!.kill());
    else if (trouble === 1) busy.push(victim!.leave());
    else busy.push(victim!.stop(STOP_MS).then(() => victim!.leave()));
    for (const promise of busy) promise.catch(() => {});
    living.push(newProducer());
  }
  busy.push(...living.map((producer) => producer.leave()));
  await Promise.all(busy);
  await Promise.all(readers.map((reader) => reader.leave()));
  await start('./reading-process.ts', FINAL, calm, 'end').whole();
  return events;
}

async function judgeHistory(events: readonly LogEvent[], calm: Place): Promise<LogVerdict> {
  const verdict = checkLogHistory(events, FINAL);
  expect(verdict.problems).toEqual([]);
  const { partitions } = await withEnvironment(calm.env, async () => {
    const store = await openStore(parseConnectionString(calm.connection), { clock, meter: noMeter });
    const verified = await verifyTopic({ store, clock, random }, CHAOS_TOPIC, { deep: true });
    await store.close();
    return verified;
  });
  expect(partitions.flatMap(({ damages }) => damages)).toEqual([]);
  expect(partitions.reduce((sum, { records }) => sum + Number(records), 0)).toBe(verdict.records);
  expect(partitions.map(({ conservation }) => conservation)).toEqual(partitions.map(() => 'checksums'));
  // A history in which hardly anything happened would show nothing.
  expect(verdict.acked).toBeGreaterThan(2_000);
  console.log(verdict);
  return verdict;
}

/** Runs them for so long, reads everything without faults, and judges. */
export async function judgeLog(places: Places, durationMs: number): Promise<LogVerdict> {
  return judgeHistory(await makeHistory(places, durationMs), places.calm);
}
