import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import { INDEX_LAYOUT, ObjectIndex } from '../sqlite/object-index.ts';
import { openDatabase } from '../sqlite/open-database.ts';
import { type PackedObject, packedObjects } from '../sqlite/pack-format.ts';
import { packOfFileName } from '../sqlite/pack-path.ts';
import { shown } from './inspect-batch.ts';
import { isPack, MAGIC_BYTES, unreadable } from './read-inspected.ts';
import { table } from './table.ts';

/** A pack as its headers tell. */
export interface InspectedPack {
  readonly sizeBytes: number;
  /** Behind the last whole object. */
  readonly restBytes: number;
  readonly objects: readonly InspectedObject[];
  /** Objects that the index has in this pack and no header tells; absent where there is no index to ask. */
  readonly untoldCount?: number;
}

/** An object of a pack. */
export interface InspectedObject extends PackedObject {
  /** Whether the index has it here; absent where there is no index to ask. */
  readonly inUse?: boolean;
}

/** What stands in a pack of a file store. Throws INVALID_REQUEST, and CORRUPT_OBJECT when the file is no pack. */
export async function inspectPack(file: string): Promise<InspectedPack> {
  const { sizeBytes, objects } = readPack(file);
  const last = objects.at(-1);
  // It may grow while it is looked into.
  const restBytes = Math.max(0, sizeBytes - (last ? last.position + last.sizeBytes : 0));
  return { sizeBytes, restBytes, ...((await withIndex(file, objects)) ?? { objects }) };
}

function readPack(file: string) {
  let descriptor: number | null = null;
  try {
    descriptor = openSync(file, 'r');
    const start = Buffer.alloc(MAGIC_BYTES);
    const sizeBytes = readSync(descriptor, start) === 0 ? 0 : fstatSync(descriptor).size;
    if (sizeBytes > 0 && !isPack(start)) throw noPack(file);
    return { sizeBytes, objects: [...packedObjects(descriptor)] };
  } catch (error) {
    throw error instanceof MillraceError ? error : unreadable(file, error);
  } finally {
    if (descriptor !== null) closeSync(descriptor);
  }
}

/** Asks the index beside the directory of packs, if there is one that can be read: a pack is looked into because it is lost or damaged, too. */
async function withIndex(file: string, objects: readonly PackedObject[]) {
  const pack = packOfFileName(path.basename(file));
  const database = path.join(path.dirname(path.resolve(file)), '..', 'objects.sqlite');
  if (pack === null || !existsSync(database)) return null;
  let index: ObjectIndex | null = null;
  try {
    const opened = await openDatabase({
      path: database,
      clock: systemClock,
      sync: 'process',
      readOnly: true,
      layout: INDEX_LAYOUT,
    });
    index = new ObjectIndex({ database: opened, path: database });
    return askedOf(index, pack, objects);
  } catch {
    return null;
  } finally {
    index?.close();
  }
}

function askedOf(index: ObjectIndex, pack: number, objects: readonly PackedObject[]) {
  const asked = objects.map((object) => {
    const place = index.find(object.key);
    return { ...object, inUse: place?.pack === pack && place.position === object.position };
  });
  const told = asked.filter(({ inUse }) => inUse).length;
  return { objects: asked, untoldCount: Math.max(0, (index.usage(pack)?.objectCount ?? 0) - told) };
}

function noPack(file: string): MillraceError {
  return new MillraceError('CORRUPT_OBJECT', 'the file is no pack: it does not begin with MLPK', {
    value: file,
    hint: 'Packs stand in the packs/ of a file store. Use inspect segment for a segment.',
  });
}

/** A pack for people. */
export function packText(pack: InspectedPack): string {
  const { sizeBytes, objects, untoldCount } = pack;
  const isAsked = untoldCount !== undefined;
  const count = `${objects.length} object${objects.length === 1 ? '' : 's'}`;
  const used = isAsked ? `, ${objects.filter(({ inUse }) => inUse).length} in use` : '';
  const rows = objects.map(({ key, position, sizeBytes: size, inUse }) => {
    return [shown(key), position, size, ...(isAsked ? [inUse ? 'yes' : 'no'] : [])];
  });
  const head = ['key', 'position', 'size', ...(isAsked ? ['in use'] : [])];
  const lines = [`pack, ${sizeBytes} bytes, ${count}${used}`, ...(rows.length > 0 ? ['', table(head, rows)] : [])];
  return [...lines, ...restText(pack)].join('\n');
}

function restText({ restBytes, untoldCount = 0 }: InspectedPack): readonly string[] {
  if (restBytes === 0) return [];
  const lost = untoldCount > 0 ? `, and the index has ${untoldCount} more in this pack: it is damaged` : '';
  const why = lost || ': it is being written, or its process ended before it was, or the pack is damaged';
  return ['', `Of its end, ${restBytes} byte${restBytes === 1 ? '' : 's'}, nothing is a whole object${why}.`];
}
