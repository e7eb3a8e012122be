/**
 * Zig-zag variable-length integers, as protobuf writes them: seven bits a byte, least significant first, the top bit set on all but
 * the last. An i32 takes 1–5 bytes, an i64 1–10. Source: Kafka's `ByteUtils` and KIP-98.
 *
 * Values are numbers wherever a number is exact, since a `bigint` costs an allocation.
 */
import { corruptMessage } from './corrupt-message.ts';

/** Deltas within this take the number path: their zig-zag form stays below 2^53. */
export const VARLONG_SAFE = 2 ** 51;

/** Bytes that `writeVarint` takes for an i32. */
export function varintBytes(value: number): number {
  const raw = ((value << 1) ^ (value >> 31)) >>> 0;
  if (raw < 0x80) return 1;
  if (raw < 0x4000) return 2;
  if (raw < 0x200000) return 3;
  return raw < 0x10000000 ? 4 : 5;
}

/** Writes an i32 and returns the position after it; the caller has made room. */
export function writeVarint(bytes: Uint8Array, position: number, value: number): number {
  let raw = (value << 1) ^ (value >> 31);
  let at = position;
  while ((raw & ~0x7f) !== 0) {
    bytes[at++] = (raw & 0x7f) | 0x80;
    raw >>>= 7;
  }
  bytes[at++] = raw;
  return at;
}

/** Bytes that `writeVarlong` takes for an integer within ±`VARLONG_SAFE`. */
export function varlongBytes(value: number): number {
  if (value >= -0x40000000 && value < 0x40000000) return varintBytes(value);
  let raw = value < 0 ? -2 * value - 1 : 2 * value;
  let count = 1;
  while (raw >= 0x80) {
    raw = Math.floor(raw / 0x80);
    count++;
  }
  return count;
}

/** Writes an integer within ±`VARLONG_SAFE` and returns the position after it; the caller has made room. */
export function writeVarlong(bytes: Uint8Array, position: number, value: number): number {
  if (value >= -0x40000000 && value < 0x40000000) return writeVarint(bytes, position, value);
  let raw = value < 0 ? -2 * value - 1 : 2 * value;
  let at = position;
  while (raw >= 0x80) {
    bytes[at++] = (raw % 0x80) | 0x80;
    raw = Math.floor(raw / 0x80);
  }
  bytes[at++] = raw;
  return at;
}

/** Bytes that `writeBigVarlong` takes for any i64. */
export function bigVarlongBytes(value: bigint): number {
  let raw = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  let count = 1;
  while (raw >= 0x80n) {
    raw >>= 7n;
    count++;
  }
  return count;
}

/** Writes any i64 and returns the position after it; the caller has made room. */
export function writeBigVarlong(bytes: Uint8Array, position: number, value: bigint): number {
  let raw = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  let at = position;
  while (raw >= 0x80n) {
    bytes[at++] = Number(raw & 0x7fn) | 0x80;
    raw >>= 7n;
  }
  bytes[at++] = Number(raw);
  return at;
}

/**
 * Reads varints one after another, never past `end`.
 *
 * `position` may be set by the caller; every read throws CORRUPT_MESSAGE on a value that is cut off or too long for its type.
 */
export class VarintReader {
  readonly bytes: Uint8Array;
  position: number;
  end: number;

  constructor(bytes: Uint8Array, position = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
  }

  /** An i32. */
  readVarint(): number {
    const start = this.position;
    if (start < this.end) {
      const first = this.bytes[start]!;
      if (first < 0x80) {
        this.position = start + 1;
        return (first >>> 1) ^ -(first & 1);
      }
    }
    return this.#readLongVarint();
  }

  /** An i64. */
  readVarlong(): bigint {
    return BigInt(this.readVarlongExact());
  }

  /** An i64, as a number wherever that is exact. */
  readVarlongExact(): number | bigint {
    const { bytes, position, end } = this;
    let raw = 0;
    let scale = 1;
    // Seven bytes are 49 bits: exact as a number.
    for (let index = 0; index < 7; index++) {
      if (position + index >= end) throw corruptMessage('A varint is cut off', position);
      const byte = bytes[position + index]!;
      raw += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.position = position + index + 1;
        return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
      }
      scale *= 0x80;
    }
    return this.#readFarVarlong(raw);
  }

  /** Passes over an i64 without making it. */
  skipVarlong(): void {
    const { bytes, position, end } = this;
    const limit = Math.min(end, position + 10);
    let at = position;
    while (at < limit && bytes[at]! >= 0x80) at++;
    if (at >= limit) throw corruptMessage('A varint is cut off or too long', position);
    if (at === position + 9 && bytes[at]! > 1) throw corruptMessage('A varint does not fit 64 bits', position);
    this.position = at + 1;
  }

  #readLongVarint(): number {
    const { bytes, position, end } = this;
    let raw = 0;
    for (let index = 0; index < 5; index++) {
      if (position + index >= end) throw corruptMessage('A varint is cut off', position);
      const byte = bytes[position + index]!;
      if (index === 4 && byte > 0x0f) throw corruptMessage('A varint does not fit 32 bits', position);
      raw |= (byte & 0x7f) << (7 * index);
      if (byte < 0x80) {
        this.position = position + index + 1;
        return (raw >>> 1) ^ -(raw & 1);
      }
    }
    throw corruptMessage('A varint does not fit 32 bits', position);
  }

  #readFarVarlong(low: number): bigint {
    const { bytes, position, end } = this;
    let raw = BigInt(low);
    for (let index = 7; index < 10; index++) {
      if (position + index >= end) throw corruptMessage('A varint is cut off', position);
      const byte = bytes[position + index]!;
      if (index === 9 && byte > 1) break;
      raw |= BigInt(byte & 0x7f) << BigInt(7 * index);
      if (byte < 0x80) {
        this.position = position + index + 1;
        return (raw >> 1n) ^ -(raw & 1n);
      }
    }
    throw corruptMessage('A varint does not fit 64 bits', position);
  }
}
