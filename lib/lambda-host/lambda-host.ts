/**
 * Lambda on this machine: functions as processes of their own, one call at a time each, begun when they are needed and kept for the next call.
 *
 * A call is answered as Lambda answers it: by what the handler returns, by the error that it throws, or by what became of its process.
 */
import { watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock, Random } from '../clock.ts';
import type { FunctionInvoker, InvokeAnswer } from '../event-source/push/function-invoker.ts';
import { freshUuid } from '../log/fresh-uuid.ts';
import { isCodeFile } from './code-file.ts';
import { type CheckedFunctionConfig, checkFunctionConfig, type FunctionConfig } from './function-config.ts';
import { FunctionProcess } from './function-process.ts';

/** What happens in a host, for whoever looks at it. */
export type HostNews =
  | { readonly kind: 'cold-start' | 'reloaded' | 'concurrency-reached'; readonly name: string }
  | { readonly kind: 'init-failed'; readonly name: string; readonly error: string }
  | { readonly kind: 'log'; readonly name: string; readonly line: string }
  | { readonly kind: 'async-given-up'; readonly name: string; readonly error: string };

/** How a host is made. */
export interface LambdaHostOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Default: nobody is told. */
  readonly onNews?: (news: HostNews) => void;
  /** Reloads functions whose folder changes. Default false. */
  readonly watch?: boolean;
  /** The program that speaks the Runtime API, with its arguments. Default: our own. */
  readonly bootstrap?: readonly string[];
  /** Waits before an asynchronous call is tried again. Default Lambda's: 60,000 and 120,000. */
  readonly asyncRetriesMs?: readonly number[];
}

interface HostedFunction {
  readonly config: CheckedFunctionConfig;
  /** Rises when it is reloaded: processes of an older one are used no more. */
  version: number;
  readonly processes: Set<FunctionProcess>;
  readonly idle: FunctionProcess[];
  running: number;
  stopWatching: () => void;
}

/** Files that change for a while. */
const SETTLE_MS = 50;

