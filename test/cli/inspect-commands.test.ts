import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { openFileStore } from '../../lib/sqlite/sqlite-store.ts';
import { type CliStage, cliStage } from './cli-stage.ts';
import { StoredObjects } from './stored-objects.ts';

let stage: CliStage;
let objects: StoredObjects;
let key: string;
let file: string;

/** Topic `a` with one segment, of 500 records compressed by zstd in partition 1; a copy of it in a file. */
beforeEach(async () => {
  stage = await cliStage();
  objects = new StoredObjects(path.join(stage.directory, 'store'));
  await stage.ok(['topic', 'create', 'a', '-P', '2', '-c', 'millrace.inline.max.bytes=0']);
  const stdin = Array.from({ length: 500 }, (_, n) => `k${n}:v${n}\n`).join('');
  await stage.ok(['produce', 'a', '-p', '1', '-k', ':', '-z', 'zstd', '-H', 'h=1'], { stdin });
  [key = ''] = await objects.keys();
  file = path.join(stage.directory, 'segment');
  await writeFile(file, await objects.bytes(key));
});

interface SegmentJson {
  readonly regions: readonly { readonly position: number; readonly length: number }[];
}

async function batchBytes(): Promise<Buffer> {
  const { regions } = (await stage.json(['inspect', 'segment', file])) as SegmentJson;
  const { position, length } = regions[0]!;
  return (await readFile(file)).subarray(position, position + length);
}

describe('inspect segment', () => {
  it('shows the regions and batches of a file', async () => {
    const text = await stage.ok(['inspect', 'segment', file]);
    expect(text).toMatch(/^segment of level 0, \d+ bytes, 1 region, all checksums right\n/);
    expect(text).toMatch(/ 1 +8 +\d+ +\d+ +500 .* zstd$/m);
    const segment = await stage.json(['inspect', 'segment', file]);
    expect(segment).toMatchObject({ level: 0, formatVersion: 1, sizeBytes: expect.any(Number) });
    const batches = [{ position: 8, compression: 'zstd', recordCount: expect.any(Number) }];
    expect(segment).toMatchObject({ regions: [{ partition: 1, position: 8, recordCount: 500, batches }] });
  });

  it('takes the key of an object in the store just as well', async () => {
    expect(await stage.ok(['inspect', 'segment', key])).toBe(await stage.ok(['inspect', 'segment', file]));
    const other = `file:${stage.directory}/other`;
    const missing = await stage.failure(['inspect', 'segment', key, '--store', other]);
    expect(missing).toMatchObject({ status: 1, code: 'OBJECT_MISSING', value: key });
  });

  it('refuses what is neither', async () => {
    for (const source of ['none', '../none/0/d/2026112403/x', `${key}x`, stage.directory]) {
      const refused = await stage.failure(['inspect', 'segment', source]);
      expect(refused).toMatchObject({ status: 2, code: 'INVALID_REQUEST', value: source });
    }
  });

  it('finds every damaged byte', async () => {
    const bytes = await readFile(file);
    const damaged = path.join(stage.directory, 'damaged');
    for (const at of [0, 7, 30, Math.floor(bytes.length / 2), bytes.length - 30, bytes.length - 1]) {
      const copy = Buffer.from(bytes);
      copy[at]! ^= 1;
      await writeFile(damaged, copy);
      expect(await stage.failure(['inspect', 'segment', damaged])).toMatchObject({
        status: 1,
        code: expect.stringMatching(/^(CORRUPT_OBJECT|CORRUPT_MESSAGE|UNSUPPORTED_FORMAT)$/),
      });
    }
    await writeFile(damaged, bytes.subarray(0, 50));
    expect(await stage.failure(['inspect', 'segment', damaged])).toMatchObject({ code: 'CORRUPT_OBJECT' });
  });
});

interface PackJson {
  readonly sizeBytes: number;
  readonly restBytes: number;
  readonly untoldCount?: number;
  readonly objects: readonly { key: string; position: number; sizeBytes: number; inUse?: boolean }[];
}

async function packFile(): Promise<string> {
  const packs = path.join(stage.directory, 'store/packs');
  return path.join(packs, (await readdir(packs)).toSorted()[0]!);
}

const inspectedPack = async (pack: string) => (await stage.json(['inspect', 'pack', pack])) as PackJson;

