import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type CliStage, cliStage } from './cli-stage.ts';

let stage: CliStage;

beforeEach(async () => {
  stage = await cliStage();
});

/** Topic `a`: partition 0 with the records p0-0 to p0-4, partition 1 with p1-0 to p1-2, partition 2 empty. */
async function fill(): Promise<void> {
  await stage.ok(['topic', 'create', 'a', '-P', '3']);
  await stage.ok(['produce', 'a', '-p', '0'], { stdin: lines(0, 0, 5).join('\n') });
  await stage.ok(['produce', 'a', '-p', '1'], { stdin: lines(1, 0, 3).join('\n') });
}

const lines = (partition: number, from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `p${partition}-${from + index}`);

/** Sorted, since partitions may come in any order; each of them is in order by the offsets. */
async function consumed(...args: readonly string[]): Promise<string[]> {
  return (await stage.ok(['consume', 'a', '-e', ...args])).split('\n').filter(Boolean).sort();
}

describe('where consume begins', () => {
  it.each([
    ['start', lines(0, 0, 5), lines(1, 0, 3)],
    ['end', [], []],
    ['0', lines(0, 0, 5), lines(1, 0, 3)],
    ['+1', lines(0, 1, 5), lines(1, 1, 3)],
    ['+4', lines(0, 4, 5), []],
    ['+99', [], []],
    ['-2', lines(0, 3, 5), lines(1, 1, 3)],
    ['-10', lines(0, 0, 5), lines(1, 0, 3)],
    ['-0', [], []],
    ['@0', lines(0, 0, 5), lines(1, 0, 3)],
    ['@2020-01-01', lines(0, 0, 5), lines(1, 0, 3)],
    ['@2020-01-01T10:00:00+02:00', lines(0, 0, 5), lines(1, 0, 3)],
    ['@2999-01-01T00:00:00Z', [], []],
    ['@32472144000000', [], []],
  ])('with -o %s', async (offset, ofFirst, ofSecond) => {
    await fill();
    expect(await consumed('-o', offset)).toEqual([...ofFirst, ...ofSecond]);
  });

  it('is the start without -o, and of one partition with -p', async () => {
    await fill();
    expect(await consumed()).toEqual([...lines(0, 0, 5), ...lines(1, 0, 3)]);
    expect(await consumed('-p', '1')).toEqual(lines(1, 0, 3));
    expect(await consumed('-p', '0', '-o', '3')).toEqual(lines(0, 3, 5));
    expect(await consumed('-p', '0', '-o', '5')).toEqual([]);
    expect(await consumed('-p', '2', '--offset', '-3')).toEqual([]);
  });

  it('counts from the log start where a partition was trimmed', async () => {
    await fill();
    await stage.ok(['topic', 'trim', 'a', '-p', '0', '-b', '2']);
    expect(await consumed('-p', '0', '-o', '+1')).toEqual(lines(0, 3, 5));
    expect(await consumed('-p', '0', '-o', '-9')).toEqual(lines(0, 2, 5));
    const refused = await stage.failure(['consume', 'a', '-p', '0', '-o', '1']);
    expect(refused).toMatchObject({ value: { partition: 0, offset: 1, logStartOffset: 2, highWatermark: 5 } });
  });

  it('finds a time between two records', async () => {
    await stage.ok(['topic', 'create', 'a']);
    await stage.ok(['produce', 'a'], { stdin: 'before\n' });
    const [first] = (await stage.ok(['consume', 'a', '-e', '-f', '%T'])).split('\n');
    await vi.waitUntil(() => performance.timeOrigin + performance.now() > Number(first) + 20);
    await stage.ok(['produce', 'a'], { stdin: 'after\n' });
    expect(await consumed('-o', `@${Number(first) + 1}`)).toEqual(['after']);
    expect(await consumed('-o', `@${new Date(Number(first) + 1).toISOString()}`)).toEqual(['after']);
    expect(await consumed('-o', `@${first}`)).toEqual(['after', 'before']);
  });

  it.each(['6', '99', '999999999999999999'])('is refused where the log has no offset %s', async (offset) => {
    await fill();
    const refused = await stage.failure(['consume', 'a', '-p', '0', '-o', offset]);
    expect(refused).toMatchObject({ status: 1, code: 'OFFSET_OUT_OF_RANGE' });
    expect(refused.message).toContain('partition 0 of a: its offsets are 0 to 5');
  });

  it.each(['', 'middle', '1.5', '0x10', '--1', '@', '@yesterday', '@1e3', '@5/5/2026', '@2026-13-01', '9'.repeat(19)])(
    'is refused with -o %j',
    async (offset) => {
      await fill();
      const refused = await stage.failure(['consume', 'a', `--offset=${offset}`]);
      expect(refused).toMatchObject({ status: 2, code: 'INVALID_REQUEST' });
      expect(refused.hint).toContain('start, end');
    },
  );
});

