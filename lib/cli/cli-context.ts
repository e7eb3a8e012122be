/** What every command shares: which store, which output. */
import type { Command } from 'commander';
import type { Millrace } from '../client/millrace.ts';
import { systemClock } from '../clock.ts';
import { connect } from '../connect/connect.ts';
import { parseConnectionString } from '../connect/connection-string.ts';
import { type EventSourceTools, openEventSourceTools } from '../connect/event-source-tools.ts';
import { openStore } from '../connect/open-store.ts';
import type { EventSourceStore } from '../event-source/event-source-store.ts';
import { type Meter, noMeter } from '../log/meter.ts';
import { type CliIo, toJson, write } from './cli-io.ts';
import { explainError } from './explain-error.ts';

/** The store when neither `--store` nor `MILLRACE_STORE` names one. */
export const DEFAULT_STORE = 'file:.millrace';

/** Longest wait between two looks at a local store, which cost nothing. */
const LOCAL_IDLE_MAX_MS = 100;

interface GlobalOptions {
  readonly store?: string;
  readonly json?: boolean;
}

/** The settings of one call and ways to print. */
export class CliContext {
  readonly io: CliIo;
  readonly store: string;
  readonly json: boolean;
  readonly #isFromEnvironment: boolean;

  constructor(io: CliIo, command: Command) {
    const { store, json } = command.optsWithGlobals<GlobalOptions>();
    // A variable that is set to nothing is as good as none.
    const fromEnvironment = io.env.MILLRACE_STORE || undefined;
    this.io = io;
    this.store = store ?? fromEnvironment ?? DEFAULT_STORE;
    this.json = json ?? false;
    this.#isFromEnvironment = store === undefined && fromEnvironment !== undefined;
  }

  /** Whether a look at the store is neither paid for nor far. */
  get isLocal(): boolean {
    return !this.store.startsWith('aws:');
  }

  /** How long readers wait at most between two looks; for stores that are paid for, their own default holds. */
  get idle(): { readonly idleMaxMs?: number } {
    return this.isLocal ? { idleMaxMs: LOCAL_IDLE_MAX_MS } : {};
  }

  /** Connects, runs `body`, and closes the store whatever happens. */
  withMillrace<T>(body: (millrace: Millrace) => Promise<T>, meter: Meter = noMeter): Promise<T> {
    return this.#with(() => connect(this.store, { meter }), body);
  }

  /** Opens what administers subscriptions and their dead letters, runs `body`, and closes the store whatever happens. */
  withEventSource<T>(body: (opened: EventSourceTools) => Promise<T>): Promise<T> {
    return this.#with(() => openEventSourceTools(this.store), body);
  }

  /** Opens the store below the client, runs `body`, and closes it whatever happens. */
  withStore<T>(body: (store: EventSourceStore) => Promise<T>): Promise<T> {
    const target = () => parseConnectionString(this.store);
    return this.#with(async () => openStore(target(), { clock: systemClock, meter: noMeter }), body);
  }

  /** Prints a result: as JSON with `--json`, else as these lines. */
  async print(value: unknown, lines: () => string): Promise<void> {
    await write(this.io.stdout, this.json ? `${toJson(value)}\n` : `${lines()}\n`);
  }

  async #with<S extends { close(): Promise<void> }, T>(open: () => Promise<S>, body: (opened: S) => Promise<T>) {
    try {
      const opened = await open();
      try {
        return await body(opened);
      } finally {
        await opened.close();
      }
    } catch (error) {
      throw explainError(error, this.store, this.#isFromEnvironment);
    }
  }
}

/** Makes the action of a command: its context first, then its arguments; options are read by the command itself. */
export function action<A extends readonly unknown[], O>(
  io: CliIo,
  body: (context: CliContext, args: A, options: O) => Promise<void>,
): (...received: unknown[]) => Promise<void> {
  return async (...received) => {
    const command = received.at(-1) as Command;
    const options = received.at(-2) as O;
    await body(new CliContext(io, command), received.slice(0, -2) as unknown as A, options);
  };
}
