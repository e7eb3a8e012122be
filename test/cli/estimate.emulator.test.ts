/** What `millrace estimate` says that a flush asks of S3 and DynamoDB, beside what the servers were asked in a real run and told of the units. */
import { afterAll, describe, expect, it } from 'vitest';
import { monthOfWork, recordsPerFlush, type Workload } from '../../lib/cli/estimate-workload.ts';
import { connect } from '../../lib/index.ts';
import { type StoreUsage, UsageMeter, usageBetween } from '../../lib/log/meter.ts';
import { startEmulators } from '../aws/emulators.ts';

const emulators = await startEmulators();
afterAll(() => emulators.stop());

const FLUSHES = 96;

/** The requests of one flush, on average, of a run of its own. */
async function countedPerFlush(workload: Workload): Promise<(name: keyof StoreUsage) => number> {
  const meter = new UsageMeter();
  const { store } = await emulators.openStore(meter);
  const millrace = await connect({ store });
  const topic = `estimate-${workload.recordBytes}`;
  await millrace.topics.createTopic({ name: topic, partitionCount: workload.partitions });
  const producer = millrace.producer({ lingerMs: 60_000 });
  const value = Buffer.alloc(workload.recordBytes - 8);
  const flush = async (number: number) => {
    for (let record = 0; record < recordsPerFlush(workload); record++) {
      void producer.send({ topic, key: `${number}.${record}`.padEnd(8, '-').slice(0, 8), value });
    }
    await producer.flush();
  };
  await flush(0);
  const before = meter.usage;
  for (let number = 1; number <= FLUSHES; number++) await flush(number);
  const usage = usageBetween(before, meter.usage);
  await millrace.topics.deleteTopic(topic);
  await millrace.close();
  return (name) => usage[name] / FLUSHES;
}

describe('an estimate', () => {
  it.each([
    ['segments', { recordsPerSecond: 50, recordBytes: 500 }],
    ['records inside the head', { recordsPerSecond: 0.5, recordBytes: 200 }],
  ])('comes near the requests of a run, within a twentieth: %s', async (_, changes) => {
    const workload: Workload = {
      ...{ partitions: 4, producers: 1, lingerMs: 1000, hoursPerDay: 24, functions: 1, mode: 'push', retentionDays: 7 },
      ...changes,
    };
    const { perFlush } = await monthOfWork(workload);
    const counted = await countedPerFlush(workload);
    for (const name of ['puts', 'putBytes', 'writeUnits'] as const) {
      expect(Math.abs(perFlush[name] - counted(name)), name).toBeLessThanOrEqual(0.05 * counted(name));
    }
  });
});
