/** One process of a function: begins it, gives it one call at a time, and ends it when it takes too long or too much. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../clock.ts';
import type { InvokeAnswer } from '../event-source/push/function-invoker.ts';
import type { CheckedFunctionConfig } from './function-config.ts';
import { RuntimeApi, type RuntimeError } from './runtime-api.ts';

/** What a process is made with. */
export interface FunctionProcessOptions {
  readonly config: CheckedFunctionConfig;
  readonly clock: Clock;
  /** The program that speaks the Runtime API, with its arguments. Default: our own. */
  readonly bootstrap?: readonly string[];
  readonly onLog: (line: string) => void;
  /** It is gone, for whatever reason. */
  readonly onEnd: () => void;
}

interface Call {
  readonly requestId: string;
  readonly resolve: (answer: InvokeAnswer) => void;
}

/** Ours, as it lies beside this file, built or not. */
const BOOTSTRAP = [
  process.execPath,
  fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './bootstrap.ts' : './bootstrap.js', import.meta.url)),
];
/** Lambda gives a function so long to begin. */
const INIT_MS = 10_000;
const MEMORY_POLL_MS = 100;
const PAGE_BYTES = 4096;

/** See the top of this file. */
export class FunctionProcess {
  readonly #options: FunctionProcessOptions;
  readonly #api: RuntimeApi;
  readonly #ready = Promise.withResolvers<RuntimeError | null>();
  #child: ChildProcess | null = null;
  #call: Call | null = null;
  #isIdle = false;
  #isEnded = false;
  /** What to tell of the call that is under way when the process ends. */
  #reason: RuntimeError | null = null;

  constructor(options: FunctionProcessOptions) {
    this.#options = options;
    this.#api = new RuntimeApi({
      onReady: () => this.#becameReady(),
      onResponse: (requestId, payload) => this.#answered(requestId, { kind: 'returned', payload }),
      onError: (requestId, error) => this.#answered(requestId, { kind: 'failed', ...error }),
      onInitError: (error) => this.#ready.resolve(error),
    });
  }

  /** Begins it. Null when it waits for its first call, else why it does not. */
  async start(): Promise<RuntimeError | null> {
    const address = await this.#api.listen();
    const { config, bootstrap = BOOTSTRAP, clock } = this.#options;
    const [program, ...args] = bootstrap;
    const file = resolve(config.file);
    if (!existsSync(file)) {
      this.#ended('there is no code');
      return { errorType: 'Runtime.ImportModuleError', errorMessage: `Cannot find module '${file}'`, stack: '' };
    }
    this.#child = spawn(program!, args, {
      cwd: dirname(file),
      env: { ...process.env, ...environmentOf(config, file), AWS_LAMBDA_RUNTIME_API: address },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      createInterface({ input: stream }).on('line', this.#options.onLog);
    }
    this.#child.once('error', (error) => this.#ended(`it could not be begun: ${error.message}`));
    this.#child.once('exit', (code, signal) =>
      this.#ended(signal === null ? `exit status ${code}` : `signal: ${signal}`),
    );
    const over = new AbortController();
    const tooLong = clock.sleep(INIT_MS, over.signal).then(() => timedOut(INIT_MS, 'Sandbox.InitTimedout'));
    const problem = await Promise.race([this.#ready.promise, tooLong]);
    over.abort();
    if (problem !== null) this.end();
    return problem;
  }

  /** Runs one call; not while another runs. */
  invoke(requestId: string, payload: string): Promise<InvokeAnswer> {
    const { config, clock } = this.#options;
    const { timeoutMs, name, freeze } = config;
    const functionArn = `arn:aws:lambda:local:000000000000:function:${name}`;
    if (freeze) this.#child?.kill('SIGCONT');
    const over = new AbortController();
    void clock.sleep(timeoutMs, over.signal).then(() => {
      if (!over.signal.aborted) this.end(timedOut(timeoutMs, 'Sandbox.Timedout'));
    });
    void this.#watchMemory(over.signal);
    return new Promise<InvokeAnswer>((resolveCall) => {
      this.#call = { requestId, resolve: resolveCall };
      this.#isIdle = false;
      if (this.#isEnded) this.#ended('it had ended before');
      else this.#api.give({ requestId, payload, deadlineMs: clock.nowMs() + timeoutMs, functionArn });
    }).finally(() => over.abort());
  }

  /** Ends it at once. */
  end(reason: RuntimeError | null = null): void {
    this.#reason ??= reason;
    // A process that stands still hears of no other signal.
    this.#child?.kill('SIGKILL');
  }

  #becameReady(): void {
    this.#ready.resolve(null);
    this.#isIdle = true;
    if (this.#call === null && this.#options.config.freeze) this.#child?.kill('SIGSTOP');
  }

  /** Once it has asked for the next call it may be given one. */
  get isIdle(): boolean {
    return this.#isIdle && !this.#isEnded;
  }

  #answered(requestId: string, answer: InvokeAnswer): void {
    const call = this.#call;
    if (call?.requestId !== requestId) return;
    this.#call = null;
    call.resolve(answer);
  }

  #ended(how: string): void {
    if (!this.#isEnded) {
      this.#isEnded = true;
      this.#api.close();
      this.#options.onEnd();
    }
    const errorMessage = `Runtime exited with error: ${how}`;
    const error = this.#reason ?? { errorType: 'Runtime.ExitError', errorMessage, stack: '' };
    this.#ready.resolve(error);
    const call = this.#call;
    this.#call = null;
    call?.resolve({ kind: 'failed', ...error });
  }

  async #watchMemory(signal: AbortSignal): Promise<void> {
    const limitBytes = this.#options.config.memoryMb * 1024 * 1024;
    while (!signal.aborted) {
      await this.#options.clock.sleep(MEMORY_POLL_MS, signal);
      const bytes = residentBytes(this.#child?.pid);
      if (signal.aborted || bytes === null || bytes <= limitBytes) continue;
      const errorMessage = `Runtime exited with error: signal: killed (${Math.ceil(bytes / 1024 / 1024)} MB of ${limitBytes / 1024 / 1024} MB used)`;
      return this.end({ errorType: 'Runtime.OutOfMemory', errorMessage, stack: '' });
    }
  }
}

function environmentOf(config: CheckedFunctionConfig, file: string): Record<string, string> {
  return {
    AWS_LAMBDA_FUNCTION_NAME: config.name,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(config.memoryMb),
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${config.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    LAMBDA_TASK_ROOT: dirname(file),
    _HANDLER: `${file.slice(dirname(file).length + 1).replace(/\.\w+$/, '')}.${config.handler}`,
    MILLRACE_FUNCTION_FILE: file,
    MILLRACE_FUNCTION_HANDLER: config.handler,
    AWS_REGION: process.env.AWS_REGION ?? 'us-east-1',
    ...config.environment,
  };
}

function timedOut(afterMs: number, errorType: string): RuntimeError {
  return { errorType, errorMessage: `Task timed out after ${(afterMs / 1000).toFixed(2)} seconds`, stack: '' };
}

/** Null where the system does not tell. */
function residentBytes(pid: number | undefined): number | null {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return null;
  }
}
