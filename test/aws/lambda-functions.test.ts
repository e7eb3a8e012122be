/** What Lambda and Scheduler may answer, through the real clients. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LambdaFunctions } from '../../lib/aws/lambda-functions.ts';
import { OneTimeSchedules } from '../../lib/aws/one-time-schedules.ts';
import { systemRandom as random, systemClock } from '../../lib/clock.ts';
import { UnansweredError } from '../../lib/errors.ts';
import { inTurn, type ScriptedAnswer, type ScriptedServer, scriptedServer } from './scripted-server.ts';

const clock = { ...systemClock, sleep: () => Promise.resolve() };
const undo: (() => unknown)[] = [];

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'testtest1');
  for (const name of ['AWS_PROFILE', 'AWS_SESSION_TOKEN']) vi.stubEnv(name, undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const one of undo.splice(0).reverse()) await one();
});

async function served(...answers: readonly ScriptedAnswer[]) {
  const server: ScriptedServer = await scriptedServer(inTurn(...answers));
  const place = { endpoint: server.endpoint, region: 'eu-central-1' };
  const functions = new LambdaFunctions({ clock, random, place });
  const schedules = new OneTimeSchedules({ clock, random, place, group: 'g', role: 'arn:role', target: 'arn:fn' });
  undo.push(
    () => server.stop(),
    () => functions.close(),
    () => schedules.close(),
  );
  return { server, functions, schedules };
}
const returned = (body: string, headers: Readonly<Record<string, string>> = {}): ScriptedAnswer => ({
  status: 200,
  headers,
  body,
});
const failed = (status: number, name: string): ScriptedAnswer => ({
  status,
  headers: { 'content-type': 'application/json', 'x-amzn-errortype': name },
  body: JSON.stringify({ Type: 'User', message: 'said the test', Message: 'said the test' }),
});
const unhandled = { 'x-amz-function-error': 'Unhandled' };

describe('a call of a function', () => {
  it('comes to what it returned, or threw', async () => {
    const threw = JSON.stringify({ errorType: 'TypeError', errorMessage: 'no', trace: ['TypeError: no', ' at x'] });
    const { functions, server } = await served(
      returned('{"ok":true}'),
      returned(threw, unhandled),
      returned('{"errorMessage":"2026 Task timed out after 3.00 seconds"}', unhandled),
      returned('gibberish', unhandled),
    );
    expect(await functions.invoke('f', '{"a":"ü"}')).toEqual({ kind: 'returned', payload: '{"ok":true}' });
    expect(server.requests[0]!.body.toString()).toBe('{"a":"ü"}');
    const stack = 'TypeError: no\n at x';
    expect(await functions.invoke('f', '')).toEqual({
      kind: 'failed',
      errorType: 'TypeError',
      errorMessage: 'no',
      stack,
    });
    expect(await functions.invoke('f', '')).toMatchObject({
      kind: 'failed',
      errorMessage: expect.stringContaining('timed out'),
    });
    expect(await functions.invoke('f', '')).toMatchObject({ kind: 'failed', errorMessage: 'gibberish' });
  });

  it('that was not made counts as none', async () => {
    const { functions, server } = await served(
      failed(429, 'TooManyRequestsException'),
      failed(404, 'ResourceNotFoundException'),
      failed(403, 'AccessDeniedException'),
      failed(502, 'KMSDisabledException'),
      failed(413, 'RequestTooLargeException'),
    );
    expect(await functions.invoke('f', '')).toEqual({ kind: 'throttled' });
    expect(await functions.invoke('f', '')).toMatchObject({
      kind: 'missing',
      error: expect.stringContaining('Deploy'),
    });
    expect(await functions.invoke('f', '')).toMatchObject({ kind: 'missing', error: expect.stringContaining('Allow') });
    expect(await functions.invoke('f', '')).toMatchObject({ kind: 'missing' });
    expect(await functions.invoke('f', '')).toMatchObject({ kind: 'failed', errorType: 'RequestTooLargeException' });
    expect(server.requests).toHaveLength(5);
  });

  it('is never made twice by itself, and one without an answer is told as such', async () => {
    const { functions, server } = await served('reset', failed(500, 'ServiceException'));
    await expect(functions.invoke('f', '')).rejects.toThrow(UnansweredError);
    await expect(functions.invoke('f', '')).rejects.toThrow(UnansweredError);
    expect(server.requests).toHaveLength(2);
  });

  it('for later is repeated until Lambda has taken it', async () => {
    const { functions, server } = await served(
      'reset',
      failed(429, 'TooManyRequestsException'),
      failed(500, 'ServiceException'),
      {
        status: 202,
      },
    );
    await functions.start('f', '{"millrace":1}');
    expect(server.requests).toHaveLength(4);
    for (const { headers } of server.requests) expect(headers['x-amz-invocation-type']).toBe('Event');
  });

  it('for later fails at once when it can never be', async () => {
    const { functions, server } = await served(failed(404, 'ResourceNotFoundException'));
    await expect(functions.start('f', '')).rejects.toMatchObject({ code: 'STORE_MISSING' });
    expect(server.requests).toHaveLength(1);
  });
});

describe('a call that is booked', () => {
  const call = { name: 'wake-1', atMs: Date.UTC(2026, 10, 26, 19, 4, 5, 678), payload: '{"release":true}' };

  it('is a schedule that fires once and goes', async () => {
    const { schedules, server } = await served(returned('{"ScheduleArn":"arn"}'));
    await schedules.book(call);
    expect(server.requests[0]).toMatchObject({ method: 'POST', path: '/schedules/wake-1' });
    expect(JSON.parse(server.requests[0]!.body.toString())).toMatchObject({
      GroupName: 'g',
      ScheduleExpression: 'at(2026-11-26T19:04:05)',
      ScheduleExpressionTimezone: 'UTC',
      FlexibleTimeWindow: { Mode: 'OFF' },
      ActionAfterCompletion: 'DELETE',
      Target: { Arn: 'arn:fn', RoleArn: 'arn:role', Input: '{"release":true}' },
    });
  });

  it('is booked when it is booked already, also by an attempt whose answer was lost', async () => {
    const { schedules, server } = await served(
      'reset',
      failed(429, 'ThrottlingException'),
      failed(409, 'ConflictException'),
    );
    await schedules.book(call);
    expect(server.requests).toHaveLength(3);
  });

  it('says what is missing', async () => {
    const { schedules } = await served(failed(404, 'ResourceNotFoundException'), failed(403, 'AccessDeniedException'));
    await expect(schedules.book(call)).rejects.toMatchObject({
      code: 'STORE_MISSING',
      hint: expect.stringContaining('schedule group g'),
    });
    await expect(schedules.book(call)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  });
});
