/** Lambda's Invoke API on this machine, through the SDK. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InvokeCommand, type InvokeCommandInput, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../lib/clock.ts';
import { type DevServer, startDevServer } from '../../lib/dev/dev-server.ts';

const file = fileURLToPath(new URL('../lambda-host/functions/all-kinds.ts', import.meta.url));

let directory: string;
let dev: DevServer;
let lambda: LambdaClient;
let news: { readonly kind: string; readonly line?: string; readonly error?: string }[];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-invoke-'));
  dev = await startDevServer({
    directory,
    httpPort: 0,
    config: {
      topics: [],
      functions: [
        { name: 'f', file, timeoutMs: 10_000, memoryMb: 512 },
        { name: 'never', file, reservedConcurrency: 0 },
      ],
      subscriptions: [],
    },
    onNews: (one) => void news.push(one),
  });
  lambda = new LambdaClient({
    endpoint: dev.address,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    maxAttempts: 1,
  });
});
afterAll(async () => {
  lambda.destroy();
  await dev.close();
  rmSync(directory, { recursive: true });
});
beforeEach(() => {
  news = [];
});

const invoke = (event: unknown, more: Partial<InvokeCommandInput> = {}) =>
  lambda.send(new InvokeCommand({ FunctionName: 'f', Payload: JSON.stringify(event), ...more }));
const text = (payload: Uint8Array | undefined) => Buffer.from(payload ?? []).toString();

describe('a call through the Invoke API', () => {
  it.each([['f'], ['f:live'], ['000000000000:function:f'], ['arn:aws:lambda:us-east-1:000000000000:function:f']])(
    'returns what the handler returns: %s',
    async (FunctionName) => {
      const answer = await invoke({ do: 'return', value: { ü: 1 } }, { FunctionName });
      expect(answer).toMatchObject({ StatusCode: 200, ExecutedVersion: '$LATEST' });
      expect(answer.FunctionError).toBeUndefined();
      expect(text(answer.Payload)).toBe('{"ü":1}');
      expect(text((await invoke({ do: 'nothing' })).Payload)).toBe('null');
    },
  );

  it('tells what was thrown', async () => {
    const answer = await invoke({ do: 'throw' });
    expect(answer).toMatchObject({ StatusCode: 200, FunctionError: 'Unhandled' });
    expect(JSON.parse(text(answer.Payload))).toMatchObject({
      errorType: 'RangeError',
      errorMessage: 'out of range',
      trace: expect.arrayContaining([expect.stringContaining('all-kinds.ts')]),
    });
  });

  it('tells the end of the log when it is asked for', async () => {
    const { LogResult } = await invoke({ do: 'log' }, { LogType: 'Tail' });
    const lines = Buffer.from(LogResult!, 'base64').toString().trim().split('\n');
    expect(lines.sort()).toEqual(['a line', 'another line']);
    expect((await invoke({ do: 'log' })).LogResult).toBeUndefined();
  });

  it('may be asynchronous', async () => {
    expect(await invoke({ do: 'log' }, { InvocationType: 'Event' })).toMatchObject({ StatusCode: 202 });
    for (let turn = 0; turn < 500 && !news.some(({ line }) => line === 'a line'); turn++) await clock.sleep(10);
    expect(news).toContainEqual({ kind: 'log', name: 'f', line: 'a line' });
  });

  it('may be only asked about', async () => {
    expect(await invoke({ do: 'log' }, { InvocationType: 'DryRun' })).toMatchObject({ StatusCode: 204 });
    await clock.sleep(20);
    expect(news).toEqual([]);
  });

  it.each([
    ['ResourceNotFoundException', 404, {}, { FunctionName: 'g' }],
    ['ResourceNotFoundException', 404, {}, { FunctionName: 'g', InvocationType: 'Event' }],
    ['TooManyRequestsException', 429, {}, { FunctionName: 'never' }],
    ['InvalidRequestContentException', 400, {}, { Payload: '{' }],
    ['InvalidParameterValueException', 400, {}, { InvocationType: 'Now' }],
    ['RequestTooLargeException', 413, 'x'.repeat(1_100_000), { InvocationType: 'Event' }],
    ['RequestTooLargeException', 413, 'x'.repeat(6_300_000), {}],
  ] as const)('is refused as Lambda refuses it: %s', async (name, status, event, more) => {
    const error = await invoke(event, more as Partial<InvokeCommandInput>).catch((cause) => cause);
    expect(error).toMatchObject({ name, $metadata: { httpStatusCode: status } });
    if (name === 'ResourceNotFoundException') expect(error.message).toContain('there are: f, never');
  });

  it.each([
    [{}, 415],
    [{ 'content-type': 'text/plain' }, 415],
    [{ 'content-type': 'application/x-www-form-urlencoded' }, 415],
    [{ 'content-type': 'application/json' }, 200],
  ])('is not made for a page of another site: %j', async (headers, status) => {
    const url = `${dev.address}/2015-03-31/functions/f/invocations`;
    const body = new Blob(['{"do":"return","value":1}']);
    const response = await fetch(url, { method: 'POST', headers: headers as Record<string, string>, body });
    expect(response.status).toBe(status);
  });
});
