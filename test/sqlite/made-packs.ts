/** Stores with packs, and damage to them, for the tests of packs. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openObjects } from './open-objects.ts';

/** Bytes that are all the same. */
export const filled = (size: number, value: number): Uint8Array => new Uint8Array(size).fill(value);

/** The pack that a store begins with. */
export const firstPack = (directory: string): string => path.join(directory, 'packs/0000000001.pack');

/** As Node's file system would throw it. */
export const systemError = (code: string): NodeJS.ErrnoException =>
  Object.assign(new TypeError(`${code}: injected`), { code });

/** Runs SQL on the index of a store that nobody uses. */
export function changeIndex(directory: string, sql: string): void {
  const database = new DatabaseSync(path.join(directory, 'objects.sqlite'));
  database.exec(sql);
  database.close();
}

/** Deletes the index of a store that nobody uses. */
export function loseIndex(directory: string): void {
  for (const end of ['', '-wal', '-shm']) rmSync(path.join(directory, `objects.sqlite${end}`), { force: true });
}

/** Makes a store with `count` objects of 100 bytes in `directory`, k/0 of zeros, k/1 of ones, and so on; closed. */
export async function makeStore(directory: string, count: number, packBytes?: number): Promise<string> {
  const { objects } = await openObjects(directory, packBytes === undefined ? {} : { packBytes });
  for (let number = 0; number < count; number++) await objects.put(`k/${number}`, filled(100, number));
  objects.close();
  return directory;
}
