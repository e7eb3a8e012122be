/**
 * The lz4 frame format. All integers are little-endian.
 *
 * | position | field            | type | meaning                                                                              |
 * |---------:|------------------|------|--------------------------------------------------------------------------------------|
 * |        0 | magic            | u32  | 0x184d2204                                                                           |
 * |        4 | FLG              | u8   | bits 6–7 version 1 · 5 blocks independent · 4 block checksums · 3 content size · 2 content checksum · 0 dictionary |
 * |        5 | BD               | u8   | bits 4–6 largest block: 4 is 64 KiB, 5 256 KiB, 6 1 MiB, 7 4 MiB                      |
 * |        6 | content size     | u64  | when FLG says so                                                                     |
 * |          | header checksum  | u8   | second byte of the xxHash32 of FLG up to here                                        |
 * |          | blocks           |      | each a u32 with its size (top bit: not compressed), its bytes, its xxHash32 when FLG says so |
 * |          | end mark         | u32  | 0                                                                                    |
 * |          | content checksum | u32  | xxHash32 of the content, when FLG says so                                            |
 *
 * We write what Kafka's Java client does: independent blocks of 64 KiB without checksums or sizes, since the batch has a CRC. Source:
 * github.com/lz4/lz4, lz4_Frame_format.md; Kafka's `Lz4BlockOutputStream`.
 */
import { type Bytes, bothViews, COPY_SLACK, openArena, takeResult } from './arena.ts';
import { corruptMessage } from './corrupt-message.ts';
import { compressLz4Block, decompressLz4Block, LZ4_BLOCK_BYTES_MAX, lz4Bound } from './lz4-block.ts';
import { tooLarge } from './too-large.ts';
import { xxhash32 } from './xxhash32.ts';

const MAGIC = 0x184d2204;
const VERSION_MASK = 0xc0;
const VERSION = 0x40;
const INDEPENDENT = 0x20;
const BLOCK_CHECKSUM = 0x10;
const CONTENT_SIZE = 0x08;
const CONTENT_CHECKSUM = 0x04;
const DICTIONARY = 0x01;
const BD_64_KIB = 4 << 4;
const NOT_COMPRESSED = 0x80000000;
const HEADER_BYTES = 7;
/** A byte of length stands for 255 at best. */
const RATIO_MAX = 255;
const WHERE = 'the lz4 data';

function headerChecksum(bytes: Uint8Array): number {
  return (xxhash32(bytes) >>> 8) & 0xff;
}

/** Compresses into one frame. */
export function lz4Compress(bytes: Uint8Array): Uint8Array {
  const original = bothViews(bytes);
  const blockCount = Math.ceil(bytes.length / LZ4_BLOCK_BYTES_MAX);
  const { source, target } = openArena(
    original,
    HEADER_BYTES + blockCount * (4 + lz4Bound(0)) + lz4Bound(bytes.length) + 4,
  );
  target.view.setUint32(0, MAGIC, true);
  target.bytes[4] = VERSION | INDEPENDENT;
  target.bytes[5] = BD_64_KIB;
  target.bytes[6] = headerChecksum(target.bytes.subarray(4, 6));
  let position = HEADER_BYTES;
  for (let start = 0; start < bytes.length; start += LZ4_BLOCK_BYTES_MAX) {
    const length = Math.min(LZ4_BLOCK_BYTES_MAX, bytes.length - start);
    const end = compressLz4Block(source, start, start + length, target, position + 4);
    const size = end - position - 4;
    if (size < length) {
      target.view.setUint32(position, size, true);
      position = end;
    } else {
      target.view.setUint32(position, (length | NOT_COMPRESSED) >>> 0, true);
      target.bytes.set(bytes.subarray(start, start + length), position + 4);
      position += 4 + length;
    }
  }
  target.view.setUint32(position, 0, true);
  return takeResult(target, position + 4);
}

interface FrameHeader {
  readonly flags: number;
  readonly blockBytesMax: number;
  readonly contentBytes: number | undefined;
  /** Of the first block. */
  readonly position: number;
}

function readFrameHeader(source: Bytes): FrameHeader {
  const { bytes, view } = source;
  if (bytes.length < HEADER_BYTES) throw corruptMessage('The frame header is cut off', bytes.length, WHERE);
  if (view.getUint32(0, true) !== MAGIC) throw corruptMessage('There is no frame', 0, WHERE);
  const flags = bytes[4]!;
  if ((flags & VERSION_MASK) !== VERSION) throw corruptMessage(`The frame version is ${flags >>> 6}, not 1,`, 4, WHERE);
  if ((flags & DICTIONARY) !== 0) throw corruptMessage('The frame wants a dictionary', 4, WHERE);
  const blockSize = (bytes[5]! >>> 4) & 7;
  if (blockSize < 4) throw corruptMessage(`The block size ${blockSize} is reserved`, 5, WHERE);
  const hasSize = (flags & CONTENT_SIZE) !== 0;
  const checksumPosition = hasSize ? 14 : 6;
  if (bytes.length <= checksumPosition) throw corruptMessage('The frame header is cut off', bytes.length, WHERE);
  if (headerChecksum(bytes.subarray(4, checksumPosition)) !== bytes[checksumPosition]) {
    throw corruptMessage('The checksum of the frame header is wrong', checksumPosition, WHERE);
  }
  return {
    flags,
    blockBytesMax: 1 << (8 + 2 * blockSize),
    contentBytes: hasSize ? Number(view.getBigUint64(6, true)) : undefined,
    position: checksumPosition + 1,
  };
}

