/**
 * The id of a segment, and of an inline entry: a ULID (github.com/ulid/spec), in one spelling only, so that the order of texts, of bytes and of time
 * is the same order.
 *
 * | bytes | field | as text |
 * |---|---|---|
 * | 6 | time | the first 10 characters; u48, ms since the epoch |
 * | 10 | random | the last 16 characters |
 *
 * Big-endian. The text is Crockford's base32 in upper case, 26 characters; the first is 0 to 7, because 26 characters could hold 130 bits.
 */
import { MillraceError } from '../errors.ts';

/** A ULID: 26 characters of Crockford base32 in upper case. */
export type SegmentId = string;

/** Below every id that a source makes: 26 zeros. */
export const ZERO_ID: SegmentId = '0'.repeat(26);

/** Bytes of an encoded id. */
export const ID_BYTES = 16;

/** The last millisecond that an id can tell: 2^48 − 1, in the year 10889. */
export const MAX_ID_TIME_MS = 2 ** 48 - 1;

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const ID_PATTERN = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const TIME_CHARACTERS = 10;

/** Value of each character code; only characters of the alphabet are looked up. */
const DIGITS = new Uint8Array(128);
for (let digit = 0; digit < ALPHABET.length; digit++) DIGITS[ALPHABET.charCodeAt(digit)] = digit;

/** Code of each character of the alphabet. */
const CODES = Uint8Array.from(ALPHABET, (character) => character.charCodeAt(0));
/** Codes of the id that is being decoded. */
const decoded: number[] = new Array(26).fill(0);

/** Checks the text of an id and returns it. Throws INVALID_REQUEST; lower case is refused, because ids are compared as texts. */
export function parseId(text: string): SegmentId {
  if (typeof text !== 'string' || !ID_PATTERN.test(text)) {
    throw new MillraceError('INVALID_REQUEST', `not a segment id: ${describe(text)}`, {
      value: text,
      hint: 'An id is a ULID: 26 characters of 0-9 and A-Z without I, L, O, U, the first of them 0 to 7.',
    });
  }
  return text;
}

/** A short form for messages: what was refused may be megabytes long. */
function describe(text: unknown): string {
  return typeof text === 'string' ? JSON.stringify(text.slice(0, 64)) : typeof text;
}

/** The 16 bytes of an id. Throws INVALID_REQUEST when the text is not an id. */
export function encodeId(id: SegmentId): Uint8Array {
  parseId(id);
  const bytes = new Uint8Array(ID_BYTES);
  // The first character carries 3 bits, so that the last one ends on a byte.
  let bits = DIGITS[id.charCodeAt(0)]!;
  let bitCount = 3;
  let position = 0;
  for (let character = 1; character < id.length; character++) {
    bits = (bits << 5) | DIGITS[id.charCodeAt(character)]!;
    bitCount += 5;
    if (bitCount >= 8) {
      bitCount -= 8;
      bytes[position++] = bits >>> bitCount;
      bits &= (1 << bitCount) - 1;
    }
  }
  return bytes;
}

/** The id in the 16 bytes at `position` (default 0). Every 16 bytes are an id. Throws CORRUPT_OBJECT when there are fewer. */
export function decodeId(bytes: Uint8Array, position = 0): SegmentId {
  if (!Number.isInteger(position) || position < 0 || position + ID_BYTES > bytes.length) {
    throw new MillraceError(
      'CORRUPT_OBJECT',
      `an id at byte ${position} needs 16 bytes; there are ${bytes.length} in all`,
      {
        value: position,
        hint: 'The object or item that holds the id is truncated.',
      },
    );
  }
  let character = 0;
  let bits = 0;
  // Two bits that are always zero stand before the first byte: 130 bits in 26 characters.
  let bitCount = 2;
  for (let index = position; index < position + ID_BYTES; index++) {
    bits = (bits << 8) | bytes[index]!;
    bitCount += 8;
    while (bitCount >= 5) {
      bitCount -= 5;
      decoded[character++] = CODES[bits >>> bitCount]!;
      bits &= (1 << bitCount) - 1;
    }
  }
  // Made at once: put together one by one, it would be a rope of strings.
  return String.fromCharCode(...decoded);
}

/** Milliseconds since the epoch at which an id was made, by the corrected clock of its maker. Throws INVALID_REQUEST. */
export function idTimeMs(id: SegmentId): number {
  parseId(id);
  let timeMs = 0;
  for (let character = 0; character < TIME_CHARACTERS; character++) {
    timeMs = timeMs * 32 + DIGITS[id.charCodeAt(character)]!;
  }
  return timeMs;
}

/** The lowest id of a millisecond; a fraction of one is dropped. Throws INVALID_REQUEST outside 0 … `MAX_ID_TIME_MS`. */
export function firstIdAt(timeMs: number): SegmentId {
  if (!(timeMs >= 0 && timeMs < MAX_ID_TIME_MS + 1)) {
    throw new MillraceError('INVALID_REQUEST', `no id can tell the time ${timeMs}`, {
      value: timeMs,
      hint: `Give milliseconds since the epoch, from 0 to ${MAX_ID_TIME_MS}.`,
    });
  }
  let rest = Math.floor(timeMs);
  let text = '';
  for (let character = 0; character < TIME_CHARACTERS; character++) {
    text = ALPHABET[rest % 32] + text;
    rest = Math.floor(rest / 32);
  }
  return text + ZERO_ID.slice(TIME_CHARACTERS);
}
