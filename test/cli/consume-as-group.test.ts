import { beforeEach, describe, expect, it } from 'vitest';
import { type CliStage, cliStage } from './cli-stage.ts';

let stage: CliStage;

beforeEach(async () => {
  stage = await cliStage();
  await stage.ok(['topic', 'create', 'orders-eu']);
  await stage.ok(['topic', 'create', 'orders-us']);
  await stage.ok(['produce', 'orders-eu'], { stdin: 'e0\ne1\ne2\n' });
  await stage.ok(['produce', 'orders-us'], { stdin: 'u0\nu1\n' });
});

const linesOf = (output: string) => output.split('\n').filter(Boolean).sort();
const read = async (...args: readonly string[]) => linesOf(await stage.ok(['consume', ...args]));

describe('consume as a group', () => {
  it('goes on where it ended', async () => {
    expect(await read('orders-eu', '-g', 'g', '-e')).toEqual(['e0', 'e1', 'e2']);
    expect(await read('orders-eu', '-g', 'g', '-e')).toEqual([]);
    await stage.ok(['produce', 'orders-eu'], { stdin: 'e3\n' });
    expect(await read('orders-eu', '-g', 'g', '-e')).toEqual(['e3']);
    expect(await read('orders-eu', '-g', 'h', '-e')).toEqual(['e0', 'e1', 'e2', 'e3']);
  });

  it('commits no more than it has printed', async () => {
    expect(await read('orders-eu', '-g', 'g', '-n', '2')).toEqual(['e0', 'e1']);
    expect(await read('orders-eu', '-g', 'g', '-n', '0')).toEqual([]);
    expect(await read('orders-eu', '-g', 'g', '-n', '9', '-e')).toEqual(['e2']);
  });

  it('reads several topics, by name or by pattern', async () => {
    const all = ['e0', 'e1', 'e2', 'u0', 'u1'];
    expect(await read('orders-eu', 'orders-us', '-g', 'a', '-e')).toEqual(all);
    expect(await read('^orders-', '-g', 'b', '--pattern', '-e')).toEqual(all);
    expect(await read('us$', '^none$', '-g', 'c', '--pattern', '-e')).toEqual(['u0', 'u1']);
    expect(await read('^none$', '-g', 'd', '--pattern', '-e')).toEqual([]);
  });

  it('begins at the end where -o says so and the group has committed nothing', async () => {
    expect(await read('orders-eu', '-g', 'g', '-o', 'end', '-e')).toEqual([]);
    await stage.ok(['produce', 'orders-eu'], { stdin: 'e3\n' });
    expect(await read('orders-eu', '-g', 'g', '-o', 'end', '-e')).toEqual(['e3']);
  });

  it('ends in order at Ctrl-C, and what was printed is not printed again', async () => {
    const interrupt = new AbortController();
    const onOutput = () => {
      interrupt.abort('SIGINT');
      return undefined;
    };
    const given = { interrupts: interrupt.signal, onOutput };
    const ended = await stage.run(['consume', 'orders-eu', '-g', 'g'], given);
    expect(ended).toMatchObject({ status: 130, output: 'e0\ne1\ne2\n' });
    expect(ended.complaint).toContain('3 records printed and committed for group g.');
    expect(await stage.json(['group', 'describe', 'g'])).toMatchObject({ state: 'empty' });
    expect(await read('orders-eu', '-g', 'g', '-e')).toEqual([]);
  });

  it('does not commit what could not be printed', async () => {
    const full = await stage.run(['consume', 'orders-eu', '-g', 'g', '-e'], { onOutput: () => new Error('disk full') });
    expect(full).toMatchObject({ status: 1, complaint: expect.stringContaining('disk full') });
    expect(await read('orders-eu', '-g', 'g', '-e')).toEqual(['e0', 'e1', 'e2']);
  });

  it.each([
    [['orders-eu', 'orders-us'], 'several topics are read by a group'],
    [['orders-eu', '--pattern'], 'several topics are read by a group'],
    [['orders-eu', '-g', 'g', '-p', '0'], '-g and -p do not go together'],
    [['orders-eu', '-g', 'g', '-o', '1'], '-o is start or end'],
    [['orders-eu', '-g', 'g', '-o', '-1'], '-o is start or end'],
    [['orders-eu', '-g', 'g', '-o', '@0'], '-o is start or end'],
    [['(', '-g', 'g', '--pattern'], 'not a pattern'],
    [['orders-eu', '-g', 'a\u0001b'], 'group'],
    [['orders-eu', '-g', ''], 'group'],
  ])('%j is refused as a wrong call', async (args, problem) => {
    const { status, output, complaint } = await stage.run(['consume', ...args]);
    expect({ status, output }).toEqual({ status: 2, output: '' });
    expect(complaint).toContain(problem);
  });

  it('is refused for a topic that is not there', async () => {
    const refused = await stage.failure(['consume', 'nope', '-g', 'g']);
    expect(refused).toMatchObject({ status: 1, code: 'UNKNOWN_TOPIC_OR_PARTITION', value: 'nope' });
  });
});
