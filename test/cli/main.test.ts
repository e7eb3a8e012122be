import { describe, expect, it } from 'vitest';
import { cliStage, temporaryDirectory } from './cli-stage.ts';

const COMMANDS = [
  ['topic'],
  ['topic', 'create'],
  ['topic', 'list'],
  ['topic', 'describe'],
  ['topic', 'alter'],
  ['topic', 'add-partitions'],
  ['topic', 'trim'],
  ['topic', 'delete'],
  ['produce'],
  ['consume'],
  ['inspect'],
  ['inspect', 'segment'],
  ['inspect', 'batch'],
];

describe('help', () => {
  it.each(COMMANDS.map((command) => [command.join(' '), command] as const))(
    'of %s tells usage, global options and examples, by either way of asking',
    async (name, command) => {
      const { ok } = await cliStage();
      const help = await ok([...command, '--help']);
      expect(help).toMatch(new RegExp(`^Usage: millrace ${name} `));
      expect(help).toContain('--store <connection>');
      expect(help).toContain(`Examples:\n`);
      expect(help).toContain(`millrace ${name}`);
      expect(help).not.toMatch(/default: [[{]/);
      expect(await ok(['help', ...command])).toBe(help);
    },
  );

  it('of the whole says where the store is taken from', async () => {
    const { ok } = await cliStage();
    expect((await ok(['--help'])).replace(/\s+/g, ' ')).toContain('default: $MILLRACE_STORE, else file:.millrace');
    expect(await ok(['help'])).toBe(await ok(['--help']));
  });

  it('of consume shows the default of --offset as it is typed', async () => {
    const { ok } = await cliStage();
    expect((await ok(['consume', '--help'])).replace(/\s+/g, ' ')).toContain('(default: start)');
  });

  it('is shown as a complaint, with exit code 2, when a command is missing', async () => {
    const { run, failure } = await cliStage();
    for (const args of [[], ['topic'], ['inspect']]) {
      const { status, output, complaint } = await run(args);
      expect({ status, output }).toEqual({ status: 2, output: '' });
      expect(complaint).toContain(`Usage: ${['millrace', ...args].join(' ')} [options]`);
      expect((await failure(args)).hint).toContain('Commands of millrace');
    }
  });
});

it('prints its version', async () => {
  const { ok } = await cliStage();
  expect(await ok(['--version'])).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(await ok(['-V'])).toBe(await ok(['--version']));
});

describe('a wrong call', () => {
  it.each([
    [['topc', 'list'], "unknown command 'topc'", 'Did you mean topic?'],
    [['topic', 'lst'], "unknown command 'lst'", 'Did you mean list?'],
    [['help', 'consme'], "unknown command 'consme'", 'Did you mean consume?'],
    [['help', 'topic', 'trm'], "unknown command 'trm'", 'Did you mean trim?'],
    [['topic', 'create'], "missing required argument 'topic'", 'See millrace topic create --help.'],
    [['topic', 'create', 'a', 'b'], "too many arguments for 'create'", 'See millrace topic create --help.'],
    [['topic', 'create', 'a', '--partitons', '2'], "unknown option '--partitons'", 'Did you mean --partitions?'],
    [['topic', 'trim', 'a'], "required option '-p, --partition <number>' not specified", 'See millrace topic trim'],
    [['consume', 'a', '-n'], "option '-n, --count <count>' argument missing", 'See millrace consume --help.'],
    [['produce', 'a', '-z', 'lzma'], "argument 'lzma' is invalid. Allowed choices are none, gzip", 'See millrace'],
    [['produce', 'a', '--acks', '2'], "argument '2' is invalid. Allowed choices are all, 1, 0", 'See millrace produce'],
  ])('%j ends with 2 and says what is right', async (args, message, hint) => {
    const { run, failure } = await cliStage();
    const { status, output, complaint } = await run(args);
    expect({ status, output }).toEqual({ status: 2, output: '' });
    expect(complaint).toMatch(/^millrace: .*\n.*\n$/);
    expect(complaint).toContain(message);
    expect(complaint).toContain(hint);
    expect(await failure(args)).toMatchObject({ status: 2, code: 'INVALID_REQUEST', retriable: false });
  });
});

describe('the store', () => {
  it.each([
    '',
    'nope',
    'nope:',
    'fil:x',
    'file:',
    'file:x?sync=never',
    'file:x?colour=red',
    'file:x?sync=power&sync=power',
    'file://host/x',
    'memory:x',
    'aws:',
    'aws:?bucket=b',
    'aws:?bucket=b&table=t&endpoint=ftp://x',
  ])('%j is refused with examples, and nothing is made', async (store) => {
    const { failure } = await cliStage();
    const refused = await failure(['topic', 'list', '--store', store]);
    expect(refused).toMatchObject({ status: 2, code: 'INVALID_CONNECTION_STRING', value: store });
    expect(refused.hint).toContain('file:.millrace');
  });

  it('is named by MILLRACE_STORE, unless that is empty or --store is given', async () => {
    const { run, json, failure, directory } = await cliStage();
    await json(['topic', 'create', 'here']);
    expect(await json(['topic', 'list'])).toEqual(['here']);
    const other = `file:${directory}/other`;
    expect(await json(['--store', other, 'topic', 'list'])).toEqual([]);
    expect(await json(['topic', 'list', '--store', other])).toEqual([]);
    const refused = await failure(['topic', 'list'], { env: { MILLRACE_STORE: 'nope' } });
    expect(refused.hint).toContain('It comes from MILLRACE_STORE.');
    const { status } = await run(['topic', 'list', '--store', 'memory:'], { env: { MILLRACE_STORE: '' } });
    expect(status).toBe(0);
  });

  it('may be memory, and is gone with the call', async () => {
    const { json } = await cliStage();
    expect(await json(['--store', 'memory:', 'topic', 'create', 'a'])).toMatchObject({ name: 'a' });
    expect(await json(['--store', 'memory:', 'topic', 'list'])).toEqual([]);
  });

  it('is named when a topic is not in it', async () => {
    const { failure, ok, store } = await cliStage();
    await ok(['topic', 'create', 'orders']);
    const { status, code, hint } = await failure(['consume', 'ordes', '-e']);
    expect({ status, code }).toEqual({ status: 1, code: 'UNKNOWN_TOPIC_OR_PARTITION' });
    expect(hint).toContain('Did you mean orders?');
    expect(hint).toContain(store);
  });

  it('may be read with readOnly, which refuses every change', async () => {
    const { store, ok, failure } = await cliStage();
    await ok(['topic', 'create', 'a']);
    await ok(['produce', 'a'], { stdin: 'x\n' });
    const readOnly = ['--store', `${store}?readOnly=true`];
    expect(await ok(['consume', 'a', '-e', ...readOnly])).toBe('x\n');
    for (const args of [
      ['topic', 'create', 'b'],
      ['topic', 'delete', 'a'],
      ['produce', 'a'],
    ]) {
      const refused = await failure([...args, ...readOnly], { stdin: 'y\n' });
      expect(refused).toMatchObject({ status: 1, code: 'STORE_READ_ONLY' });
    }
    const missing = `file:${await temporaryDirectory()}/none?readOnly=true`;
    expect(await failure(['topic', 'list', '--store', missing])).toMatchObject({ status: 1, code: 'STORE_MISSING' });
  });
});

describe('output that cannot be written', () => {
  it('ends the call quietly and well when nobody reads any more', async () => {
    const { ok, run } = await cliStage();
    await ok(['topic', 'create', 'a']);
    await ok(['produce', 'a'], { stdin: 'x\n' });
    const closed = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
    // Without -e: it would wait for more if it did not notice.
    const { status, complaint } = await run(['consume', 'a'], { onOutput: () => closed });
    expect({ status, complaint }).toEqual({ status: 0, complaint: '' });
  });

  it('is an error when its disk is full', async () => {
    const { run } = await cliStage();
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    const { status, complaint } = await run(['topic', 'create', 'a'], { onOutput: () => full });
    expect(status).toBe(1);
    expect(complaint).toMatch(/^millrace: the output cannot be written: ENOSPC.*\n.*\n$/);
  });
});
