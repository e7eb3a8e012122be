/** The bytes that `inspect` looks into. */
import { readFile } from 'node:fs/promises';
import { hasCode, MillraceError } from '../errors.ts';
import { parseSegmentKey } from '../segment/segment-key.ts';
import type { CliContext } from './cli-context.ts';

/** What segments and packs begin with tells them apart. */
export const MAGIC_BYTES = 4;

/** Whether bytes are those of a segment. */
export function isSegment(bytes: Uint8Array): boolean {
  return magicOf(bytes) === 'MLRC';
}

/** Whether bytes are those of a pack of a file store. */
export function isPack(bytes: Uint8Array): boolean {
  return magicOf(bytes) === 'MLPK';
}

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

/** The error of a file that cannot be read. */
export function unreadable(file: string, error: unknown): MillraceError {
  const why = error instanceof Error ? error.message : String(error);
  return new MillraceError('INVALID_REQUEST', `${file} cannot be read: ${why}`, {
    value: file,
    hint: 'Objects of a file store stand in its packs/, large ones below its objects/. gc --dry-run --objects lists their keys, such as shared/0/d/2026112403/01M85R0AVPE51J1SXKYSS41RJY.',
    cause: error,
  });
}

function magicOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, MAGIC_BYTES)).toString('latin1');
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
