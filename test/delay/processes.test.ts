import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { connect, type Millrace } from '../../lib/index.ts';
import { temporaryDirectory } from '../cli/cli-stage.ts';

const SCRIPT = new URL('./delaying-process.ts', import.meta.url).pathname;

/** What it printed before it was killed. */
async function delayInAnotherProcess(connection: string, count: number, delay: string): Promise<readonly string[]> {
  const child = spawn(process.execPath, [SCRIPT, connection, String(count), delay], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return printed.trim().split('\n');
}

async function endOf(millrace: Millrace): Promise<bigint> {
  return millrace.offsetAt({ topic: 'reminders', partition: 0 }, 'end');
}

/** Until the topic has so many records; the delays are real. */
async function until(millrace: Millrace, end: bigint): Promise<void> {
  for (let turn = 0; turn < 500 && (await endOf(millrace)) < end; turn++)
    await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('a file store of several processes', () => {
  it('releases by a process that is there what was delayed by one that was killed', async () => {
    const connection = `file:${await temporaryDirectory()}`;
    const millrace = await connect(connection);
    await millrace.topics.createTopic({ name: 'reminders', partitionCount: 1 });
    const ids = await delayInAnotherProcess(connection, 20, '1s');
    expect(ids).toHaveLength(20);
    await until(millrace, 20n);
    expect(await endOf(millrace)).toBe(20n);
    expect(await millrace.delayed.cancel(ids[0]!)).toBe('delivered');
    await millrace.close();
  }, 30_000);

  it('releases when it is opened what became due while nobody had it open, once', async () => {
    const connection = `file:${await temporaryDirectory()}`;
    const first = await connect(connection, { releaseDelayed: false });
    await first.topics.createTopic({ name: 'reminders', partitionCount: 1 });
    await delayInAnotherProcess(connection, 5, '1s');
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(await endOf(first)).toBe(0n);
    const others = await Promise.all([connect(connection), connect(connection), connect(connection)]);
    await until(first, 5n);
    for (const other of others) await other.close();
    expect(await endOf(first)).toBe(5n);
    await first.close();
  }, 30_000);
});
