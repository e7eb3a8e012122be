import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeDirectory } from '../../lib/sqlite/make-directory.ts';
import { temporaryDirectories } from './temporary-directory.ts';

const temporaryDirectory = temporaryDirectories();

describe('making a directory', () => {
  it('makes those above it too, and says which was the first', async () => {
    const root = temporaryDirectory();
    const deep = path.join(root, 'a/b/c');
    expect(await makeDirectory(deep)).toBe(path.join(root, 'a'));
    expect(existsSync(deep)).toBe(true);
    expect(await makeDirectory(deep)).toBeUndefined();
    expect(await makeDirectory(path.join(deep, 'd'))).toBe(path.join(deep, 'd'));
  });

  it('is done by several at once without one of them failing', async () => {
    const deep = path.join(temporaryDirectory(), 'a/b/c');
    const made = await Promise.all(Array.from({ length: 8 }, () => makeDirectory(deep)));
    expect(made.some((first) => first !== undefined)).toBe(true);
    expect(existsSync(deep)).toBe(true);
  });

  it('fails where a file stands in the way', async () => {
    const root = temporaryDirectory();
    await writeFile(path.join(root, 'file'), '');
    await expect(makeDirectory(path.join(root, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(makeDirectory(path.join(root, 'file/below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  /** The story: Node's recursive mkdir never ended below /proc, and `millrace --store file:/proc/x` hung. */
  it.runIf(existsSync('/proc/self'))('ends where a directory that exists takes no entries', async () => {
    await expect(makeDirectory('/proc/x')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(makeDirectory('/proc/x/y')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('keeps what is there as it is', async () => {
    const root = path.join(temporaryDirectory(), 'kept');
    await mkdir(root);
    await chmod(root, 0o500);
    expect(await makeDirectory(root)).toBeUndefined();
    await chmod(root, 0o700);
  });
});
