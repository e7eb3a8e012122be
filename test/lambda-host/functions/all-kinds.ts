/** A handler that does what its event says. */
import { getCompileCacheDir } from 'node:module';

const inits = { count: 0 };
inits.count += 1;

interface Wish {
  readonly do: string;
  readonly ms?: number;
  readonly megabytes?: number;
  readonly value?: unknown;
}

interface Context {
  readonly awsRequestId: string;
  readonly functionName: string;
  readonly memoryLimitInMB: string;
  getRemainingTimeInMillis(): number;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const kept: Uint8Array[] = [];
let calls = 0;

export async function handler(event: Wish, context: Context): Promise<unknown> {
  calls += 1;
  switch (event.do) {
    case 'return':
      return event.value;
    case 'count':
      return { calls, pid: process.pid };
    case 'context':
      return {
        functionName: context.functionName,
        memory: context.memoryLimitInMB,
        hasId: context.awsRequestId.length === 36,
        leftMs: context.getRemainingTimeInMillis(),
        handler: process.env._HANDLER,
        own: process.env.OWN,
      };
    case 'compile-cache':
      return getCompileCacheDir() !== undefined;
    case 'throw':
      throw new RangeError('out of range');
    case 'throw-text':
      throw 'only text';
    case 'sleep':
      await sleep(event.ms!);
      return { calls, pid: process.pid };
    case 'spin':
      for (;;) Math.sqrt(2);
    case 'exit':
      return process.exit(7);
    case 'large':
      return 'x'.repeat(7 * 1024 * 1024);
    case 'eat':
      for (let megabyte = 0; megabyte < event.megabytes!; megabyte++) kept.push(new Uint8Array(1024 * 1024).fill(1));
      await sleep(1_000);
      return kept.length;
    case 'log':
      console.log('a line');
      console.error('another line');
      return null;
    default:
      return undefined;
  }
}

export function withCallback(
  event: Wish,
  _context: Context,
  callback: (error: unknown, result?: unknown) => void,
): void {
  setTimeout(() => (event.do === 'throw' ? callback(new Error('called back')) : callback(null, { back: true })), 5);
}

export const notAFunction = 5;
