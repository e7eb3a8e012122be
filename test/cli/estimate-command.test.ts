import { describe, expect, it } from 'vitest';
import { millraceItems, peerCosts } from '../../lib/cli/estimate-items.ts';
import { monthOfWork, recordsPerFlush, type Workload } from '../../lib/cli/estimate-workload.ts';
import { peerPrices, prices } from '../../lib/prices.ts';
import { cliStage } from './cli-stage.ts';

const shop: Workload = {
  recordsPerSecond: 50,
  recordBytes: 500,
  partitions: 4,
  producers: 1,
  lingerMs: 1000,
  hoursPerDay: 24,
  functions: 1,
  mode: 'push',
  retentionDays: 7,
};
const SECONDS = 30 * 24 * 3_600;

const itemsOf = async (changes: Partial<Workload>) => {
  const workload = { ...shop, ...changes };
  const items = millraceItems(workload, await monthOfWork(workload));
  return (name: string) => items.find(({ item }) => item === name);
};

describe('a month of a workload', () => {
  it('has a flush for each linger of each producer, with an object and a commit for each partition', async () => {
    const month = await monthOfWork(shop);
    expect(month).toMatchObject({ records: 50 * SECONDS, flushes: SECONDS, partitionsPerFlush: 4 });
    expect(month.perFlush.puts).toBe(1);
    expect(month.perFlush.writeRequests).toBeGreaterThanOrEqual(4);
    // Rolls, once in sixteen commits, included.
    expect(month.perFlush.writeUnits).toBeCloseTo(4 * 1.124, 1);
    expect(month.perFlush.putBytes).toBeGreaterThan(50 * 500);
    expect(month.perFlush.putBytes).toBeLessThan(50 * 500 * 1.1);
  });

  it('has a flush for each record where they come seldom, and those stand in the head', async () => {
    const month = await monthOfWork({ ...shop, recordsPerSecond: 0.1 });
    expect(month.flushes).toBe(month.records);
    expect(month.perFlush.puts).toBe(0);
    expect(month.partitionsPerFlush).toBe(1);
  });

  it('counts fractions of records', () => {
    expect(recordsPerFlush({ ...shop, recordsPerSecond: 25, producers: 2 })).toBe(12.5);
    expect(recordsPerFlush({ ...shop, lingerMs: 0 })).toBe(1);
  });
});

describe('what it costs', () => {
  it('is counts by prices', async () => {
    const item = await itemsOf({});
    expect(item('S3 PUT')).toEqual({
      item: 'S3 PUT',
      count: SECONDS,
      dollars: (SECONDS / 1e6) * prices.s3PutPerMillion,
    });
    // Two writes, three reads and a GET for each batch of each partition.
    expect(item('DynamoDB write units, leases')!.count).toBe(SECONDS * 4 * 2);
    expect(item('DynamoDB read units')!.count).toBe(SECONDS * 4 * 3);
    expect(item('S3 GET')!.count).toBe(SECONDS * 4);
    const valuesGb = (SECONDS * 50 * 500 * 7) / 30 / 1e9;
    expect(item('GB in S3')!.count).toBeGreaterThan(valuesGb);
    expect(item('GB in S3')!.count).toBeLessThan(1.1 * valuesGb);
  });

  it('grows with the functions that read, and is less where they pull', async () => {
    const [none, one, two, pull] = await Promise.all(
      [{ functions: 0 }, {}, { functions: 2 }, { mode: 'pull' as const }].map(itemsOf),
    );
    expect(none!('DynamoDB write units, leases')).toBeUndefined();
    expect(two!('DynamoDB write units, leases')!.count).toBe(2 * one!('DynamoDB write units, leases')!.count);
    expect(pull!('Lambda calls')!.count).toBeLessThan(one!('Lambda calls')!.count);
    expect(pull!('Lambda GB-seconds of the log')!.count).toBeLessThan(one!('Lambda GB-seconds of the log')!.count);
  });

  it('is next to nothing for next to nothing', async () => {
    const workload = { ...shop, recordsPerSecond: 0.001 };
    const items = millraceItems(workload, await monthOfWork(workload));
    expect(items.reduce((sum, { dollars }) => sum + dollars, 0)).toBeLessThan(0.1);
  });
});

