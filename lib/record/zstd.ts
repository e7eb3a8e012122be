import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { corruptMessage } from './corrupt-message.ts';
import { tooLarge } from './too-large.ts';

const CHUNK_BYTES_MIN = 1024;
/** Node's own. */
const CHUNK_BYTES_USUAL = 16 * 1024;

/** zstd, as Kafka writes it; `level` 1–22, 3 by default. */
export function zstdCompress(bytes: Uint8Array, level = 3): Uint8Array {
  // One chunk that holds the whole result (ZSTD_compressBound) saves joining many of 16 KiB.
  return zstdCompressSync(bytes, {
    params: { [constants.ZSTD_c_compressionLevel]: level },
    chunkSize: bytes.length + (bytes.length >>> 8) + CHUNK_BYTES_MIN,
    pledgedSrcSize: bytes.length,
  });
}

/** Of the first frame (RFC 8878, 3.1.1). */
const MAGIC = 0xfd2fb528;
const MAGIC_BYTES = 4;
/** What a frame may claim is only believed up to a growth that data has. */
const GROWTH_MAX = 64;
/** For a frame that claims nothing. */
const GROWTH_USUAL = 4;

/** The length that the first frame claims for what it holds; undefined where it claims none. */
export function claimedBytes(bytes: Uint8Array): number | undefined {
  if (bytes.length < MAGIC_BYTES + 10) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== MAGIC) return undefined;
  const descriptor = view.getUint8(MAGIC_BYTES);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  const position = MAGIC_BYTES + 1 + (isSingleSegment ? 0 : 1) + dictionaryBytes;
  switch (descriptor >> 6) {
    case 0:
      return isSingleSegment ? view.getUint8(position) : undefined;
    case 1:
      return view.getUint16(position, true) + 256;
    case 2:
      return view.getUint32(position, true);
    default:
      return Number(view.getBigUint64(position, true));
  }
}

/** Room for all of it at once saves joining many chunks; what is more comes in further chunks of this size. */
function chunkBytes(bytes: Uint8Array, maxBytes: number): number {
  const claimed = claimedBytes(bytes) ?? bytes.length * GROWTH_USUAL;
  const believed = Math.min(claimed, bytes.length * GROWTH_MAX, maxBytes);
  // One that claims next to nothing and holds much would come in a great many pieces before that is noticed.
  return Math.max(believed + CHUNK_BYTES_MIN, CHUNK_BYTES_USUAL);
}

/** Decompresses zstd; throws CORRUPT_MESSAGE, and MESSAGE_TOO_LARGE above `maxBytes`. */
export function zstdDecompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
  try {
    return zstdDecompressSync(bytes, {
      maxOutputLength: Math.max(maxBytes, 1),
      chunkSize: chunkBytes(bytes, maxBytes),
    });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw corruptMessage(`zstd fails (${(cause as Error).message})`, 0, 'the compressed records');
  }
}
