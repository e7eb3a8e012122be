import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { cliStage } from './cli-stage.ts';
import { StoredObjects } from './stored-objects.ts';

describe('topic create', () => {
  it('makes one partition, and says what it made', async () => {
    const { ok, json } = await cliStage();
    expect(await ok(['topic', 'create', 'a'])).toBe('Created topic a with 1 partition.\n');
    expect(await ok(['topic', 'create', 'b', '-P', '3'])).toBe('Created topic b with 3 partitions.\n');
    const topic = await json(['topic', 'create', 'c', '--partitions', '2', '-c', 'retention.ms=5', '--domain', 'own']);
    expect(topic).toEqual({
      name: 'c',
      topicId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      partitionCount: 2,
      readyPartitionCount: 2,
      state: 'active',
      domain: expect.stringMatching(/.+/),
      config: { 'retention.ms': '5' },
      createdAtMs: expect.any(Number),
      version: expect.any(Number),
    });
  });

  it.each([
    [['a b'], 'INVALID_TOPIC_EXCEPTION', 2],
    [['größe'], 'INVALID_TOPIC_EXCEPTION', 2],
    [['..'], 'INVALID_TOPIC_EXCEPTION', 2],
    [['a', '-P', '0'], 'INVALID_REQUEST', 2],
    [['a', '-P', '-1'], 'INVALID_REQUEST', 2],
    [['a', '-P', '1.5'], 'INVALID_REQUEST', 2],
    [['a', '-P', '1000000'], 'INVALID_PARTITIONS', 2],
    [['a', '-c', 'retention.ms'], 'INVALID_REQUEST', 2],
    [['a', '-c', 'retension.ms=1'], 'INVALID_CONFIG', 2],
    [['a', '-c', 'retention.ms=x'], 'INVALID_CONFIG', 2],
    [['a', '--domain', 'x y'], 'INVALID_REQUEST', 2],
    [['taken'], 'TOPIC_ALREADY_EXISTS', 1],
  ])('%j is refused with %s', async (args, code, status) => {
    const { ok, failure, json } = await cliStage();
    await ok(['topic', 'create', 'taken']);
    const refused = await failure(['topic', 'create', ...args]);
    expect(refused).toMatchObject({ code, status, hint: expect.stringMatching(/.+/), message: expect.anything() });
    expect(await json(['topic', 'list'])).toEqual(['taken']);
  });
});

describe('topic list', () => {
  it('prints a name a line, and nothing when there is none', async () => {
    const { ok, json } = await cliStage();
    expect(await ok(['topic', 'list'])).toBe('');
    expect(await json(['topic', 'list'])).toEqual([]);
    for (const name of ['b', 'a.1', 'B']) await ok(['topic', 'create', name]);
    expect(await ok(['topic', 'list'])).toBe('B\na.1\nb\n');
    expect(await json(['topic', 'list'])).toEqual(['B', 'a.1', 'b']);
  });
});

describe('topic describe', () => {
  it('shows offsets of each partition and every setting', async () => {
    const { ok, json } = await cliStage();
    await ok(['topic', 'create', 'a', '-P', '2', '-c', 'compression.type=zstd']);
    await ok(['produce', 'a', '-p', '1'], { stdin: 'x\ny\nz\n' });
    await ok(['topic', 'trim', 'a', '-p', '1', '-b', '1']);
    const text = await ok(['topic', 'describe', 'a']);
    expect(text).toMatch(/^records +2$/m);
    expect(text).toMatch(/^ +1 +1 +3 +2 +\d+$/m);
    expect(text).toMatch(/^compression.type +zstd +set$/m);
    expect(text).toMatch(/^retention.ms +604800000 +default$/m);
    expect(text).toMatch(/^delete.retention.ms +86400000 +default$/m);
    const described = await json(['topic', 'describe', 'a']);
    expect(described).toMatchObject({ topic: { name: 'a', partitionCount: 2, state: 'active' } });
    expect(described).toMatchObject({
      partitions: [
        { partition: 0, logStartOffset: 0, highWatermark: 0, appendedBytes: 0 },
        { partition: 1, logStartOffset: 1, highWatermark: 3, appendedBytes: expect.any(Number) },
      ],
    });
    expect((described as { config: unknown[] }).config).toContainEqual(
      expect.objectContaining({ name: 'compression.type', value: 'zstd', isDefault: false }),
    );
  });
});

