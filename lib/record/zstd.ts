import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { corruptMessage } from './corrupt-message.ts';
import { tooLarge } from './too-large.ts';

const CHUNK_BYTES_MIN = 1024;

/** zstd, as Kafka writes it; `level` 1–22, 3 by default. */
export function zstdCompress(bytes: Uint8Array, level = 3): Uint8Array {
  // One chunk that holds the whole result (ZSTD_compressBound) saves joining many of 16 KiB.
  return zstdCompressSync(bytes, {
    params: { [constants.ZSTD_c_compressionLevel]: level },
    chunkSize: bytes.length + (bytes.length >>> 8) + CHUNK_BYTES_MIN,
    pledgedSrcSize: bytes.length,
  });
}

/** Room for the usual four-fold growth at once saves joining many chunks; more comes in further chunks of this size. */
function chunkBytes(bytes: Uint8Array, maxBytes: number): number {
  return Math.max(16 * 1024, Math.min(bytes.length * 4, maxBytes, 4 * 1024 * 1024));
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
