/** `millrace dev` as a process of its own, as a person starts it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../bin/millrace.mjs', import.meta.url));
const GIVE_UP_MS = 20_000;

const handler = (refused: string) => `export async function handler(event) {
  for (const record of Object.values(event.records).flat()) {
    const text = Buffer.from(record.value, 'base64').toString();
    if (${refused}) throw new RangeError('cannot bill ' + text);
  }
}`;

const CONFIG = {
  topics: { orders: { partitions: 2 } },
  functions: { bill: { file: 'functions/bill.mjs', timeout: '10s' } },
  subscriptions: { billing: { topic: 'orders', function: 'bill', retryAttempts: 0 } },
};

/** See the top of this file. */
export interface DevProcess {
  /** Of the page. */
  readonly address: string;
  /** From its start until it printed its addresses. */
  readonly readyMs: number;
  /** Everything that it has printed. */
  output(): string;
  /** Its function refuses nothing any more. */
  mendFunction(): void;
  /** Interrupts it; resolves to how it ended. */
  stop(): Promise<{ readonly code: number | null; readonly complaint: string }>;
}

/** Starts it in a new folder, with a topic `orders` and a function that refuses what begins with `bad`. */
export async function startDevProcess(): Promise<DevProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-browser-'));
  const functionFile = join(directory, 'functions/bill.mjs');
  mkdirSync(join(directory, 'functions'));
  writeFileSync(functionFile, handler("text.startsWith('bad')"));
  writeFileSync(join(directory, 'millrace.json'), JSON.stringify(CONFIG));
  const startMs = performance.now();
  const child = spawn(process.execPath, [PROGRAM, 'dev', '--http-port', '0'], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  await until(
    child,
    () => /^functions /m.test(output),
    () => `${output}${complaint}`,
  );
  return {
    address: /^page +(http:\S+)$/m.exec(output)![1]!,
    readyMs: performance.now() - startMs,
    output: () => output,
    mendFunction: () => writeFileSync(functionFile, handler('false')),
    async stop() {
      child.kill('SIGINT');
      const kill = setTimeout(() => child.kill('SIGKILL'), GIVE_UP_MS);
      const [code] = await ended;
      clearTimeout(kill);
      rmSync(directory, { recursive: true });
      return { code, complaint };
    },
  };
}

async function until(child: ChildProcess, isSo: () => boolean, told: () => string): Promise<void> {
  const endMs = performance.now() + GIVE_UP_MS;
  while (!isSo()) {
    if (child.exitCode !== null || performance.now() > endMs) {
      child.kill('SIGKILL');
      throw new Error(`millrace dev is not ready:\n${told()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
