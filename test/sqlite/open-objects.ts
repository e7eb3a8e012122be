import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { systemClock as clock } from '../../lib/clock.ts';
import { noMeter } from '../../lib/log/meter.ts';
import { FileObjects } from '../../lib/sqlite/file-objects.ts';
import { PackedObjects, type PackedObjectsOptions } from '../../lib/sqlite/packed-objects.ts';

/** The objects of a store, with packs as small as a test wants them. */
export interface OpenedObjects {
  readonly directory: string;
  readonly objects: FileObjects;
  /** Names of the files of packs. */
  packs(): readonly string[];
}

/** Opens the objects of a store without the rest of it. */
export async function openObjects(
  directory: string,
  options: Partial<PackedObjectsOptions> = {},
): Promise<OpenedObjects> {
  const { sync = 'process', readOnly = false } = options;
  const [objectDirectory, temporaryDirectory] = [path.join(directory, 'objects'), path.join(directory, 'tmp')];
  for (const made of [objectDirectory, temporaryDirectory]) mkdirSync(made, { recursive: true });
  const packs = await PackedObjects.open({ directory, clock, sync, readOnly, ...options });
  const objects = new FileObjects({
    directory: objectDirectory,
    temporaryDirectory,
    sync,
    readOnly,
    meter: noMeter,
    packs,
  });
  return { directory, objects, packs: () => readdirSync(path.join(directory, 'packs')).sort() };
}
