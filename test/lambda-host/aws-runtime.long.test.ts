/** The host of functions under AWS's own runtime client, in the place of ours: what it serves is Lambda's Runtime API. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { connect } from '../../lib/index.ts';
import type { FunctionConfig } from '../../lib/lambda-host/function-config.ts';
import { LambdaHost } from '../../lib/lambda-host/lambda-host.ts';
import { ROOT } from '../aws/server-process.ts';
import { awsRuntimeClient, INSTALL_MS } from './aws-runtime-client.ts';

let bootstrap: readonly string[];
let folder: string;
let host: LambdaHost;
let lines: string[];

beforeAll(() => {
  bootstrap = awsRuntimeClient();
  // Where the SDK is found, as Lambda's own is.
  folder = mkdtempSync(`${ROOT}.cache/aws-runtime-`);
  // It loads JavaScript only.
  for (const name of ['all-kinds', 'cannot-begin']) {
    const source = readFileSync(fileURLToPath(new URL(`functions/${name}.ts`, import.meta.url)), 'utf8');
    writeFileSync(join(folder, `${name}.mjs`), stripTypeScriptTypes(source));
  }
}, 2 * INSTALL_MS);
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  lines = [];
  const onNews = (news: { readonly kind: string; readonly line?: string }) => {
    if (news.kind === 'log') lines.push(news.line!);
  };
  host = new LambdaHost({ clock, random, bootstrap, onNews });
});
afterEach(() => host.close());

const add = (changes: Partial<FunctionConfig> = {}) =>
  host.add({ name: 'f', file: join(folder, 'all-kinds.mjs'), timeoutMs: 5_000, ...changes });
const call = (event: unknown) => host.invoke('f', JSON.stringify(event));
const returned = async (event: unknown) => {
  const answer = await call(event);
  return answer.kind === 'returned' && answer.payload !== '' ? JSON.parse(answer.payload) : answer;
};

describe("a function under AWS's runtime client", () => {
  it('returns what its handler returns', async () => {
    add();
    expect(await returned({ do: 'return', value: { ü: [1, null] } })).toEqual({ ü: [1, null] });
    expect(await call({ do: 'nothing' })).toMatchObject({ kind: 'returned' });
  });

  it('keeps its process for the next call, frozen between the two', async () => {
    add({ freeze: true });
    const first = await returned({ do: 'count' });
    expect(first).toMatchObject({ calls: 1 });
    await clock.sleep(50);
    expect(await returned({ do: 'count' })).toEqual({ calls: 2, pid: first.pid });
  });

  it('knows what Lambda tells a function', async () => {
    add({ memoryMb: 256, environment: { OWN: 'yes' } });
    const { leftMs, ...rest } = await returned({ do: 'context' });
    expect(rest).toEqual({ functionName: 'f', memory: '256', hasId: true, handler: 'all-kinds.handler', own: 'yes' });
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(5_000);
  });

  it('tells what was thrown, and goes on', async () => {
    add();
    const answer = await call({ do: 'throw' });
    expect(answer).toMatchObject({ kind: 'failed', errorType: 'RangeError', errorMessage: 'out of range' });
    expect(answer.kind === 'failed' && answer.stack).toContain('all-kinds.mjs');
    expect(await call({ do: 'throw-text' })).toMatchObject({ kind: 'failed', errorMessage: 'only text' });
    expect(await returned({ do: 'count' })).toMatchObject({ calls: 3 });
  });

  it('is ended when it takes too long', async () => {
    add({ timeoutMs: 2_000 });
    expect(await call({ do: 'spin' })).toMatchObject({ errorType: 'Sandbox.Timedout' });
    expect(await call({ do: 'sleep', ms: 60_000 })).toMatchObject({ errorType: 'Sandbox.Timedout' });
    expect(await returned({ do: 'count' })).toMatchObject({ calls: 1 });
  });

  it('tells that its process ended', async () => {
    add();
    expect(await call({ do: 'exit' })).toMatchObject({
      errorType: 'Runtime.ExitError',
      errorMessage: 'Runtime exited with error: exit status 7',
    });
    expect(await returned({ do: 'count' })).toMatchObject({ calls: 1 });
  });

  it('may answer no more than 6 MB, and is given up to 6 MB', async () => {
    add({ memoryMb: 512 });
    expect(await call({ do: 'large' })).toMatchObject({ errorType: 'Function.ResponseSizeTooLarge' });
    const value = 'x'.repeat(5_900_000);
    expect((await returned({ do: 'return', value })).length).toBe(value.length);
  });

  it('is ended when it takes too much memory', async () => {
    add({ timeoutMs: 10_000 });
    expect(await call({ do: 'eat', megabytes: 200 })).toMatchObject({ errorType: 'Runtime.OutOfMemory' });
  });

  it('runs as many at once as it may', async () => {
    add({ reservedConcurrency: 2 });
    const [one, other, third] = await Promise.all([1, 2, 3].map(() => returned({ do: 'sleep', ms: 300 })));
    expect(one.pid).not.toBe(other.pid);
    expect(third).toEqual({ kind: 'throttled' });
  });

  it('may be a bundle with the middleware in it', async () => {
    const file = join(folder, 'split-deliveries.mjs');
    const entry = fileURLToPath(new URL('../../examples/functions/split-deliveries.ts', import.meta.url));
    await build({
      entryPoints: [entry],
      outfile: file,
      bundle: true,
      platform: 'node',
      format: 'esm',
      external: ['@aws-sdk/*'],
    });
    const MILLRACE_STORE = `file:${join(folder, 'log')}`;
    const millrace = await connect(MILLRACE_STORE);
    await millrace.topics.createTopic({ name: 'deliveries' });
    add({ file, memoryMb: 512, environment: { MILLRACE_STORE } });
    const deliveries = [{ event: 'star', repository: 'r' }];
    expect(await returned({ deliveries })).toEqual({ taken: 1 });
    expect(await returned({ deliveries })).toEqual({ taken: 1 });
    const { partitions } = await millrace.topics.describeTopic('deliveries');
    expect(partitions[0]!.highWatermark).toBe(2n);
    await millrace.close();
  });

  it('has its lines in the log', async () => {
    add();
    await call({ do: 'log' });
    for (let turn = 0; turn < 500 && lines.length < 2; turn++) await clock.sleep(10);
    expect(lines.join('\n')).toMatch(/a line[\s\S]*another line|another line[\s\S]*a line/);
  });

  it.each([
    ['a module that throws', 'cannot-begin', 'handler', 'cannot begin'],
    ['an export that is not there', 'all-kinds', 'nothing', 'nothing'],
    ['an export that is no function', 'all-kinds', 'notAFunction', 'notAFunction'],
  ])('cannot begin: %s', async (_, name, handler, text) => {
    add({ file: join(folder, `${name}.mjs`), handler });
    const answer = await call({});
    expect(answer.kind).toBe('failed');
    expect(JSON.stringify(answer)).toContain(text);
  });
});
