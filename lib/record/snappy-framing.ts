/**
 * Snappy as Kafka's Java client writes it: blocks in the framing of the library snappy-java ("xerial"). All integers are big-endian.
 *
 * | position | field              | type  | meaning                               |
 * |---------:|--------------------|-------|---------------------------------------|
 * |        0 | magic              | bytes | 82 53 4e 41 50 50 59 00 ("\x82SNAPPY\0") |
 * |        8 | version            | i32   | 1                                     |
 * |       12 | compatible version | i32   | 1: the oldest reader that understands |
 * |       16 | chunks             |       | each an i32 with the length of a snappy block, and the block |
 *
 * Java writes 32 KiB of data a chunk. librdkafka and others write one plain block without framing, which is read too; a plain block
 * cannot begin with the magic, since that would be a length that its elements contradict.
 * Source: github.com/xerial/snappy-java, `SnappyCodec`, `SnappyOutputStream`.
 */
import { type Bytes, bothViews, COPY_SLACK } from './block-copy.ts';
import { corruptMessage } from './corrupt-message.ts';
import { compressSnappyBlock, decompressSnappyElements, readSnappyPreamble, snappyBound } from './snappy-block.ts';
import { tooLarge } from './too-large.ts';

const MAGIC = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];
const HEADER_BYTES = 16;
const CHUNK_BYTES = 32 * 1024;
const VERSION = 1;
const WHERE = 'the snappy data';

/** Compresses into xerial framing. */
export function snappyCompress(bytes: Uint8Array): Uint8Array {
  const source = bothViews(bytes);
  const chunkCount = Math.ceil(bytes.length / CHUNK_BYTES);
  const target = bothViews(
    new Uint8Array(HEADER_BYTES + chunkCount * (4 + snappyBound(0)) + snappyBound(bytes.length) + COPY_SLACK),
  );
  target.bytes.set(MAGIC);
  target.view.setInt32(8, VERSION);
  target.view.setInt32(12, VERSION);
  let position = HEADER_BYTES;
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    const end = compressSnappyBlock(source, start, Math.min(start + CHUNK_BYTES, bytes.length), target, position + 4);
    target.view.setInt32(position, end - position - 4);
    position = end;
  }
  return target.bytes.subarray(0, position);
}

function isFramed(bytes: Uint8Array, position = 0): boolean {
  if (bytes.length - position < MAGIC.length) return false;
  return MAGIC.every((byte, index) => bytes[position + index] === byte);
}

/** A block inside its data: where it stands and what it becomes. */
interface Block {
  readonly elements: number;
  readonly end: number;
  readonly length: number;
}

function framedBlocks(source: Bytes, maxBytes: number): Block[] {
  const { bytes, view } = source;
  if (bytes.length < HEADER_BYTES) throw corruptMessage('The framing header is cut off', bytes.length, WHERE);
  const compatible = view.getInt32(12);
  if (compatible !== VERSION) throw corruptMessage(`The framing version is ${compatible}, not ${VERSION},`, 12, WHERE);
  const blocks: Block[] = [];
  let total = 0;
  let position = HEADER_BYTES;
  while (position < bytes.length) {
    // Streams that were joined carry a header in the middle, as snappy-java's own reader accepts.
    if (isFramed(bytes, position) && bytes.length - position >= HEADER_BYTES) {
      position += HEADER_BYTES;
      continue;
    }
    if (position + 4 > bytes.length) throw corruptMessage('A chunk is cut off', position, WHERE);
    const size = view.getInt32(position);
    const start = position + 4;
    if (size <= 0 || size > bytes.length - start) throw corruptMessage(`A chunk claims ${size} bytes`, position, WHERE);
    const preamble = readSnappyPreamble(bytes, start, start + size);
    total += preamble.length;
    if (total > maxBytes) throw tooLarge(maxBytes);
    blocks.push({ elements: preamble.position, end: start + size, length: preamble.length });
    position = start + size;
  }
  return blocks;
}

function plainBlock(source: Bytes, maxBytes: number): Block[] {
  const { bytes } = source;
  const preamble = readSnappyPreamble(bytes, 0, bytes.length);
  if (preamble.length > maxBytes) throw tooLarge(maxBytes);
  return [{ elements: preamble.position, end: bytes.length, length: preamble.length }];
}

/** Decompresses xerial framing or one plain block; throws CORRUPT_MESSAGE, and MESSAGE_TOO_LARGE above `maxBytes`. */
export function snappyDecompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const source = bothViews(bytes);
  const blocks = isFramed(bytes) ? framedBlocks(source, maxBytes) : plainBlock(source, maxBytes);
  const total = blocks.reduce((sum, block) => sum + block.length, 0);
  const target = bothViews(new Uint8Array(total + COPY_SLACK));
  let position = 0;
  for (const { elements, end, length } of blocks) {
    decompressSnappyElements(source, elements, end, target, position, position + length);
    position += length;
  }
  return target.bytes.subarray(0, total);
}