/** See the module comment. */
export class LambdaHost implements FunctionInvoker {
  readonly #options: LambdaHostOptions;
  readonly #functions = new Map<string, HostedFunction>();
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: LambdaHostOptions) {
    this.#options = options;
  }

  /** Names of all functions. */
  get names(): readonly string[] {
    return [...this.#functions.keys()];
  }

  /** Adds a function, or takes the place of the one of its name. Nothing is begun before its first call. Throws INVALID_CONFIG. */
  add(config: FunctionConfig): void {
    const checked = checkFunctionConfig(config);
    this.remove(checked.name);
    const hosted: HostedFunction = {
      config: checked,
      version: 0,
      processes: new Set(),
      idle: [],
      running: 0,
      stopWatching: () => {},
    };
    if (this.#options.watch) hosted.stopWatching = this.#watch(hosted);
    this.#functions.set(checked.name, hosted);
  }

  /** Removes a function; calls that run are ended. */
  remove(name: string): void {
    const hosted = this.#functions.get(name);
    if (hosted === undefined) return;
    this.#functions.delete(name);
    hosted.stopWatching();
    for (const one of hosted.processes) one.end();
  }

  /** Calls a function by its name or its ARN, and waits for what comes of it. */
  async invoke(target: string, payload: string): Promise<InvokeAnswer> {
    const hosted = this.#functions.get(nameOf(target));
    if (hosted === undefined || this.#stop.signal.aborted) {
      const known = this.names.length === 0 ? 'none is there' : `there are ${this.names.join(', ')}`;
      return { kind: 'missing', error: `there is no function ${nameOf(target)}: ${known}` };
    }
    if (hosted.running >= hosted.config.reservedConcurrency) {
      this.#tell({ kind: 'concurrency-reached', name: hosted.config.name });
      return { kind: 'throttled' };
    }
    hosted.running += 1;
    const running = this.#run(hosted, payload).finally(() => {
      hosted.running -= 1;
      this.#running.delete(running);
    });
    this.#running.add(running);
    return running;
  }

  /** Takes a call, and makes it some time later: again twice if it fails, as Lambda does. False when there is no such function. */
  invokeAsync(target: string, payload: string): boolean {
    if (!this.#functions.has(nameOf(target))) return false;
    const running = this.#runAsync(target, payload).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return true;
  }

  /** New processes from now on; those that run end with their call. */
  reload(name: string): void {
    const hosted = this.#functions.get(name);
    if (hosted === undefined) return;
    hosted.version += 1;
    for (const one of hosted.idle.splice(0)) one.end();
    this.#tell({ kind: 'reloaded', name });
  }

  /** Ends all processes at once; what runs is answered as failed. */
  async close(): Promise<void> {
    this.#stop.abort();
    for (const name of this.names) this.remove(name);
    await Promise.allSettled(this.#running);
  }

  async #run(hosted: HostedFunction, payload: string): Promise<InvokeAnswer> {
    const { version } = hosted;
    const process = hosted.idle.pop() ?? (await this.#begin(hosted));
    if (!(process instanceof FunctionProcess)) return process;
    const answer = await process.invoke(freshUuid(this.#options.random), payload);
    await this.#untilIdle(hosted, process);
    if (!hosted.processes.has(process)) return answer;
    if (hosted.version === version) hosted.idle.push(process);
    else process.end();
    return answer;
  }

  /** It may be given the next call when it has asked for one. */
  async #untilIdle(hosted: HostedFunction, process: FunctionProcess): Promise<void> {
    while (hosted.processes.has(process) && !process.isIdle) await this.#options.clock.sleep(1);
  }

  async #begin(hosted: HostedFunction): Promise<FunctionProcess | InvokeAnswer> {
    const { config } = hosted;
    const { clock, bootstrap } = this.#options;
    const process: FunctionProcess = new FunctionProcess({
      config,
      clock,
      ...(bootstrap !== undefined && { bootstrap }),
      onLog: (line) => this.#tell({ kind: 'log', name: config.name, line }),
      onEnd: () => {
        hosted.processes.delete(process);
        const at = hosted.idle.indexOf(process);
        if (at >= 0) hosted.idle.splice(at, 1);
      },
    });
    hosted.processes.add(process);
    this.#tell({ kind: 'cold-start', name: config.name });
    const problem = await process.start();
    if (problem === null) return process;
    hosted.processes.delete(process);
    this.#tell({ kind: 'init-failed', name: config.name, error: problem.errorMessage });
    return { kind: 'failed', ...problem };
  }

  async #runAsync(target: string, payload: string): Promise<void> {
    const { asyncRetriesMs = [60_000, 120_000], clock } = this.#options;
    const { signal } = this.#stop;
    let failures = 0;
    for (let throttledMs = 100; !signal.aborted; ) {
      const answer = await this.invoke(target, payload);
      if (answer.kind === 'returned') return;
      if (answer.kind === 'throttled') {
        await clock.sleep(throttledMs, signal);
        throttledMs = Math.min(throttledMs * 2, 5_000);
        continue;
      }
      const waitMs = asyncRetriesMs[failures++];
      if (waitMs === undefined || answer.kind === 'missing') {
        const error = answer.kind === 'missing' ? answer.error : `${answer.errorType}: ${answer.errorMessage}`;
        return this.#tell({ kind: 'async-given-up', name: nameOf(target), error });
      }
      await clock.sleep(waitMs, signal);
    }
  }

  #watch({ config }: HostedFunction): () => void {
    const settled = { timer: new AbortController() };
    const watcher = watch(dirname(config.file), { persistent: false }, (_, file) => {
      if (file !== null && !isCodeFile(file)) return;
      settled.timer.abort();
      const timer = new AbortController();
      settled.timer = timer;
      void this.#options.clock.sleep(SETTLE_MS, timer.signal).then(() => {
        if (!timer.signal.aborted) this.reload(config.name);
      });
    });
    watcher.on('error', () => watcher.close());
    return () => {
      settled.timer.abort();
      watcher.close();
    };
  }

  #tell(news: HostNews): void {
    this.#options.onNews?.(news);
  }
}

/** A function's name in its ARN, or as it is. */
function nameOf(target: string): string {
  const match = /^arn:[^:]+:lambda:[^:]*:[^:]*:function:([^:]+)/.exec(target);
  return match?.[1] ?? target;
}
