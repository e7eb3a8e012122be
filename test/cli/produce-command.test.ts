import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { cliStage } from './cli-stage.ts';

describe('produce', () => {
  it('prints nothing but its JSON', async () => {
    const { ok, json } = await cliStage();
    await ok(['topic', 'create', 'a', '-P', '2']);
    expect(await ok(['produce', 'a', '-p', '1'], { stdin: 'x\ny\n' })).toBe('');
    expect(await json(['produce', 'a', '-p', '1'], { stdin: 'z\n' })).toEqual({
      topic: 'a',
      records: 1,
      partitions: [{ partition: 1, first: 2, last: 2 }],
    });
    expect(await json(['produce', 'a'], { stdin: '' })).toEqual({ topic: 'a', records: 0, partitions: [] });
  });

  it('sends lines byte for byte: empty ones, the last without its end, CR, NUL, what is not UTF-8', async () => {
    const { ok, run } = await cliStage();
    await ok(['topic', 'create', 'a']);
    const stdin = Buffer.from('one\n\n\r\ntwo\r\n\0\xff\xfe\nlast', 'latin1');
    await ok(['produce', 'a'], { stdin });
    const { stdout } = await run(['consume', 'a', '-e']);
    expect(stdout).toEqual(Buffer.concat([stdin, Buffer.from('\n')]));
  });

  it('sends what comes in pieces as the lines that they make', async () => {
    const { ok } = await cliStage();
    await ok(['topic', 'create', 'a']);
    const stdin = new PassThrough();
    const sent = ok(['produce', 'a'], { stdin });
    for (const piece of ['fi', 'rst\nsec', 'ond\n', '\n', 'th', 'ird']) stdin.write(piece);
    stdin.end();
    await sent;
    expect(await ok(['consume', 'a', '-e'])).toBe('first\nsecond\n\nthird\n');
  });

  it('splits off keys at the first separator, of any length', async () => {
    const { ok } = await cliStage();
    await ok(['topic', 'create', 'a']);
    await ok(['produce', 'a', '-k', '€€'], { stdin: 'k€€v€€w\nno key\n€€empty key\nempty value€€\n' });
    const lines = await ok(['consume', 'a', '-e', '-f', '%K:%k:%S:%s\\n']);
    expect(lines).toBe('1:k:8:v€€w\n-1::6:no key\n0::9:empty key\n11:empty value:0:\n');
  });

  it('adds headers to each record, in their order', async () => {
    const { ok } = await cliStage();
    await ok(['topic', 'create', 'a']);
    await ok(['produce', 'a', '-H', 'a=1', '--header', 'b=x=y', '-H', 'a=', '-H', 'ü=é'], { stdin: '1\n2\n' });
    expect(await ok(['consume', 'a', '-e', '-f', '%h\\n'])).toBe('a=1,b=x=y,a=,ü=é\n'.repeat(2));
  });

  it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])('compresses with %s', async (codec) => {
    const { ok } = await cliStage();
    await ok(['topic', 'create', 'a']);
    const stdin = 'the same line again\n'.repeat(500);
    await ok(['produce', 'a', '-z', codec], { stdin });
    expect(await ok(['consume', 'a', '-e'])).toBe(stdin);
  });

  it('waits with acks all and 1, and knows no offsets with 0', async () => {
    const { ok, json } = await cliStage();
    await ok(['topic', 'create', 'a']);
    const partitions = (offset: number) => [{ partition: 0, first: offset, last: offset }];
    for (const [offset, acks] of ['all', '1'].entries()) {
      const sent = await json(['produce', 'a', '--acks', acks], { stdin: `${acks}\n` });
      expect(sent).toMatchObject({ records: 1, partitions: partitions(offset) });
    }
    expect(await json(['produce', 'a', '--acks', '0'], { stdin: '0\n' })).toMatchObject({ records: 1, partitions: [] });
    expect(await ok(['consume', 'a', '-e'])).toBe('all\n1\n0\n');
  });

  it('sends more than its buffer holds', async () => {
    const { ok, json } = await cliStage();
    await ok(['topic', 'create', 'a', '-c', 'compression.type=zstd']);
    const stdin = Buffer.alloc(48 * 1024 * 1024, `${'x'.repeat(64 * 1024 - 1)}\n`);
    expect(await json(['produce', 'a'], { stdin })).toMatchObject({ records: 768 });
    expect(await ok(['consume', 'a', '-e', '-o', '-1', '-f', '%o %S\\n'])).toBe('767 65535\n');
  });

  it('reads not a line when the topic or partition is not there', async () => {
    const { ok, failure } = await cliStage();
    await ok(['topic', 'create', 'a', '-P', '3']);
    const code = 'UNKNOWN_TOPIC_OR_PARTITION';
    expect(await failure(['produce', 'b'], { stdin: new PassThrough() })).toMatchObject({
      status: 1,
      code,
      value: 'b',
    });
    const partition = await failure(['produce', 'a', '-p', '3'], { stdin: new PassThrough() });
    expect(partition).toMatchObject({ status: 1, code, value: 3, hint: expect.stringContaining('from 0 to 2') });
    const name = await failure(['produce', 'a b'], { stdin: new PassThrough() });
    expect(name).toMatchObject({ status: 2, code: 'INVALID_TOPIC_EXCEPTION' });
  });

  it.each([
    ['-k', ''],
    ['-H', 'x'],
    ['-H', '=x'],
    ['-p', '-1'],
    ['-p', 'x'],
  ])('refuses %s %j', async (option, value) => {
    const { ok, failure } = await cliStage();
    await ok(['topic', 'create', 'a']);
    const refused = await failure(['produce', 'a', option, value], { stdin: 'x\n' });
    expect(refused).toMatchObject({ status: 2, code: 'INVALID_REQUEST' });
    expect(await ok(['consume', 'a', '-e'])).toBe('');
  });
});

