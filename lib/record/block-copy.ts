/** The two copies of an LZ77 decoder and the comparison of an encoder, four bytes at a time; copies may write into the target's slack. */
import { type Bytes, COPY_SLACK } from './arena.ts';

const LONG_BYTES = 96;

/** Copies `length` bytes of `source` into `target`; the caller has checked that both hold them. */
export function copyLiteral(source: Bytes, from: number, target: Bytes, to: number, length: number): void {
  if (length > LONG_BYTES) {
    target.bytes.set(source.bytes.subarray(from, from + length), to);
  } else if (from + length + COPY_SLACK <= source.bytes.length) {
    for (let index = 0; index < length; index += 4)
      target.view.setInt32(to + index, source.view.getInt32(from + index, true), true);
  } else {
    for (let index = 0; index < length; index++) target.bytes[to + index] = source.bytes[from + index]!;
  }
}

/** Repeats `length` bytes that stand `distance` before `to`, which may overlap; the caller has checked both. */
export function copyMatch(target: Bytes, to: number, distance: number, length: number): void {
  const from = to - distance;
  const { bytes, view } = target;
  if (length > LONG_BYTES && distance >= length) {
    bytes.copyWithin(to, from, from + length);
  } else if (distance >= 4) {
    for (let index = 0; index < length; index += 4) view.setInt32(to + index, view.getInt32(from + index, true), true);
  } else if (distance === 1) {
    bytes.fill(bytes[from]!, to, to + length);
  } else {
    for (let index = 0; index < length; index++) bytes[to + index] = bytes[from + index]!;
  }
}

/** How many bytes from `position` on equal those from `candidate` on, before `end`. */
export function matchLength(source: Bytes, candidate: number, position: number, end: number): number {
  const { bytes, view } = source;
  let at = position;
  let before = candidate;
  while (at + 4 <= end) {
    const difference = view.getInt32(at, true) ^ view.getInt32(before, true);
    if (difference !== 0) return at - position + ((31 - Math.clz32(difference & -difference)) >>> 3);
    at += 4;
    before += 4;
  }
  while (at < end && bytes[at] === bytes[before]) {
    at++;
    before++;
  }
  return at - position;
}
