/** Writes the values of items one behind the other, into memory that is used for all items. */
import { integerBytes, writeInteger } from './integer-bytes.ts';

const FIRST_BYTES = 64 * 1024;
/** Texts up to so long are written byte by byte as long as they are ASCII: names of attributes are. */
const SHORT_TEXT = 64;
const VARINT_BYTES = 5;

/** See the module comment. */
export class ItemWriter {
  #bytes: Uint8Array = new Uint8Array(FIRST_BYTES);
  #position = 0;

  /** Begins anew. */
  begin(): void {
    this.#position = 0;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#position++] = value;
  }

  varint(value: number): void {
    this.#reserve(VARINT_BYTES);
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.#bytes[this.#position++] = (rest & 0x7f) | 0x80;
    this.#bytes[this.#position++] = rest;
  }

  binary(value: Uint8Array): void {
    this.varint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#position);
    this.#position += value.length;
  }

  text(value: string): void {
    if (value.length > SHORT_TEXT || !this.#ascii(value)) this.binary(Buffer.from(value));
  }

  integer(value: bigint): void {
    const length = integerBytes(value);
    this.varint(length);
    this.#reserve(length);
    writeInteger(value, this.#bytes, this.#position, length);
    this.#position += length;
  }

  uint32(value: number): void {
    for (const shift of [24, 16, 8, 0]) this.byte((value >>> shift) & 0xff);
  }

  /** What was written since it began, until it begins again. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#position);
  }

  /** Writes nothing and returns false where a character takes more than a byte. */
  #ascii(value: string): boolean {
    this.#reserve(1 + value.length);
    const start = this.#position + 1;
    for (let index = 0; index < value.length; index++) {
      const unit = value.charCodeAt(index);
      if (unit > 0x7f) return false;
      this.#bytes[start + index] = unit;
    }
    this.#bytes[this.#position] = value.length;
    this.#position = start + value.length;
    return true;
  }

  #reserve(count: number): void {
    if (this.#position + count <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.#position + count));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