describe('topic alter', () => {
  it('sets and unsets', async () => {
    const { ok, json } = await cliStage();
    await ok(['topic', 'create', 'a', '-c', 'retention.ms=5']);
    const args = ['-c', 'compression.type=gzip', '--config', 'max.message.bytes=1000'];
    expect(await ok(['topic', 'alter', 'a', ...args])).toBe('Changed topic a.\n');
    const altered = await json(['topic', 'alter', 'a', '-u', 'retention.ms', '--unset', 'max.message.bytes']);
    expect(altered).toMatchObject({ name: 'a', config: { 'compression.type': 'gzip' } });
    expect((altered as { config: object }).config).not.toHaveProperty('retention.ms');
  });

  it('refuses nothing to do, unknown settings and unknown topics', async () => {
    const { ok, failure } = await cliStage();
    await ok(['topic', 'create', 'a']);
    expect(await failure(['topic', 'alter', 'a'])).toMatchObject({ status: 2, message: 'nothing to change' });
    expect(await failure(['topic', 'alter', 'a', '-u', 'retention.m'])).toMatchObject({
      status: 2,
      code: 'INVALID_CONFIG',
      hint: 'Did you mean retention.ms?',
    });
    const twice = ['-c', 'retention.ms=1', '-c', 'retention.ms=2'];
    for (const command of [
      ['create', 'c'],
      ['alter', 'a'],
    ])
      expect(await failure(['topic', ...command, ...twice])).toMatchObject({
        status: 2,
        message: '--config retention.ms is given twice',
      });
    const unknown = await failure(['topic', 'alter', 'b', '-u', 'retention.ms']);
    expect(unknown).toMatchObject({ status: 1, code: 'UNKNOWN_TOPIC_OR_PARTITION', value: 'b' });
  });
});

describe('topic add-partitions', () => {
  it('raises the number, never lowers it', async () => {
    const { ok, json, failure } = await cliStage();
    await ok(['topic', 'create', 'a']);
    expect(await ok(['topic', 'add-partitions', 'a', '3'])).toBe('Topic a has 3 partitions.\n');
    expect(await json(['topic', 'add-partitions', 'a', '4'])).toMatchObject({ partitionCount: 4 });
    const lower = await failure(['topic', 'add-partitions', 'a', '2']);
    expect(lower).toMatchObject({ status: 2, code: 'INVALID_PARTITIONS' });
    expect(await failure(['topic', 'add-partitions', 'a', 'x'])).toMatchObject({ status: 2, code: 'INVALID_REQUEST' });
  });
});

describe('topic trim', () => {
  it('moves the start, to an offset or to the end', async () => {
    const { ok, json } = await cliStage();
    await ok(['topic', 'create', 'a']);
    await ok(['produce', 'a'], { stdin: '0\n1\n2\n' });
    const said = await ok(['topic', 'trim', 'a', '-p', '0', '-b', '2']);
    expect(said).toBe('Partition 0 of a begins at offset 2.\n');
    expect(await ok(['consume', 'a', '-e'])).toBe('2\n');
    const trimmed = await json(['topic', 'trim', 'a', '--partition', '0', '--before', 'end']);
    expect(trimmed).toMatchObject({ logStartOffset: 3 });
  });

  it.each([
    ['0', '4', 'OFFSET_OUT_OF_RANGE', 1],
    ['9', '0', 'UNKNOWN_TOPIC_OR_PARTITION', 1],
    ['0', '-1', 'INVALID_REQUEST', 2],
    ['0', 'start', 'INVALID_REQUEST', 2],
    ['x', '0', 'INVALID_REQUEST', 2],
  ])('partition %s before %s is refused with %s', async (partition, before, code, status) => {
    const { ok, failure } = await cliStage();
    await ok(['topic', 'create', 'a']);
    expect(await failure(['topic', 'trim', 'a', '-p', partition, '-b', before])).toMatchObject({ code, status });
  });
});

