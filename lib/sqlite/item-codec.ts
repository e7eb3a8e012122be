/**
 * Items as bytes, the way the embedded store keeps them.
 *
 * | bytes | field | |
 * |---|---|---|
 * | 1 | version | 1 |
 * | varint | attribute count | |
 * | … | attributes | see below |
 * | 4 | checksum | CRC-32C of all bytes before it, u32 |
 *
 * An attribute:
 *
 * | bytes | field | |
 * |---|---|---|
 * | varint + n | name | UTF-8; no name stands twice |
 * | 1 | kind | 1 integer, 2 text, 3 binary, 4 list of binaries |
 * | varint + n | value of an integer | two's complement, big-endian, as short as it can be |
 * | varint + n | value of a text | UTF-8 |
 * | varint + n | value of a binary | |
 * | varint, then each varint + n | value of a list | count of elements, elements |
 *
 * A varint is unsigned LEB128 of at most 5 bytes, below 2^32. `varint + n` is a length in bytes and the bytes.
 */
import { MillraceError } from '../errors.ts';
import type { Attribute, Item } from '../log/item.ts';
import { crc32c } from '../record/crc32c.ts';
import { decodeInteger, encodeInteger } from './integer-bytes.ts';

const VERSION = 1;
const KIND_INTEGER = 1;
const KIND_TEXT = 2;
const KIND_BINARY = 3;
const KIND_LIST = 4;
const CHECKSUM_BYTES = 4;
const VARINT_BYTES = 5;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Encodes an item, see the tables above. The order of attributes is kept. */
export function encodeItem(item: Item): Uint8Array {
  const names = Object.keys(item);
  const parts: Uint8Array[] = [];
  for (const name of names) pushAttribute(parts, name, item[name]!);
  const bodyBytes = parts.reduce((sum, part) => sum + part.length, 0);
  const count = varint(names.length);
  const bytes = new Uint8Array(1 + count.length + bodyBytes + CHECKSUM_BYTES);
  bytes[0] = VERSION;
  bytes.set(count, 1);
  let position = 1 + count.length;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  new DataView(bytes.buffer).setUint32(position, crc32c(bytes.subarray(0, position)));
  return bytes;
}

function pushAttribute(parts: Uint8Array[], name: string, value: Attribute): void {
  pushBytes(parts, Buffer.from(name));
  if (typeof value === 'bigint') {
    parts.push(Uint8Array.of(KIND_INTEGER));
    pushBytes(parts, encodeInteger(value));
  } else if (typeof value === 'string') {
    parts.push(Uint8Array.of(KIND_TEXT));
    pushBytes(parts, Buffer.from(value));
  } else if (value instanceof Uint8Array) {
    parts.push(Uint8Array.of(KIND_BINARY));
    pushBytes(parts, value);
  } else {
    parts.push(Uint8Array.of(KIND_LIST), varint(value.length));
    for (const element of value) pushBytes(parts, element);
  }
}

function pushBytes(parts: Uint8Array[], bytes: Uint8Array): void {
  parts.push(varint(bytes.length), bytes);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value & 0x7f) | 0x80);
  bytes.push(value);
  return Uint8Array.from(bytes);
}

/**
 * Decodes an item. Binaries are views into `bytes`.
 *
 * Throws CORRUPT_OBJECT when the checksum or a length is wrong, and UNSUPPORTED_FORMAT for another version.
 */
export function decodeItem(bytes: Uint8Array): Item {
  if (bytes.length < 1 + CHECKSUM_BYTES) throw corruptItem('too short', bytes);
  const end = bytes.length - CHECKSUM_BYTES;
  const checksum = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(end);
  if (crc32c(bytes.subarray(0, end)) !== checksum) throw corruptItem('its checksum does not match', bytes);
  if (bytes[0] !== VERSION) {
    throw new MillraceError('UNSUPPORTED_FORMAT', `stored item of version ${bytes[0]}, this is version ${VERSION}`, {
      value: bytes[0],
      hint: 'The store was written by a newer Millrace: use that version or later.',
    });
  }
  const reader = new ItemReader(bytes, 1, end);
  const item: Record<string, Attribute> = Object.create(null);
  for (let count = reader.varint(); count > 0; count--) {
    const name = reader.text();
    if (name in item) throw corruptItem(`attribute ${name} stands twice`, bytes);
    item[name] = reader.attribute();
  }
  reader.expectEnd();
  return { ...item };
}

/** Reads forward through the body of an item. No length is believed before it is compared with what is left. */
class ItemReader {
  readonly #bytes: Uint8Array;
  #position: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, position: number, end: number) {
    this.#bytes = bytes;
    this.#position = position;
    this.#end = end;
  }

  varint(): number {
    let value = 0;
    for (let index = 0; index < VARINT_BYTES; index++) {
      if (this.#position >= this.#end) throw corruptItem('it ends inside a length', this.#bytes);
      const byte = this.#bytes[this.#position++]!;
      value += (byte & 0x7f) * 128 ** index;
      if (byte < 0x80) return value;
    }
    throw corruptItem('a length of more than 5 bytes', this.#bytes);
  }

  binary(): Uint8Array {
    const length = this.varint();
    if (length > this.#end - this.#position) throw corruptItem(`${length} bytes reach beyond its end`, this.#bytes);
    this.#position += length;
    return this.#bytes.subarray(this.#position - length, this.#position);
  }

  text(): string {
    const bytes = this.binary();
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw corruptItem('a text is not UTF-8', this.#bytes, cause);
    }
  }

  attribute(): Attribute {
    if (this.#position >= this.#end) throw corruptItem('it ends before a kind', this.#bytes);
    const kind = this.#bytes[this.#position++]!;
    if (kind === KIND_INTEGER) return this.#integer();
    if (kind === KIND_TEXT) return this.text();
    if (kind === KIND_BINARY) return this.binary();
    if (kind === KIND_LIST) return this.#list();
    throw corruptItem(`unknown kind ${kind}`, this.#bytes);
  }

  #integer(): bigint {
    const bytes = this.binary();
    if (bytes.length === 0) throw corruptItem('an integer without bytes', this.#bytes);
    return decodeInteger(bytes);
  }

  #list(): readonly Uint8Array[] {
    const count = this.varint();
    if (count > this.#end - this.#position) throw corruptItem(`${count} elements do not fit`, this.#bytes);
    const elements: Uint8Array[] = [];
    while (elements.length < count) elements.push(this.binary());
    return elements;
  }

  expectEnd(): void {
    const left = this.#end - this.#position;
    if (left !== 0) throw corruptItem(`${left} bytes are left over`, this.#bytes);
  }
}

function corruptItem(why: string, bytes: Uint8Array, cause?: unknown): MillraceError {
  return new MillraceError('CORRUPT_OBJECT', `stored item of ${bytes.length} bytes: ${why}`, {
    value: Buffer.from(bytes.subarray(0, 64)).toString('hex'),
    hint: 'The database file was damaged; restore it from a backup.',
    ...(cause === undefined ? {} : { cause }),
  });
}
