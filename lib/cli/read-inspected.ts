/** The bytes that `inspect` looks into. */
import { readFile } from 'node:fs/promises';
import { hasCode, MillraceError } from '../errors.ts';
import { parseSegmentKey } from '../segment/segment-key.ts';
import type { CliContext } from './cli-context.ts';

/** A file, or the object of the store under this key when there is no such file. Throws INVALID_REQUEST, OBJECT_MISSING, what the store throws. */
export async function readInspected(context: CliContext, source: string): Promise<Uint8Array> {
  try {
    return await readFile(source);
  } catch (error) {
    if (!isMissing(error) || !isSegmentKey(source)) throw unreadable(source, error);
  }
  return context.withStore(async ({ objects }) => {
    const sizeBytes = await objects.size(source);
    const bytes = sizeBytes === null ? null : await objects.get(source, 0, sizeBytes);
    if (bytes !== null) return bytes;
    throw new MillraceError('OBJECT_MISSING', `there is neither a file nor an object ${source} in ${context.store}`, {
      value: source,
      hint: 'Name the store that has it by --store or MILLRACE_STORE.',
    });
  });
}

/** A file. Throws INVALID_REQUEST. */
export async function readInspectedFile(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw unreadable(file, error);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function isSegmentKey(text: string): boolean {
  try {
    parseSegmentKey(text);
    return true;
  } catch (error) {
    if (hasCode(error, 'INVALID_REQUEST')) return false;
    throw error;
  }
}

function unreadable(file: string, error: unknown): MillraceError {
  const why = error instanceof Error ? error.message : String(error);
  return new MillraceError('INVALID_REQUEST', `${file} cannot be read: ${why}`, {
    value: file,
    hint: 'Segments of a file store stand below its objects/ directory; keys look like shared/0/d/2026112403/01M85R0AVPE51J1SXKYSS41RJY.',
    cause: error,
  });
}
