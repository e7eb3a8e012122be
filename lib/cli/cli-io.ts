/** What a command line talks to. */
import type { Readable, Writable } from 'node:stream';
import { MillraceError } from '../errors.ts';

/** Streams and environment of a run. */
export interface CliIo {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Listens for SIGINT and SIGTERM from now on; the signal's name is the reason of the abort. Called by commands that have something to finish;
   * the others end where they are.
   */
  interrupts(): AbortSignal;
}

/** The output cannot be written. */
export class OutputError extends MillraceError {
  override readonly name = 'OutputError';
  /** Nobody reads it any more. */
  readonly isClosedPipe: boolean;

  constructor(cause: NodeJS.ErrnoException) {
    const hint = 'Look at where the output goes: is its disk full?';
    super('STORE_FULL', `the output cannot be written: ${cause.message}`, { cause, hint });
    this.isClosedPipe = cause.code === 'EPIPE' || cause.code === 'ERR_STREAM_DESTROYED';
  }
}

/** Writes, and waits until it is taken. Throws OutputError. */
export async function write(stream: Writable, chunk: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stream.write(chunk, (error) => {
      if (error) reject(new OutputError(error));
      else resolve();
    });
  });
}

/** JSON on one line: offsets as numbers while they are exact in JSON's readers, else as text. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? bigintToJson(field) : field));
}

function bigintToJson(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}
