/** What `millrace estimate` says beside the requests of a log that is deployed, with its functions at work. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { millraceItems } from '../../lib/cli/estimate-items.ts';
import { monthOfWork, recordsPerFlush, type Workload } from '../../lib/cli/estimate-workload.ts';
import { openEventSourceTools } from '../../lib/connect/event-source-tools.ts';
import { connect } from '../../lib/index.ts';
import { prices } from '../../lib/prices.ts';
import type { Server } from '../aws/server-process.ts';
import { Cdk } from './cdk.ts';
import { type CountingProxy, countingProxy } from './counting-proxy.ts';
import { startDeployEmulator } from './ministack.ts';

/** As `millrace estimate --records-per-second 50 --record-bytes 500` has it. */
const WORKLOAD: Workload = {
  ...{ recordsPerSecond: 50, recordBytes: 500, partitions: 4, producers: 1, lingerMs: 1_000 },
  ...{ hoursPerDay: 24, functions: 1, mode: 'push', retentionDays: 7 },
};
/** Two rolls of each head. */
const FLUSHES = 32;

let server: Server;
let proxy: CountingProxy;
let cdk: Cdk;

beforeAll(async () => {
  server = await startDeployEmulator();
  process.env.AWS_ENDPOINT_URL = server.endpoint;
  proxy = await countingProxy(server.endpoint);
  cdk = new Cdk(server.endpoint, 'test/deploy/estimate-app.ts');
  await cdk.bootstrap();
}, 120_000);
afterAll(async () => {
  cdk?.close();
  proxy?.stop();
  await server?.stop();
});

/** Writes as a shop would, and waits after each flush until the function has had all of it. */
async function work(store: string): Promise<CountingProxy['requests']> {
  const tools = await openEventSourceTools(store);
  const millrace = await connect(`${store}&endpoint=${encodeURIComponent(proxy.endpoint)}`);
  const producer = millrace.producer({ lingerMs: 60_000 });
  const value = Buffer.alloc(WORKLOAD.recordBytes - 8);
  const flush = async (number: number) => {
    for (let record = 0; record < recordsPerFlush(WORKLOAD); record++) {
      void producer.send({ topic: 'orders', key: `${number}.${record}`.padEnd(8, '-'), value });
    }
    await producer.flush();
    await vi.waitFor(async () => expect((await tools.subscriptions.describe('billing')).lag.records).toBe(0n), {
      timeout: 30_000,
      interval: 100,
    });
  };
  await flush(0);
  const before = { ...proxy.requests };
  for (let number = 1; number <= FLUSHES; number++) await flush(number);
  const after = Object.entries(proxy.requests).map(([name, count]) => [
    name,
    count - before[name as keyof typeof before],
  ]);
  await millrace.close();
  await tools.close();
  return Object.fromEntries(after);
}

describe('an estimate', () => {
  it('comes within a twentieth of what a log that is deployed asks of AWS', async () => {
    const { Estimated } = await cdk.deploy({ endpoint: proxy.endpoint });
    const counted = await work(Estimated!.Store!);
    const month = await monthOfWork(WORKLOAD);
    const items = millraceItems(WORKLOAD, month);
    const estimated = (name: string) => (items.find(({ item }) => item === name)!.count * FLUSHES) / month.flushes;
    const isNear = (name: string, count: number) =>
      expect(Math.abs(estimated(name) / count - 1), `${name}: ${estimated(name)}, ${count}`).toBeLessThanOrEqual(0.05);
    isNear('S3 PUT', counted.puts);
    isNear('S3 GET', counted.gets);
    isNear('DynamoDB write units, commits', counted.headWrites);
    isNear('DynamoDB write units, leases', counted.groupWrites);
    // How many calls of the router a flush makes is the stream's affair, and each brings a query: these two are compared in dollars, with all others.
    const dollars =
      counted.puts * prices.s3PutPerMillion +
      counted.gets * prices.s3GetPerMillion +
      (counted.headWrites + counted.groupWrites) * prices.dynamoWriteUnitPerMillion +
      counted.reads * prices.dynamoReadUnitPerMillion +
      (counted.queries + counted.calls) * prices.lambdaCallPerMillion;
    const requests = items.filter(({ item }) => !item.includes('GB'));
    const estimatedDollars = requests.reduce((sum, item) => sum + (item.dollars * FLUSHES) / month.flushes, 0);
    expect(Math.abs((estimatedDollars * 1e6) / dollars - 1)).toBeLessThanOrEqual(0.05);
  }, 240_000);
});
