import { spawn } from 'node:child_process';

/** How a program is run. */
export interface RunOptions {
  /** What the program reads from its standard input; nothing by default. */
  readonly input?: string;
  /** 3 minutes by default. */
  readonly timeoutMs?: number;
  /** What to say when the program is not installed. */
  readonly hint?: string;
}

const OUTPUT_KEPT = 4_000;

/** Java and Python read and write in the encoding of the locale, which on a bare machine is ASCII. */
const UTF8 = {
  LC_ALL: 'C.UTF-8',
  JAVA_TOOL_OPTIONS: '-Dfile.encoding=UTF-8 -Dsun.jnu.encoding=UTF-8',
  PYTHONUTF8: '1',
};

/**
 * Runs a program to its end and resolves to what it wrote to its standard output.
 *
 * Throws with the end of its messages when it fails or does not end in time, and with `hint` when it is not installed.
 */
export async function runProgram(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const timeout = options.timeoutMs ?? 180_000;
  const child = spawn(program, args, {
    stdio: 'pipe',
    timeout,
    killSignal: 'SIGKILL',
    env: { ...process.env, ...UTF8 },
  });
  const output: Buffer[] = [];
  let messages = '';
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    messages = (messages + text).slice(-OUTPUT_KEPT);
  });
  // A program that ends before it has read everything says so by its exit code.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const ending = await new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(`cannot start: ${error.message}. ${options.hint ?? ''}`));
    child.on('close', (code, signal) => resolve(code === 0 ? '' : `ended with ${signal ?? `exit code ${code}`}`));
  });
  const text = Buffer.concat(output).toString();
  if (ending === '') return text;
  throw new Error(`${program} ${args.join(' ')} ${ending}\n${text.slice(-OUTPUT_KEPT)}\n${messages}`);
}