describe('inspect pack', () => {
  it('shows the objects of a pack, where they stand, and that they are in use', async () => {
    const pack = await packFile();
    const { objects: found, ...rest } = await inspectedPack(pack);
    const bytes = await readFile(pack);
    expect(rest).toEqual({ sizeBytes: bytes.length, restBytes: 0, untoldCount: 0 });
    const { position, sizeBytes } = found[0]!;
    expect(found).toEqual([{ key, position, sizeBytes, inUse: true }]);
    expect(bytes.subarray(position, position + sizeBytes)).toEqual(await readFile(file));
    const text = await stage.ok(['inspect', 'pack', pack]);
    expect(text.split('\n')[0]).toBe(`pack, ${bytes.length} bytes, 1 object, 1 in use`);
    expect(text).toMatch(new RegExp(`^${key} +${position} +${sizeBytes}  yes$`, 'm'));
    const at = String(position + 8);
    expect(await stage.ok(['inspect', 'batch', pack, '--position', at])).toMatch(/^compression +zstd$/m);
  });

  it('tells what was removed from what is in use', async () => {
    const store = await openFileStore({ directory: path.join(stage.directory, 'store'), clock: systemClock });
    for (const name of ['a', 'b', 'c']) await store.objects.put(`x/${name}`, Buffer.from(name));
    await store.objects.remove(['x/b']);
    await store.close();
    const packs = path.join(stage.directory, 'store/packs');
    const [, second] = (await readdir(packs)).toSorted();
    const found = await inspectedPack(path.join(packs, second!));
    expect(found.objects.map(({ key: each, inUse }) => [each, inUse])).toEqual([
      ['x/a', true],
      ['x/b', false],
      ['x/c', true],
    ]);
    expect(await stage.ok(['inspect', 'pack', path.join(packs, second!)])).toMatch(
      /^pack, \d+ bytes, 3 objects, 2 in use\n/,
    );
  });

  it('needs no index, and says nothing of use without one that can be read', async () => {
    const pack = await packFile();
    const expected = { objects: [{ key, position: expect.any(Number), sizeBytes: expect.any(Number) }] };
    const copy = path.join(stage.directory, 'copy');
    await writeFile(copy, await readFile(pack));
    expect(await inspectedPack(copy)).toEqual({ ...expected, sizeBytes: expect.any(Number), restBytes: 0 });
    expect(await stage.ok(['inspect', 'pack', copy])).not.toContain('in use');
    await writeFile(path.join(stage.directory, 'store/objects.sqlite'), 'this is no database');
    await rm(path.join(stage.directory, 'store/objects.sqlite-wal'), { force: true });
    expect(await inspectedPack(pack)).toEqual({ ...expected, sizeBytes: expect.any(Number), restBytes: 0 });
  });

  it('tells what is no whole object, and what the index has there', async () => {
    const pack = await packFile();
    const { objects: found, sizeBytes } = await inspectedPack(pack);
    const whole = await readFile(pack);
    await writeFile(pack, Buffer.concat([whole, whole.subarray(0, 9)]));
    expect(await inspectedPack(pack)).toMatchObject({ objects: found, restBytes: 9, untoldCount: 0 });
    const behind = await stage.ok(['inspect', 'pack', pack]);
    expect(behind).toMatch(
      /\n\nOf its end, 9 bytes, nothing is a whole object: it is being written, or .* damaged\.\n$/,
    );
    await truncate(pack, sizeBytes - 1);
    expect(await inspectedPack(pack)).toMatchObject({ objects: [], restBytes: sizeBytes - 1, untoldCount: 1 });
    const cut = await stage.ok(['inspect', 'pack', pack]);
    expect(cut).toContain('nothing is a whole object, and the index has 1 more in this pack: it is damaged.');
    await writeFile(pack, '');
    expect(await stage.ok(['inspect', 'pack', pack])).toBe('pack, 0 bytes, 0 objects, 0 in use\n');
  });

  it('refuses what is none, and packs are no segments', async () => {
    const pack = await packFile();
    expect(await stage.failure(['inspect', 'pack', file])).toMatchObject({
      status: 1,
      code: 'CORRUPT_OBJECT',
      value: file,
    });
    for (const source of [path.join(stage.directory, 'none'), stage.directory]) {
      const refused = await stage.failure(['inspect', 'pack', source]);
      expect(refused).toMatchObject({ status: 2, code: 'INVALID_REQUEST', value: source });
    }
    const hint = expect.stringMatching(/inspect pack/);
    expect(await stage.failure(['inspect', 'segment', pack])).toMatchObject({ code: 'CORRUPT_OBJECT', hint });
    expect(await stage.failure(['inspect', 'batch', pack])).toMatchObject({ code: 'CORRUPT_MESSAGE', hint });
  });
});

