/**
 * A pack: small objects in one file, one behind the other, each behind a header that says what it is. An index says where each begins; it can be made again from the packs.
 *
 * | bytes | field | |
 * |---|---|---|
 * | 4 | magic | `MLPK` |
 * | 1 | version | 1 |
 * | 2 | key length | u16 |
 * | 4 | size | of the object, u32 |
 * | n | key | UTF-8 |
 * | 4 | checksum | CRC-32C of all bytes before it, u32 |
 * | size | object | |
 *
 * Numbers are big-endian. What stands behind the last whole object was being written when its process ended.
 */
import disk from 'node:fs';
import { crc32c } from '../record/crc32c.ts';

/** An object in a pack. */
export interface PackedObject {
  readonly key: string;
  /** Of its first byte in the file, behind the header. */
  readonly position: number;
  readonly sizeBytes: number;
}

const MAGIC = Buffer.from('MLPK');
const VERSION = 1;
const FIXED_BYTES = 11;
const CHECKSUM_BYTES = 4;
/** Headers that are looked for are read with so many bytes: one is no longer, whatever its key. */
const HEADER_BYTES_MAX = FIXED_BYTES + 1024 + CHECKSUM_BYTES;

/** The header of an object; a key has at most 1,024 bytes. */
export function packHeader(key: string, sizeBytes: number): Uint8Array {
  const keyBytes = Buffer.from(key);
  const header = Buffer.allocUnsafe(FIXED_BYTES + keyBytes.length + CHECKSUM_BYTES);
  MAGIC.copy(header);
  header.writeUInt8(VERSION, 4);
  header.writeUInt16BE(keyBytes.length, 5);
  header.writeUInt32BE(sizeBytes, 7);
  keyBytes.copy(header, FIXED_BYTES);
  const checked = header.length - CHECKSUM_BYTES;
  header.writeUInt32BE(crc32c(header.subarray(0, checked)), checked);
  return header;
}

/** The objects of a pack as their headers tell, in their order, from the header at `from` up to one that is not whole. Waits for the disk. Throws the file system's errors. */
export function* packedObjects(descriptor: number, from = 0): Generator<PackedObject> {
  const { size } = disk.fstatSync(descriptor);
  const room = Buffer.allocUnsafe(HEADER_BYTES_MAX);
  for (let at = from; at < size; ) {
    const found = readHeader(room.subarray(0, disk.readSync(descriptor, room, 0, room.length, at)));
    if (found === null) return;
    const position = at + found.headerBytes;
    at = position + found.sizeBytes;
    if (at <= size) yield { key: found.key, position, sizeBytes: found.sizeBytes };
  }
}

/** Whether a file begins with a header, or is too short for one. Waits for the disk. Throws the file system's errors. */
export function beginsAsPack(descriptor: number): boolean {
  const room = Buffer.allocUnsafe(HEADER_BYTES_MAX);
  const bytesRead = disk.readSync(descriptor, room, 0, room.length, 0);
  return bytesRead < room.length || readHeader(room) !== null;
}

function readHeader(bytes: Buffer): { key: string; sizeBytes: number; headerBytes: number } | null {
  if (bytes.length < FIXED_BYTES || !bytes.subarray(0, 4).equals(MAGIC) || bytes[4] !== VERSION) return null;
  const checked = FIXED_BYTES + bytes.readUInt16BE(5);
  const headerBytes = checked + CHECKSUM_BYTES;
  if (bytes.length < headerBytes || bytes.readUInt32BE(checked) !== crc32c(bytes.subarray(0, checked))) return null;
  return { key: bytes.toString('utf8', FIXED_BYTES, checked), sizeBytes: bytes.readUInt32BE(7), headerBytes };
}
