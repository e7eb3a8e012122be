/**
 * The compression of a batch's records as a whole: its names are Kafka's, its id in a batch's attributes is its place in the list.
 *
 * See docs/decisions/0002-compression-codecs.md for where each codec comes from.
 */
import { MillraceError } from '../errors.ts';
import { gunzipBytes, gzipBytes } from './gzip.ts';
import { lz4Compress, lz4Decompress } from './lz4-frame.ts';
import { snappyCompress, snappyDecompress } from './snappy-framing.ts';
import { tooLarge } from './too-large.ts';
import { zstdCompress, zstdDecompress } from './zstd.ts';

/** All codecs, in the order of their ids 0–4. */
export const compressionTypes = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

/** One of `compressionTypes`. */
export type CompressionType = (typeof compressionTypes)[number];

function unknownType(type: never): MillraceError {
  return new MillraceError('UNSUPPORTED_COMPRESSION_TYPE', `There is no compression type ${String(type)}`, {
    value: type,
    hint: `Use one of ${compressionTypes.join(', ')}.`,
  });
}

/** Throws UNSUPPORTED_COMPRESSION_TYPE for an unknown type and INVALID_CONFIG for a level that the type does not have. */
export function checkCompression(type: CompressionType, level: number | undefined): void {
  if (!compressionTypes.includes(type)) throw unknownType(type as never);
  if (level === undefined) return;
  const max = type === 'gzip' ? 9 : type === 'zstd' ? 22 : 0;
  if (Number.isInteger(level) && level >= 1 && level <= max) return;
  throw new MillraceError('INVALID_CONFIG', `The compression ${type} has no level ${level}`, {
    value: level,
    hint: max === 0 ? 'Leave the level out.' : `Give an integer from 1 to ${max}.`,
  });
}

/**
 * Compresses bytes; `none` returns them as they are.
 *
 * `level` is for gzip (1–9, default 6) and zstd (1–22, default 3). Throws INVALID_CONFIG for any other level and
 * UNSUPPORTED_COMPRESSION_TYPE.
 */
export function compress(type: CompressionType, bytes: Uint8Array, level?: number): Uint8Array {
  checkCompression(type, level);
  switch (type) {
    case 'none':
      return bytes;
    case 'gzip':
      return gzipBytes(bytes, level);
    case 'snappy':
      return snappyCompress(bytes);
    case 'lz4':
      return lz4Compress(bytes);
    case 'zstd':
      return zstdCompress(bytes, level);
    default:
      throw unknownType(type);
  }
}

/**
 * Decompresses bytes into at most `maxBytes`; `none` returns them as they are.
 *
 * Throws CORRUPT_MESSAGE for bytes that are damaged, MESSAGE_TOO_LARGE for more than `maxBytes`, UNSUPPORTED_COMPRESSION_TYPE.
 */
export function decompress(type: CompressionType, bytes: Uint8Array, maxBytes: number): Uint8Array {
  switch (type) {
    case 'none':
      if (bytes.length > maxBytes) throw tooLarge(maxBytes);
      return bytes;
    case 'gzip':
      return gunzipBytes(bytes, maxBytes);
    case 'snappy':
      return snappyDecompress(bytes, maxBytes);
    case 'lz4':
      return lz4Decompress(bytes, maxBytes);
    case 'zstd':
      return zstdDecompress(bytes, maxBytes);
    default:
      throw unknownType(type);
  }
}
