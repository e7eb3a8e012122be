/**
 * A snappy block: a varint (unsigned, not zig-zag) with the uncompressed length, then elements.
 *
 * | tag, low 2 bits | element                                                                                        |
 * |----------------:|------------------------------------------------------------------------------------------------|
 * |              00 | literal: length − 1 in the high 6 bits; 60–63 mean that it follows in 1–4 bytes, little-endian |
 * |              01 | copy of 4–11 bytes (bits 2–4), distance of 11 bits: bits 5–7 and one byte                       |
 * |              10 | copy of 1–64 bytes (high 6 bits), distance in 2 bytes, little-endian                            |
 * |              11 | copy of 1–64 bytes (high 6 bits), distance in 4 bytes, little-endian                            |
 *
 * Source: github.com/google/snappy, format_description.txt.
 */
import { type Bytes, blockCoder } from './arena.ts';
import { copyLiteral, copyMatch, matchLength } from './block-copy.ts';
import { SNAPPY_HASH, TABLE_BITS } from './block-module.ts';
import { corruptMessage } from './corrupt-message.ts';

const WHERE = 'the snappy data';
/** Three bytes make 64 at best. */
const RATIO_MAX = 22;
const table = new Uint16Array(1 << TABLE_BITS);

/** The compressor takes blocks up to this: positions in one are 16 bits. */
export const SNAPPY_BLOCK_BYTES_MAX = 64 * 1024;

/** The most that `length` bytes can become. */
export function snappyBound(length: number): number {
  return 32 + length + Math.ceil(length / 6);
}

function writeLiteral(source: Bytes, from: number, to: number, target: Bytes, position: number): number {
  const { bytes } = target;
  const length = to - from;
  let at = position;
  if (length <= 60) {
    bytes[at++] = (length - 1) << 2;
  } else if (length <= 256) {
    bytes[at++] = 60 << 2;
    bytes[at++] = length - 1;
  } else {
    bytes[at++] = 61 << 2;
    bytes[at++] = length - 1;
    bytes[at++] = (length - 1) >>> 8;
  }
  copyLiteral(source, from, target, at, length);
  return at + length;
}

function writeCopy(bytes: Uint8Array, position: number, distance: number, length: number): number {
  let at = position;
  let left = length;
  // No rest below four, so that the last copy may take the short form.
  while (left >= 68) {
    bytes[at++] = (63 << 2) | 2;
    bytes[at++] = distance;
    bytes[at++] = distance >>> 8;
    left -= 64;
  }
  if (left > 64) {
    bytes[at++] = (59 << 2) | 2;
    bytes[at++] = distance;
    bytes[at++] = distance >>> 8;
    left -= 60;
  }
  if (left >= 12 || distance >= 2048) {
    bytes[at++] = ((left - 1) << 2) | 2;
    bytes[at++] = distance;
    bytes[at++] = distance >>> 8;
  } else {
    bytes[at++] = ((distance >>> 8) << 5) | ((left - 4) << 2) | 1;
    bytes[at++] = distance;
  }
  return at;
}

/**
 * Writes `source` from `start` to `end` (at most `SNAPPY_BLOCK_BYTES_MAX`) as one block into `target` at `position`, and returns the
 * position after it; `target` has room for `snappyBound`.
 */