describe('topic fork', () => {
  it('makes a topic with the records of another one, up to where it is said', async () => {
    const { ok, json } = await cliStage();
    await ok(['topic', 'create', 'a', '-P', '2']);
    await ok(['produce', 'a', '-p', '0'], { stdin: '0\n1\n2\n' });
    await ok(['produce', 'a', '-p', '1'], { stdin: 'x\n' });
    const planned = await ok(['topic', 'fork', 'a', 'b', '--at', '0=2', '--dry-run']);
    expect(planned).toMatch(/^b would be a fork of a:$/m);
    expect(planned).toMatch(/^ +0 +0 +2 +2$/m);
    expect(await json(['topic', 'list'])).toEqual(['a']);
    const said = await ok(['topic', 'fork', 'a', 'b', '--at', '0=2']);
    expect(said).toMatch(/^Forked a: b is there\.$/m);
    expect(await ok(['consume', 'b', '-p', '0', '-e'])).toBe('0\n1\n');
    expect(await ok(['consume', 'b', '-p', '1', '-e'])).toBe('x\n');
    expect(await ok(['topic', 'describe', 'b'])).toMatch(/^fork of +a$/m);
    expect(await json(['topic', 'fork', 'a', 'c', '--at', '@2020-01-01'])).toMatchObject({
      forkOf: 'a',
      partitions: [{ highWatermark: 0 }, { highWatermark: 0 }],
    });
    expect(await json(['topic', 'fork', 'a', 'd'])).toMatchObject({
      partitions: [{ highWatermark: 3, copiedBytes: 0, rewrittenBytes: expect.any(Number) }, { highWatermark: 1 }],
    });
    await ok(['topic', 'delete', 'a']);
    expect(await ok(['consume', 'd', '-p', '0', '-e'])).toBe('0\n1\n2\n');
    await ok(['verify', 'd', '--deep']);
  });

  it.each([
    ['b', '0=9', 'OFFSET_OUT_OF_RANGE', 1],
    ['b', '7=0', 'UNKNOWN_TOPIC_OR_PARTITION', 1],
    ['b', '42', 'INVALID_REQUEST', 2],
    ['b', '0=1,0=2', 'INVALID_REQUEST', 2],
    ['b', '@yesterday', 'INVALID_REQUEST', 2],
    ['a', '0=0', 'TOPIC_ALREADY_EXISTS', 1],
  ])('to %s at %s is refused with %s', async (name, at, code, status) => {
    const { ok, failure } = await cliStage();
    await ok(['topic', 'create', 'a']);
    expect(await failure(['topic', 'fork', 'a', name, '--at', at])).toMatchObject({ code, status });
  });
});

describe('topic fork of a damaged topic', () => {
  it('says how what it has left is removed', async () => {
    const stage = await cliStage();
    await stage.ok(['topic', 'create', 'a', '-c', 'millrace.inline.max.bytes=0']);
    await stage.ok(['produce', 'a'], { stdin: '0\n' });
    const objects = new StoredObjects(path.join(stage.directory, 'store'));
    await objects.remove(await objects.keys());
    const failed = await stage.failure(['topic', 'fork', 'a', 'b']);
    expect(failed).toMatchObject({ status: 1, code: 'OBJECT_MISSING' });
    expect(failed.hint).toMatch(/ What was made of b cannot be used: millrace topic delete b$/);
    await stage.ok(['topic', 'delete', 'b']);
    expect(await stage.json(['topic', 'list'])).toEqual(['a']);
  });
});

describe('topic delete', () => {
  it('deletes; made again, the topic is empty', async () => {
    const { ok, json, failure } = await cliStage();
    await ok(['topic', 'create', 'a']);
    await ok(['produce', 'a'], { stdin: 'old\n' });
    expect(await ok(['topic', 'delete', 'a'])).toBe('Deleted topic a.\n');
    expect(await failure(['topic', 'delete', 'a'])).toMatchObject({ status: 1, code: 'UNKNOWN_TOPIC_OR_PARTITION' });
    await ok(['topic', 'create', 'a']);
    expect(await ok(['consume', 'a', '-e'])).toBe('');
    expect(await json(['topic', 'delete', 'a'])).toEqual({ deleted: 'a' });
  });
});
