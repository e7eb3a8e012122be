/** How a command fails: what happened, with what, and what to do, on stderr; exit code 1 for a failure, 2 for a wrong call. */
import { MillraceError } from '../errors.ts';
import { type CliIo, toJson, write } from './cli-io.ts';

/** The call itself was wrong. */
export class UsageError extends MillraceError {
  override readonly name = 'UsageError';

  constructor(message: string, hint: string, value?: unknown) {
    super('INVALID_REQUEST', message, { hint, value });
  }
}

/** Codes that say that what was typed is wrong, rather than that the world is. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'INVALID_REQUEST',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_PARTITIONS',
  'INVALID_CONFIG',
  'INVALID_CONNECTION_STRING',
  'UNSUPPORTED_COMPRESSION_TYPE',
]);

/** Prints an error and returns the exit code. Anything but Millrace's errors is a defect and shows its stack. */
export async function reportError(io: CliIo, error: unknown, json: boolean): Promise<number> {
  if (!(error instanceof MillraceError)) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    await write(io.stderr, `millrace: unexpected failure, please report it\n${stack}\n`);
    return 1;
  }
  const { code, message, hint, value, retriable } = error;
  if (json) await write(io.stderr, `${toJson({ error: { code, message, hint, value, retriable } })}\n`);
  else await write(io.stderr, `millrace: ${message} (${code})\n${hint ? `${hint}\n` : ''}`);
  return USAGE_CODES.has(code) ? 2 : 1;
}