describe('where consume ends', () => {
  it('is after -n records, whether there are more or not yet', async () => {
    await fill();
    const { ok } = stage;
    expect(await ok(['consume', 'a', '-p', '0', '-n', '2'])).toBe('p0-0\np0-1\n');
    expect(await ok(['consume', 'a', '-p', '0', '-n', '5'])).toBe(`${lines(0, 0, 5).join('\n')}\n`);
    expect(await ok(['consume', 'a', '-n', '0'])).toBe('');
    expect(await ok(['consume', 'a', '-p', '1', '-n', '9', '-e'])).toBe(`${lines(1, 0, 3).join('\n')}\n`);
    expect(await stage.failure(['consume', 'b', '-n', '0'])).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' });
  });

  it('is at once with -e in an empty topic', async () => {
    await stage.ok(['topic', 'create', 'a', '-P', '4']);
    expect(await stage.ok(['consume', 'a', '-e'])).toBe('');
  });

  it('is nowhere without them: what is written later is printed when it comes', async () => {
    await fill();
    const chunks: string[] = [];
    const onOutput = (chunk: Buffer) => {
      chunks.push(chunk.toString());
      return undefined;
    };
    const following = stage.run(['consume', 'a', '-p', '2', '-n', '2'], { onOutput });
    await stage.ok(['produce', 'a', '-p', '2'], { stdin: 'first\n' });
    await vi.waitUntil(() => chunks.length === 1, { timeout: 20_000 });
    expect(chunks).toEqual(['first\n']);
    await stage.ok(['produce', 'a', '-p', '2'], { stdin: 'second\n' });
    expect(await following).toMatchObject({ status: 0, output: 'first\nsecond\n', complaint: '' });
  });

  it('is nowhere at the end either: only what is written after it began is printed', async () => {
    await fill();
    let printed = '';
    const onOutput = (chunk: Buffer) => {
      printed += chunk.toString();
      return undefined;
    };
    const following = stage.run(['consume', 'a', '-p', '0', '-o', 'end', '-n', '1'], { onOutput });
    // Nothing tells when it has found the end, so records come until it prints one.
    for (let written = 0; printed === ''; written++) {
      await stage.ok(['produce', 'a', '-p', '0'], { stdin: `new-${written}\n` });
    }
    const { status, output } = await following;
    expect(status).toBe(0);
    expect(output).toMatch(/^new-\d+\n$/);
  });

  it.each([[['-n', '-1']], [['-n', 'x']], [['-p', 'x']], [['-p', '-1']], [['-f', '%s', '-J']]])(
    'is before anything with %j',
    async (args) => {
      await fill();
      expect(await stage.failure(['consume', 'a', ...args])).toMatchObject({ status: 2, code: 'INVALID_REQUEST' });
    },
  );

  it('is at a partition that is not there', async () => {
    await fill();
    const refused = await stage.failure(['consume', 'a', '-p', '3', '-e']);
    expect(refused).toMatchObject({ status: 1, code: 'UNKNOWN_TOPIC_OR_PARTITION', value: 3 });
  });
});

describe('what consume prints', () => {
  it('with -f: every field and every escape', async () => {
    const { ok } = stage;
    await ok(['topic', 'create', 'a']);
    await ok(['produce', 'a', '-k', ':', '-H', 'h=1', '-H', 'i=2'], { stdin: 'ké:välue\n' });
    const line = await ok([
      'consume',
      'a',
      '-e',
      '-f',
      '%t|%p|%o|%k|%s|%K|%S|%h|%%|\\x41\\xe2\\x82\\xac\\t\\r\\0\\\\\\n',
    ]);
    expect(line).toBe('a|0|0|ké|välue|3|6|h=1,i=2|%|A€\t\r\0\\\n');
    const [timestamp] = (await ok(['consume', 'a', '-e', '-f', '%T'])).split('\n');
    expect(Number(timestamp)).toBeGreaterThan(Date.UTC(2020, 0));
    expect(await ok(['consume', 'a', '-e', '-f', ''])).toBe('');
    expect(await ok(['consume', 'a', '-e', '-f', 'é\n%o'])).toBe('é\n0');
  });

  it('with -f: nothing and −1 for null, bytes as they are', async () => {
    const { ok, run } = stage;
    await ok(['topic', 'create', 'a']);
    const value = Buffer.from([0xff, 0x00, 0xfe, 0x0d]);
    await ok(['produce', 'a'], { stdin: Buffer.concat([value, Buffer.from('\n')]) });
    const { stdout } = await run(['consume', 'a', '-e', '-f', '%k,%K,%h,%S,%s']);
    expect(stdout).toEqual(Buffer.concat([Buffer.from(',-1,,4,'), value]));
  });

  it.each(['%q', '%', 'a%', '\\q', '\\', '\\x', '\\xZZ', '\\x4', '%é'])('not with -f %j', async (format) => {
    await stage.ok(['topic', 'create', 'a']);
    const refused = await stage.failure(['consume', 'a', '-f', format]);
    expect(refused).toMatchObject({ status: 2, code: 'INVALID_REQUEST' });
    expect(refused.hint).toContain('%t %p %o');
  });

  it('with -J or --json: one object a record, base64 where bytes are not UTF-8', async () => {
    const { ok } = stage;
    await ok(['topic', 'create', 'a']);
    const stdin = Buffer.concat([Buffer.from('k:v\n:\xef\xbb\xbfmark\nno key\nraw:', 'latin1'), Buffer.from([0xff])]);
    await ok(['produce', 'a', '-k', ':', '-H', 'h=1'], { stdin });
    const output = await ok(['consume', 'a', '-e', '-J']);
    expect(await ok(['consume', 'a', '-e', '--json'])).toBe(output);
    const common = { topic: 'a', partition: 0, timestampMs: expect.any(Number), headers: [{ key: 'h', value: '1' }] };
    const records = output.trimEnd().split('\n');
    expect(records.map((record) => JSON.parse(record))).toEqual([
      { ...common, offset: 0, key: 'k', value: 'v' },
      { ...common, offset: 1, key: '', value: '\ufeffmark' },
      { ...common, offset: 2, key: null, value: 'no key' },
      { ...common, offset: 3, key: 'raw', value: { base64: '/w==' } },
    ]);
  });

  it('with --json and -f: the format, and errors as JSON', async () => {
    await fill();
    expect(await stage.ok(['consume', 'a', '-p', '1', '-e', '--json', '-f', '%o;'])).toBe('0;1;2;');
  });
});