interface Block {
  readonly start: number;
  readonly end: number;
  readonly compressed: boolean;
  /** Of the next block, or of the end mark. */
  readonly next: number;
}

/** The block at `position`, or undefined for the end mark. */
function readBlock(source: Bytes, position: number, header: FrameHeader): Block | undefined {
  const { bytes, view } = source;
  if (position + 4 > bytes.length) throw corruptMessage('The frame is cut off', position, WHERE);
  const word = view.getUint32(position, true);
  if (word === 0) return undefined;
  const size = word & ~NOT_COMPRESSED;
  const start = position + 4;
  const end = start + size;
  const next = end + ((header.flags & BLOCK_CHECKSUM) === 0 ? 0 : 4);
  if (size > header.blockBytesMax || next > bytes.length) {
    throw corruptMessage(`A block claims ${size} bytes`, position, WHERE);
  }
  return { start, end, compressed: word < NOT_COMPRESSED, next };
}

/**
 * The most that all blocks can become. They are walked twice, here and to decode, rather than kept: a list of the smallest blocks would
 * take many times the memory of the frame.
 */
function contentBound(source: Bytes, header: FrameHeader): number {
  let bound = 0;
  let block = readBlock(source, header.position, header);
  while (block !== undefined) {
    const size = block.end - block.start;
    bound += block.compressed ? Math.min(size * RATIO_MAX, header.blockBytesMax) : size;
    block = readBlock(source, block.next, header);
  }
  return bound;
}

/** Decodes a block to `position` and returns the position after it, −1 when it does not fit before `limit`. */
function decodeBlock(
  source: Bytes,
  block: Block,
  independent: boolean,
  target: Bytes,
  position: number,
  limit: number,
): number {
  const { start, end, compressed } = block;
  if (compressed) return decompressLz4Block(source, start, end, target, position, limit, independent ? position : 0);
  if (end - start > limit - position) return -1;
  target.bytes.set(source.bytes.subarray(start, end), position);
  return position + end - start;
}

interface Decoded {
  readonly length: number;
  /** After the end mark. */
  readonly position: number;
}

function decodeBlocks(source: Bytes, header: FrameHeader, target: Bytes, maxBytes: number): Decoded {
  const { flags, blockBytesMax } = header;
  const capacity = target.bytes.length - COPY_SLACK;
  let length = 0;
  let position = header.position;
  for (;;) {
    const block = readBlock(source, position, header);
    if (block === undefined) return { length, position: position + 4 };
    const { start, end } = block;
    if (
      (flags & BLOCK_CHECKSUM) !== 0 &&
      xxhash32(source.bytes.subarray(start, end)) !== source.view.getUint32(end, true)
    ) {
      throw corruptMessage('The checksum of a block is wrong', end, WHERE);
    }
    const limit = Math.min(length + blockBytesMax, capacity);
    const after = decodeBlock(source, block, (flags & INDEPENDENT) !== 0, target, length, limit);
    if (after < 0) {
      if (capacity === maxBytes && limit < length + blockBytesMax) throw tooLarge(maxBytes);
      throw corruptMessage('A block holds more than the frame allows', start, WHERE);
    }
    length = after;
    position = block.next;
  }
}

/** Decompresses one frame; throws CORRUPT_MESSAGE, and MESSAGE_TOO_LARGE above `maxBytes`. */
export function lz4Decompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const plain = bothViews(bytes);
  const header = readFrameHeader(plain);
  const { contentBytes } = header;
  if (contentBytes !== undefined && contentBytes > maxBytes) throw tooLarge(maxBytes);
  const capacity = Math.min(contentBound(plain, header), contentBytes ?? maxBytes);
  const { source, target } = openArena(plain, Math.min(capacity, maxBytes));
  const { length, position } = decodeBlocks(source, header, target, maxBytes);
  const content = target.bytes.subarray(0, length);
  if (contentBytes !== undefined && contentBytes !== length) {
    throw corruptMessage(`The frame is ${length} bytes, not ${contentBytes},`, 6, WHERE);
  }
  let end = position;
  if ((header.flags & CONTENT_CHECKSUM) !== 0) {
    if (end + 4 > bytes.length) throw corruptMessage('The frame is cut off', end, WHERE);
    if (xxhash32(content) !== source.view.getUint32(end, true))
      throw corruptMessage('The checksum of the content is wrong', end, WHERE);
    end += 4;
  }
  if (end !== bytes.length) throw corruptMessage(`${bytes.length - end} bytes follow the frame`, end, WHERE);
  return takeResult(target, length);
}
