import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeBlocks, ROOT, readDocuments } from './markdown.ts';

const programs = readDocuments().flatMap(({ path, text }) =>
  codeBlocks(text, 'ts').map(({ text: program }, index) => ({ path, index, program })),
);

describe('programs in the documents', () => {
  let directory = '';

  // A project that has installed the package, middy and Powertools.
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'millrace-docs-'));
    mkdirSync(join(directory, 'node_modules'));
    symlinkSync(ROOT, join(directory, 'node_modules', 'millrace'), 'junction');
    for (const scope of ['@middy', '@aws-lambda-powertools'])
      symlinkSync(join(ROOT, 'node_modules', scope), join(directory, 'node_modules', scope), 'junction');
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  async function run(program: string): Promise<string> {
    const file = join(directory, 'program.ts');
    writeFileSync(file, program);
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--no-warnings', file], { cwd: directory });
    expect(stderr).toBe('');
    return stdout;
  }

  it.each(programs)(
    'run: $path, number $index',
    async ({ program }) => {
      await run(program);
    },
    120_000,
  );

  it('print in the README what it says', async () => {
    const { program } = programs.find(({ path }) => path === 'README.md')!;
    expect(await run(program)).toBe('durable in partition 1 at offset 0\nada two coffees\n');
  }, 120_000);
});
