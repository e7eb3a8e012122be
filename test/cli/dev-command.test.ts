import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BILLING_FUNCTION } from './billing-function.ts';
import { type CliStage, cliStage, type Ended } from './cli-stage.ts';

let stage: CliStage;
let stop: AbortController;
let running: Promise<Ended>;
let output: string;
let address: string;

beforeEach(async () => {
  stage = await cliStage();
  stop = new AbortController();
  output = '';
  mkdirSync(join(stage.directory, 'functions'));
  writeFileSync(join(stage.directory, 'functions/bill.mjs'), BILLING_FUNCTION);
  const config = {
    topics: { orders: { partitions: 2 } },
    functions: { bill: { file: 'functions/bill.mjs', timeout: '10s' } },
    subscriptions: { billing: { topic: 'orders', function: 'bill', retryAttempts: 0 } },
  };
  writeFileSync(join(stage.directory, 'millrace.json'), JSON.stringify(config));
  start();
  await until(() => output.includes('functions'));
  address = /http:\/\/127\.0\.0\.1:\d+/.exec(output)![0];
});
afterEach(async () => {
  stop.abort('SIGINT');
  expect(await running).toMatchObject({ status: 0, complaint: '' });
});

function start(): void {
  const data = join(stage.directory, 'store');
  const args = ['dev', '--http-port', '0', '--data', data, '--config', join(stage.directory, 'millrace.json')];
  const onOutput = (chunk: Buffer) => {
    output += chunk.toString();
    return undefined;
  };
  running = stage.run(args, { interrupts: stop.signal, onOutput });
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 500 && !(await isSo()); turn++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await isSo()).toBe(true);
}

// biome-ignore lint/suspicious/noExplicitAny: whatever comes is compared
async function ask(path: string, body?: object): Promise<any> {
  const options = body && {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
  const response = await fetch(`${address}/api/${path}`, options);
  return response.json();
}

/** A request with a host of its own, which `fetch` does not allow. */
function statusOf(host: string, method = 'GET', headers = {}): Promise<number> {
  const { port } = new URL(address);
  return new Promise((resolve, reject) => {
    const path = '/api/topics';
    request({ port, host: '127.0.0.1', path, method, headers: { host, ...headers } }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    })
      .on('error', reject)
      .end();
  });
}

