import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { buildLambdas } from '../../tools/build-lambdas.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-lambdas-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Of the project's own code, minified: what a function does, and not all there is. The pump and HTTP hold a producer and a reader with their codecs, maintenance rewrites batches, the provider makes and deletes topics with their records. */
const MOST_KB: Readonly<Record<string, number>> = { http: 250, maintenance: 215, provider: 200, pump: 300 };
const MOST_OTHERS_KB = 150;

it('bundles each function with what it uses, and no more', { timeout: 120_000 }, async () => {
  const bundles = await buildLambdas(folder);
  expect(bundles.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['maintenance', 'provider', 'pump', 'releaser', 'router']),
  );
  for (const { name, ownBytes } of bundles) {
    const text = readFileSync(join(folder, name, 'index.mjs'), 'utf8');
    expect.soft(ownBytes, name).toBeLessThan((MOST_KB[name] ?? MOST_OTHERS_KB) * 1_000);
    expect.soft(/from"(?!node:)[a-z@]/.exec(text)?.[0], name).toBeUndefined();
    expect.soft(text.includes('aws-cdk-lib'), name).toBe(false);
  }
});
