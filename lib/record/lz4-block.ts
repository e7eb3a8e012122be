/**
 * An lz4 block: sequences of literals and a match.
 *
 * | field          | bytes | meaning                                                                               |
 * |----------------|-------|---------------------------------------------------------------------------------------|
 * | token          | 1     | high 4 bits: literal length; low 4 bits: match length − 4; 15 means that more follows |
 * | more length    | 0–n   | added up; the first byte other than 255 is the last                                   |
 * | literals       | 0–n   |                                                                                       |
 * | distance       | 2     | little-endian, 1–65535; the last sequence ends before it                              |
 * | more length    | 0–n   | of the match, as above                                                                |
 *
 * The last five bytes are literals and no match begins in the last twelve. Source: github.com/lz4/lz4, lz4_Block_format.md.
 */
import { type Bytes, blockCoder } from './arena.ts';
import { copyLiteral, copyMatch, matchLength } from './block-copy.ts';
import { LZ4_HASH, TABLE_BITS } from './block-module.ts';
import { corruptMessage } from './corrupt-message.ts';

const WHERE = 'the lz4 data';
const table = new Uint16Array(1 << TABLE_BITS);

/** The compressor takes blocks up to this: positions in one are 16 bits. */
export const LZ4_BLOCK_BYTES_MAX = 64 * 1024;

/** The most that `length` bytes can become. */
export function lz4Bound(length: number): number {
  return length + Math.ceil(length / 255) + 16;
}

function writeMore(bytes: Uint8Array, position: number, length: number): number {
  let at = position;
  let left = length - 15;
  for (; left >= 255; left -= 255) bytes[at++] = 255;
  bytes[at++] = left;
  return at;
}

/** Writes token and literals; a match of `matched` bytes (0 for none, at the end) is told by the token. */
function writeLiterals(
  source: Bytes,
  from: number,
  to: number,
  target: Bytes,
  position: number,
  matched: number,
): number {
  const length = to - from;
  const rest = matched === 0 ? 0 : Math.min(matched - 4, 15);
  let at = position;
  target.bytes[at++] = (Math.min(length, 15) << 4) | rest;
  if (length >= 15) at = writeMore(target.bytes, at, length);
  copyLiteral(source, from, target, at, length);
  return at + length;
}

/**
 * Writes `source` from `start` to `end` (at most `LZ4_BLOCK_BYTES_MAX`) as one block into `target` at `position`, and returns the
 * position after it; `target` has room for `lz4Bound`.
 */
export function compressLz4Block(source: Bytes, start: number, end: number, target: Bytes, position: number): number {
  if (target.base >= 0) {
    return blockCoder!.lz4Encode(source.base + start, source.base + end, target.base + position) - target.base;
  }
  const { view } = source;
  const last = end - 12;
  let at = position;
  let literal = start;
  let here = start + 1;
  if (here < last) table.fill(0);
  // The more positions without a match, the larger the steps: incompressible data passes quickly.
  let misses = 64;
  while (here < last) {
    const word = view.getInt32(here, true);
    const slot = Math.imul(word, LZ4_HASH) >>> (32 - TABLE_BITS);
    let candidate = start + table[slot]!;
    table[slot] = here - start;
    if (view.getInt32(candidate, true) !== word) {
      here += misses++ >>> 6;
      continue;
    }
    misses = 64;
    let matched = 4 + matchLength(source, candidate + 4, here + 4, end - 5);
    while (here > literal && candidate > start && source.bytes[here - 1] === source.bytes[candidate - 1]) {
      here--;
      candidate--;
      matched++;
    }
    at = writeLiterals(source, literal, here, target, at, matched);
    const distance = here - candidate;
    target.bytes[at++] = distance;
    target.bytes[at++] = distance >>> 8;
    if (matched >= 19) at = writeMore(target.bytes, at, matched - 4);
    here += matched;
    literal = here;
    if (here < last) table[Math.imul(view.getInt32(here - 2, true), LZ4_HASH) >>> (32 - TABLE_BITS)] = here - 2 - start;
  }
  return writeLiterals(source, literal, end, target, at, 0);
}

/**
 * Decodes the block that stands from `start` to `end` into `target` from `position` on, and returns the position after it,
 * or −1 when it holds more than goes before `limit`.
 *
 * Matches may reach back to `windowStart`; nothing is written at or beyond `limit` but slack for the copies. Throws CORRUPT_MESSAGE.
 */
export function decompressLz4Block(
  source: Bytes,
  start: number,
  end: number,
  target: Bytes,
  position: number,
  limit: number,
  windowStart: number,
): number {
  if (target.base >= 0) {
    const { base } = target;
    const after = blockCoder!.lz4(
      source.base + start,
      source.base + end,
      base + position,
      base + limit,
      base + windowStart,
    );
    if (after >= 0) return after - base;
    // Something is wrong: what follows says what.
  }
  const { bytes } = source;
  let from = start;
  let to = position;
  while (from < end) {
    const token = bytes[from++]!;
    let length = token >>> 4;
    if (length === 15) {
      let more = 255;
      while (more === 255 && from < end) length += more = bytes[from++]!;
      if (more === 255) throw corruptMessage('A length is cut off', from, WHERE);
    }
    if (length > limit - to) return -1;
    if (length > end - from) throw corruptMessage(`${length} literal bytes do not fit`, from, WHERE);
    copyLiteral(source, from, target, to, length);
    from += length;
    to += length;
    if (from === end) return to;
    if (from + 2 > end) throw corruptMessage('A distance is cut off', from, WHERE);
    const distance = bytes[from]! | (bytes[from + 1]! << 8);
    from += 2;
    let matched = (token & 15) + 4;
    if (matched === 19) {
      let more = 255;
      while (more === 255 && from < end) matched += more = bytes[from++]!;
      if (more === 255) throw corruptMessage('A length is cut off', from, WHERE);
    }
    if (matched > limit - to) return -1;
    if (distance === 0 || distance > to - windowStart) {
      throw corruptMessage(`A match of ${matched} bytes from ${distance} before does not fit`, from, WHERE);
    }
    copyMatch(target, to, distance, matched);
    to += matched;
  }
  throw corruptMessage('A block ends without its literals', end, WHERE);
}
