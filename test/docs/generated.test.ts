import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { prices } from '../../lib/prices.ts';
import { consoleSteps, consoleText, runSteps } from './console-block.ts';
import { withGeneratedBlocks } from './generated-blocks.ts';
import { codeBlocks, readDocuments } from './markdown.ts';
import { measureIdleMonth, measureTrigger, triggerDollars } from './measured-trigger-cost.ts';

const documents = readDocuments();
/** The consoles of the two READMEs are the same, which is a test of its own. */
const withConsole = documents.filter(
  ({ path, text }) => path !== 'README.zh-CN.md' && codeBlocks(text, 'console').length > 0,
);
const withBlocks = documents.filter(({ text }) => text.includes('<!-- generated: '));

/** What a failure of these tests calls for: look at the difference, and if it is meant, `node test/docs/write-docs.ts`. */
describe('what documents state', () => {
  it.each(withBlocks)(
    'in the generated parts of $path is what the code does',
    async ({ text }) => {
      expect(text.match(/<!-- generated: /g)?.length).toBe(text.match(/<!-- end -->/g)?.length);
      expect(text).toBe(await withGeneratedBlocks(text));
    },
    600_000,
  );

  // Again, where a starved machine has sent in two batches what belongs into one: that shows in the bytes of a partition.
  it.each(withConsole)(
    'in the consoles of $path is what the commands print',
    { timeout: 600_000, retry: 2 },
    async ({ text }) => {
      const directory = mkdtempSync(join(tmpdir(), 'millrace-docs-'));
      try {
        for (const block of codeBlocks(text, 'console')) {
          expect(consoleText(await runSteps(consoleSteps(block.text), directory))).toBe(block.text);
        }
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  );

  it('of prices in sentences follows from the price list', async () => {
    const cost = documents.find(({ path }) => path === 'docs/cost.md')!.text;
    const seconds = 30 * 86_400;
    const lookDollars = (seconds * 0.5 * prices.dynamoReadUnitPerMillion) / 1e6;
    expect(cost).toContain(
      `$${lookDollars.toFixed(2)} a month\n  and reader, at 10 s $${(lookDollars / 10).toFixed(3)}`,
    );
    expect(cost).toContain(`at most $${((seconds * prices.s3PutPerMillion) / 1e6).toFixed(0)} of PUTs a month`);
    const batch = triggerDollars('push', await measureTrigger('push', 'inline', 1), 1).toFixed(2);
    const idle = (await measureIdleMonth(1_000)).dollars.toFixed(2);
    for (const path of ['README.md', 'README.zh-CN.md']) {
      const { text } = documents.find((document) => document.path === path)!;
      for (const price of [prices.s3PerGbMonth, batch, idle]) expect(text).toContain(String(price));
    }
  });

  it('is found out when it is wrong', async () => {
    const table = '<!-- generated: table lib/log/entry.ts -->\n';
    const right = await withGeneratedBlocks(`${table}<!-- end -->\n`);
    expect(right).toContain('| 16 | id |');
    expect(await withGeneratedBlocks(right.replace('| 16 | id |', '| 17 | id |'))).toBe(right);
    const [step] = await runSteps([{ command: 'echo one two', output: 'three\n' }], tmpdir());
    expect(step).toEqual({ command: 'echo one two', output: 'one two\n' });
  });
});
