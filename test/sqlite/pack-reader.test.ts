import disk, { rmSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { packPath } from '../../lib/sqlite/pack-path.ts';
import { PackReader } from '../../lib/sqlite/pack-reader.ts';
import { temporaryDirectories } from './temporary-directory.ts';

const temporaryDirectory = temporaryDirectories();
const readers: PackReader[] = [];

afterEach(() => {
  vi.restoreAllMocks();
  for (const reader of readers.splice(0)) reader.close();
});

/** A reader of packs in which each byte tells its position and its pack. */
function readerOf(sizes: readonly number[]) {
  const directory = temporaryDirectory();
  const contents = sizes.map((size, pack) =>
    Buffer.from(Array.from({ length: size }, (_, at) => at * 7 + (at >> 8) + pack)),
  );
  for (const [pack, bytes] of contents.entries()) writeFileSync(packPath(directory, pack), bytes);
  const reader = new PackReader(directory);
  readers.push(reader);
  const read = (pack: number, position: number, sizeBytes: number, from = 0, room = sizeBytes) => {
    return reader.read({ pack, position, sizeBytes }, from, new Uint8Array(room));
  };
  return { directory, reader, contents, read };
}

const readvs = () => vi.spyOn(disk, 'readv');

describe('ranges of packs', () => {
  it('that stand side by side, or nearly so, are read by one call, in whatever order they were asked for', async () => {
    const { contents, read } = readerOf([20_000]);
    const readv = readvs();
    const ranges = [
      [9000, 100],
      [0, 1000],
      [1000, 500],
      [5596, 10],
      [1501, 4],
    ] as const;
    const all = await Promise.all(ranges.map(([position, size]) => read(0, position, size)));
    for (const [index, [position, size]] of ranges.entries()) {
      expect(Buffer.from(all[index]!)).toEqual(contents[0]!.subarray(position, position + size));
    }
    expect(readv).toHaveBeenCalledTimes(1);
  });

  it('are read apart when more stands between them, and those of each pack', async () => {
    const { contents, read } = readerOf([20_000, 20_000]);
    const readv = readvs();
    const all = await Promise.all([read(0, 0, 10), read(0, 10 + 4097, 10), read(1, 0, 10)]);
    expect(Buffer.from(all[1]!)).toEqual(contents[0]!.subarray(4107, 4117));
    expect(Buffer.from(all[2]!)).toEqual(contents[1]!.subarray(0, 10));
    expect(readv).toHaveBeenCalledTimes(3);
  });

  it('may overlap, and may be the same', async () => {
    const { contents, read } = readerOf([1000]);
    const all = await Promise.all([read(0, 0, 100), read(0, 50, 100), read(0, 50, 100), read(0, 149, 10)]);
    for (const [index, [from, to]] of [
      [0, 100],
      [50, 150],
      [50, 150],
      [149, 159],
    ].entries()) {
      expect(Buffer.from(all[index]!)).toEqual(contents[0]!.subarray(from, to));
    }
  });

  it('are read 1,024 buffers at a time', async () => {
    const { contents, read } = readerOf([20_000]);
    const readv = readvs();
    const all = await Promise.all(Array.from({ length: 3000 }, (_, index) => read(0, index * 6, 5)));
    for (const [index, bytes] of all.entries()) {
      expect(Buffer.from(bytes!).equals(contents[0]!.subarray(index * 6, index * 6 + 5))).toBe(true);
    }
    expect(readv.mock.calls.length).toBeGreaterThan(1);
    for (const [, buffers] of readv.mock.calls) expect(buffers.length).toBeLessThanOrEqual(1024);
  });

  it('are read to where the object ends, and no further than there is room', async () => {
    const { contents, read } = readerOf([1000]);
    expect(Buffer.from((await read(0, 100, 50, 40, 100))!)).toEqual(contents[0]!.subarray(140, 150));
    expect(Buffer.from((await read(0, 100, 50, 10, 5))!)).toEqual(contents[0]!.subarray(110, 115));
    expect(await read(0, 100, 50, 50, 5)).toHaveLength(0);
    expect(await read(0, 100, 50, 500, 5)).toHaveLength(0);
  });

  it('are read on where a read ended early', async () => {
    const { contents, read } = readerOf([1000]);
    const { readv } = disk;
    vi.spyOn(disk, 'readv').mockImplementationOnce(((
      descriptor: number,
      [first]: Uint8Array[],
      position: number,
      callback: never,
    ) => {
      readv(descriptor, [first!.subarray(0, 60)], position, callback);
    }) as never);
    const all = await Promise.all([read(0, 0, 100), read(0, 100, 100), read(0, 250, 100)]);
    for (const [index, from] of [0, 100, 250].entries()) {
      expect(Buffer.from(all[index]!)).toEqual(contents[0]!.subarray(from, from + 100));
    }
  });

  it('are shorter where the pack was cut short, and null where there is none', async () => {
    const { read } = readerOf([1000]);
    const [whole, short, none] = await Promise.all([read(0, 0, 100), read(0, 950, 100), read(9, 0, 100)]);
    expect([whole!.length, short!.length, none]).toEqual([100, 50, null]);
  });

  it('fail together when the disk does, and are read when it does not any more', async () => {
    const { contents, read } = readerOf([1000]);
    vi.spyOn(disk, 'readv').mockImplementationOnce(((...args: unknown[]) => {
      const callback = args[3] as (error: Error) => void;
      setImmediate(callback, Object.assign(new TypeError('EIO: injected'), { code: 'EIO' }));
    }) as never);
    const outcomes = await Promise.allSettled([read(0, 0, 10), read(0, 10, 10)]);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'EIO' } });
    expect(Buffer.from((await read(0, 0, 10))!)).toEqual(contents[0]!.subarray(0, 10));
  });
});

describe('packs that are open', () => {
  it('are sixteen at most once they were read, and each is closed once', async () => {
    const { contents, reader, read } = readerOf(Array.from({ length: 40 }, () => 100));
    const open = new Set<number>();
    const { openSync, closeSync } = disk;
    vi.spyOn(disk, 'openSync').mockImplementation((...args) => {
      const descriptor = openSync(...args);
      open.add(descriptor);
      return descriptor;
    });
    vi.spyOn(disk, 'closeSync').mockImplementation((descriptor) => {
      expect(open.delete(descriptor)).toBe(true);
      closeSync(descriptor);
    });
    const all = await Promise.all(contents.map((_, pack) => read(pack, 0, 100)));
    for (const [pack, bytes] of all.entries()) expect(Buffer.from(bytes!)).toEqual(contents[pack]);
    expect(open.size).toBe(16);
    reader.close();
    expect(open.size).toBe(0);
  });

  it('are read to the end although they are forgotten and deleted meanwhile', async () => {
    const { directory, contents, reader, read } = readerOf([100]);
    const reading = read(0, 0, 100);
    reader.forget(0);
    rmSync(packPath(directory, 0));
    expect(Buffer.from((await reading)!)).toEqual(contents[0]);
    expect(await read(0, 0, 100)).toBeNull();
  });
});
