/** The example stacks, deployed as their readers would, and used as they are meant. */
import { GetFunctionConfigurationCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type EventSourceTools, openEventSourceTools } from '../../lib/connect/event-source-tools.ts';
import type { Server } from '../aws/server-process.ts';
import { Cdk, type StackOutputs } from './cdk.ts';
import { askFunctionUrl } from './function-url-request.ts';
import { startDeployEmulator } from './ministack.ts';

const LONG = { timeout: 60_000, interval: 500 };

let server: Server;
let cdk: Cdk;
let lambda: LambdaClient;
let outputs: StackOutputs;
let tools: EventSourceTools;

beforeAll(async () => {
  server = await startDeployEmulator();
  process.env.AWS_ENDPOINT_URL = server.endpoint;
  cdk = new Cdk(server.endpoint, 'examples/stacks/app.ts');
  await cdk.bootstrap();
  outputs = await cdk.deploy();
  lambda = new LambdaClient({ endpoint: server.endpoint });
  const { Environment } = await lambda.send(
    new GetFunctionConfigurationCommand({ FunctionName: outputs.MillraceOrders!.ShopFunction }),
  );
  tools = await openEventSourceTools(Environment!.Variables!.MILLRACE_STORE!);
}, 400_000);
afterAll(async () => {
  await tools?.close();
  lambda?.destroy();
  cdk?.close();
  await server?.stop();
});

const isDone = (name: string) =>
  vi.waitFor(async () => expect((await tools.subscriptions.describe(name)).lag.records).toBe(0n), LONG);

describe('the example stacks', () => {
  it('bill orders, and try again later what cannot be billed', async () => {
    const orders = [
      { id: 1, customer: 'ada', total: 5 },
      { id: 2, customer: 'bob', total: -1 },
      { id: 3, customer: 'ada', total: 7 },
    ];
    const shop = new InvokeCommand({
      FunctionName: outputs.MillraceOrders!.ShopFunction,
      Payload: JSON.stringify({ orders }),
    });
    const { Payload, FunctionError } = await lambda.send(shop);
    expect([FunctionError, JSON.parse(Buffer.from(Payload!).toString())]).toEqual([undefined, { taken: 3 }]);
    await isDone('billing');
    // Ten seconds later it is as bad, and goes on to wait for a minute.
    await vi.waitFor(async () => {
      const { retries } = await tools.subscriptions.describe('billing');
      expect(retries.map(({ topic }) => topic)).toContain('billing.retry-2');
      const { partitions } = await tools.millrace.topics.describeTopic('billing.retry-2');
      expect(partitions.reduce((records, { highWatermark }) => records + highWatermark, 0n)).toBe(1n);
    }, LONG);
  }, 150_000);

  it("call a function that was written for Kafka's event source", async () => {
    const producer = tools.millrace.producer();
    const delivery = JSON.stringify({ repository: { full_name: 'a/b' } });
    for (let n = 0; n < 5; n++) await producer.send({ topic: 'stars', key: `${n}`, value: delivery });
    await isDone('thanks');
    // The first is too much for it, until it is sent back.
    await vi.waitFor(
      async () => expect((await tools.deadLetters.list('thanks', { limit: 10 })).length).toBeGreaterThan(0),
      LONG,
    );
    await tools.deadLetters.redrive('thanks');
    await vi.waitFor(async () => expect(await tools.deadLetters.list('thanks', { limit: 10 })).toEqual([]), LONG);
  }, 150_000);

  it('take a peak over HTTP, and hand it on no faster than a ledger bears', async () => {
    const records = Array.from({ length: 30 }, (_, entry) => ({ value: { entry } }));
    const beganMs = Date.now();
    const request = {
      endpoint: server.endpoint,
      url: outputs.MillraceLedger!.Url!,
      method: 'POST',
      path: '/topics/entries/records',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ records }),
    };
    expect(await askFunctionUrl(request)).toMatchObject({ status: 403 });
    expect(await askFunctionUrl({ ...request, isSigned: true })).toMatchObject({ status: 200 });
    await isDone('ledger');
    // At five a second, after the first second's worth.
    expect(Date.now() - beganMs).toBeGreaterThan(4_000);
    expect(await tools.deadLetters.list('ledger', { limit: 10 })).toEqual([]);
  }, 150_000);
});
