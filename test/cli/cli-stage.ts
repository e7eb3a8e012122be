import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { onTestFinished } from 'vitest';
import { main } from '../../lib/cli/main.ts';

/** How a call ended. */
export interface Ended {
  readonly status: number;
  readonly stdout: Buffer;
  readonly output: string;
  readonly complaint: string;
}

/** What a call is given beside its arguments. */
export interface Given {
  readonly stdin?: Readable | string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly interrupts?: AbortSignal;
  /** Told of each write; an error that it returns is the stream's. */
  readonly onOutput?: (chunk: Buffer) => Error | undefined;
}

/** Command lines on a store in a directory of their own, in this process. */
export interface CliStage {
  readonly directory: string;
  readonly store: string;
  /** Runs one call on the stage's store. */
  run(args: readonly string[], given?: Given): Promise<Ended>;
  /** As `run`; the call must succeed, and its output is returned. */
  ok(args: readonly string[], given?: Given): Promise<string>;
  /** As `ok` with `--json`, parsed. */
  json(args: readonly string[], given?: Given): Promise<unknown>;
  /** As `run` with `--json`; the call must fail and print nothing else; returns the exit code and the error. */
  failure(args: readonly string[], given?: Given): Promise<Record<string, unknown>>;
}

/** A directory that is gone after the test. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'millrace-cli-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Makes a stage. */
export async function cliStage(): Promise<CliStage> {
  const directory = await temporaryDirectory();
  const store = `file:${path.join(directory, 'store')}`;
  const run = (args: readonly string[], given: Given = {}) =>
    runMain(args, { ...given, env: { MILLRACE_STORE: store, ...given.env } });
  const ok = async (args: readonly string[], given?: Given) => {
    const { status, output, complaint } = await run(args, given);
    if (status !== 0 || complaint !== '') throw new Error(`${args.join(' ')} ended with ${status}: ${complaint}`);
    return output;
  };
  return {
    directory,
    store,
    run,
    ok,
    json: async (args, given) => JSON.parse(await ok([...args, '--json'], given)),
    failure: async (args, given) => {
      const { status, output, complaint } = await run([...args, '--json'], given);
      if (status === 0 || output !== '') throw new Error(`${args.join(' ')} ended with ${status} and wrote ${output}`);
      return { status, ...(JSON.parse(complaint) as { readonly error: object }).error };
    },
  };
}

async function runMain(args: readonly string[], given: Given): Promise<Ended> {
  const chunks: Buffer[] = [];
  let complaint = '';
  const stdout = new Writable({
    write(chunk: Buffer, _, done) {
      chunks.push(chunk);
      done(given.onOutput?.(chunk));
    },
  });
  stdout.on('error', () => {});
  const stderr = new Writable({
    write(chunk: Buffer, _, done) {
      complaint += chunk.toString();
      done();
    },
  });
  const interrupts = () => given.interrupts ?? new AbortController().signal;
  const status = await main(args, { stdin: stdinOf(given.stdin), stdout, stderr, env: given.env ?? {}, interrupts });
  const bytes = Buffer.concat(chunks);
  return { status, stdout: bytes, output: bytes.toString(), complaint };
}

function stdinOf(stdin: Given['stdin']): Readable {
  if (stdin instanceof Readable) return stdin;
  return new PassThrough().end(stdin ?? '');
}
