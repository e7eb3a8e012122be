import { globSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type CliStage, cliStage } from './cli-stage.ts';

let stage: CliStage;
let objects: string;
let key: string;
let file: string;

/** Topic `a` with one segment, of 500 records compressed by zstd in partition 1. */
beforeEach(async () => {
  stage = await cliStage();
  objects = path.join(stage.directory, 'store/objects');
  await stage.ok(['topic', 'create', 'a', '-P', '2', '-c', 'millrace.inline.max.bytes=0']);
  const stdin = Array.from({ length: 500 }, (_, n) => `k${n}:v${n}\n`).join('');
  await stage.ok(['produce', 'a', '-p', '1', '-k', ':', '-z', 'zstd', '-H', 'h=1'], { stdin });
  [key = ''] = globSync('*/*/*/*/*', { cwd: objects });
  file = path.join(objects, key);
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
    const [other = ''] = globSync('*/*/*/*/*', { cwd: objects }).filter((each) => each !== key);
    const text = await stage.ok(['inspect', 'batch', path.join(objects, other), '--position', '8', '-r']);
    expect(text).toContain('"\\u001b[31mred\\u0007"');
    expect(text).not.toContain('\x1b');
  });
});

describe('a damaged store', () => {
  it('is told by consume, with what is damaged and what to do', async () => {
    const bytes = await readFile(file);
    bytes[100]! ^= 1;
    await rm(file);
    const missing = await stage.failure(['consume', 'a', '-e']);
    expect(missing).toMatchObject({ status: 1, code: 'OBJECT_MISSING', hint: expect.stringContaining('trim') });
    await writeFile(file, bytes);
    const corrupt = await stage.failure(['consume', 'a', '-e']);
    expect(corrupt).toMatchObject({ status: 1, code: 'CORRUPT_OBJECT', message: expect.stringContaining(key) });
    await writeFile(path.join(stage.directory, 'store/log.sqlite'), 'this is no database');
    await rm(path.join(stage.directory, 'store/log.sqlite-wal'), { force: true });
    const database = await stage.failure(['topic', 'list']);
    expect(database).toMatchObject({ status: 1, code: 'CORRUPT_OBJECT', hint: expect.stringContaining('backup') });
  });
});
