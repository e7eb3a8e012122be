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
import { type Bytes, bothViews, COPY_SLACK } from './block-copy.ts';
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
  const source = bothViews(bytes);
  const blockCount = Math.ceil(bytes.length / LZ4_BLOCK_BYTES_MAX);
  const target = bothViews(
    new Uint8Array(HEADER_BYTES + blockCount * (4 + lz4Bound(0)) + lz4Bound(bytes.length) + 4 + COPY_SLACK),
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
  return target.bytes.subarray(0, position + 4);
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
}

interface Blocks {
  readonly list: readonly Block[];
  /** The most that they can become. */
  readonly bound: number;
  /** After the end mark. */
  readonly position: number;
}

function readBlocks(source: Bytes, header: FrameHeader): Blocks {
  const { bytes, view } = source;
  const checksumBytes = (header.flags & BLOCK_CHECKSUM) === 0 ? 0 : 4;
  const list: Block[] = [];
  let bound = 0;
  let position = header.position;
  for (;;) {
    if (position + 4 > bytes.length) throw corruptMessage('The frame is cut off', position, WHERE);
    const word = view.getUint32(position, true);
    const start = position + 4;
    if (word === 0) return { list, bound, position: start };
    const size = word & ~NOT_COMPRESSED;
    const end = start + size;
    if (size > header.blockBytesMax || end + checksumBytes > bytes.length)
      throw corruptMessage(`A block claims ${size} bytes`, position, WHERE);
    const compressed = word < NOT_COMPRESSED;
    if (checksumBytes > 0 && xxhash32(bytes.subarray(start, end)) !== view.getUint32(end, true)) {
      throw corruptMessage('The checksum of a block is wrong', end, WHERE);
    }
    list.push({ start, end, compressed });
    bound += compressed ? Math.min(size * RATIO_MAX, header.blockBytesMax) : size;
    position = end + checksumBytes;
  }
}

function decodeBlocks(source: Bytes, blocks: Blocks, header: FrameHeader, target: Bytes, maxBytes: number): number {
  const independent = (header.flags & INDEPENDENT) !== 0;
  let position = 0;
  for (const { start, end, compressed } of blocks.list) {
    const limit = Math.min(position + header.blockBytesMax, target.bytes.length - COPY_SLACK);
    if (compressed) {
      const windowStart = independent ? position : 0;
      position = decompressLz4Block(source, start, end, target, position, limit, windowStart);
    } else {
      if (end - start > limit - position) throw tooLarge(maxBytes);
      target.bytes.set(source.bytes.subarray(start, end), position);
      position += end - start;
    }
  }
  return position;
}

/** Decompresses one frame; throws CORRUPT_MESSAGE, and MESSAGE_TOO_LARGE above `maxBytes`. */
export function lz4Decompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const source = bothViews(bytes);
  const header = readFrameHeader(source);
  const blocks = readBlocks(source, header);
  const { contentBytes } = header;
  if (contentBytes !== undefined && contentBytes > maxBytes) throw tooLarge(maxBytes);
  const capacity = Math.min(blocks.bound, contentBytes ?? maxBytes, maxBytes);
  const target = bothViews(new Uint8Array(capacity + COPY_SLACK));
  const length = decodeBlocks(source, blocks, header, target, maxBytes);
  const content = target.bytes.subarray(0, length);
  if (contentBytes !== undefined && contentBytes !== length)
    throw corruptMessage(`The frame is ${length} bytes, not ${contentBytes},`, 6, WHERE);
  let end = blocks.position;
  if ((header.flags & CONTENT_CHECKSUM) !== 0) {
    if (end + 4 > bytes.length) throw corruptMessage('The frame is cut off', end, WHERE);
    if (xxhash32(content) !== source.view.getUint32(end, true))
      throw corruptMessage('The checksum of the content is wrong', end, WHERE);
    end += 4;
  }
  if (end !== bytes.length) throw corruptMessage(`${bytes.length - end} bytes follow the frame`, end, WHERE);
  // A bound far above the truth must not be held as long as a view of the records lives.
  return length * 2 < capacity ? content.slice() : content;
}
