/** The functions of the examples, in processes of their own, as `millrace dev` runs them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { connect, type Millrace } from '../../lib/index.ts';
import { LambdaHost } from '../../lib/lambda-host/lambda-host.ts';

const fileOf = (name: string) => fileURLToPath(new URL(`../../examples/functions/${name}.ts`, import.meta.url));

let directory: string;
let millrace: Millrace;
let host: LambdaHost;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-functions-'));
  millrace = await connect(`file:${directory}`);
  host = new LambdaHost({ clock, random });
});
afterEach(async () => {
  await host.close();
  await millrace.close();
  await rm(directory, { recursive: true });
});

const add = (name: string) =>
  host.add({
    name,
    file: fileOf(name),
    timeoutMs: 20_000,
    memoryMb: 512,
    environment: { MILLRACE_STORE: `file:${directory}` },
  });

describe('split-deliveries', () => {
  it('has its records in the log when it answers', async () => {
    await millrace.topics.createTopic({ name: 'deliveries', partitionCount: 4 });
    add('split-deliveries');
    const deliveries = Array.from({ length: 50 }, (_, index) => ({ event: 'star', repository: `r${index}` }));
    const answer = await host.invoke('split-deliveries', JSON.stringify({ deliveries }));
    expect(answer).toEqual({ kind: 'returned', payload: '{"taken":50}' });
    const reader = millrace.reader({ stopAtEnd: true });
    await reader.assign([{ topic: 'deliveries' }]);
    const seen: unknown[] = [];
    for await (const record of reader) seen.push(record.keyText());
    expect(seen.sort()).toEqual(deliveries.map(({ repository }) => repository).sort());
  });

  it('fails by name where the topic is missing', async () => {
    add('split-deliveries');
    const answer = await host.invoke('split-deliveries', '{"deliveries":[{"event":"star","repository":"r"}]}');
    expect(answer).toMatchObject({
      kind: 'failed',
      errorMessage: expect.stringContaining('1 of 1 record was not acknowledged: 1 to deliveries'),
    });
  });
});

describe('take-orders', () => {
  it('puts orders under their customers', async () => {
    await millrace.topics.createTopic({ name: 'orders', partitionCount: 2 });
    add('take-orders');
    const orders = [1, 2, 3].map((id) => ({ id, customer: id < 3 ? 'ada' : 'bob', total: id }));
    const answer = await host.invoke('take-orders', JSON.stringify({ orders }));
    expect(answer).toEqual({ kind: 'returned', payload: '{"taken":3}' });
    const reader = millrace.reader({ stopAtEnd: true });
    await reader.assign([{ topic: 'orders' }]);
    const seen: string[] = [];
    for await (const record of reader) seen.push(`${record.keyText()} ${record.text()}`);
    expect(seen.sort()).toEqual(orders.map((order) => `${order.customer} ${JSON.stringify(order)}`));
  });
});

describe('post-to-ledger', () => {
  it('answers which messages it could not post', async () => {
    add('post-to-ledger');
    const Records = [
      { messageId: 'good', body: '{"amount":1}' },
      { messageId: 'bad', body: 'no JSON' },
    ];
    const answer = await host.invoke('post-to-ledger', JSON.stringify({ Records }));
    expect(answer).toEqual({
      kind: 'returned',
      payload: '{"batchItemFailures":[{"itemIdentifier":"bad"}]}',
    });
  });
});