describe('produce when a line is too long', () => {
  const stdin = `1\n2\n${'x'.repeat(3_000)}\n4\n`;

  it('names the line, says what was sent and how to go on', async () => {
    const { ok, run } = await cliStage();
    await ok(['topic', 'create', 'a', '-c', 'max.message.bytes=1000']);
    const { status, output, complaint } = await run(['produce', 'a'], { stdin });
    expect({ status, output }).toEqual({ status: 1, output: '' });
    expect(complaint).toContain('(MESSAGE_TOO_LARGE)\nRaise max.message.bytes');
    expect(complaint).toContain('Line 3 could not be sent; 2 records were sent.');
    expect(complaint).toContain('tail -n +3');
    expect(await ok(['consume', 'a', '-e'])).toBe('1\n2\n');
  });

  it('says the same in JSON', async () => {
    const { ok, failure } = await cliStage();
    await ok(['topic', 'create', 'a', '-c', 'max.message.bytes=1000']);
    const partitions = [{ partition: 0, first: 0, last: 1 }];
    expect(await failure(['produce', 'a'], { stdin })).toMatchObject({
      status: 1,
      ...{ code: 'MESSAGE_TOO_LARGE', retriable: false },
      ...{ topic: 'a', line: 3, failed: 1, records: 2, partitions },
    });
  });

  it('names it too when the line fits alone, but not with its batch', async () => {
    const { ok, failure } = await cliStage();
    await ok(['topic', 'create', 'a', '-c', 'max.message.bytes=1000']);
    const refused = await failure(['produce', 'a'], { stdin: `1\n${'x'.repeat(1_000)}\n3\n` });
    expect(refused).toMatchObject({ status: 1, code: 'MESSAGE_TOO_LARGE', line: 2, records: 1 });
  });

  it('does not wait for the end of a line that never ends', async () => {
    const { ok, failure } = await cliStage();
    await ok(['topic', 'create', 'a']);
    const endless = new PassThrough();
    endless.write('fits\n');
    const block = Buffer.alloc(256 * 1024, 'x');
    const more = () => {
      while (!endless.destroyed && endless.write(block));
    };
    endless.on('drain', more);
    more();
    const refused = await failure(['produce', 'a'], { stdin: endless });
    expect(refused).toMatchObject({ code: 'MESSAGE_TOO_LARGE', line: 2, records: 1 });
    expect(refused.value).toBeLessThan(2_000_000);
  });
});

describe('produce that is interrupted', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('by %s sends the whole lines that it read, and says how many', async (signal, status) => {
    const { ok, run, json } = await cliStage();
    await ok(['topic', 'create', 'a']);
    const interrupted = new AbortController();
    const stdin = new PassThrough();
    stdin.write('1\n2\npart of a li');
    const ended = run(['produce', 'a'], { stdin, interrupts: interrupted.signal });
    await expect
      .poll(() => json(['topic', 'describe', 'a']), { timeout: 20_000 })
      .toMatchObject({ partitions: [{ highWatermark: 2 }] });
    interrupted.abort(signal);
    expect(await ended).toMatchObject({
      status,
      output: '',
      complaint: `millrace: ended by ${signal}\n2 records were sent.\n`,
    });
    expect(await ok(['consume', 'a', '-e'])).toBe('1\n2\n');
  });

  it('says so in JSON', async () => {
    const { ok, failure } = await cliStage();
    await ok(['topic', 'create', 'a']);
    const interrupts = AbortSignal.abort('SIGINT');
    const ended = await failure(['produce', 'a'], { stdin: 'x\n', interrupts });
    expect(ended).toMatchObject({ status: 130, code: 'CLOSED', value: 'SIGINT', records: 0, partitions: [] });
  });
});
