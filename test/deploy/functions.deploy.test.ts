/** The deployed functions, called by what calls them on AWS: a stream, schedules, CloudFormation, and each other. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connect } from '../../lib/connect/connect.ts';
import { recordsOfRange, type ToldRange } from '../../lib/http/records-of-range.ts';
import { jobNames } from '../../lib/maintenance/run-maintenance.ts';
import type { LogRecord } from '../../lib/record/record.ts';
import { ROOT } from '../aws/server-process.ts';
import { askFunctionUrl } from './function-url-request.ts';
import { deployFunctions, type FunctionsStage } from './functions-stage.ts';

let stage: FunctionsStage;
beforeAll(async () => {
  stage = await deployFunctions();
}, 120_000);
afterAll(() => stage?.stop());

const LONG = { timeout: 60_000, interval: 250 };

/** Writes what it is given to the topic `seen`, as an ordinary client, and cannot stand poison. */
const NOTE = `
import { connect } from ${JSON.stringify(`${ROOT}lib/index.ts`)};
import { pullHandler } from ${JSON.stringify(`${ROOT}lib/middleware/index.ts`)};
const opened = connect(process.env.MILLRACE_STORE).then((millrace) => millrace.producer());
const note = async (by, values) => {
  if (values.includes('poison')) throw new TypeError('poison');
  const producer = await opened;
  await producer.sendAll(values.map((value) => ({ topic: 'seen', value: by + ' ' + value })));
};
export const pushed = (event) =>
  note('pushed', Object.values(event.records).flat().map(({ value }) => Buffer.from(value, 'base64').toString()));
export const pulled = pullHandler(({ records }) => note('pulled', records.map((record) => record.text())));
`;

async function bundle(handler: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: `${NOTE}\nexport { ${handler} as handler };`, resolveDir: ROOT },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
    logLevel: 'error',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return outputFiles[0]!.text;
}

/** Of the topic `seen`, in the order of its records. */
async function seen(by: string): Promise<readonly string[]> {
  const reader = stage.tools.millrace.reader({ stopAtEnd: true });
  await reader.assign([{ topic: 'seen' }]);
  const values: string[] = [];
  for await (const record of reader) values.push(record.text() ?? '');
  await reader.close();
  return values.filter((value) => value.startsWith(`${by} `)).map((value) => value.slice(by.length + 1));
}

async function call(name: string, payload: object): Promise<unknown> {
  const command = new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(payload) });
  const { FunctionError, Payload } = await stage.lambda.send(command);
  const text = Buffer.from(Payload ?? []).toString();
  if (FunctionError !== undefined) throw new TypeError(text);
  return text === '' ? undefined : JSON.parse(text);
}

interface AnsweredRange extends ToldRange {
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly base64?: string;
}

async function bytesOf({ url, headers, base64 }: AnsweredRange): Promise<Uint8Array> {
  if (url === undefined) return Buffer.from(base64!, 'base64');
  const answer = await fetch(url, { headers: headers! });
  expect(answer.status).toBe(206);
  return answer.bytes();
}

const askUrl = (method: string, path: string, headers = {}, body = '') =>
  askFunctionUrl({ endpoint: stage.endpoint, url: stage.url, method, path, headers, body });

