import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
const run = async (...args: string[]) => {
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: examples });
  return stdout;
};

const OUTPUT: Readonly<Record<string, string>> = {
  '01-order-flow.ts': 'placed 200 orders in 4 partitions\nordered 159300 cents, paid 159300 cents\nthe books balance\n',
  '02-replay-by-time.ts':
    'at 08:45 it was 68 degrees\nreading again from offset 30\nat 08:45 it was 20 degrees Celsius\nthe log ends at offset 60\n',
  '03-expected-offset.ts':
    'three writers took 1000 of 1000, and were told at least once to look again\nthe ledger has 101 entries\n',
  '04-rehearse-on-a-fork.ts':
    'the fork ends at offset 4\nfirst try: cannot read 1,000.00 at offset 2\nsecond try: 102270 cents\npayments ends at offset 4\n',
};

const numbered = (await readdir(examples)).filter((name) => /^\d\d-.*\.ts$/.test(name));

describe('the examples', () => {
  it('are all run here', () => {
    expect(numbered).toEqual(Object.keys(OUTPUT));
  });

  it.each(numbered)('%s does what it says', async (name) => {
    expect(await run(name)).toBe(OUTPUT[name]);
  });

  it('the order flow runs on a file store, too', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'millrace-example-'));
    try {
      expect(await run('01-order-flow.ts', `file:${directory}/log`)).toBe(OUTPUT['01-order-flow.ts']);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it.each(numbered)('%s is short, and begins with what it teaches', async (name) => {
    const text = await readFile(join(examples, name), 'utf8');
    expect(text.split('\n').length).toBeLessThanOrEqual(61);
    expect(text).toMatch(new RegExp(String.raw`^/\*\*\n \* ${name.slice(0, 2)} · `));
    expect(text).toContain('What you learn:');
  });
});
