import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadAws } from '../../lib/connect/load-aws.ts';
import { connect, systemClock, UsageMeter } from '../../lib/index.ts';
import { memoryStore } from '../../lib/local.ts';
import { codeOf } from '../client/client-stage.ts';

describe('connecting', () => {
  it('to memory gives a store of its own', async () => {
    const [one, other] = [await connect('memory:'), await connect('memory:')];
    await one.topics.createTopic({ name: 'orders' });
    expect(await other.topics.listTopics()).toEqual([]);
    await Promise.all([one.close(), other.close()]);
  });

  it('to a directory finds what was there', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'millrace-connect-'));
    try {
      for (const offset of [0n, 1n]) {
        const millrace = await connect(`file:${directory}/log`);
        if (offset === 0n) await millrace.topics.createTopic({ name: 'orders' });
        const sent = await millrace.producer().send({ topic: 'orders', value: 'x'.repeat(5000) });
        expect(sent.offset).toBe(offset);
        await millrace.close();
      }
      const reading = await connect(`file:${directory}/log?readOnly=true`);
      expect(await codeOf(reading.producer().send({ topic: 'orders', value: 'x'.repeat(5000) }))).toBe(
        'STORE_READ_ONLY',
      );
      expect(await reading.offsetAt({ topic: 'orders', partition: 0 }, 'end')).toBe(2n);
      await reading.close();
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('to an open store leaves it open', async () => {
    const store = memoryStore({ clock: systemClock });
    const one = await connect({ store });
    await one.topics.createTopic({ name: 'orders' });
    await one.close();
    const other = await connect({ store });
    expect(await other.topics.listTopics()).toEqual(['orders']);
  });

  it('to AWS asks nothing yet', async () => {
    const endpoint = encodeURIComponent('http://127.0.0.1:9');
    const millrace = await connect(`aws:?bucket=b&table=t&region=eu-central-1&endpoint=${endpoint}`);
    await millrace.close();
  });

  it('to AWS without its SDK names the packages', async () => {
    const missing = Object.assign(new TypeError('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
    const error = await loadAws(() => Promise.reject(missing)).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', hint: expect.stringContaining('@aws-sdk/client-s3') });
  });

  it('tells the meter of what is asked', async () => {
    const meter = new UsageMeter();
    const millrace = await connect('memory:', { meter });
    await millrace.topics.createTopic({ name: 'orders', partitionCount: 4 });
    const before = meter.usage;
    const producer = millrace.producer();
    await Promise.all(
      [0, 1, 2, 3].map((partition) => producer.send({ topic: 'orders', partition, value: 'x'.repeat(2000) })),
    );
    // One PUT for all partitions of a flush, one write unit for each.
    expect(meter.usage.puts - before.puts).toBe(1);
    expect(meter.usage.writeUnits - before.writeUnits).toBe(4);
    await millrace.close();
  });

  it('refuses what is no connection string', async () => {
    expect(await codeOf(connect('postgres:'))).toBe('INVALID_CONNECTION_STRING');
    expect(await codeOf(connect(null as unknown as string))).toBe('INVALID_CONNECTION_STRING');
  });
});
