import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blockModule } from '../../lib/record/block-module.ts';
import { crc32cModule } from '../../lib/record/crc32c-module.ts';
import { buildLambdas, type LambdaBundle } from '../../tools/build-lambdas.ts';
import { FUNCTION_ENVIRONMENT } from '../../tools/function-environment.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-lambdas-'));
let bundles: readonly LambdaBundle[] = [];
const filesOf = (name: string) => globSync(join(folder, name, '*.mjs'));

const OLD = join(folder, 'router', 'part-of-an-earlier-build.mjs');

beforeAll(async () => {
  mkdirSync(join(folder, 'router'));
  writeFileSync(OLD, '');
  bundles = await buildLambdas(folder);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Of the project's own code, minified: what a function may have, and what a cold start may load of it.
 *
 * HTTP holds a producer and a reader, each with all codecs, and uses both from its first call on. The pump holds a reader with its codecs, filters, windows and limits; the producer for what has failed comes when something has. The provider loads
 * subscriptions, with the reader that finds where they begin, when one is asked for. Maintenance has four jobs that read and write batches of every codec.
 */
const MOST_KB: Readonly<Record<string, { readonly all: number; readonly start: number }>> = {
  http: { all: 176, start: 176 },
  maintenance: { all: 156, start: 155 },
  provider: { all: 168, start: 102 },
  pump: { all: 250, start: 172 },
  releaser: { all: 80, start: 80 },
  router: { all: 96, start: 96 },
};

describe('a bundled function', () => {
  it('has what it uses, and no more', () => {
    expect(bundles.map(({ name }) => name)).toEqual(Object.keys(MOST_KB));
    for (const { name, ownBytes, start } of bundles) {
      const { all, start: atStart } = MOST_KB[name]!;
      expect.soft(ownBytes, name).toBeLessThan(all * 1_000);
      expect.soft(start.ownBytes, `${name} at its start`).toBeLessThan(atStart * 1_000);
      const text = filesOf(name).map((path) => readFileSync(path, 'utf8'));
      expect.soft(/(?:from|import\()"(?!node:)[a-z@][^"]*/.exec(text.join('\n'))?.[0], name).toBeUndefined();
      expect.soft(text.join('\n').includes('aws-cdk-lib'), name).toBe(false);
    }
  });

  it('loads, and so does each part that it loads later', { timeout: 60_000 }, () => {
    const script = `
      const [, entry, ...parts] = process.argv;
      const { handler } = await import(entry);
      for (const part of parts) await import(part);
      process.stdout.write(typeof handler);
      process.exit();
    `;
    for (const { name } of bundles) {
      const entry = join(folder, name, 'index.mjs');
      const args = ['--input-type=module', '--eval', script, entry, ...filesOf(name)];
      expect(execFileSync(process.execPath, args, { env: FUNCTION_ENVIRONMENT, encoding: 'utf8' }), name).toBe(
        'function',
      );
    }
  });

  it('carries its WebAssembly assembled', () => {
    const text = (name: string) =>
      filesOf(name)
        .map((path) => readFileSync(path, 'utf8'))
        .join('\n');
    for (const name of ['http', 'maintenance', 'pump']) {
      for (const bytes of [blockModule(), crc32cModule()]) {
        expect(text(name).includes(Buffer.from(bytes).toString('base64')), name).toBe(true);
      }
    }
  });

  it('leaves nothing of an earlier build beside it', () => {
    expect(existsSync(OLD)).toBe(false);
  });
});
