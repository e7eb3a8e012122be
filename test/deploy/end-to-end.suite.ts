/** Of a log as a user deploys it: constructs, functions, traffic while it is deployed again, and its end. What became of each record is judged by the checker of histories. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type EventSourceTools, openEventSourceTools } from '../../lib/connect/event-source-tools.ts';
import { hasCode } from '../../lib/errors.ts';
import { connect, type Millrace } from '../../lib/index.ts';
import type { Server } from '../aws/server-process.ts';
import { checkLogHistory } from '../history/check-log-history.ts';
import type { LogEvent } from '../history/log-event.ts';
import { Cdk } from './cdk.ts';
import { type CountingProxy, countingProxy } from './counting-proxy.ts';
import type { Seen } from './end-to-end-functions.ts';
import { askFunctionUrl } from './function-url-request.ts';
import { startDeployEmulator } from './ministack.ts';

const PARTITIONS = 4;
const LONG = { timeout: 90_000, interval: 500 };
/** Values of this length are too long to travel in heads. */
const PADDED = 1_500;

/** A record may be given twice, but never before one that stands before it in its partition was. */
function outOfOrder(seen: readonly Seen[]): readonly string[] {
  const next = new Map<number, number>();
  return seen.flatMap(({ partition, offset }) => {
    const expected = next.get(partition) ?? 0;
    if (offset > expected) return [`${partition}/${offset} came before ${expected}`];
    next.set(partition, Math.max(expected, offset + 1));
    return [];
  });
}

