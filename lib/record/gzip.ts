import { gunzipSync, gzipSync } from 'node:zlib';
import { corruptMessage } from './corrupt-message.ts';
import { tooLarge } from './too-large.ts';

/** Deflate cannot do better: 258 bytes from two bits. */
const RATIO_MAX = 1032;
const CHUNK_BYTES_MIN = 1024;

/** gzip, as Kafka writes it; `level` 1–9, 6 by default. */
export function gzipBytes(bytes: Uint8Array, level = 6): Uint8Array {
  // One chunk that holds the whole result (deflate's bound) saves joining many of 16 KiB.
  return gzipSync(bytes, { level, chunkSize: bytes.length + (bytes.length >>> 10) + CHUNK_BYTES_MIN });
}

/** The length that gzip's last four bytes claim, as far as the input could give it. */
function claimedBytes(bytes: Uint8Array, maxBytes: number): number {
  if (bytes.length < 18) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Math.min(view.getUint32(bytes.length - 4, true), bytes.length * RATIO_MAX, maxBytes);
}

/** Decompresses gzip, also several members; throws CORRUPT_MESSAGE, and MESSAGE_TOO_LARGE above `maxBytes`. */
export function gunzipBytes(bytes: Uint8Array, maxBytes: number): Uint8Array {
  try {
    const chunkSize = claimedBytes(bytes, maxBytes) + CHUNK_BYTES_MIN;
    return gunzipSync(bytes, { maxOutputLength: Math.max(maxBytes, 1), chunkSize });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw corruptMessage(`gzip fails (${(cause as Error).message})`, 0, 'the compressed records');
  }
}