describe('inspect batch', () => {
  it('says what the control batches of a log of Kafka mean', async () => {
    const log = path.join(import.meta.dirname, '../fixtures/kafka/java-transactions.log');
    const batches = (await stage.json(['inspect', 'batch', log])) as readonly { control: boolean; marker?: string }[];
    const markers = batches.filter(({ control }) => control).map(({ marker }) => marker);
    expect(new Set(markers)).toEqual(new Set(['COMMIT', 'ABORT']));
    expect(batches.filter(({ control, marker }) => !control && marker !== undefined)).toEqual([]);
  });

  it('shows the batches of a file, with their records if asked', async () => {
    const one = await batchBytes();
    const batches = path.join(stage.directory, 'batches');
    await writeFile(batches, Buffer.concat([one, one]));
    expect(await stage.ok(['inspect', 'batch', batches])).toMatch(/^compression +zstd$/m);
    expect(await stage.ok(['inspect', 'batch', batches, '-r'])).toMatch(/^ +0 +\d+ +k0 +v0 +h=1$/m);
    const shown = (await stage.json(['inspect', 'batch', batches, '--records'])) as { records: unknown[] }[];
    expect(shown).toMatchObject([{ position: 0 }, { position: one.length }]);
    const first = { offset: 0, timestampMs: expect.any(Number), headers: [{ key: 'h', value: '1' }] };
    expect(shown[0]!.records[0]).toEqual({ ...first, key: 'k0', value: 'v0' });
    const [quiet] = (await stage.json(['inspect', 'batch', batches])) as object[];
    expect(quiet).not.toHaveProperty('records');
  });

  it('shows one batch at a position, of a segment too', async () => {
    const [batch] = (await stage.json(['inspect', 'batch', file, '--position', '8'])) as object[];
    expect(batch).toMatchObject({ position: 8, compression: 'zstd' });
  });

  it.each([
    [[], 'CORRUPT_MESSAGE', 1],
    [['--position', '9'], 'CORRUPT_MESSAGE', 1],
    [['--position', '99999999'], 'CORRUPT_MESSAGE', 1],
    [['--position', 'x'], 'INVALID_REQUEST', 2],
  ])('refuses a segment with %j', async (args, code, status) => {
    expect(await stage.failure(['inspect', 'batch', file, ...args])).toMatchObject({ code, status });
  });

  it('refuses an empty file, a missing one, and what is cut off', async () => {
    const damaged = path.join(stage.directory, 'damaged');
    await writeFile(damaged, '');
    const empty = await stage.failure(['inspect', 'batch', damaged]);
    expect(empty).toMatchObject({ status: 1, code: 'CORRUPT_MESSAGE', hint: 'The file is empty.' });
    await writeFile(damaged, (await batchBytes()).subarray(0, 80));
    expect(await stage.failure(['inspect', 'batch', damaged])).toMatchObject({ status: 1, code: 'CORRUPT_MESSAGE' });
    await rm(damaged);
    expect(await stage.failure(['inspect', 'batch', damaged])).toMatchObject({ status: 2, value: damaged });
  });

  it('prints nothing that a terminal would obey', async () => {
    await stage.ok(['topic', 'create', 'b', '-c', 'millrace.inline.max.bytes=0']);
    await stage.ok(['produce', 'b'], { stdin: '\x1b[31mred\x07\n' });
    await writeFile(file, await objects.bytes((await objects.keys())[1]!));
    const text = await stage.ok(['inspect', 'batch', file, '--position', '8', '-r']);
    expect(text).toContain('"\\u001b[31mred\\u0007"');
    expect(text).not.toContain('\x1b');
  });
});

describe('a damaged store', () => {
  it('is told by consume, with what is damaged and what to do', async () => {
    await objects.change(key, (bytes) => bytes.map((byte, at) => (at === 100 ? byte ^ 1 : byte)));
    const corrupt = await stage.failure(['consume', 'a', '-e']);
    expect(corrupt).toMatchObject({ status: 1, code: 'CORRUPT_OBJECT', message: expect.stringContaining(key) });
    await objects.remove([key]);
    const missing = await stage.failure(['consume', 'a', '-e']);
    expect(missing).toMatchObject({ status: 1, code: 'OBJECT_MISSING', hint: expect.stringContaining('trim') });
    await writeFile(path.join(stage.directory, 'store/log.sqlite'), 'this is no database');
    await rm(path.join(stage.directory, 'store/log.sqlite-wal'), { force: true });
    const database = await stage.failure(['topic', 'list']);
    expect(database).toMatchObject({ status: 1, code: 'CORRUPT_OBJECT', hint: expect.stringContaining('backup') });
  });
});
