/**
 * Reads the primitive types of Kafka's protocol from bytes that nobody vouches for: every length and count is checked against what is there before anything is
 * allocated. Everything it throws is INVALID_REQUEST with the position.
 *
 * Source: https://kafka.apache.org/protocol#protocol_types, KIP-482 for compact types and tagged fields.
 */
import { MillraceError } from '../../errors.ts';
import { limits } from '../../limits.ts';

/** The id of no topic. */
export const ZERO_UUID = '00000000-0000-0000-0000-000000000000';

/** Told of bytes that are no message. */
export function malformed(problem: string, position: number): MillraceError {
  return new MillraceError('INVALID_REQUEST', `not a message of Kafka's protocol: ${problem} at byte ${position}`, {
    value: position,
    hint: 'Check that the client speaks the version it names.',
  });
}

/** See the module comment. Strings and numbers are copies; `bytes` and `records` are views of what it was given. */
export class WireReader {
  readonly bytes: Buffer;
  readonly view: DataView;
  position: number;
  readonly end: number;
  #elements = 0;

  constructor(bytes: Uint8Array, position = 0, end: number = bytes.length) {
    const { buffer, byteOffset, length } = bytes;
    this.bytes = Buffer.from(buffer, byteOffset, length);
    this.view = new DataView(buffer, byteOffset, length);
    this.position = position;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  /** Moves behind `count` bytes and tells where they begin. */
  take(count: number): number {
    const start = this.position;
    if (count > this.end - start) throw malformed(`${count} bytes are claimed, ${this.end - start} are left`, start);
    this.position = start + count;
    return start;
  }

  /** An unsigned varint of at most 32 bits. */
  uvarint(): number {
    const first = this.position < this.end ? this.bytes[this.position]! : 0x80;
    if (first < 0x80) {
      this.position++;
      return first;
    }
    return this.#longUvarint();
  }

  #longUvarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.position >= this.end) throw malformed('a varint is cut off', this.position);
      const byte = this.bytes[this.position++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value > 0xffff_ffff) break;
        return value;
      }
    }
    throw malformed('a varint has more than 32 bits', this.position);
  }

  /** Length of a string, −1 for null. */
  stringLength(): number {
    return this.#length(this.view.getInt16(this.take(2)));
  }

  /** Length of bytes or records, −1 for null. */
  bytesLength(): number {
    return this.#length(this.view.getInt32(this.take(4)));
  }

  /** Length of a string, bytes or records of a flexible version, −1 for null. */
  compactLength(): number {
    return this.#length(this.uvarint() - 1);
  }

  #length(length: number): number {
    if (length < -1 || length > this.end - this.position) {
      throw malformed(`a length of ${length} is claimed, ${this.end - this.position} bytes are left`, this.position);
    }
    return length;
  }

  /** Number of elements of an array, −1 for null; each takes at least `elementBytes`. */
  count(elementBytes: number): number {
    return this.#count(this.view.getInt32(this.take(4)), elementBytes);
  }

  /** The same in a flexible version. */
  compactCount(elementBytes: number): number {
    return this.#count(this.uvarint() - 1, elementBytes);
  }

  #count(count: number, elementBytes: number): number {
    if (count < -1 || count * elementBytes > this.end - this.position) {
      throw malformed(`${count} elements are claimed, ${this.end - this.position} bytes are left`, this.position);
    }
    this.#elements += count;
    if (this.#elements > limits.wireElements) {
      throw malformed(`there are more than ${limits.wireElements} elements`, this.position);
    }
    return count;
  }

  string(length: number, name: string): string {
    if (length < 0) throw this.isNull(name);
    return this.nullableString(length)!;
  }

  nullableString(length: number): string | null {
    if (length < 0) return null;
    const start = this.position;
    this.position = start + length;
    return this.bytes.toString('utf8', start, start + length);
  }

  blob(length: number, name: string): Uint8Array {
    if (length < 0) throw this.isNull(name);
    return this.nullableBlob(length)!;
  }

  nullableBlob(length: number): Uint8Array | null {
    if (length < 0) return null;
    const start = this.position;
    this.position = start + length;
    return this.bytes.subarray(start, start + length);
  }

  /** The UUID at a position that was taken. */
  uuidAt(position: number): string {
    const hex = this.bytes.toString('hex', position, position + 16);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }

  /** Moves behind a tagged field that this version does not know. */
  skip(size: number): void {
    this.take(size);
  }

  /** A tagged field must fill what it was said to take. */
  endTag(start: number, size: number): void {
    if (this.position !== start + size) throw malformed(`a tagged field takes other than ${size} bytes`, start);
  }

  /** For a field that must not be null and is. */
  isNull(name: string): MillraceError {
    return malformed(`${name} is null`, this.position);
  }
}