describe('what others cost', () => {
  const of = (name: string, changes: Partial<Workload> = {}) => {
    const workload = { ...shop, ...changes };
    const records = workload.recordsPerSecond * workload.hoursPerDay * 3_600 * 30;
    const month = { records, flushes: 0, partitionsPerFlush: 0, perFlush: {} as never };
    return peerCosts(workload, month).find((peer) => peer.name === name)!.dollars;
  };

  it('is by their own units', () => {
    const records = 50 * SECONDS;
    const polls = (5 * SECONDS) / 20;
    expect(of('SQS')).toBeCloseTo((((records / 10) * 3 + polls) / 1e6) * peerPrices.sqsRequestPerMillion);
    expect(of('Kinesis, provisioned')).toBeCloseTo(
      720 * (peerPrices.kinesisShardHour + peerPrices.kinesisShardRetentionHour) +
        (records / 1e6) * peerPrices.kinesisPutUnitPerMillion,
    );
    const gb = (records * 500) / 1e9;
    expect(of('MSK Serverless')).toBeCloseTo(720 * (0.75 + 4 * 0.0015) + gb * 0.15 + ((gb * 7) / 30) * 0.1);
  });

  it('counts records of Kinesis in whole KB, and those of SQS that are too many for one request', () => {
    const onDemand = (recordBytes: number) => of('Kinesis, on demand', { recordBytes, functions: 0 });
    expect(onDemand(1)).toBe(onDemand(1024));
    expect(onDemand(1025)).toBeGreaterThan(onDemand(1024));
    expect(of('SQS', { recordBytes: 60_000 })).toBeGreaterThan(9 * of('SQS', { recordBytes: 100 }));
  });

  it('has a shard for each thousand records or MB a second', () => {
    expect(of('Kinesis, provisioned', { recordsPerSecond: 2_500, hoursPerDay: 1 })).toBeGreaterThan(
      3 * 720 * peerPrices.kinesisShardHour,
    );
  });

  it('takes a topic of SNS where several queues have the same', () => {
    expect(of('SQS', { functions: 3 })).toBeGreaterThan(2 * of('SQS'));
  });
});

describe('millrace estimate', () => {
  it('prints an account, and the same as JSON', async () => {
    const stage = await cliStage();
    const text = await stage.ok(['estimate', '--records-per-second', '50', '--record-bytes', '500']);
    expect(text).toMatch(/^130 million records in 30 days, in 2\.59 million flushes of 50 records for 4 partitions\./);
    for (const name of ['S3 PUT', 'SQS', 'Kinesis, on demand', 'MSK Serverless', 'November 2026']) {
      expect(text).toContain(name);
    }
    const json = JSON.parse(await stage.ok(['estimate', '--json']));
    const sum = json.items.reduce((total: number, { dollars }: { dollars: number }) => total + dollars, 0);
    expect(json.total).toBeCloseTo(sum);
    expect(json).toMatchObject({ pricesAsOf: 'November 2026', workload: { recordsPerSecond: 50, recordBytes: 500 } });
  });

  it.each<[string[], RegExp]>([
    [['--records-per-second', '0'], /no number above 0/],
    [['--records-per-second', 'many'], /no number above 0/],
    [['--record-bytes', '0'], /no whole number from 1/],
    [['--record-bytes', '2000000'], /1,000,000 bytes/],
    [['--hours-per-day', '25'], /up to 24/],
    [['--partitions', '20000'], /up to 10,000/],
    [['--mode', 'poll'], /push, pull/],
    [['--records-per-second', '100000', '--record-bytes', '1000'], /lower --linger, or raise --producers/],
  ])('refuses %j', async (args, message) => {
    const stage = await cliStage();
    const { status, complaint } = await stage.run(['estimate', ...args]);
    expect(status).toBe(2);
    expect(complaint).toMatch(message);
  });
});
