import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import type { FunctionConfig } from '../../lib/lambda-host/function-config.ts';
import { type HostNews, LambdaHost, type LambdaHostOptions } from '../../lib/lambda-host/lambda-host.ts';

const FILE = fileURLToPath(new URL('functions/all-kinds.ts', import.meta.url));

let host: LambdaHost;
let news: HostNews[];
const open = (options: Partial<LambdaHostOptions> = {}) => {
  host = new LambdaHost({ clock, random, onNews: (one) => void news.push(one), ...options });
};
beforeEach(() => {
  news = [];
  open();
});
afterEach(() => host.close());

const add = (changes: Partial<FunctionConfig> = {}) => host.add({ name: 'f', file: FILE, ...changes });
const call = (event: unknown, target = 'f') => host.invoke(target, JSON.stringify(event));
const returned = async (event: unknown) => {
  const answer = await call(event);
  return answer.kind === 'returned' && answer.payload !== '' ? JSON.parse(answer.payload) : answer;
};
const kinds = () => news.map(({ kind }) => kind).filter((kind) => kind !== 'log');
const until = async (isSo: () => boolean) => {
  for (let turn = 0; turn < 1_000 && !isSo(); turn++) await clock.sleep(10);
  expect(isSo()).toBe(true);
};

describe('a function on this machine', () => {
  it('returns what its handler returns, as JSON', async () => {
    add();
    expect(await returned({ do: 'return', value: { ü: [1, null] } })).toEqual({ ü: [1, null] });
    expect(await call({ do: 'nothing' })).toEqual({ kind: 'returned', payload: '' });
  });

  it('is called by its ARN too', async () => {
    add();
    const answer = await call({ do: 'return', value: 1 }, 'arn:aws:lambda:eu-west-1:123456789012:function:f:live');
    expect(answer).toEqual({ kind: 'returned', payload: '1' });
  });

  it('keeps its process for the next call', async () => {
    add();
    const first = await returned({ do: 'count' });
    expect(await returned({ do: 'count' })).toEqual({ calls: 2, pid: first.pid });
    expect(kinds()).toEqual(['cold-start']);
  });

  it('has its modules compiled once for all of its processes', async () => {
    add();
    expect(await returned({ do: 'compile-cache' })).toBe(true);
  });

  it('has a process for each call at once', async () => {
    add();
    const [one, other] = await Promise.all([returned({ do: 'sleep', ms: 100 }), returned({ do: 'sleep', ms: 100 })]);
    expect(one.pid).not.toBe(other.pid);
  });

  it('knows what Lambda tells a function', async () => {
    add({ memoryMb: 256, timeoutMs: 5_000, environment: { OWN: 'yes' } });
    const { leftMs, ...rest } = await returned({ do: 'context' });
    expect(rest).toEqual({ functionName: 'f', memory: '256', hasId: true, handler: 'all-kinds.handler', own: 'yes' });
    expect(leftMs).toBeGreaterThan(4_000);
    expect(leftMs).toBeLessThanOrEqual(5_000);
  });

  it('may call back', async () => {
    add({ handler: 'withCallback' });
    expect(await returned({})).toEqual({ back: true });
    expect(await call({ do: 'throw' })).toMatchObject({
      kind: 'failed',
      errorType: 'Error',
      errorMessage: 'called back',
    });
  });

  it('logs line by line', async () => {
    add();
    await call({ do: 'log' });
    await until(() => news.filter(({ kind }) => kind === 'log').length === 2);
    const lines = news.flatMap((one) => (one.kind === 'log' ? [one.line] : []));
    expect(lines.sort()).toEqual(['a line', 'another line']);
  });
});