/** The suite; strict: every request needs a permission. */
export function endToEnd({ strict }: { readonly strict: boolean }): void {
  let server: Server;
  let cdk: Cdk;
  let proxy: CountingProxy;
  let url: string;
  let tools: EventSourceTools;
  let millrace: Millrace;
  const history: LogEvent[] = [];

  const deploy = async (settings: Readonly<Record<string, string>>) => {
    const outputs = await cdk.deploy({ pullEndpoint: proxy.endpoint, ...settings });
    return outputs.EndToEndLog!;
  };

  beforeAll(async () => {
    server = await startDeployEmulator({ strict });
    process.env.AWS_ENDPOINT_URL = server.endpoint;
    proxy = await countingProxy(server.endpoint);
    cdk = new Cdk(server.endpoint, 'test/deploy/end-to-end-app.ts');
    await cdk.bootstrap();
    const { Store, Url } = await deploy({ version: '1' });
    url = Url!;
    tools = await openEventSourceTools(Store!);
    millrace = await connect(Store!);
  }, 400_000);

  afterAll(async () => {
    await millrace?.close();
    await tools?.close();
    cdk?.close();
    proxy?.stop();
    await server?.stop();
  });

  async function post(records: readonly object[]): Promise<readonly { readonly offset?: number }[]> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ records });
    const asked = { endpoint: server.endpoint, url, method: 'POST', path: '/topics/orders/records', headers, body };
    const { json } = await askFunctionUrl(asked);
    return (json as { results?: { offset?: number }[] } | null)?.results ?? [];
  }

  /** Sends by the SDK until it is stopped. */
  async function sendBySdk(client: string, stop: AbortSignal): Promise<void> {
    const producer = millrace.producer();
    for (let n = 0; !stop.aborted; n++) {
      const partition = n % PARTITIONS;
      const value = `${client} ${n}`;
      history.push({ kind: 'sent', client, partition, value });
      const told = producer.send({ topic: 'orders', partition, value: value.padEnd(PADDED) }).then(
        ({ offset }) => history.push({ kind: 'acked', client, partition, value, offset: Number(offset) }),
        (error: unknown) => {
          const kind = hasCode(error, 'NOT_COMMITTED') ? 'refused' : 'unknown';
          history.push({ kind, client, partition, value });
        },
      );
      if (n % 8 === 7) await told;
    }
    await producer.close();
  }

  /** Sends over HTTP until it is stopped. */
  async function sendByHttp(client: string, stop: AbortSignal): Promise<void> {
    for (let n = 0; !stop.aborted; n++) {
      const partition = n % PARTITIONS;
      const value = `${client} ${n}`;
      history.push({ kind: 'sent', client, partition, value });
      const [result] = await post([{ partition, value: value.padEnd(PADDED) }]).catch(() => []);
      const offset = result?.offset;
      if (offset !== undefined) history.push({ kind: 'acked', client, partition, value, offset });
      else history.push({ kind: 'unknown', client, partition, value });
    }
  }

  async function readAll(topic: string): Promise<readonly { partition: number; offset: number; value: string }[]> {
    const reader = millrace.reader({ stopAtEnd: true });
    await reader.assign([{ topic }]);
    const found = [];
    for await (const record of reader) {
      const value = (record.text() ?? '').trimEnd();
      found.push({ partition: record.partition, offset: Number(record.offset), value });
    }
    await reader.close();
    return found;
  }

  async function seenBy(by: Seen['by']): Promise<readonly Seen[]> {
    const all = (await readAll('seen')).map(({ value }) => JSON.parse(value) as Seen);
    return all.filter((one) => one.by === by);
  }

  describe('a log that is deployed', () => {
    it('loses nothing while it is deployed again in the middle of traffic', async () => {
      const stop = new AbortController();
      const traffic = [sendBySdk('a', stop.signal), sendBySdk('b', stop.signal), sendByHttp('http', stop.signal)];
      const before = await tools.subscriptions.get('pushing');
      await deploy({ version: '1', batchSize: '20' });
      stop.abort();
      await Promise.all(traffic);
      const after = await tools.subscriptions.get('pushing');
      expect([before.options.batchSize, after.options.batchSize]).toEqual([50, 20]);
      const records = await readAll('orders');
      for (const one of records) history.push({ kind: 'read', client: 'final', highWatermark: null, ...one });
      const verdict = checkLogHistory(history, 'final');
      expect(verdict).toMatchObject({ problems: [], refused: 0, uncertain: 0, records: records.length });
      expect(verdict.acked).toBeGreaterThan(100);
      expect(history.some(({ kind, client }) => kind === 'acked' && client === 'http')).toBe(true);
      for (const by of ['pushed', 'pulled'] as const) {
        await vi.waitFor(async () => {
          const places = new Set((await seenBy(by)).map(({ partition, offset }) => `${partition}/${offset}`));
          expect(places.size).toBe(records.length);
        }, LONG);
        const seen = await seenBy(by);
        expect(outOfOrder(seen)).toEqual([]);
        const values = new Map(records.map(({ partition, offset, value }) => [`${partition}/${offset}`, value]));
        expect(seen.filter((one) => values.get(`${one.partition}/${one.offset}`) !== one.value)).toEqual([]);
        // Nobody has failed and no lease was lost, so hardly a record came twice.
        expect(seen.length).toBeLessThan(records.length * 1.2);
      }
    }, 300_000);

    it('has read byte ranges only, no more than there were batches', async () => {
      const { subscriptions } = tools;
      await vi.waitFor(async () => expect((await subscriptions.describe('pulling')).lag.records).toBe(0n), LONG);
      const records = (await readAll('orders')).length;
      expect(proxy.gets.whole).toBe(0);
      expect(proxy.gets.ranged).toBeGreaterThan(0);
      expect(proxy.gets.ranged).toBeLessThan(records);
    }, 100_000);

    it('tries again what failed, keeps it in the end, and gives it once more when the function is mended', async () => {
      await millrace.producer().send({ topic: 'orders', partition: 0, value: 'poison 1' });
      await vi.waitFor(async () => {
        for (const name of ['pushing', 'pulling']) {
          const [letter, ...more] = await tools.deadLetters.list(name, { limit: 10 });
          expect([letter?.error, more]).toEqual([expect.stringContaining('poison'), []]);
        }
      }, LONG);
      await deploy({ version: '2', batchSize: '20' });
      for (const name of ['pushing', 'pulling']) await tools.deadLetters.redrive(name);
      await vi.waitFor(async () => {
        for (const by of ['pushed', 'pulled'] as const) {
          const poisoned = (await seenBy(by)).filter(({ value }) => value.startsWith('poison'));
          expect(poisoned).toMatchObject([{ version: '2', value: 'poison 1' }]);
        }
      }, LONG);
    }, 300_000);

    it('gives records that enter it later, and gives records again', async () => {
      const { id } = await millrace.producer().send({ topic: 'orders', partition: 1, value: 'late', delay: '4s' });
      expect(id).toMatch(/./);
      const late = async () => (await seenBy('pushed')).filter(({ value }) => value === 'late');
      await vi.waitFor(async () => expect(await late()).toHaveLength(1), LONG);
      const [{ offset }] = (await late()) as [Seen];
      await tools.subscriptions.seek('pushing', { to: { offset: BigInt(offset) }, partitions: [1] });
      await vi.waitFor(async () => expect(await late()).toHaveLength(2), LONG);
    }, 200_000);

    it('goes when its stacks do', async () => {
      await cdk.destroy();
      await expect(tools.subscriptions.list()).rejects.toMatchObject({ code: 'STORE_MISSING' });
    }, 200_000);
  });
}
