import { beforeEach, describe, expect, it } from 'vitest';
import { LatencySample } from '../../lib/cli/latency-sample.ts';
import { type CliStage, cliStage } from './cli-stage.ts';

let stage: CliStage;

beforeEach(async () => {
  stage = await cliStage();
  await stage.ok(['topic', 'create', 'a', '-P', '2']);
});

const RATES = '\\d+\\.\\d records/sec \\(\\d+\\.\\d\\d MB/sec\\)';
const LATENCIES = '\\d+\\.\\d ms avg latency, \\d+\\.\\d ms max latency';
const SHARES = '\\d+\\.\\d ms 50th, \\d+\\.\\d ms 95th, \\d+\\.\\d ms 99th, \\d+\\.\\d ms 99\\.9th';
const COST =
  'Requests: \\d+ PUT, \\d+ GET, [\\d.]+ write units, [\\d.]+ read units; at AWS prices \\(us-east-1\\) \\$0\\.\\d+(, \\$\\d+\\.\\d+ per million records)?\\.';

describe('perf produce', () => {
  it('sends as many records of the size, and tells it as the tool of Kafka does', async () => {
    const text = await stage.ok(['perf', 'produce', 'a', '-n', '500', '-s', '70']);
    expect(text).toMatch(new RegExp(`^500 records sent, ${RATES}, ${LATENCIES}, ${SHARES}\\.\n${COST}\n$`));
    const records = await stage.ok(['consume', 'a', '-e', '-f', '%S\\n']);
    expect(records.split('\n').filter(Boolean)).toEqual(Array(500).fill('70'));
  });

  it('is a program in JSON too', async () => {
    const args = ['-n', '100', '-s', '10', '-z', 'zstd', '--acks', '1', '--linger', '5', '--batch-bytes', '4000'];
    expect(await stage.json(['perf', 'produce', 'a', ...args])).toEqual({
      records: 100,
      bytes: 1000,
      elapsedMs: expect.any(Number),
      recordsPerSecond: expect.any(Number),
      bytesPerSecond: expect.any(Number),
      latency: {
        avgMs: expect.any(Number),
        maxMs: expect.any(Number),
        p50Ms: expect.any(Number),
        p95Ms: expect.any(Number),
        p99Ms: expect.any(Number),
        p999Ms: expect.any(Number),
      },
      requests: expect.objectContaining({ writeUnits: expect.any(Number) }),
      requestDollars: expect.any(Number),
    });
  });

  it('is held back to a rate', async () => {
    const result = (await stage.json(['perf', 'produce', 'a', '-n', '101', '-r', '200'])) as { elapsedMs: number };
    expect(result.elapsedMs).toBeGreaterThanOrEqual(480);
  });

  it('tells what it has measured when Ctrl-C ends it', async () => {
    const interrupts = AbortSignal.timeout(200);
    Object.defineProperty(interrupts, 'reason', { value: 'SIGINT' });
    const ended = await stage.run(['perf', 'produce', 'a', '-n', '1000000', '-r', '100'], { interrupts });
    expect(ended).toMatchObject({ status: 130, output: '' });
    expect(ended.complaint).toMatch(new RegExp(`\\d+ records sent, ${RATES}`));
  });

  it.each([
    [['nope'], 'UNKNOWN_TOPIC_OR_PARTITION', 1],
    [['a', '-n', '0'], 'INVALID_REQUEST', 2],
    [['a', '-s', '-1'], 'INVALID_REQUEST', 2],
    [['a', '-s', '9000000'], 'MESSAGE_TOO_LARGE', 1],
    [['a', '-z', 'zip'], 'INVALID_REQUEST', 2],
    [['a', '--acks', '2'], 'INVALID_REQUEST', 2],
    [['a', '--batch-bytes', '999999999999'], 'INVALID_CONFIG', 2],
  ])('%j is refused with %s', async (args, code, status) => {
    expect(await stage.failure(['perf', 'produce', ...args])).toMatchObject({ code, status });
  });
});

describe('perf consume', () => {
  it('reads all there is, alone or as a group', async () => {
    await stage.ok(['perf', 'produce', 'a', '-n', '300']);
    const text = await stage.ok(['perf', 'consume', 'a']);
    expect(text).toMatch(new RegExp(`^300 records read, ${RATES}\\.\n${COST}\n$`));
    expect(await stage.json(['perf', 'consume', 'a', '-g', 'g'])).toMatchObject({ records: 300, bytes: 30_000 });
    expect(await stage.json(['perf', 'consume', 'a', '-g', 'g'])).toMatchObject({ records: 0 });
    const part = (await stage.json(['perf', 'consume', 'a', '-n', '1'])) as { records: number };
    expect(part.records).toBeGreaterThan(0);
  });

  it('is refused for a topic that is not there', async () => {
    const refused = await stage.failure(['perf', 'consume', 'nope']);
    expect(refused).toMatchObject({ status: 1, code: 'UNKNOWN_TOPIC_OR_PARTITION' });
  });
});

describe('perf end-to-end', () => {
  it('measures every record that it sends, and passes over those of others', async () => {
    const both = await Promise.all([
      stage.json(['perf', 'end-to-end', 'a', '-n', '20', '-r', '200', '--idle-max', '10']),
      stage.json(['perf', 'end-to-end', 'a', '-n', '20', '-r', '200', '--idle-max', '10']),
    ]);
    for (const one of both) expect(one).toMatchObject({ records: 20, bytes: 2_000 });
    const text = await stage.ok(['perf', 'end-to-end', 'a', '-n', '5', '-r', '100']);
    expect(text).toMatch(new RegExp(`^5 records sent and read, ${RATES}, ${LATENCIES}, ${SHARES}\\.\n${COST}\n$`));
  });
});

describe('latencies', () => {
  it('are summed up exactly while they are few', () => {
    const sample = new LatencySample(1000);
    for (let index = 1000; index > 0; index--) sample.add(index);
    expect(sample.summary).toEqual({ avgMs: 500.5, maxMs: 1000, p50Ms: 501, p95Ms: 951, p99Ms: 991, p999Ms: 1000 });
  });

  it('are sampled when they are many', () => {
    const sample = new LatencySample(2_000_000);
    for (let index = 0; index < 2_000_000; index++) sample.add(index);
    const { avgMs, maxMs, p50Ms } = sample.summary;
    expect([avgMs, maxMs, p50Ms]).toEqual([999_999.5, 1_999_999, 1_000_000]);
  });

  it('of nothing are nothing', () => {
    expect(new LatencySample(0).summary).toMatchObject({ avgMs: 0, maxMs: 0, p50Ms: 0, p999Ms: 0 });
  });
});
