/** What every command shares: which store, which output. */
import type { Command } from 'commander';
import type { Millrace } from '../client/millrace.ts';
import { connect } from '../connect/connect.ts';
import { type CliIo, toJson, write } from './cli-io.ts';

/** The store when neither `--store` nor `MILLRACE_STORE` names one. */
export const DEFAULT_STORE = 'file:.millrace';

interface GlobalOptions {
  readonly store?: string;
  readonly json?: boolean;
}

/** The settings of one call and ways to print. */
export class CliContext {
  readonly io: CliIo;
  readonly store: string;
  readonly json: boolean;

  constructor(io: CliIo, command: Command) {
    const { store, json } = command.optsWithGlobals<GlobalOptions>();
    this.io = io;
    this.store = store ?? io.env.MILLRACE_STORE ?? DEFAULT_STORE;
    this.json = json ?? false;
  }

  /** Connects, runs `body`, and closes the store whatever happens. */
  async withMillrace<T>(body: (millrace: Millrace) => Promise<T>): Promise<T> {
    const millrace = await connect(this.store);
    try {
      return await body(millrace);
    } finally {
      await millrace.close();
    }
  }

  /** Prints a result: as JSON with `--json`, else as these lines. */
  async print(value: unknown, lines: () => string): Promise<void> {
    await write(this.io.stdout, this.json ? `${toJson(value)}\n` : `${lines()}\n`);
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