export function compressSnappyBlock(
  source: Bytes,
  start: number,
  end: number,
  target: Bytes,
  position: number,
): number {
  if (target.base >= 0) {
    return blockCoder!.snappyEncode(source.base + start, source.base + end, target.base + position) - target.base;
  }
  const { view } = source;
  let at = position;
  let length = end - start;
  for (; length >= 0x80; length >>>= 7) target.bytes[at++] = length | 0x80;
  target.bytes[at++] = length;

  let literal = start;
  let here = start + 1;
  const last = end - 15;
  if (here < last) table.fill(0);
  // The more positions without a match, the larger the steps: incompressible data passes quickly.
  let misses = 32;
  while (here < last) {
    const word = view.getInt32(here, true);
    const slot = Math.imul(word, SNAPPY_HASH) >>> (32 - TABLE_BITS);
    const candidate = start + table[slot]!;
    table[slot] = here - start;
    if (view.getInt32(candidate, true) !== word) {
      here += misses++ >>> 5;
      continue;
    }
    misses = 32;
    if (here > literal) at = writeLiteral(source, literal, here, target, at);
    const matched = 4 + matchLength(source, candidate + 4, here + 4, end);
    at = writeCopy(target.bytes, at, here - candidate, matched);
    here += matched;
    literal = here;
    if (here < last)
      table[Math.imul(view.getInt32(here - 2, true), SNAPPY_HASH) >>> (32 - TABLE_BITS)] = here - 2 - start;
  }
  return literal < end ? writeLiteral(source, literal, end, target, at) : at;
}

/** A block's uncompressed length, and where its elements begin. */
export interface SnappyPreamble {
  readonly length: number;
  readonly position: number;
}

/** Reads the length at the head of a block, and refuses one that the block's own size could never give. */
export function readSnappyPreamble(bytes: Uint8Array, start: number, end: number): SnappyPreamble {
  let length = 0;
  for (let index = 0; index < 5; index++) {
    if (start + index >= end) throw corruptMessage('A block is cut off', start, WHERE);
    const byte = bytes[start + index]!;
    length += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) {
      if (length > (end - start) * RATIO_MAX)
        throw corruptMessage(`A block claims the impossible length ${length}`, start, WHERE);
      return { length, position: start + index + 1 };
    }
  }
  throw corruptMessage('The length of a block is too long', start, WHERE);
}

/**
 * Decodes the elements of a block that stand from `start` to `end` into `target` from `position` to exactly `limit`, after which there
 * is slack for the copies. Throws CORRUPT_MESSAGE.
 */
export function decompressSnappyElements(
  source: Bytes,
  start: number,
  end: number,
  target: Bytes,
  position: number,
  limit: number,
): void {
  if (target.base >= 0) {
    const { base } = target;
    const after = blockCoder!.snappy(
      source.base + start,
      source.base + end,
      base + position,
      base + limit,
      base + position,
    );
    if (after >= 0) return;
    // Something is wrong: what follows says what.
  }
  const { bytes } = source;
  let from = start;
  let to = position;
  while (from < end) {
    const tag = bytes[from]!;
    const kind = tag & 3;
    if (kind === 0) {
      let length = (tag >>> 2) + 1;
      from++;
      if (length > 60) {
        const count = length - 60;
        if (from + count > end) throw corruptMessage('A literal is cut off', from, WHERE);
        length = 1;
        for (let index = 0; index < count; index++) length += bytes[from + index]! * 2 ** (8 * index);
        from += count;
      }
      if (length > end - from || length > limit - to)
        throw corruptMessage(`A literal of ${length} bytes does not fit`, from, WHERE);
      copyLiteral(source, from, target, to, length);
      from += length;
      to += length;
      continue;
    }
    const size = kind === 3 ? 5 : kind + 1;
    if (from + size > end) throw corruptMessage('A copy is cut off', from, WHERE);
    let distance: number;
    if (kind === 1) distance = ((tag >>> 5) << 8) | bytes[from + 1]!;
    else if (kind === 2) distance = bytes[from + 1]! | (bytes[from + 2]! << 8);
    else distance = source.view.getUint32(from + 1, true);
    const length = kind === 1 ? 4 + ((tag >>> 2) & 7) : (tag >>> 2) + 1;
    if (distance === 0 || distance > to - position || length > limit - to) {
      throw corruptMessage(`A copy of ${length} bytes from ${distance} before does not fit`, from, WHERE);
    }
    copyMatch(target, to, distance, length);
    from += size;
    to += length;
  }
  if (to !== limit) throw corruptMessage(`A block is ${limit - to} bytes short`, from, WHERE);
}
