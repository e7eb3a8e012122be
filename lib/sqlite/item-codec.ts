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
import { decodeInteger } from './integer-bytes.ts';
import { ItemWriter } from './item-writer.ts';

const VERSION = 1;
const KIND_INTEGER = 1;
const KIND_TEXT = 2;
const KIND_BINARY = 3;
const KIND_LIST = 4;
const CHECKSUM_BYTES = 4;
const VARINT_BYTES = 5;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const writer = new ItemWriter();

/** Encodes an item, see the tables above. The order of attributes is kept. */
export function encodeItem(item: Item): Uint8Array {
  const names = Object.keys(item);
  writer.begin();
  writer.byte(VERSION);
  writer.varint(names.length);
  for (const name of names) {
    writer.text(name);
    writeAttribute(item[name]!);
  }
  writer.uint32(crc32c(writer.written));
  return new Uint8Array(writer.written);
}

function writeAttribute(value: Attribute): void {
  if (typeof value === 'bigint') {
    writer.byte(KIND_INTEGER);
    writer.integer(value);
  } else if (typeof value === 'string') {
    writer.byte(KIND_TEXT);
    writer.text(value);
  } else if (value instanceof Uint8Array) {
    writer.byte(KIND_BINARY);
    writer.binary(value);
  } else {
    writer.byte(KIND_LIST);
    writer.varint(value.length);
    for (const element of value) writer.binary(element);
  }
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
  const item: Record<string, Attribute> = {};
  for (let count = reader.varint(); count > 0; count--) {
    const name = reader.name();
    if (Object.hasOwn(item, name)) throw corruptItem(`attribute ${name} stands twice`, bytes);
    const value = reader.attribute();
    if (name === '__proto__') Object.defineProperty(item, name, { value, ...PLAIN });
    else item[name] = value;
  }
  reader.expectEnd();
  return item;
}

/** As a property is that was assigned. */
const PLAIN = { enumerable: true, writable: true, configurable: true };

/** Names that were read, by a hash of their bytes: there are few, and decoding each anew takes longer than all else of an attribute. ASCII alone, whose characters are its bytes. */
const names = new Map<number, string>();
const NAMES_MAX = 1_000;

function isAscii(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte < 0x80);
}

function isNamed(bytes: Uint8Array, name: string): boolean {
  if (bytes.length !== name.length) return false;
  for (let index = 0; index < bytes.length; index++) {
    if (bytes[index] !== name.charCodeAt(index)) return false;
  }
  return true;
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
    const first = this.#bytes[this.#position]!;
    if (first < 0x80 && this.#position < this.#end) {
      this.#position += 1;
      return first;
    }
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

  name(): string {
    const bytes = this.binary();
    let hash = bytes.length;
    for (let index = 0; index < bytes.length; index++) hash = (Math.imul(hash, 31) + bytes[index]!) | 0;
    const known = names.get(hash);
    if (known !== undefined && isNamed(bytes, known)) return known;
    const name = this.#decoded(bytes);
    if (names.size < NAMES_MAX && isAscii(bytes)) names.set(hash, name);
    return name;
  }

  text(): string {
    return this.#decoded(this.binary());
  }

  #decoded(bytes: Uint8Array): string {
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
