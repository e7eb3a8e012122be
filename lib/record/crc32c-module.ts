/**
 * The WebAssembly module that computes CRC-32C, assembled here so that a bundle carries neither a binary file nor a native module.
 *
 * In text form (`i32.load offset=k` reads table k / 1024):
 * ```
 * (module
 *   (memory (import "m" "m") 1)
 *   (func (export "u") (param $crc i32) (param $at i32) (param $end i32) (result i32)
 *     (local $word i32)
 *     (block (loop
 *       (br_if 1 (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 16)))
 *       (local.set $word (i32.xor (i32.load (local.get $at)) (local.get $crc)))
 *       (local.set $crc (table 0 of the byte at $at + 15) xor … xor (table 11 of the byte at $at + 4)
 *                   xor (table 12 of the highest byte of $word) xor … xor (table 15 of its lowest byte))
 *       (local.set $at (i32.add (local.get $at) (i32.const 16)))
 *       (br 0)))
 *     (block (loop
 *       (br_if 1 (i32.ge_u (local.get $at) (local.get $end)))
 *       (local.set $crc (table 0 of ($crc xor byte)) xor ($crc >>> 8))
 *       …  (br 0)))
 *     (local.get $crc)))
 * ```
 * Source of the encoding: WebAssembly core specification 1.0, sections 5.4 (instructions) and 5.5 (modules).
 */

const op = {
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  end: [0x0b],
  br: (depth: number) => [0x0c, depth],
  brIf: (depth: number) => [0x0d, depth],
  get: (local: number) => [0x20, local],
  set: (local: number) => [0x21, local],
  load: (offset: number) => [0x28, 2, ...unsigned(offset)],
  loadByte: (offset: number) => [0x2d, 0, ...unsigned(offset)],
  constant: (value: number) => [0x41, ...signed(value)],
  lessThan: [0x49],
  atLeast: [0x4f],
  add: [0x6a],
  subtract: [0x6b],
  and: [0x71],
  xor: [0x73],
  shiftLeft: [0x74],
  shiftRight: [0x76],
};

const CRC = 0;
const AT = 1;
const END = 2;
const WORD = 3;
const I32 = 0x7f;

/** Unsigned LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** Signed LEB128 of a value that is not negative: the last byte must leave bit 6 clear. */
function signed(value: number): number[] {
  return value < 0x40 ? [value] : [(value & 0x7f) | 0x80, ...signed(value >>> 7)];
}

/** Pushes the entry of `table` for byte `index` (0 is the lowest) of $word: entries are four bytes, so the byte is used times four. */
function lookUp(index: number, table: number): number[] {
  const timesFour =
    index === 0
      ? [...op.get(WORD), ...op.constant(2), ...op.shiftLeft]
      : [...op.get(WORD), ...op.constant(8 * index - 2), ...op.shiftRight];
  return [...timesFour, ...op.constant(0x3fc), ...op.and, ...op.load(1024 * table)];
}

/** Pushes the entry of `table` for the byte at `$at + offset`; loading single bytes takes fewer instructions than cutting a word. */
function lookUpNext(offset: number, table: number): number[] {
  return [...op.get(AT), ...op.loadByte(offset), ...op.constant(2), ...op.shiftLeft, ...op.load(1024 * table)];
}

function sixteenBytes(): number[] {
  const code = [
    ...op.block,
    ...op.loop,
    ...op.get(END),
    ...op.get(AT),
    ...op.subtract,
    ...op.constant(16),
    ...op.lessThan,
    ...op.brIf(1),
  ];
  code.push(...op.get(AT), ...op.load(0), ...op.get(CRC), ...op.xor, ...op.set(WORD));
  // Only the first four bytes wait for the step before: their entries come last, so that the other twelve are ready by then.
  for (let byte = 15; byte >= 0; byte--) {
    code.push(...(byte < 4 ? lookUp(byte, 15 - byte) : lookUpNext(byte, 15 - byte)));
    if (byte < 15) code.push(...op.xor);
  }
  code.push(
    ...op.set(CRC),
    ...op.get(AT),
    ...op.constant(16),
    ...op.add,
    ...op.set(AT),
    ...op.br(0),
    ...op.end,
    ...op.end,
  );
  return code;
}

function oneByte(): number[] {
  const code = [...op.block, ...op.loop, ...op.get(AT), ...op.get(END), ...op.atLeast, ...op.brIf(1)];
  code.push(...op.get(CRC), ...op.get(AT), ...op.loadByte(0), ...op.xor, ...op.set(WORD), ...lookUp(0, 0));
  code.push(...op.get(CRC), ...op.constant(8), ...op.shiftRight, ...op.xor, ...op.set(CRC));
  code.push(...op.get(AT), ...op.constant(1), ...op.add, ...op.set(AT), ...op.br(0), ...op.end, ...op.end);
  return code;
}

function section(id: number, content: number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}

/** The module's bytes: it imports the memory `m.m`, with the tables at its start, and exports `u(crc, position, end)`. */
export function crc32cModule(): Uint8Array<ArrayBuffer> {
  const body = [1, 1, I32, ...sixteenBytes(), ...oneByte(), ...op.get(CRC), ...op.end];
  const name = (text: string) => [text.length, ...Buffer.from(text)];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 3, I32, I32, I32, 1, I32]),
    ...section(2, [1, ...name('m'), ...name('m'), 2, 0, 1]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name('u'), 0, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ]);
}
