/**
 * Writes the primitive types of Kafka's protocol into pieces that are sent one after another. Record batches are not copied unless they are small: they become pieces
 * of their own, as they are.
 */
import { MillraceError } from '../../errors.ts';
import type { RecordsBytes } from './schema.ts';

const FIRST_BYTES = 512;
const PIECE_BYTES = 16 * 1024;
/** What is smaller is cheaper to copy than to send as a piece of its own. */
const COPY_BYTES = 4 * 1024;
const SHORT_TEXT = 48;

/** See the module comment. A value out of the range of its type is written with its low bits, as it is in Kafka. */
export class WireWriter {
  buffer: Buffer = Buffer.allocUnsafe(FIRST_BYTES);
  view: DataView = viewOf(this.buffer);
  position = 0;
  /** Where the piece that is being written begins. */
  #start = 0;
  readonly #pieces: Uint8Array[] = [];
  #sentBytes = 0;

  /** Bytes written so far. */
  get byteCount(): number {
    return this.#sentBytes + this.position - this.#start;
  }

  /** Room for `count` bytes in one piece; tells where they begin. `buffer` and `view` may be others afterwards. */
  reserve(count: number): number {
    if (this.position + count > this.buffer.length) this.#renew(count);
    const start = this.position;
    this.position = start + count;
    return start;
  }

  #renew(count: number): void {
    this.#cut();
    this.buffer = Buffer.allocUnsafe(Math.max(count, PIECE_BYTES));
    this.view = viewOf(this.buffer);
    this.position = 0;
    this.#start = 0;
  }

  #cut(): void {
    if (this.position === this.#start) return;
    this.#piece(this.buffer.subarray(this.#start, this.position));
    this.#start = this.position;
  }

  /** What stands next to each other goes as one piece: each costs about as much as some kilobytes. */
  #piece(piece: Uint8Array): void {
    this.#sentBytes += piece.length;
    const last = this.#pieces.at(-1);
    const isNext = last?.buffer === piece.buffer && last.byteOffset + last.length === piece.byteOffset;
    if (isNext) this.#pieces[this.#pieces.length - 1] = joined(last, piece);
    else this.#pieces.push(piece);
  }

  uvarint(value: number): void {
    let rest = value;
    let at = this.reserve(5);
    while (rest > 0x7f) {
      this.buffer[at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.buffer[at++] = rest;
    this.position = at;
  }

  int8(value: number): void {
    const at = this.reserve(1);
    this.view.setInt8(at, value);
  }

  int16(value: number): void {
    const at = this.reserve(2);
    this.view.setInt16(at, value);
  }

  int32(value: number): void {
    const at = this.reserve(4);
    this.view.setInt32(at, value);
  }

  string(text: string | null): void {
    if (text === null) this.int16(-1);
    else if (text.length <= SHORT_TEXT) this.#shortText(text, false);
    else {
      const length = Buffer.byteLength(text);
      if (length > 0x7fff) throw unwritable(`a text of ${length} bytes is longer than 32,767`, length);
      this.int16(length);
      this.#text(text, length);
    }
  }

  compactString(text: string | null): void {
    if (text === null) this.uvarint(0);
    else if (text.length <= SHORT_TEXT) this.#shortText(text, true);
    else {
      const length = Buffer.byteLength(text);
      this.uvarint(length + 1);
      this.#text(text, length);
    }
  }

  #text(text: string, length: number): void {
    const start = this.reserve(length);
    this.buffer.write(text, start, length, 'utf8');
  }

  /** Most texts are short names in ASCII: written here without leaving JavaScript. */
  #shortText(text: string, compact: boolean): void {
    const { length } = text;
    const from = this.reserve(2 + length);
    const start = from + (compact ? 1 : 2);
    const { buffer } = this;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) {
        this.position = from;
        this.#otherText(text, compact);
        return;
      }
      buffer[start + index] = code;
    }
    if (compact) buffer[from] = length + 1;
    else this.view.setInt16(from, length);
    this.position = start + length;
  }

  #otherText(text: string, compact: boolean): void {
    const length = Buffer.byteLength(text);
    if (compact) this.uvarint(length + 1);
    else this.int16(length);
    this.#text(text, length);
  }

  blob(bytes: Uint8Array | null): void {
    this.int32(bytes === null ? -1 : bytes.length);
    if (bytes !== null) this.raw(bytes);
  }

  compactBlob(bytes: Uint8Array | null): void {
    this.uvarint(bytes === null ? 0 : bytes.length + 1);
    if (bytes !== null) this.raw(bytes);
  }

  records(records: RecordsBytes | null): void {
    this.int32(records === null ? -1 : recordsLength(records));
    if (records !== null) this.#batches(records);
  }

  compactRecords(records: RecordsBytes | null): void {
    this.uvarint(records === null ? 0 : recordsLength(records) + 1);
    if (records !== null) this.#batches(records);
  }

  #batches(records: RecordsBytes): void {
    if (records instanceof Uint8Array) this.raw(records);
    else for (const piece of records) this.raw(piece);
  }

  /** Bytes as they are. Whoever gives large ones must not change them until they are sent. */
  raw(bytes: Uint8Array): void {
    if (bytes.length >= COPY_BYTES) {
      this.#cut();
      this.#piece(bytes);
      return;
    }
    const start = this.reserve(bytes.length);
    this.buffer.set(bytes, start);
  }

  uuidAt(position: number, uuid: string): void {
    const hex = uuid.replaceAll('-', '');
    const written = this.buffer.write(hex, position, 16, 'hex');
    if (written !== 16 || hex.length !== 32) throw unwritable('it is not a UUID', uuid);
  }

  /** The bytes of another writer. */
  append(other: WireWriter): void {
    for (const piece of other.pieces()) this.raw(piece);
  }

  /** All that was written, in order. */
  pieces(): readonly Uint8Array[] {
    this.#cut();
    return this.#pieces;
  }
}

/** Two pieces of a buffer that stand next to each other. */
function joined(one: Uint8Array, next: Uint8Array): Uint8Array {
  return new Uint8Array(one.buffer, one.byteOffset, one.length + next.length);
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}

function recordsLength(records: RecordsBytes): number {
  if (records instanceof Uint8Array) return records.length;
  return records.reduce((sum, { length }) => sum + length, 0);
}

function unwritable(problem: string, value: unknown): MillraceError {
  return new MillraceError('INVALID_REQUEST', `this cannot be said in Kafka's protocol: ${problem}`, { value });
}