describe('deployed functions', () => {
  beforeAll(async () => {
    await stage.tools.millrace.topics.createTopic({ name: 'seen' });
  });

  it('push what is committed, try again what failed, and give it up in the end', async () => {
    const { tools } = stage;
    await tools.millrace.topics.createTopic({ name: 'orders', partitionCount: 2 });
    const target = await stage.deploy('pushed', await bundle('pushed'));
    const options = { retryAttempts: 0, retryDelaysMs: [2_000] };
    await tools.subscriptions.create({ name: 'pushing', topic: 'orders', target, options });
    const producer = tools.millrace.producer();
    const values = Array.from({ length: 20 }, (_, index) => `order ${index}`);
    for (const value of values) await producer.send({ topic: 'orders', key: value, value });
    await producer.send({ topic: 'orders', key: 'bad', value: 'poison' });
    await vi.waitFor(async () => {
      expect((await seen('pushed')).toSorted()).toEqual(values.toSorted());
      const letters = await tools.deadLetters.list('pushing', { limit: 10 });
      expect(letters.map(({ error }) => error)).toEqual([expect.stringContaining('TypeError: poison')]);
    }, LONG);
    // It is as bad as before: sent back, it comes again.
    await tools.deadLetters.redrive('pushing');
    await vi.waitFor(async () => {
      const [letter, ...more] = await tools.deadLetters.list('pushing', { limit: 10 });
      expect(more).toEqual([]);
      expect(letter!.record.offset).toBe(1n);
    }, LONG);
  }, 150_000);

  it('are called with a pointer where they pull', async () => {
    const { tools } = stage;
    await tools.millrace.topics.createTopic({ name: 'large' });
    const target = await stage.deploy('pulled', await bundle('pulled'));
    await tools.subscriptions.create({ name: 'pulling', topic: 'large', target, options: { mode: 'pull' } });
    const producer = tools.millrace.producer();
    const values = Array.from({ length: 10 }, (_, index) => `${index}`.repeat(5_000));
    await producer.sendAll(values.map((value) => ({ topic: 'large', value })));
    await vi.waitFor(async () => expect(await seen('pulled')).toEqual(values), LONG);
    await vi.waitFor(async () => expect((await tools.subscriptions.describe('pulling')).lag.records).toBe(0n), LONG);
  }, 100_000);

  it('take records over HTTP, and give them', async () => {
    await stage.tools.millrace.topics.createTopic({ name: 'over-http' });
    const body = JSON.stringify({ records: [{ key: 'k', value: 'a' }, { value: 'b' }] });
    const headers = { 'content-type': 'application/json' };
    const produced = await askUrl('POST', '/topics/over-http/records', headers, body);
    expect(produced).toMatchObject({ status: 200, json: { results: [{ offset: 0 }, { offset: 1 }] } });
    const read = await askUrl('GET', '/topics/over-http/partitions/0/records?offset=beginning');
    expect(read).toMatchObject({ status: 200, json: { records: [{ key: 'k', value: 'a' }, { value: 'b' }] } });
    expect(await askUrl('POST', '/topics/nowhere/records', headers, body)).toMatchObject({ status: 404 });
    expect(await askUrl('POST', '/topics/over-http/records', headers, '{')).toMatchObject({ status: 400 });
  }, 60_000);

  it('give more than an answer can hold by links to ranges of the store', async () => {
    const { tools } = stage;
    await tools.millrace.topics.createTopic({ name: 'by-ranges', config: { 'max.message.bytes': '8000000' } });
    const values = ['first', 'x'.repeat(7_500_000), 'last'];
    const producer = tools.millrace.producer();
    for (const value of values) await producer.send({ topic: 'by-ranges', value, partition: 0 });
    const path = '/topics/by-ranges/partitions/0';
    expect(await askUrl('GET', `${path}/records?offset=1`)).toMatchObject({ status: 413 });
    const { status, json } = await askUrl('GET', `${path}/ranges?offset=beginning`);
    expect(status).toBe(200);
    const { ranges, nextOffset } = json as { ranges: readonly AnsweredRange[]; nextOffset: number };
    expect(nextOffset).toBe(3);
    const records: LogRecord[] = [];
    for (const range of ranges) records.push(...recordsOfRange(range, await bytesOf(range)));
    expect(records.map(({ value }) => Buffer.from(value!).toString())).toEqual(values);
  }, 60_000);

  it('release delayed records, by the second', async () => {
    const { tools, store } = stage;
    await tools.millrace.topics.createTopic({ name: 'later' });
    const client = await connect(store);
    const producer = client.producer();
    await producer.send({ topic: 'later', value: 'soon', delay: '3s' });
    const reader = client.reader();
    await reader.assign([{ topic: 'later' }]);
    const sentMs = Date.now();
    for await (const record of reader) {
      expect(record.text()).toBe('soon');
      expect(Date.now() - sentMs).toBeGreaterThan(2_500);
      break;
    }
    await client.close();
  }, 60_000);

  it('find by their sweep whom nobody has woken', async () => {
    const { tools } = stage;
    expect(await call('millrace-router', { sweep: true })).toMatchObject({ woken: 0 });
    // Its lease was forgotten, and nobody rang.
    const { topicId, group } = await tools.subscriptions.get('pulling');
    const [lease] = await tools.store.leases.readMany([{ group, partition: { topicId, partition: 0 } }]);
    await tools.store.leases.seek(
      group,
      { topicId, partition: 0 },
      {
        topic: 'large',
        owner: 'a test',
        seen: lease!.generation,
        committed: 9n,
        atMs: Date.now(),
      },
    );
    expect(await call('millrace-router', { sweep: true })).toMatchObject({ woken: 1 });
    await vi.waitFor(async () => expect((await seen('pulled')).length).toBe(11), LONG);
  }, 100_000);

  it('maintain the log', async () => {
    expect(await call('millrace-maintenance', {})).toEqual(jobNames.map((job) => ({ job, outcome: 'done' })));
  }, 60_000);

  it('keep what stacks say', async () => {
    const answers: string[] = [];
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const part of request) body += part;
      answers.push(`${request.method} ${body}`);
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const ResponseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/answer`;
    const ResourceProperties = { Name: 'of-a-stack', PartitionCount: '3' };
    const ids = { StackId: 's', RequestId: 'r', LogicalResourceId: 'l', ResponseURL };
    const request = { RequestType: 'Create', ResourceType: 'Custom::MillraceTopic', ResourceProperties, ...ids };
    await call('millrace-provider', request);
    server.close();
    const topic = await stage.tools.millrace.topics.getTopic('of-a-stack');
    expect(topic.readyPartitionCount).toBe(3);
    expect(answers).toHaveLength(1);
    expect(JSON.parse(answers[0]!.slice('PUT '.length))).toMatchObject({
      Status: 'SUCCESS',
      PhysicalResourceId: `topic:of-a-stack:${topic.topicId}`,
    });
  }, 60_000);
});
