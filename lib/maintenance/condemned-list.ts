/**
 * Lists of objects that nothing names any more and nothing can name again: they are deleted when the list is a restore window old.
 *
 * A part of a list is an object: a line `millrace-condemned 1 <count> <CRC-32C of the rest, 8 hex digits>`, then a line for each object, its key without the store's prefix.
 */
import { MillraceError } from '../errors.ts';
import { crc32c } from '../record/crc32c.ts';
import type { SegmentId } from '../segment/segment-id.ts';

/** A list, as the job's state has it. */
export interface CondemnedList {
  /** Ids below it were looked at. */
  readonly floor: SegmentId;
  /** When it was made: nothing on it was named then, or could be. ms since 1970. */
  readonly atMs: number;
  /** Names of its parts that are still to be carried out, see `maintenance-object.ts`. */
  readonly parts: readonly string[];
  /** Keys of the first of them that were carried out. Absent: none. */
  readonly done?: number;
  readonly objects: number;
  readonly bytes: number;
}

/** Keys of one part: some 4 MB. */
export const KEYS_PER_PART = 50_000;

const encoder = new TextEncoder();
const HEADER = /^millrace-condemned 1 (\d{1,9}) ([0-9a-f]{8})\n/;

/** The bytes of a part. */
export function encodeCondemned(keys: readonly string[]): Uint8Array {
  const lines = encoder.encode(keys.map((key) => `${key}\n`).join(''));
  const crc = crc32c(lines).toString(16).padStart(8, '0');
  return Buffer.concat([encoder.encode(`millrace-condemned 1 ${keys.length} ${crc}\n`), lines]);
}

/** The keys of a part. Throws CORRUPT_OBJECT: then none of them may be deleted. */
export function decodeCondemned(bytes: Uint8Array): readonly string[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  const [header, count, crc] = HEADER.exec(text) ?? [];
  if (header !== undefined) {
    const lines = bytes.subarray(header.length);
    const keys = text.slice(header.length).split('\n').slice(0, -1);
    if (crc32c(lines) === Number.parseInt(crc!, 16) && keys.length === Number(count)) return keys;
  }
  throw new MillraceError('CORRUPT_OBJECT', 'a stored list of condemned objects is damaged', {
    value: text.slice(0, 100),
    hint: 'Nothing is deleted by it; what it named is condemned anew by the next pass.',
  });
}
