import disk from 'node:fs';
import { isFileError } from './store-errors.ts';

/** Up to this size a buffer is made without asking for the file's size first. */
const UNASKED_BYTES = 4 * 1024 * 1024;

/** What is read of a file or an object, and where to. */
export interface FileRange {
  readonly position: number;
  readonly lengthBytes: number;
  /** Of `lengthBytes`; undefined: a buffer is made. */
  readonly into: Uint8Array | undefined;
}

/**
 * Bytes of a file from `position`, fewer only at its end; null when there is no such file.
 *
 * A file is opened and closed by this thread, which is over sooner than another could be told to do it; it is read by another, since the disk may have to be waited for.
 */
export async function readRange(file: string, { position, lengthBytes, into }: FileRange): Promise<Uint8Array | null> {
  const descriptor = openToRead(file);
  if (descriptor === null) return null;
  try {
    return await fill(descriptor, into ?? roomFor(descriptor, position, lengthBytes), position);
  } finally {
    disk.closeSync(descriptor);
  }
}

/** The descriptor of a file, or null when there is none. */
export function openToRead(file: string): number | null {
  try {
    return disk.openSync(file, 'r');
  } catch (error) {
    if (isFileError(error, 'ENOENT')) return null;
    throw error;
  }
}

/** A buffer of its own. */
export function newRoom(bytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(Math.max(0, bytes)).buffer);
}

/** Reads into the part of `into` behind what is filled, up to the end of the file; a view of all that is filled then. `position` is of its first byte. */
export async function fill(descriptor: number, into: Uint8Array, position: number, filled = 0): Promise<Uint8Array> {
  let end = filled;
  while (end < into.length) {
    const bytesRead = await readOnce(descriptor, into.subarray(end), position + end);
    if (bytesRead === 0) break;
    end += bytesRead;
  }
  return into.subarray(0, end);
}

/** As many bytes as are asked for and may be there. */
function roomFor(descriptor: number, position: number, lengthBytes: number): Uint8Array {
  const size = lengthBytes <= UNASKED_BYTES ? lengthBytes : disk.fstatSync(descriptor).size - position;
  return newRoom(Math.min(lengthBytes, size));
}

/** How many bytes were read. */
function readOnce(descriptor: number, into: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    disk.read(descriptor, into, 0, into.length, position, (error, bytesRead) => {
      if (error) reject(error);
      else resolve(bytesRead);
    });
  });
}
