import path from 'node:path';

const NAME = /^(\d{10,16})\.pack$/;
const DIGITS = 10;

/** The file of a pack. */
export function packPath(directory: string, pack: number): string {
  return path.join(directory, `${String(pack).padStart(DIGITS, '0')}.pack`);
}

/** The pack that a file name stands for, or null. */
export function packOfFileName(name: string): number | null {
  const digits = NAME.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}
