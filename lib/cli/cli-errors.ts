/** How a command fails: what happened, with what, and what to do, on stderr; exit code 1 for a failure, 2 for a wrong call. */
import { constants } from 'node:os';
import { MillraceError } from '../errors.ts';
import { type CliIo, OutputError, toJson, write } from './cli-io.ts';

/** The call itself was wrong. */
export class UsageError extends MillraceError {
  override readonly name = 'UsageError';

  constructor(message: string, hint: string, value?: unknown) {
    super('INVALID_REQUEST', message, { hint, value });
  }
}

/** A command that failed after it had done something: `done` says what, as text and as fields beside those of the error. */
export class PartialError extends MillraceError {
  override readonly name: string = 'PartialError';
  readonly done: { readonly text: string; readonly fields: object };

  constructor(cause: MillraceError, done: PartialError['done']) {
    const { code, message, value, hint, retriable } = cause;
    super(code, message, { value, retriable, cause, ...(hint === undefined ? {} : { hint }) });
    this.done = done;
  }
}

/** A signal ended it. */
export class InterruptedError extends PartialError {
  override readonly name = 'InterruptedError';
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM', done: PartialError['done']) {
    super(new MillraceError('CLOSED', `ended by ${signal}`, { value: signal }), done);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/** Codes that say that what was typed is wrong, rather than that the world is. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'INVALID_REQUEST',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_PARTITIONS',
  'INVALID_CONFIG',
  'INVALID_GROUP_ID',
  'INVALID_REGULAR_EXPRESSION',
  'INVALID_CONNECTION_STRING',
  'UNSUPPORTED_COMPRESSION_TYPE',
]);

/** Prints an error and returns the exit code. Anything but Millrace's errors is a defect and shows its stack. */
export async function reportError(io: CliIo, error: unknown, json: boolean): Promise<number> {
  const known = error instanceof MillraceError;
  const text = json ? `${toJson({ error: known ? jsonOf(error) : defectJson(error) })}\n` : textOf(error);
  await write(io.stderr, text).catch((failure: unknown) => {
    // Nobody can be told that nobody can be told.
    if (!(failure instanceof OutputError)) throw failure;
  });
  return known && USAGE_CODES.has(error.code) ? 2 : 1;
}

function jsonOf(error: MillraceError): object {
  const { code, message, hint, value, retriable } = error;
  return { code, message, hint, value, retriable, ...(error instanceof PartialError ? error.done.fields : {}) };
}

function defectJson(error: unknown): object {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'UNEXPECTED', message, hint: 'This is a defect: please report it.', retriable: false };
}

function textOf(error: unknown): string {
  if (!(error instanceof MillraceError)) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `millrace: unexpected failure, please report it\n${stack}\n`;
  }
  const { code, message, hint } = error;
  const first = error instanceof InterruptedError ? `millrace: ${message}` : `millrace: ${message} (${code})`;
  const lines = [first, hint, error instanceof PartialError ? error.done.text : undefined];
  return `${lines.filter((line) => line !== undefined && line !== '').join('\n')}\n`;
}
