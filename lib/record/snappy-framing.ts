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
import { type Bytes, bothViews, openArena, takeResult } from './arena.ts';
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
  const original = bothViews(bytes);
  const chunkCount = Math.ceil(bytes.length / CHUNK_BYTES);
  const { source, target } = openArena(
    original,
    HEADER_BYTES + chunkCount * (4 + snappyBound(0)) + snappyBound(bytes.length),
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
  return takeResult(target, position);
}

function isFramed(bytes: Uint8Array, position = 0): boolean {
  if (bytes.length - position < MAGIC.length) return false;
  return MAGIC.every((byte, index) => bytes[position + index] === byte);
}

/** A block inside its data: where its elements stand and what they become. */
interface Block {
  readonly elements: number;
  readonly end: number;
  readonly length: number;
}

function blockAt(bytes: Uint8Array, start: number, end: number): Block {
  const { length, position } = readSnappyPreamble(bytes, start, end);
  return { elements: position, end, length };
}

/** The block of the chunk at `position`, or undefined after the last. */
function nextChunk(source: Bytes, position: number): Block | undefined {
  const { bytes, view } = source;
  let at = position;
  // Streams that were joined carry a header in the middle, as snappy-java's own reader accepts.
  while (isFramed(bytes, at) && bytes.length - at >= HEADER_BYTES) at += HEADER_BYTES;
  if (at === bytes.length) return undefined;
  if (at + 4 > bytes.length) throw corruptMessage('A chunk is cut off', at, WHERE);
  const size = view.getInt32(at);
  const start = at + 4;
  if (size <= 0 || size > bytes.length - start) throw corruptMessage(`A chunk claims ${size} bytes`, at, WHERE);
  return blockAt(bytes, start, start + size);
}

/** What all chunks become together; they are walked twice rather than kept, since a list of the smallest would be many times their size. */
function framedLength(source: Bytes, maxBytes: number): number {
  const { bytes, view } = source;
  if (bytes.length < HEADER_BYTES) throw corruptMessage('The framing header is cut off', bytes.length, WHERE);
  const compatible = view.getInt32(12);
  if (compatible !== VERSION) throw corruptMessage(`The framing version is ${compatible}, not ${VERSION},`, 12, WHERE);
  let total = 0;
  for (let block = nextChunk(source, HEADER_BYTES); block !== undefined; block = nextChunk(source, block.end)) {
    total += block.length;
    if (total > maxBytes) throw tooLarge(maxBytes);
  }
  return total;
}

/** Decompresses xerial framing or one plain block; throws CORRUPT_MESSAGE, and MESSAGE_TOO_LARGE above `maxBytes`. */
export function snappyDecompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const original = bothViews(bytes);
  const framed = isFramed(bytes);
  const plain = framed ? undefined : blockAt(bytes, 0, bytes.length);
  const total = plain?.length ?? framedLength(original, maxBytes);
  if (total > maxBytes) throw tooLarge(maxBytes);
  const { source, target } = openArena(original, total);
  let position = 0;
  let block = plain ?? nextChunk(source, HEADER_BYTES);
  while (block !== undefined) {
    decompressSnappyElements(source, block.elements, block.end, target, position, position + block.length);
    position += block.length;
    block = framed ? nextChunk(source, block.end) : undefined;
  }
  return takeResult(target, total);
}