describe('millrace dev', () => {
  it('calls functions for what is produced, and shows what happens', async () => {
    await stage.ok(['produce', 'orders', '-p', '0'], { stdin: 'one\ntwo\n' });
    await until(() => output.includes('billed two'));
    await until(() => /billing-0: \d records? in \d+ ms/.test(output));
    const { topics, groups, subscriptions, functions } = await ask('overview');
    expect(topics).toMatchObject([{ name: 'billing.dlq' }, { name: 'orders', partitions: [{ highWatermark: 2 }, {}] }]);
    expect(groups).toMatchObject([{ name: 'billing', kind: 'subscription' }]);
    await until(async () => (await ask('overview')).subscriptions[0].partitions[0].committed === 2);
    expect(subscriptions).toMatchObject([{ group: 'billing', target: 'bill', dead: 0 }]);
    expect(functions).toEqual(['bill']);
  });

  it('shows, sends back and discards dead letters', async () => {
    await ask('topics/orders/records', { partition: 1, key: 'ada', value: 'bad one' });
    await ask('topics/orders/records', { partition: 1, key: 'ada', value: 'bad two' });
    const letters = () => ask('subscriptions/billing/dead-letters');
    await until(async () => (await letters()).length === 2);
    expect((await letters())[0]).toMatchObject({
      origin: { topic: 'orders', partition: 1, offset: 0 },
      value: 'bad one',
      key: 'ada',
      error: 'RangeError: cannot bill bad one',
    });
    expect(await ask('subscriptions/billing/discard', { partition: 0, offset: 0 })).toEqual({ done: 1, exhausted: 0 });
    writeFileSync(join(stage.directory, 'functions/bill.mjs'), BILLING_FUNCTION.replace('bad', 'worse'));
    await until(() => output.includes('bill: reloaded'));
    expect(await ask('subscriptions/billing/redrive', {})).toEqual({ done: 1, exhausted: 0 });
    await until(() => output.includes('billed bad two'));
    expect(await letters()).toEqual([]);
  });

  it('pauses and resumes', async () => {
    expect(await ask('subscriptions/billing/pause', {})).toMatchObject({ options: { enabled: false } });
    await stage.ok(['produce', 'orders', '-p', '0'], { stdin: 'later\n' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(output).not.toContain('billed later');
    await ask('subscriptions/billing/resume', {});
    await until(() => output.includes('billed later'));
  });

  it('shows records, and makes topics', async () => {
    expect(await ask('topics', { name: 'more', partitions: 2 })).toMatchObject({ name: 'more', partitionCount: 2 });
    await ask('topics/more/records', { partition: 1, value: { a: 1 }, headers: { h: 'x' } });
    await ask('topics/more/records', { partition: 1, value: 'text' });
    expect(await ask('topics/more/records?limit=1')).toMatchObject([
      { partition: 1, offset: 1, value: 'text', key: null },
    ]);
    expect(await ask('topics/more/records?partition=1&offset=0')).toHaveLength(2);
    expect(await ask('topics/nothing/records')).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' });
    expect(await ask('nothing')).toMatchObject({ message: 'there is no such thing' });
  });

  it('serves its page, and no page of anybody else', async () => {
    for (const [path, text] of [
      ['/', '<title>Millrace</title>'],
      ['/page.js', 'overview'],
      ['/page.css', ':root'],
    ] as const) {
      const response = await fetch(`${address}${path}`);
      expect(response.headers.get('content-security-policy')).toContain("default-src 'self'");
      expect(await response.text()).toContain(text);
    }
    expect(await statusOf('evil.example')).toBe(403);
    expect(await statusOf('localhost', 'POST', { 'content-type': 'text/plain' })).toBe(400);
    expect((await fetch(`${address}/nothing`)).status).toBe(404);
  });

  it('tells who listens what happens, and what has just happened', async () => {
    await stage.ok(['produce', 'orders', '-p', '0'], { stdin: 'one\n' });
    await until(() => output.includes('billed one'));
    const controller = new AbortController();
    const response = await fetch(`${address}/api/news`, { signal: controller.signal });
    let heard = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body!) {
      heard += decoder.decode(chunk as Uint8Array, { stream: true });
      if (heard.includes('"line":"billed one"')) break;
    }
    controller.abort();
    expect(heard).toContain('"kind":"cold-start"');
  });

  it('goes on where it was when it is started again', async () => {
    stop.abort('SIGINT');
    await running;
    await stage.ok(['produce', 'orders', '-p', '0'], { stdin: 'meanwhile\n' });
    stop = new AbortController();
    output = '';
    start();
    await until(() => output.includes('billed meanwhile'));
  });
});

describe('its configuration', () => {
  it.each([
    ['{', 'is no JSON'],
    ['{"topic":{}}', 'topics'],
    ['{"functions":{"f":{"file":"x","timeout":"5"}}}', 'is no duration'],
    ['{"functions":{"f":{"file":"x","memoryMb":1}}}', 'memoryMb'],
    ['{"subscriptions":{"s":{"topic":"nothing","function":"f"}}}', 'there is no topic nothing'],
  ])('is refused: %s', async (text, message) => {
    writeFileSync(join(stage.directory, 'other.json'), text);
    const data = join(stage.directory, 'other');
    const failure = await stage.run([
      'dev',
      '--http-port',
      '0',
      '--data',
      data,
      '--config',
      join(stage.directory, 'other.json'),
    ]);
    expect(failure.status).not.toBe(0);
    expect(failure.complaint).toContain(message);
  });
});
