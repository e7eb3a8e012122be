import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DevServer, startDevServer } from '../../lib/dev/dev-server.ts';
import { BILLING_FUNCTION } from './billing-function.ts';
import { type CliStage, cliStage } from './cli-stage.ts';

let stage: CliStage;
let server: DevServer | null = null;
let billed: string[];
beforeEach(async () => {
  stage = await cliStage();
  billed = [];
  await stage.ok(['topic', 'create', 'orders', '-P', '2']);
  await stage.ok(['produce', 'orders', '-p', '0'], { stdin: 'a0\na1\nbad\na3\n' });
  await stage.ok(['produce', 'orders', '-p', '1'], { stdin: 'b0\nb1\n' });
  const flags = ['--retry-attempts', '0', '--starting-position', 'end'];
  await stage.ok(['subscription', 'create', 'billing', 'orders', 'bill', ...flags]);
});
afterEach(async () => {
  await server?.close();
  server = null;
});

async function dev(): Promise<void> {
  mkdirSync(join(stage.directory, 'functions'));
  const file = join(stage.directory, 'functions/bill.mjs');
  writeFileSync(file, BILLING_FUNCTION);
  server = await startDevServer({
    directory: join(stage.directory, 'store'),
    httpPort: 0,
    config: { topics: [], functions: [{ name: 'bill', file }], subscriptions: [] },
    onNews: (news) => {
      const text = news.kind === 'log' ? /billed (\w+)/.exec(news.line)?.[1] : undefined;
      if (text !== undefined) billed.push(text);
    },
  });
}

const replay = (...args: readonly string[]) => ['subscription', 'replay', 'billing', ...args];

describe('subscription replay', () => {
  it('gives a range to the function in the dev process, and tells what failed', async () => {
    await dev();
    const text = await stage.ok(replay('--from', 'start', '--to', '4', '-p', '0'));
    expect(text).toMatch(/^Gave 4 offsets to bill\.$/m);
    expect(text).toMatch(/^1 failed:$/m);
    expect(text).toMatch(/^orders-0@2 +1 +RangeError: cannot bill bad$/m);
    // Cut in half until the bad one stands alone, so that some are given twice.
    expect([...new Set(billed)]).toEqual(['a0', 'a1', 'a3']);
    expect(await stage.json(['subscription', 'describe', 'billing'])).toMatchObject({
      partitions: [{ committed: 4 }, { committed: 2 }],
    });
    expect(await stage.json(replay('--from', '0', '--to', '3', '-p', '0'))).toMatchObject({
      state: 'done',
      partitions: [{ partition: 0, from: 0, to: 3, position: 3 }],
      failures: [{ topic: 'orders', partition: 0, offset: 2, error: 'RangeError: cannot bill bad' }],
    });
  });

  it('sends what fails to the dead letters by choice', async () => {
    await dev();
    const text = await stage.ok(replay('--from', '2', '--to', '3', '-p', '0', '--dead-letters'));
    expect(text).toBe('Gave 1 offset to bill.\nWhat failed is among the dead letters: millrace dlq list billing\n');
    expect(await stage.ok(['dlq', 'list', 'billing'])).toMatch(/orders-0@2/);
  });

  it('says where it was when it is interrupted, goes on there, or is given up', async () => {
    const interrupts = AbortSignal.abort('SIGINT');
    const text = await stage.ok(replay('--from', 'start'), { interrupts });
    expect(text).toMatch(/^Interrupted; go on with: millrace subscription replay billing --continue$/m);
    expect(text).toMatch(/^orders-0 +0 +4 +0$/m);
    expect(await stage.failure(replay('--from', 'start'))).toMatchObject({ code: 'SUBSCRIPTION_ALREADY_EXISTS' });
    await dev();
    expect(await stage.ok(replay('--continue'))).toMatch(/^Gave 6 offsets to bill\.$/m);
    expect([...new Set(billed)].sort()).toEqual(['a0', 'a1', 'a3', 'b0', 'b1']);
    await stage.ok(replay('--from', '1', '--to', '2'), { interrupts });
    expect(await stage.ok(replay('--cancel'))).toMatch(/^Gave up the replay\.$/m);
    expect(await stage.failure(replay('--continue'))).toMatchObject({ code: 'SUBSCRIPTION_NOT_FOUND' });
  });

  it('says only what it would give', async () => {
    const text = await stage.ok(replay('--from', '1', '--to', '2', '--dry-run'));
    expect(text).toMatch(/^orders-1 +1 +2 +1$/m);
    expect(await stage.failure(replay('--continue'))).toMatchObject({ code: 'SUBSCRIPTION_NOT_FOUND' });
  });

  it.each([
    [[], 2, /not said where/],
    [['--from', 'nowhere'], 2, /no position/],
    [['--from', 'start', '--rate', 'fast'], 2, /no rate/],
    [['--continue', '--cancel'], 2, /do not go together/],
    [['--continue', '--from', '1'], 2, /do not go together/],
    [['--continue', '-p', '1'], 2, /do not go together/],
    [['--from', 'start', '--to', '99'], 1, /has no offset 99: it has 0 to/],
    [['--from', '2', '--to', '1', '-p', '0'], 2, /ends at 1, before 2/],
    [['--from', 'start', '-p', '7'], 1, /no partition 7/],
    [['--from', 'end'], 2, /no records between/],
  ])('is refused: %j', async (args, status, message) => {
    const failure = await stage.failure(replay(...args));
    expect(failure).toMatchObject({ status, message: expect.stringMatching(message) });
  });
});
