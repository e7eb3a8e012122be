/** What every embedded object store checks before it does anything, so that it refuses what S3 would refuse. */
import { MillraceError } from '../../errors.ts';

/** S3: keys of one DeleteObjects request, and objects of one listing. */
export const OBJECTS_PER_REQUEST = 1000;
/** S3: UTF-8 bytes of a key. */
const KEY_BYTES = 1024;

/** Checks a key and returns it. Throws INVALID_REQUEST when it is empty, too long, or has a part that no file can be named by. */
export function parseObjectKey(key: string): string {
  const parts = key.split('/');
  const isName = (part: string) => part !== '' && part !== '.' && part !== '..' && !part.includes('\0');
  if (Buffer.byteLength(key) > KEY_BYTES || !parts.every(isName)) {
    throw new MillraceError('INVALID_REQUEST', 'not an object key', {
      value: key.slice(0, 2 * KEY_BYTES),
      hint: `Use at most ${KEY_BYTES} bytes in parts joined by single slashes, none of them "." or "..".`,
    });
  }
  return key;
}

/** Checks a byte range. Throws INVALID_REQUEST. */
export function checkRange(position: number, lengthBytes: number): void {
  if (Number.isSafeInteger(position) && position >= 0 && Number.isSafeInteger(lengthBytes) && lengthBytes > 0) return;
  throw new MillraceError('INVALID_REQUEST', `not a byte range: ${lengthBytes} bytes from ${position}`, {
    value: { position, lengthBytes },
    hint: 'A range starts at 0 or above and has at least one byte.',
  });
}

/** Checks the keys of one removal. Throws INVALID_REQUEST. */
export function checkRemoval(keys: readonly string[]): void {
  if (keys.length > OBJECTS_PER_REQUEST) {
    throw new MillraceError('INVALID_REQUEST', `${keys.length} keys in one removal`, {
      value: keys.length,
      hint: `Remove at most ${OBJECTS_PER_REQUEST} at a time.`,
    });
  }
  for (const key of keys) parseObjectKey(key);
}