describe('a call that fails', () => {
  it('tells what was thrown, and the process goes on', async () => {
    add();
    const answer = await call({ do: 'throw' });
    expect(answer).toMatchObject({ kind: 'failed', errorType: 'RangeError', errorMessage: 'out of range' });
    expect(answer.kind === 'failed' && answer.stack).toContain('all-kinds.ts');
    expect(await call({ do: 'throw-text' })).toMatchObject({ errorType: 'string', errorMessage: 'only text' });
    expect(await returned({ do: 'count' })).toMatchObject({ calls: 3 });
  });

  it.each(['sleep', 'spin'])('is ended when it takes too long: %s', async (kind) => {
    add({ timeoutMs: 900 });
    await call({ do: 'count' });
    const answer = await call({ do: kind, ms: 60_000 });
    expect(answer).toMatchObject({ errorType: 'Sandbox.Timedout', errorMessage: 'Task timed out after 0.90 seconds' });
    expect(await returned({ do: 'count' })).toMatchObject({ calls: 1 });
  });

  it('tells that its process ended', async () => {
    add();
    const answer = await call({ do: 'exit' });
    expect(answer).toMatchObject({
      errorType: 'Runtime.ExitError',
      errorMessage: 'Runtime exited with error: exit status 7',
    });
    expect(await returned({ do: 'count' })).toMatchObject({ calls: 1 });
  });

  it.runIf(process.platform === 'linux')('is ended when it takes too much memory', async () => {
    add({ timeoutMs: 10_000 });
    expect(await call({ do: 'eat', megabytes: 200 })).toMatchObject({ errorType: 'Runtime.OutOfMemory' });
  });

  it('may answer no more than 6 MB', async () => {
    add();
    expect(await call({ do: 'large' })).toMatchObject({ errorType: 'Function.ResponseSizeTooLarge' });
    expect(await returned({ do: 'count' })).toMatchObject({ calls: 2 });
  });

  it.each([
    [
      'a module that throws',
      { file: fileURLToPath(new URL('functions/cannot-begin.ts', import.meta.url)) },
      'cannot begin',
    ],
    ['a module that is not there', { file: '/nowhere/handler.ts' }, '/nowhere/handler.ts'],
    ['an export that is not there', { handler: 'nothing' }, 'has no function nothing'],
    ['an export that is no function', { handler: 'notAFunction' }, 'has no function notAFunction'],
  ])('cannot begin: %s', async (_, changes, text) => {
    add(changes);
    const answer = await call({});
    expect(answer.kind).toBe('failed');
    expect(JSON.stringify(answer)).toContain(text);
    expect(kinds()).toEqual(['cold-start', 'init-failed']);
  });

  it('says which functions there are when there is none of a name', async () => {
    add();
    expect(await call({}, 'g')).toEqual({ kind: 'missing', error: 'there is no function g: there are f' });
  });
});

describe('a host', () => {
  it('throttles calls above the concurrency of a function', async () => {
    add({ reservedConcurrency: 1 });
    const slow = call({ do: 'sleep', ms: 200 });
    expect(await call({ do: 'count' })).toEqual({ kind: 'throttled' });
    expect(await slow).toMatchObject({ kind: 'returned' });
    add({ reservedConcurrency: 0 });
    expect(await call({ do: 'count' })).toEqual({ kind: 'throttled' });
  });

  it('makes an asynchronous call again until it succeeds, and gives up in the end', async () => {
    open({ asyncRetriesMs: [20, 40] });
    add();
    expect(host.invokeAsync('f', '{"do":"throw"}')).toBe(true);
    await until(() => kinds().includes('async-given-up'));
    expect(await returned({ do: 'count' })).toMatchObject({ calls: 4 });
    expect(host.invokeAsync('g', '{}')).toBe(false);
  });

  it('waits for an asynchronous call that is throttled', async () => {
    add({ reservedConcurrency: 1 });
    const slow = call({ do: 'sleep', ms: 200 });
    host.invokeAsync('f', '{"do":"log"}');
    await slow;
    await until(() => news.some(({ kind }) => kind === 'log'));
    expect(kinds()).toContain('concurrency-reached');
  });

  it('stops a process between two calls when it is to', async () => {
    add({ freeze: true });
    const first = await returned({ do: 'count' });
    await clock.sleep(50);
    expect(await returned({ do: 'count' })).toEqual({ calls: 2, pid: first.pid });
  });

  it('begins anew when the code changes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-function-'));
    const file = join(folder, 'handler.mjs');
    try {
      writeFileSync(file, 'export const handler = async () => "before";');
      open({ watch: true });
      add({ file });
      expect(await returned({})).toBe('before');
      writeFileSync(file, 'export const handler = async () => "after";');
      await until(() => kinds().includes('reloaded'));
      expect(await returned({})).toBe('after');
    } finally {
      await host.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('ends what runs when it is closed', async () => {
    add({ timeoutMs: 60_000 });
    const running = call({ do: 'sleep', ms: 60_000 });
    await until(() => kinds().includes('cold-start'));
    await clock.sleep(300);
    await host.close();
    expect(await running).toMatchObject({ kind: 'failed' });
    expect(await call({})).toMatchObject({ kind: 'missing' });
  });

  it.each([
    [{ name: 'not a name' }, 'name'],
    [{ timeoutMs: 0 }, 'timeoutMs'],
    [{ memoryMb: 64 }, 'memoryMb'],
    [{ reservedConcurrency: 1.5 }, 'reservedConcurrency'],
    [{ file: '' }, 'file'],
  ])('refuses %j', (changes, text) => {
    expect(() => add(changes)).toThrow(text);
  });
});
