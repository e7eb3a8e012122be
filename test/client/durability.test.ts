import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock, systemRandom } from '../../lib/clock.ts';
import { parseConnectionString } from '../../lib/connect/connection-string.ts';
import { openStore } from '../../lib/connect/open-store.ts';
import { connect, type ReceivedRecord } from '../../lib/index.ts';
import { noMeter } from '../../lib/log/meter.ts';
import { verifyTopic } from '../../lib/log/verify-topic.ts';
import { temporaryDirectory } from '../cli/cli-stage.ts';
import { DURABLE_TOPIC, durableValue } from './durable-records.ts';

const SCRIPT = new URL('./producing-process.ts', import.meta.url).pathname;
const PARTITIONS = 4;
/** Longest time between the first acknowledgement and the end. */
const LONGEST_MS = 250;

interface Acknowledged {
  readonly partition: number;
  readonly offset: bigint;
  readonly value: string;
}

/** Produces, and is killed at some moment after its first acknowledgement; what it had told by then. */
async function produceUntilKilled(connection: string, run: string): Promise<readonly Acknowledged[]> {
  const child = spawn(process.execPath, [SCRIPT, connection, run], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const acknowledged: Acknowledged[] = [];
  const afterMs = randomInt(0, LONGEST_MS);
  let whole = '';
  let isDue = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    whole += text;
    if (isDue || !/\n\d+ \d+ \d+\n/.test(whole)) return;
    isDue = true;
    setTimeout(() => child.kill('SIGKILL'), afterMs);
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  expect({ code, signal }).toEqual({ code: null, signal: 'SIGKILL' });
  // The last line may have been cut off.
  for (const line of whole.slice(0, whole.lastIndexOf('\n')).split('\n').slice(1)) {
    const [partition, offset, number] = line.split(' ');
    acknowledged.push({
      partition: Number(partition),
      offset: BigInt(offset!),
      value: durableValue(run, Number(number)),
    });
  }
  return acknowledged;
}

async function readAll(connection: string): Promise<ReadonlyMap<number, readonly ReceivedRecord[]>> {
  const millrace = await connect(`${connection}&readOnly=true`);
  const reader = millrace.reader({ stopAtEnd: true });
  await reader.assign([{ topic: DURABLE_TOPIC, from: 'beginning' }]);
  const records = new Map<number, ReceivedRecord[]>();
  for await (const record of reader) {
    const before = records.get(record.partition) ?? [];
    before.push(record);
    records.set(record.partition, before);
  }
  await millrace.close();
  return records;
}

/** Every damage that a deep look finds. */
async function verifyStore(connection: string) {
  const store = await openStore(parseConnectionString(connection), { clock: systemClock, meter: noMeter });
  const deps = { store, clock: systemClock, random: systemRandom };
  const { partitions } = await verifyTopic(deps, DURABLE_TOPIC, { deep: true });
  await store.close();
  return partitions.flatMap(({ damages }) => damages);
}

/** Offsets without a gap, every record once, and those of one run in the order in which they were sent. */
function checkLog(log: ReadonlyMap<number, readonly ReceivedRecord[]>): void {
  const seen = new Set<string>();
  for (const records of log.values()) {
    const last = new Map<string, number>();
    for (const [index, record] of records.entries()) {
      expect(record.offset).toBe(BigInt(index));
      const [run = '', number = ''] = record.text()!.split('/');
      expect(record.text()).toBe(durableValue(run, Number(number)));
      expect(Number(number)).toBeGreaterThan(last.get(run) ?? -1);
      last.set(run, Number(number));
      expect(seen.has(`${run}/${number}`)).toBe(false);
      seen.add(`${run}/${number}`);
    }
  }
}

describe('a producer that is killed at any moment', () => {
  it.each([
    ['process', 16],
    ['power', 8],
  ])(
    'leaves what it was told is durable, once and in order, with sync=%s, %i times over',
    async (sync, times) => {
      const connection = `file:${await temporaryDirectory()}?sync=${sync}`;
      const millrace = await connect(connection);
      await millrace.topics.createTopic({ name: DURABLE_TOPIC, partitionCount: PARTITIONS });
      await millrace.close();
      const acknowledged: Acknowledged[] = [];
      for (let round = 0; round < times; round += 2) {
        // Two at once: each goes on while the other dies.
        const both = [`${round}a`, `${round}b`].map((run) => produceUntilKilled(connection, run));
        for (const told of await Promise.all(both)) acknowledged.push(...told);
      }
      const found = await verifyStore(connection);
      expect(found).toEqual([]);
      const log = await readAll(connection);
      checkLog(log);
      for (const { partition, offset, value } of acknowledged) {
        expect(log.get(partition)?.[Number(offset)]?.text()).toBe(value);
      }
      expect(acknowledged.length).toBeGreaterThan(10 * times);
    },
    120_000,
  );
});
